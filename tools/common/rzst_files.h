/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file that appears as a whole: it is written under another name beside its own, and renamed when
 * it is complete and on disk.  A reader sees all of the old file or all of the new one.
 *
 * Threading: one thread; all may sleep.
 */
#ifndef RZST_FILES_H
#define RZST_FILES_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

struct rzst_new_file {
	FILE *f; /* to write to; NULL: not open */
	char path[PATH_MAX];
	char beside[PATH_MAX]; /* PATH.PID.N.tmp */
};

/*
 * Make the file beside path; its mode is 0666 less the umask.  path is not followed if it is a
 * link.  0, or a negative errno: n->f is NULL and nothing is left behind.
 */
int rzst_new_file_open(struct rzst_new_file *n, const char *path);

/*
 * Close it.  With err 0 it becomes path: in place of what is there if replace is set, else only if
 * nothing is there (-EEXIST).  With another err, or when a step fails, it is removed.  0, or a
 * negative errno: err, if that is one, else that of the step that failed.
 */
int rzst_new_file_close(struct rzst_new_file *n, int err, bool replace);

#endif
