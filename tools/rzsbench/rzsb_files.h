/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that a user names, and the standard streams.  A device, a pipe or another program's file is
 * never replaced, emptied or removed.  Threading: one thread; all functions may sleep.
 */
#ifndef RZSB_FILES_H
#define RZSB_FILES_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include "rzst_files.h"

/*
 * The exit status of the program: `status`, unless that is RZSB_OK and standard output could not be
 * written; then RZSB_FAILED, with a message.
 */
int rzsb_finish(int status);

/* Open a file or a device to read.  A descriptor; -ESPIPE: a pipe; another negative errno. */
int rzsb_open_input(const char *path);
/* The same; NULL with errno set. */
FILE *rzsb_open_text(const char *path);

/*
 * A file that appears in its place when it is complete.  It may only replace an empty file, or one
 * that begins with the same head.
 */
struct rzsb_place {
	char path[PATH_MAX]; /* with links resolved */
	struct rzst_new_file file;
	const char *head;
	bool taken; /* by a file that may be replaced */
};

/* head: the caller's, at most 1000 bytes.  0 or a negative errno, and *why says what is wrong. */
int rzsb_place_find(struct rzsb_place *p, const char *path, const char *head, const char **why);

/* Create a temporary file beside it, with the mode that umask leaves; NULL with errno set. */
FILE *rzsb_place_open(struct rzsb_place *p);

/*
 * Close the file.  If err is 0 and no other file has come to its place, put it there; else remove
 * it.  0, err, or another negative errno.
 */
int rzsb_place_close(struct rzsb_place *p, int err);

#endif
