/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a tick's inputs mean: is memory short, is it an emergency, is there more swap than needed.
 *
 * Pure functions; any thread.
 */
#ifndef RZSA_VIEW_H
#define RZSA_VIEW_H

#include "rzsa_worth.h"

struct rzsa_view {
	struct rzsa_worth worth;
	bool low;	 /* below lower_freelimit; or below freetarget under pressure; or soon at 0;
			* or stuck */
	bool least;	 /* below half of lower_freelimit */
	bool stalled;	 /* no task makes progress, for want of memory */
	bool critical;	 /* that, or hardly any is available */
	bool high;	 /* above upper_freelimit, and no pressure */
	bool ratio_bad;	 /* what is stored has hardly been compressed, for a minute */
	bool draining;	 /* a swapoff is at work, whoever began it */
	bool pool_full;	 /* what the kernel writes to a compressed area is refused, or soon */
	bool stuck;	 /* that, and it takes no disk before that */
	uint32_t before; /* the compressed area that the next file is to come before; 0: none */
	int64_t request; /* KiB of swap on disk; negative: too many */
	uint64_t ram_floor; /* KiB */
};

/* Look at the inputs; s keeps what takes several ticks to see. */
void rzsa_look(const struct rzsa_config *c, struct rzsa_state *s, const struct rzsa_inputs *in,
	       int64_t now, struct rzsa_view *out);

#endif
