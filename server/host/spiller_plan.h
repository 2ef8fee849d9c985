/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which pages a store spills next.  Pure functions.
 *
 * Under pressure, that is from the high mark of the limit until the low one, pages go coldest
 * first: a pass over all pages takes the oldest, and each further pass younger ones, down to those
 * in use.  Somebody who waits for memory is pressure too.  Otherwise only pages go that have been
 * idle for long, or are incompressible.
 *
 * Places on the target are made free when more than half of them are in use, and these hold few
 * pages: what is left in a block is written again, with others.
 */
#ifndef RZS_SPILLER_PLAN_H
#define RZS_SPILLER_PLAN_H

#include <limits.h>

#include "rzs_store.h"

/* Marks, in parts of a hundred of the limit. */
#define RZS_SPILLER_HIGH 90u
#define RZS_SPILLER_LOW	 85u

#define RZS_SPILLER_OLDEST 3u	    /* the highest age that the store keeps */
#define RZS_SPILLER_NO_AGE UINT_MAX /* no page is as old */

struct rzs_spiller_knobs {
	unsigned after; /* s that a page is idle before it goes; 0: never for that */
	unsigned step;	/* s between the passes that find idle pages; 0: there are none */
	bool raw;	/* incompressible pages go at once */
};

struct rzs_spiller_facts {
	uint64_t used, limit; /* bytes; what is used without gaps; limit 0: none */
	uint64_t wait_ms;     /* until the budget allows a write */
	bool bad;	      /* the target takes no more writes */
	bool passed;	      /* all pages were looked at with the plan before this one */
	bool due;	      /* a pass without pressure is due, or under way */
	bool wanted;	      /* somebody waits for memory */
	bool full;	      /* rzs_spiller_is_full() */
};

/* The target's places, of RZS_BLOCK_SIZE each. */
struct rzs_spiller_places {
	uint64_t nr, used, kept; /* all; those in use; those kept free for rewriting */
	uint64_t bytes;		 /* of pages that are there */
};

struct rzs_spiller_plan {
	bool gather;  /* pages are to go now, */
	bool pressed; /* because of the limit */
	struct rzs_spill_policy policy;
};

/* before: the last plan; at first zeros. */
struct rzs_spiller_plan rzs_spiller_decide(const struct rzs_spiller_knobs *knobs,
					   const struct rzs_spiller_facts *facts,
					   const struct rzs_spiller_plan *before);

/* Whether the target takes no more pages. */
bool rzs_spiller_is_full(const struct rzs_spiller_places *p);

/*
 * Which blocks on the target are to be rewritten: those of whose objects so many of a hundred are
 * left, or fewer.  0: none now.
 */
unsigned rzs_spiller_sparse(const struct rzs_spiller_places *p);

#endif
