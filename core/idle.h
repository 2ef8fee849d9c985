/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long pages have been idle, that is neither read nor written, in steps.
 *
 * A pass over all slots marks each page that has an object (IDLE in its word).  A read takes the
 * mark away, and a write replaces the word.  So the next pass finds the pages that were idle since,
 * and counts for each how many passes in a row have found it so: its age.  A pass is a step of time
 * for ages; the caller chooses how long that is.
 *
 * Ages are bytes, in chunks of their own, which only passes and what follows them use.  The age of
 * a page without the mark is 0, whatever its byte says.  So reads and writes need no more than the
 * bit in the word that they have loaded anyway.
 *
 * Concurrency: one thread at a time for ages; words are changed by compare-and-swap.
 */
#ifndef RZS_IDLE_H
#define RZS_IDLE_H

#include "store.h"

#define RZS_AGES_PER_CHUNK RZS_BLOCK_SIZE
#define RZS_AGE_MASK	   RZS_AGE_MAX
/* In an age: the second codec has been tried on the page since it was used last, in vain. */
#define RZS_AGE_TRIED	   0x80u

/* Where the next step of a walk over all slots begins. */
struct rzs_walk {
	rzs_slot_t slot; /* the first one of the run */
	uint64_t nr;	 /* slots in it */
	uint64_t *words; /* NULL: no page of the run is stored */
	uint8_t *ages;	 /* NULL: as words.  Without memory for them good until the next run */
};

/*
 * The next run of slots at *at, nr at most but for a chunk that is missing; *at is moved past them,
 * and at the end it returns to 0.
 * make: a pass, or a mark: make the ages of stored pages if they are missing.  Without memory for
 * that they begin with 0 each time; for others, pages with the mark have the age 1 then.  Returns
 * whether this was the last run.
 */
bool rzs_idle_walk(struct rzs_store *store, rzs_slot_t *at, uint64_t nr, bool make,
		   struct rzs_walk *out);

/*
 * Let workers decompress with the second codec that the image names, if it does.  Before the limit
 * is set.  -EINVAL: there is no such codec; -ENOMEM; errors of a codec.
 */
int RZS_MUST_CHECK rzs_recompress_adopt(struct rzs_store *store);

/* Of recompress.c: free what it allocated, but for what workers have. */
void rzs_recompress_fini(struct rzs_store *store, bool wipe);
/* Free the table of chunks, which go with the block source.  wipe: overwrite them first. */
void rzs_idle_fini(struct rzs_store *store, bool wipe);

#endif
