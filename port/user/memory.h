/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Populating addresses with memory, and giving the memory back.  The addresses are whole pages of a
 * private anonymous mapping of the caller's.
 *
 * Threading: any thread that may wait for memory, so never one that serves I/O.
 */
#ifndef RZS_MEMORY_H
#define RZS_MEMORY_H

#include <stddef.h>

/* Populate all len bytes with pages.  What they hold is lost.  0 or -ENOMEM. */
int rzs_memory_fill(void *p, size_t len);

/*
 * Give the pages back to the system.  The addresses remain, stay locked, and read as zeros.  0 or a
 * negative errno.  *lock_err is an errno, or 0: before Linux 5.18 the addresses have to be locked
 * anew, which is done only while it is 0; a refusal is stored there.
 */
int rzs_memory_drop(void *p, size_t len, int *lock_err);

#endif
