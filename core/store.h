/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the store's own files share.  Not for callers of the store, which include rzs_store.h. */
#ifndef RZS_STORE_INTERNAL_H
#define RZS_STORE_INTERNAL_H

#include "image.h"
#include "pool.h"
#include "share.h"

#define RZS_UNITS_FREED 64u

struct rzs_store {
	uint64_t limit_bytes;
	uint64_t fixed_bytes;
	uint64_t merge_fixed_bytes; /* of these, merging's */
	uint64_t reserve_bytes;	    /* of rzs_config */
	unsigned reserve_more;	    /* blocks beside that, while rzs_spill_open() has too few */
	const struct rzs_codec *codec;
	bool checksum;
	bool backed;
	unsigned nr_workers;
	struct rzs_worker **workers;
	struct rzs_blocks *blocks;
	struct rzs_image *image; /* the root of blocks */
	struct rzs_slots slots;
	struct rzs_pool pool;

	/* Merging.  An entry of the index is read and written by any thread that has a worker. */
	struct rzs_shares shares;
	uint64_t *index; /* NULL: merging is not open */
	uint64_t index_bytes;
	uint64_t merge_known;	/* not 0: since the last rzs_store_unmerge() merging was opened */
	uint64_t write_sharing; /* so many pages may share an object at most; 0: no write merges */
	/* merge.c and merge_find.c, one thread at a time. */
	bool writes_look; /* since merging was opened, write_sharing was not 0 all the time */
	rzs_slot_t scan_at; /* the next page to scan */
	uint64_t scan_pass; /* passes begun */
	rzs_slot_t unmerge_at;
	bool unmerge_again; /* this pass has left merged pages */
	bool unmerge_damaged; /* it has left some that are damaged */

	/* Idle pages: idle.c, one thread at a time, but for what is a relaxed counter. */
	uint32_t *ages; /* blocks of ages; 0: none yet.  NULL: idle pages are not looked for */
	uint64_t age_chunks_held; /* relaxed counter */
	uint64_t idle_passes;	  /* relaxed counter */
	rzs_slot_t idle_at, mark_at;
	uint64_t age_sum[RZS_AGE_CLASSES];   /* of the pass under way */
	uint64_t age_bytes[RZS_AGE_CLASSES]; /* of the last one; any thread reads them */

	/* Recompression: recompress.c, the same thread. */
	const struct rzs_codec *codec2; /* NULL: recompression was never open */
	int level2;
	/* A context of codec2, and after it *group; NULL: recompression is not open. */
	void *encoder2;
	size_t encoder2_bytes;
	struct rzs_group_pages *group;
	rzs_slot_t recompress_at;
	uint64_t recompress_bytes; /* of all contexts; any thread reads it */
	/* How many units were freed, by the number of their share; see unit.h.  Any thread. */
	uint64_t units_freed[RZS_UNITS_FREED];
};

/* A recompressed page that goes within so many passes was not worth it. */
#define RZS_LOST_PASSES 6u

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
 * slot has another word now.  -EIO, -EINPROGRESS as rzs_store_read().  After a failure the contents
 * of page are unspecified.
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

/*
 * Change the bytes of memory that does not grow; the limit holds for all of it.  Sleeps.  One call
 * at a time, of this and rzs_store_set_limit().  -ENOSPC: more memory is held; nothing has changed.
 */
int rzs_store_set_fixed(struct rzs_store *store, uint64_t fixed);

/* Add what a page's word stands for to the statistics (sign 1), or subtract it ((uint64_t)-1). */
void rzs_store_count_word(struct rzs_worker *w, uint64_t word, uint64_t sign);
/*
 * The end of every change of a page: new_word is in the slot, and what old_word names is the
 * caller's, and is freed.
 */
void rzs_store_retire(struct rzs_store *store, struct rzs_worker *w, rzs_slot_t slot,
		      uint64_t old_word, uint64_t new_word);
/*
 * Let the word of owner's object name another place, if it names that of word old still: see
 * rzs_pool_relocate_fn.  arg: the store.
 */
bool rzs_store_relocate(void *arg, rzs_owner_t owner, uint64_t old, uint64_t new);
/* Give up a use of a share; the last one frees the object. */
void rzs_store_unshare(struct rzs_store *store, struct rzs_worker *w, uint64_t merged_word);
/*
 * Lock the block of the object that a page's word names, itself or by its share, as
 * rzs_pool_read_begin() does.  *out_word: the object's word, for rzs_pool_read_end().
 */
int RZS_MUST_CHECK rzs_store_object_begin(struct rzs_store *store, struct rzs_worker *w,
					  rzs_slot_t slot, uint64_t word, uint64_t *p_word,
					  struct rzs_object *out, uint64_t *out_word);
/*
 * A write's part of merging, while store->write_sharing is not 0 and has the value sharing.  o: the
 * page's object, not yet in the pool.  Returns a word for the page that shares an equal object; 0:
 * there is none.
 */
uint64_t rzs_store_find_written(struct rzs_store *store, struct rzs_worker *w,
				const struct rzs_object *o, uint64_t sharing);

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

/* Whether pages of this store can be elsewhere, and the worker is one of its. */
static inline bool rzs_spill_is_open(const struct rzs_store *store, const struct rzs_worker *w)
{
	return w->store == store && store->pool.spill;
}

#endif
