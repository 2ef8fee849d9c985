/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a program prints that a test runs in a process of its own: into files of the scratch
 * directory, and out of them.
 *
 * Threading: any; t_redirect() is for the forked process.
 */
#ifndef T_OUTPUT_H
#define T_OUTPUT_H

#include <fcntl.h>
#include <limits.h>

#include "t_scratch.h"

/* The file's content, as much as there is room for, with a 0 at the end.  It must be there. */
static inline void t_take(const char *name, char *text, size_t size)
{
	char path[PATH_MAX];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", t_scratch_path, name);
	f = fopen(path, "r");
	T_OK(f);
	n = fread(text, 1, size - 1, f);
	text[n] = '\0';
	fclose(f);
}

/* What is written to `to` goes to that file from now on.  (open() may be a stand-in.) */
static inline void t_redirect(const char *name, int to)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", t_scratch_path, name);
	fd = creat(path, 0600);
	if (fd < 0 || dup2(fd, to) < 0)
		_exit(99);
	close(fd);
}

#endif
