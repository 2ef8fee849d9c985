/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this machine swaps to, and what it has to say about swapping; from /proc.
 */
#ifndef RZSB_SWAPS_H
#define RZSB_SWAPS_H

#include <stdint.h>
#include <stdio.h>

#define RZSB_MAX_SWAPS 32u /* the kernel has no more */

struct rzsb_swap_area {
	char name[256];	     /* as the kernel writes it: a blank is \040 */
	uint64_t size, used; /* bytes */
	int priority;
};

/* Areas in a file like /proc/swaps; how many there are. */
unsigned rzsb_swaps_parse(FILE *f, struct rzsb_swap_area v[RZSB_MAX_SWAPS]);
/* This machine's; 0 also when its kernel has no swap at all. */
unsigned rzsb_swaps_read(struct rzsb_swap_area v[RZSB_MAX_SWAPS]);

/* The number behind key, in the first line of a file that begins so; 0 when there is none. */
uint64_t rzsb_number_in(const char *path, const char *key);

#endif
