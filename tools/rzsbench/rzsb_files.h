/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that somebody named, and the standard streams.  What is there already and is not ours is
 * neither replaced nor emptied nor removed: a device, a pipe, another program's file.  One thread;
 * all may sleep.
 */
#ifndef RZSB_FILES_H
#define RZSB_FILES_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include "rzst_files.h"

/*
 * The exit status to end with: `status`, or RZSB_FAILED with a message when that is RZSB_OK and
 * something could not be written to standard output.
 */
int rzsb_finish(int status);

/* Open to read: a file or a device; -ESPIPE: a pipe, -EISDIR, another negative errno. */
int rzsb_open_input(const char *path);
/* The same; NULL with errno set. */
FILE *rzsb_open_text(const char *path);

/*
 * A file that is made as a whole and takes its place at once, where nothing is yet, or an empty
 * file, or one that begins as ours do.
 */
struct rzsb_place {
	char path[PATH_MAX]; /* what a link leads to, if a link was named */
	struct rzst_new_file file;
	const char *head;
	bool taken; /* by one that may be replaced */
};

/*
 * head: what ours begin with, at most 1000 bytes; it stays the caller's.  0; or a negative errno,
 * and *why is a text that says what is wrong.
 */
int rzsb_place_find(struct rzsb_place *p, const char *path, const char *head, const char **why);

/* A new file beside it, its mode by umask; NULL with errno set. */
FILE *rzsb_place_open(struct rzsb_place *p);

/*
 * Close it, and with err 0 put it there unless somebody else's file is there by now; else, or when
 * that fails, remove it.  0 or a negative errno (err, if that was one).
 */
int rzsb_place_close(struct rzsb_place *p, int err);

#endif
