/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A walk over all that a store has, while no other call is running: what rzs_store_verify() checks
 * the statistics by, and what rzs_store_adopt() sets them to.
 */
#ifndef RZS_WALK_H
#define RZS_WALK_H

#include "pool_internal.h"
#include "store.h"

/* What a walk has counted. */
struct rzs_tally {
	uint64_t same, zero, compressed, raw, good, unshared; /* from slots */
	uint64_t recompressed;				      /* likewise */
	uint64_t merged, merged_bytes;			      /* from slots that share an object */
	uint64_t spilled, spilled_bytes;		      /* of the slots', those on disk */
	uint64_t shares, share_bytes;			      /* in use, and of their objects */
	uint64_t unit_pages;				      /* from slots in units */
	uint64_t units, unit_places;			      /* and these, and pages they had */
	uint64_t object_bytes;				      /* from slots, shares and units */
	uint64_t entries, entry_bytes, dir_bytes, blocks;     /* from blocks */
};

/* Count a slot's word, the word of a share or unit in use, a block in use. */
void rzs_tally_word(struct rzs_tally *t, uint64_t word);
void rzs_tally_share(struct rzs_tally *t, uint64_t word);
/* The word, which is counted, names an object on disk. */
void rzs_tally_spilled(struct rzs_tally *t, uint64_t word);
void rzs_tally_block(struct rzs_tally *t, const struct rzs_pool *p, const struct rzs_block *b);

/* What the sums of the workers' counters have to be; of those that are no gauges, 0. */
void rzs_tally_gauges(const struct rzs_tally *t, uint64_t gauges[RZS_C_NR]);

/* Returns what is broken (a constant string), or NULL. */
typedef const char *(*rzs_walk_fn)(void *arg, rzs_slot_t slot, uint64_t *p_word);

/* Call fn for each slot that has a chunk, until it finds something broken; return that. */
const char *rzs_walk_slots(struct rzs_store *store, rzs_walk_fn fn, void *arg);

#endif
