/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does what a swap area holds fit elsewhere?  Looked at before swapoff(2), which looks at
 * nothing and lets the OOM killer find out.
 *
 * Threading: one thread.
 */
#ifndef RZST_FIT_H
#define RZST_FIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rzst_fit_other.h"

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
 * "N KiB to bring back to memory for it, and room for N KiB (...)": need and have, and what have is
 * made of.  what: "it", or whatever is to be turned off.  Returns buf.
 */
const char *rzst_fit_text(const struct rzst_fit *fit, const char *what, char *buf, size_t size);

/*
 * What must stay available on a machine of `total` bytes: a thirty-second of it, at least 16 MiB
 * and at most 512 MiB, but never more than an eighth.  A pure function.
 */
uint64_t rzst_fit_floor(uint64_t total);

/*
 * What this area adds to the memory, of which `*spare` may still be filled: for a compressed one,
 * what it can take less the memory that this costs, which is taken off *spare.  How well pages
 * compress is judged by those it has; an area with less than 1 MiB promises nothing.  Pure.
 */
uint64_t rzst_fit_gain(const struct rzst_fit_other *other, uint64_t *spare);

/*
 * Look at the machine for the area `name`.  What a compressed area of ours or of zram can still
 * take is what its memory limit and the machine leave, not its free slots; an area on whose server
 * nothing is known (an nbd device of others) takes nothing, nor does one on which a swapoff is at
 * work.  0; -ENODEV: not swapped to, *out is all zeros.  Asks servers, up to 2 s each.
 */
int rzst_fit_look(const struct rzst_areas *areas, const char *name, struct rzst_fit *out);

#endif
