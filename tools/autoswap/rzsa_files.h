/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Swap files and the directory where they are.
 *
 * A file gets its name, swap.N, when it is on the disk as a whole: zeros in each block and a swap
 * header, flushed.  Before that it has no name, or on file systems without O_TMPFILE one that is
 * not taken for a swap file.  Before a file is removed it loses its name, so that one that is half
 * overwritten is never taken for a whole one.
 *
 * No function touches a file that is swapped to.  That is asked of /proc/swaps each time, and files
 * are told apart by device and inode.  Who asks must not turn one on at the same moment.
 *
 * Nothing is allocated after rzsa_dir_reuse().  These functions write gigabytes: call them in a
 * helper process.  One thread.
 */
#ifndef RZSA_FILES_H
#define RZSA_FILES_H

#include <limits.h>
#include <signal.h>

#include "rzsa.h"
#include "value.h"

#define RZSA_NAME_MAX 32u /* bytes of a file's name in the directory, with its 0 */

struct rzsa_dir {
	int fd; /* locked; -1: not open */
	bool paranoid;
	bool copies; /* on write, unless a file is set not to: btrfs */
	char path[PATH_MAX];
};

/*
 * Check the directory and lock it.  It must be a directory and no symbolic link; belong to the
 * caller, who is root, with mode 0700; no other user may be able to put another in its place; and
 * it must be on a file system that swap files can be on.  0, or a negative errno and why: -EBUSY if
 * another process has it.  A process that is forked while it is open has the lock as well.
 */
int rzsa_dir_open(struct rzsa_dir *d, const char *path, bool paranoid, char why[RZS_WHY_MAX]);

void rzsa_dir_close(struct rzsa_dir *d);

/*
 * At the start: what is half is removed, and of the whole files that are not swapped to, all but
 * the largest, which is ready to be swapped to again.  ready is empty and *ready_kib 0 if there is
 * none.  Files of other names are left alone.  0, or a negative errno and why: something could not
 * be removed or looked at; the rest was done all the same.  Allocates.
 */
int rzsa_dir_reuse(struct rzsa_dir *d, char ready[RZSA_NAME_MAX], uint64_t *ready_kib,
		   char why[RZS_WHY_MAX]);

/*
 * Make a file of kib KiB, rounded down to pages, its header included.  A tenth of the disk's free
 * space is left to others.  *stop, which a signal handler may set, ends it between two pieces.
 * RZSA_DONE: name is its name, *made_kib its size.  RZSA_TOO_BIG: *made_kib is the size that is
 * possible.  Else nothing is left of it, name is empty, and why says what happened.
 */
enum rzsa_outcome rzsa_file_make(struct rzsa_dir *d, uint64_t kib, char name[RZSA_NAME_MAX],
				 uint64_t *made_kib, const volatile sig_atomic_t *stop,
				 char why[RZS_WHY_MAX]);

/*
 * Remove a file; if the directory is paranoid, its bytes are overwritten on the disk first.  One
 * that is swapped to, or is not one of ours, is refused; one that is gone is RZSA_DONE.  If it
 * cannot be overwritten, it stays under a name that the next rzsa_dir_reuse() tries again.
 */
enum rzsa_outcome rzsa_file_drop(struct rzsa_dir *d, const char *name, char why[RZS_WHY_MAX]);

/* The path of a file: what is swapped to.  0, or -ENAMETOOLONG: out is empty. */
int rzsa_file_path(const struct rzsa_dir *d, const char *name, char *out, unsigned size);

#endif
