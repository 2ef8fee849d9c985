/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the store's own files share.  Not for glue code. */
#ifndef RZS_STORE_INTERNAL_H
#define RZS_STORE_INTERNAL_H

#include "pool.h"

struct rzs_store {
	uint64_t limit_bytes;
	uint64_t fixed_bytes;
	uint64_t reserve_bytes; /* as asked for */
	const struct rzs_codec *codec;
	bool checksum;
	bool backed;
	unsigned nr_workers;
	struct rzs_worker **workers;
	struct rzs_blocks *blocks;
	struct rzs_slots slots;
	struct rzs_pool pool;
};

/* Whether limit a (0: none) is no lower than b. */
static inline bool rzs_limit_allows(uint64_t a, uint64_t b)
{
	return a - 1 >= b - 1;
}

/*
 * The counters of all workers, added up.  While calls are running what goes up in one and down in
 * another may be less than nothing.
 */
void rzs_store_sum(struct rzs_store *store, uint64_t sum[RZS_C_NR]);

/* As rzs_worker_get(), but never waits: NULL when all are in use. */
struct rzs_worker *rzs_worker_tryget(struct rzs_store *store, unsigned hint);

/*
 * Fill page with what word, seen at *p_word, names. -EAGAIN: the word has changed. -EIO as
 * rzs_store_read().
 */
int RZS_MUST_CHECK rzs_store_read_word(struct rzs_store *store, struct rzs_worker *w,
				       rzs_slot_t slot, uint64_t word, uint64_t *p_word, void *page);
/*
 * Replace the bytes off .. off + len - 1 of a page by those at buf, or by zeros when buf is NULL,
 * under the slot's lock. off + len <= RZS_PAGE_SIZE.
 */
int RZS_MUST_CHECK rzs_store_modify(struct rzs_store *store, struct rzs_worker *w, rzs_slot_t slot,
				    const void *buf, uint32_t off, uint32_t len);

/* Whether the caller has a place of its own for the page. */
static inline bool rzs_store_has_backing(const struct rzs_store *store, rzs_slot_t slot)
{
	return store->backed && slot;
}

static inline bool rzs_store_range_ok(const struct rzs_store *store, rzs_slot_t slot, uint64_t nr)
{
	return nr <= store->slots.nr && slot <= store->slots.nr - nr;
}

#endif
