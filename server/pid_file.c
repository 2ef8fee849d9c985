/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file with the process's id.  See pid_file.h.
 *
 * A path can be mistyped, and this process may be root: so nothing is opened that is no regular
 * file (a FIFO waits for its reader, a device does who knows what), and none is overwritten that
 * does not look like a pid file.  Whose it is says a lock, which goes with its process.
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

#define TEXT_MAX 32 /* bytes of a pid file, and more than it has */

static int refuse_kind(char *why, const char *path)
{
	return rzs_value_fail(why, -EEXIST,
			      "pid-file=%s: is there already and is no pid file; give another path",
			      path);
}

/* The file, opened, if it may be one of ours.  A negative errno. */
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

/* Whether path still leads to what fd is. */
static bool is_at(const char *path, int fd)
{
	struct stat there, ours;

	return lstat(path, &there) == 0 && fstat(fd, &ours) == 0 && there.st_dev == ours.st_dev &&
	       there.st_ino == ours.st_ino;
}

/* Empty, or digits and the end of a line. */
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

/* What is done with the file once it is open.  *again: it was removed meanwhile. */
static int take(const char *path, int fd, bool *again, char *why)
{
	char text[TEXT_MAX];
	int err;

	*again = false;
	if (!looks_right(fd, text))
		return refuse_kind(why, path);
	/* Where there are no locks, there are none. */
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return rzs_value_fail(why, -EBUSY,
				      "pid-file=%s: process %.*s has it; give another path", path,
				      (int)strcspn(text, "\n"), text);
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
