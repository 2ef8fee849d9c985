/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading a file of text line by line without allocating anything: for programs that must not wait
 * for memory, and for files that are read each second.
 *
 * Threading: a struct belongs to one thread at a time.  All but rzst_lines_close() may sleep.
 */
#ifndef RZST_LINES_H
#define RZST_LINES_H

#include <stdbool.h>
#include <stddef.h>

struct rzst_lines {
	bool whole; /* the last line fitted, had a newline at its end, and no 0 in it */
	int fd;
	size_t at, len;
	char in[2048];
};

/* 0, or the negative errno of open(2): nothing is open then. */
int rzst_lines_open(struct rzst_lines *l, const char *path);

/*
 * The next line, without its newline: 1.  0: there is no more.  Or the negative errno of read(2).
 * line is a string on every path; of a line longer than size - 1 bytes it has the beginning.
 */
int rzst_lines_next(struct rzst_lines *l, char *line, size_t size);

void rzst_lines_close(struct rzst_lines *l);

#endif
