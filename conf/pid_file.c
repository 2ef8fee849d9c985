/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file with the process id.  See pid_file.h.
 *
 * A path may be mistyped, and this process may be root.  So only a regular file is opened (a FIFO
 * waits for its reader, opening a device may do anything), and only what looks like a pid file is
 * overwritten.  The process that uses the file holds a lock on it, which ends with the process.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pid_file.h"

#define TEXT_MAX 32 /* more bytes than a pid file has */

static int refuse_kind(char *why, const char *path)
{
	return rzs_value_fail(why, -EEXIST,
			      "pid-file=%s: exists and is not a pid file; give another path", path);
}

/* Open the file, if it is a regular one.  A descriptor or a negative errno. */
static int open_file(const char *path, char *why)
{
	struct stat st;
	int fd;

	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return refuse_kind(why, path);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0644);
	if (fd < 0)
		return rzs_value_fail(why, -errno, "pid-file=%s: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return refuse_kind(why, path);
	}
	return fd;
}

/* Whether path still names the file of fd. */
static bool is_at(const char *path, int fd)
{
	struct stat there, ours;

	return lstat(path, &there) == 0 && fstat(fd, &ours) == 0 && there.st_dev == ours.st_dev &&
	       there.st_ino == ours.st_ino;
}

/* Whether the file is empty, or has digits and line ends. */
static bool looks_right(int fd, char text[TEXT_MAX])
{
	ssize_t n = pread(fd, text, TEXT_MAX, 0);
	size_t digits;

	if (n < 0 || n == TEXT_MAX)
		return false;
	text[n] = '\0';
	digits = strspn(text, "0123456789");
	return digits + strspn(text + digits, "\n") == (size_t)n && (n == 0 || digits > 0);
}

static int write_id(int fd)
{
	char text[TEXT_MAX];
	int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	ssize_t n = ftruncate(fd, 0) < 0 ? -1 : pwrite(fd, text, (size_t)len, 0);

	if (n == len)
		return 0;
	return n < 0 ? -errno : -ENOSPC;
}

/* Lock the file and write the id.  *again: the file was removed meanwhile. */
static int take(const char *path, int fd, bool *again, char *why)
{
	char text[TEXT_MAX];
	int err;

	*again = false;
	if (!looks_right(fd, text))
		return refuse_kind(why, path);
	/* A file system without locks is no error. */
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return rzs_value_fail(why, -EBUSY,
				      "pid-file=%s: in use by process %.*s; give another path",
				      path, (int)strcspn(text, "\n"), text);
	if (!is_at(path, fd)) {
		*again = true;
		return 0;
	}
	err = write_id(fd);
	if (err == 0)
		return 0;
	unlink(path);
	return rzs_value_fail(why, err, "pid-file=%s: %s", path, strerror(-err));
}

int rzs_pid_file_open(const char *path, char why[RZS_WHY_MAX])
{
	bool again;
	int fd, err;

	why[0] = '\0';
	do {
		fd = open_file(path, why);
		if (fd < 0)
			return fd;
		err = take(path, fd, &again, why);
		if (err < 0 || again)
			close(fd);
	} while (again);
	return err < 0 ? err : fd;
}

void rzs_pid_file_close(const char *path, int fd)
{
	if (is_at(path, fd))
		unlink(path);
	close(fd);
}
