/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Giving memory to addresses, and taking it away again.  The addresses are the caller's own,
 * private and anonymous, whole pages.  Any thread; these ask the system, so never one that serves
 * I/O.
 */
#ifndef RZS_MEMORY_H
#define RZS_MEMORY_H

#include <stddef.h>

/* Have all len bytes in RAM; what they hold is lost.  0 or -ENOMEM. */
int rzs_memory_fill(void *p, size_t len);

/*
 * Give the memory back; the addresses stay, as zeros to come, and stay locked.  0 or a negative
 * errno.  *lock_err: 0, or the errno of a lock refused before, and then no lock is asked for; set
 * when one is refused now.
 */
int rzs_memory_drop(void *p, size_t len, int *lock_err);

#endif
