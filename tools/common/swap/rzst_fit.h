/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does what a swap area holds fit elsewhere?  Looked at before swapoff(2), which looks at nothing
 * and lets the OOM killer find out.  Any thread.
 */
#ifndef RZST_FIT_H
#define RZST_FIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rzst_area.h"
#include "rzst_store_of.h"

/* All bytes. */
struct rzst_fit {
	uint64_t used;	     /* what the area holds */
	uint64_t cached;     /* of it what is in memory as well, at least */
	uint64_t available;  /* MemAvailable */
	uint64_t floor;	     /* what must stay available */
	uint64_t elsewhere;  /* what the other areas can really still take */
	uint64_t need, have; /* the two numbers of the message: used - cached, and the rest */
	bool fits;	     /* need <= have */
};

/* need, have and fits from the rest: a pure function, no overflow. */
void rzst_fit_judge(struct rzst_fit *fit);

/*
 * What it adds to `memory`, bytes that are available for pages as they are or compressed: a page
 * that it takes makes room for itself, less what it is compressed to.  *memory is what remains for
 * other stores.  The ratio is what it was so far, at most 4; 2 where it holds too little to tell.
 * A pure function.
 */
uint64_t rzst_fit_store_adds(const struct rzst_store *store, uint64_t *memory);

/*
 * Look at the machine for the area `name`.  What a compressed area of ours or of zram can still
 * take is what its memory limit and the machine leave, not its free slots.  0; -ENODEV: not swapped
 * to, and *out is zeros.
 */
int rzst_fit_look(const struct rzst_areas *areas, const char *name, struct rzst_fit *out);

#endif
