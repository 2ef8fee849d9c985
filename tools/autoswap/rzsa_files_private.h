/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of rzsa_files share.  One thread. */
#ifndef RZSA_FILES_PRIVATE_H
#define RZSA_FILES_PRIVATE_H

#include <sys/stat.h>

#include "rzsa_files.h"

#define RZSA_FILES_LABEL       "rzs-autoswap" /* in each header */
#define RZSA_FILES_LEAST_PAGES 10u	      /* of a swap area */

/*
 * Overwrite the first size bytes with zeros, and flush them to the disk.  stop NULL: nothing ends
 * it.  0, or a negative errno; -EINTR: *stop.
 */
int rzsa_files_zero(int fd, uint64_t size, const volatile sig_atomic_t *stop);

/* Write size bytes; 0, or a negative errno. */
int rzsa_files_write(int fd, const void *bytes, size_t size, off_t at);

/*
 * The most bytes that a file may have on its file system and by the limits of the process, at most
 * size.  The file is empty, before and afterwards.  0, or a negative errno.
 */
int rzsa_files_most(int fd, uint64_t size, uint64_t *most);

/*
 * Whether a file of the directory is swapped to.  One whose path in /proc/swaps leads nowhere, for
 * instance out of our root directory, is known by its name.
 */
bool rzsa_files_is_on(const char *name, const struct stat *st);

/* "swap.N" and nothing else. */
bool rzsa_files_is_name(const char *name);

/* ".swap.N.part": half made, or half removed. */
bool rzsa_files_is_part(const char *name);

/*
 * Give the file `from` a free name of one kind: .swap.N.part, or swap.N.  from NULL: the file
 * without a name that fd is.  0, or a negative errno: name is empty.
 */
int rzsa_files_name(struct rzsa_dir *d, const char *from, int fd, bool part,
		    char name[RZSA_NAME_MAX]);

/* Overwritten first if the directory is paranoid.  0, or a negative errno. */
int rzsa_files_remove_part(struct rzsa_dir *d, const char *part);

/* What became of what ended with err, a negative errno, or 0. */
enum rzsa_outcome rzsa_files_outcome(int err);

#endif
