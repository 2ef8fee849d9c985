/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether the machine has any swap area on.  The source is /proc/swaps, on which poll() reports
 * POLLPRI after every swapon and swapoff.
 *
 * Threading: one thread at a time for each descriptor.  Sleeps no longer than a read of /proc does.
 */
#ifndef RZS_SWAPS_H
#define RZS_SWAPS_H

#include <stdbool.h>

/* Open /proc/swaps, for poll() and rzs_swaps_any().  The descriptor, or a negative errno. */
int rzs_swaps_open(void);

/*
 * Whether any swap area is on.  Also true if that is not known: fd is negative, or the read fails.
 */
bool rzs_swaps_any(int fd);

#endif
