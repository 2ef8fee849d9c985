/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does what a swap area holds fit elsewhere?  Looked at before swapoff(2), which looks at nothing
 * and lets the OOM killer find out.
 */
#ifndef RZST_FIT_H
#define RZST_FIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rzst_area.h"

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
 * Look at the machine for the area `name`.  What a compressed area of ours or of zram can still take
 * is what its memory limit and the machine leave, not its free slots.  0; -ENODEV: not swapped to.
 */
int rzst_fit_look(const struct rzst_areas *areas, const char *name, struct rzst_fit *out);

#endif
