/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsb_files.h. */
#include "rzsb_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rzsb_cmd.h"
#include "rzst.h"

#define HEAD_MOST 1000u

int rzsb_finish(int status)
{
	bool failed = ferror(stdout), flush = fflush(stdout) != 0;

	if (status != RZSB_OK || !(failed || flush))
		return status;
	rzst_say("cannot write to standard output: %s",
		 flush ? strerror(errno) : "part of it is lost");
	return RZSB_FAILED;
}

/* Non-blocking: a pipe would wait for a writer. */
int rzsb_open_input(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), err = 0;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		err = -errno;
	else if (S_ISFIFO(st.st_mode) || S_ISDIR(st.st_mode))
		err = S_ISDIR(st.st_mode) ? -EISDIR : -ESPIPE;
	if (!err)
		return fd;
	close(fd);
	return err;
}

FILE *rzsb_open_text(const char *path)
{
	int fd = rzsb_open_input(path);
	FILE *f;

	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	f = fdopen(fd, "r");
	if (!f)
		close(fd);
	return f;
}

/* Whether the file is empty or begins with head; or a negative errno. */
static int begins_with(const char *path, const char *head)
{
	char found[HEAD_MOST];
	int fd = rzsb_open_input(path);
	size_t want = strlen(head);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = pread(fd, found, want, 0);
	close(fd);
	if (n < 0)
		return -errno;
	return n == 0 || ((size_t)n == want && memcmp(found, head, want) == 0);
}

/* Sets p->taken by what is at p->path. */
static int look(struct rzsb_place *p, const char **why)
{
	struct stat st;
	int ours;

	p->taken = false;
	if (lstat(p->path, &st) < 0) {
		*why = strerror(errno);
		return errno == ENOENT ? 0 : -errno;
	}
	*why = "it exists and is not a regular file: name another";
	if (!S_ISREG(st.st_mode))
		return -EEXIST;
	ours = begins_with(p->path, p->head);
	*why = ours < 0 ? strerror(-ours)
			: "it exists and is not an earlier report: name another file";
	if (ours <= 0)
		return ours ? ours : -EEXIST;
	p->taken = true;
	return 0;
}

int rzsb_place_find(struct rzsb_place *p, const char *path, const char *head, const char **why)
{
	char resolved[PATH_MAX];
	struct stat st;

	*p = (struct rzsb_place){.head = head};
	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode)) {
		if (!realpath(path, resolved)) {
			*why = "it is a link to nothing: name another";
			return -errno;
		}
		path = resolved;
	}
	if (strlen(path) >= sizeof(p->path)) {
		*why = strerror(ENAMETOOLONG);
		return -ENAMETOOLONG;
	}
	strcpy(p->path, path);
	return look(p, why);
}

FILE *rzsb_place_open(struct rzsb_place *p)
{
	int err = rzst_new_file_open(&p->file, p->path);

	if (err)
		errno = -err;
	return p->file.f;
}

int rzsb_place_close(struct rzsb_place *p, int err)
{
	const char *why;
	bool replace = p->taken;

	/* Somebody else's file may have come there meanwhile. */
	if (!err && replace)
		err = look(p, &why);
	return rzst_new_file_close(&p->file, err, replace);
}
