/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether the machine swaps at all: /proc/swaps, which tells poll() (POLLPRI) of every swapon and
 * swapoff. Threading: one thread at a time for each descriptor.  Sleeps no longer than a read of
 * /proc does.
 */
#ifndef RZS_SWAPS_H
#define RZS_SWAPS_H

#include <stdbool.h>

/* A descriptor to poll and to ask, or a negative errno.  close() it. */
int rzs_swaps_open(void);

/*
 * Whether any swap area is on. True as well when it cannot be told (fd negative, or the read
 * fails).
 */
bool rzs_swaps_any(int fd);

#endif
