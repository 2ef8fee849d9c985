/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the store's own files share.  Not for callers of the store, which include rzs_store.h. */
#ifndef RZS_STORE_INTERNAL_H
#define RZS_STORE_INTERNAL_H

#include "pool.h"

struct rzs_store {
	uint64_t limit_bytes;
	uint64_t fixed_bytes;
	uint64_t reserve_bytes; /* of rzs_config */
	const struct rzs_codec *codec;
	bool checksum;
	bool backed;
	unsigned nr_workers;
	struct rzs_worker **workers;
	struct rzs_blocks *blocks;
	struct rzs_slots slots;
	struct rzs_pool pool;
};

/* Whether limit a is at least as high as limit b; 0 is no limit. */
static inline bool rzs_limit_allows(uint64_t a, uint64_t b)
{
	return !a || (b && a >= b);
}

/*
 * The sums of all workers' counters.  While calls are running, the sum of a gauge may be negative
 * (modulo 2^64), since it goes up in one worker and down in another.  Any thread; never waits.
 */
void rzs_store_sum(struct rzs_store *store, uint64_t sum[RZS_C_NR]);

/* As rzs_worker_get(), but never waits: NULL when all workers are in use. */
struct rzs_worker *rzs_worker_tryget(struct rzs_store *store, unsigned hint);

/*
 * Fill page with the contents that word names; the caller has loaded it from *p_word.  -EAGAIN: the
 * slot has another word now.  -EIO as rzs_store_read().  After a failure the contents of page are
 * unspecified.
 */
int RZS_MUST_CHECK rzs_store_read_word(struct rzs_store *store, struct rzs_worker *w,
				       rzs_slot_t slot, uint64_t word, uint64_t *p_word,
				       void *page);
/*
 * Replace the bytes off .. off + len - 1 of a page by those at buf, or by zeros if buf is NULL,
 * under the slot's lock.  off + len <= RZS_PAGE_SIZE.  May sleep (the slot's lock).  Errors of the
 * data calls of rzs_store.h; the page is unchanged then.
 */
int RZS_MUST_CHECK rzs_store_modify(struct rzs_store *store, struct rzs_worker *w, rzs_slot_t slot,
				    const void *buf, uint32_t off, uint32_t len);

/* Whether the caller has a place of its own for the page: see rzs_config.backed. */
static inline bool rzs_store_has_backing(const struct rzs_store *store, rzs_slot_t slot)
{
	return store->backed && slot;
}

/* Whether pages slot .. slot + nr - 1 are within the store. */
static inline bool rzs_store_range_ok(const struct rzs_store *store, rzs_slot_t slot, uint64_t nr)
{
	return nr <= store->slots.nr && slot <= store->slots.nr - nr;
}

#endif
