/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See rzsa_board.h.  The lock is one of fcntl(2): a helper that outlives the daemon does not have
 * it, and it says whose it is.
 */
#include "rzsa_board.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rzst.h"
#include "rzst_nbd.h"

#define TRIES 1000u

static int open_at(int flags)
{
	char path[RZST_PATH_MAX];
	int fd;

	if (rzst_path(path, sizeof(path), RZST_RUN_DIR) < 0)
		return -ENAMETOOLONG;
	if ((flags & O_CREAT) && mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	if (rzst_path(path, sizeof(path), RZST_RUN_DIR "/autoswap") < 0)
		return -ENAMETOOLONG;
	fd = open(path, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

/* Who has the lock; 0: nobody. */
static pid_t holder_of(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK ? 0 : lock.l_pid;
}

/* One that ends removes the file: whoever had opened it before has locked one that is gone. */
static bool is_there(int fd)
{
	char path[RZST_PATH_MAX];
	struct stat have, there;

	return rzst_path(path, sizeof(path), RZST_RUN_DIR "/autoswap") == 0 &&
	       fstat(fd, &have) == 0 && lstat(path, &there) == 0 && have.st_dev == there.st_dev &&
	       have.st_ino == there.st_ino;
}

static int open_locked(int *fd, pid_t *other)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	for (unsigned i = 0; i < TRIES; i++) {
		*fd = open_at(O_RDWR | O_CREAT);
		if (*fd < 0)
			return *fd;
		if (fcntl(*fd, F_SETLK, &lock) < 0) {
			*other = holder_of(*fd);
			return errno == EACCES || errno == EAGAIN ? -EBUSY : -errno;
		}
		if (is_there(*fd))
			return 0;
		close(*fd);
	}
	*fd = -1;
	return -EBUSY;
}

int rzsa_board_open(struct rzsa_board **out, pid_t *other)
{
	void *p = MAP_FAILED;
	int fd, err;

	*out = NULL;
	*other = 0;
	err = open_locked(&fd, other);
	if (fd < 0)
		return err;
	/* With its blocks, so that nothing can fail later. */
	if (err == 0 && ftruncate(fd, 0) < 0)
		err = -errno;
	if (err == 0)
		err = -posix_fallocate(fd, 0, sizeof(struct rzsa_board));
	if (err == 0) {
		p = mmap(NULL, sizeof(struct rzsa_board), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			 0);
		err = p == MAP_FAILED ? -errno : 0;
	}
	if (err < 0)
		close(fd);
	else
		*out = p;
	/* fd stays open: closing it would give up the lock. */
	return err;
}

void rzsa_board_close(struct rzsa_board *shown)
{
	char path[RZST_PATH_MAX];

	munmap(shown, sizeof(*shown));
	if (rzst_path(path, sizeof(path), RZST_RUN_DIR "/autoswap") == 0)
		(void)unlink(path);
}

void rzsa_board_show(struct rzsa_board *shown, const struct rzsa_board *b)
{
	const size_t from = offsetof(struct rzsa_board, started);
	uint32_t turn = shown->turn | 1;

	/* An exchange, so that nothing of what follows comes before it. */
	(void)__atomic_exchange_n(&shown->turn, turn, __ATOMIC_ACQ_REL);
	snprintf(shown->build, sizeof(shown->build), "rzs-autoswap " VERSION " %zu", sizeof(*b));
	memcpy((char *)shown + from, (const char *)b + from, sizeof(*b) - from);
	__atomic_store_n(&shown->turn, turn + 1, __ATOMIC_RELEASE);
}

static bool read_once(int fd, struct rzsa_board *out)
{
	uint32_t turn;

	if (pread(fd, out, sizeof(*out), 0) != (ssize_t)sizeof(*out) || (out->turn & 1))
		return false;
	return pread(fd, &turn, sizeof(turn), offsetof(struct rzsa_board, turn)) ==
		       (ssize_t)sizeof(turn) &&
	       turn == out->turn;
}

int rzsa_board_read(struct rzsa_board *out, pid_t *pid)
{
	int fd = open_at(O_RDONLY), err = -EPROTO;
	char build[sizeof(out->build)];

	memset(out, 0, sizeof(*out));
	*pid = 0;
	if (fd < 0)
		return -ENOENT;
	*pid = holder_of(fd);
	snprintf(build, sizeof(build), "rzs-autoswap " VERSION " %zu", sizeof(*out));
	if (!*pid)
		err = -ENOENT;
	for (unsigned i = 0; *pid && err < 0 && i < TRIES; i++)
		if (read_once(fd, out) && strncmp(out->build, build, sizeof(build)) == 0)
			err = 0;
	close(fd);
	return err;
}
