/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this machine swaps to.  Nothing is allocated.  Any thread.
 */
#ifndef RZST_SWAPS_H
#define RZST_SWAPS_H

#include <stdint.h>

#define RZST_SWAPS_MAX 32u /* the kernel has no more */

struct rzst_swap_area {
	char name[256];	     /* a path, of any bytes: not fit for a terminal yet */
	uint64_t size, used; /* bytes */
	int priority;
};

/*
 * The areas in a text like /proc/swaps, which is changed; how many there are.  A line that is not
 * understood, or whose name is longer, is left out.
 */
unsigned rzst_swaps_parse(char *text, struct rzst_swap_area v[RZST_SWAPS_MAX]);
/* This machine's, or RZS_SYSROOT's; 0 also when its kernel has no swap at all. */
unsigned rzst_swaps_read(struct rzst_swap_area v[RZST_SWAPS_MAX]);
/* Bytes swapped out to the area of this name.  -ENODEV: it is not swapped to; *out is 0. */
int rzst_swaps_used(const char *name, uint64_t *out);

#endif
