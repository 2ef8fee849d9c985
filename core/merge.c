/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Same-page merging: find pages whose objects are equal, and let them share one (share.h).
 *
 * The scan walks over the slots, and for each object looks for an equal one by an index
 * (merge_find.h).  Stored objects never change, so unlike KSM this needs no second pass to see
 * whether a page is stable, and no write protection.
 *
 * To merge two pages, the first one's object becomes a share, if it is not one yet, and the second
 * one's slot gets the share's word.  A write that merges (rzs_store_merge_writes()) does the first
 * of these, and publishes the share's word instead of one of its own.  Pages that are idle stay so.
 *
 * Concurrency: one thread at a time.  Calls go one way: this file calls store.c, which knows how a
 * share is read and given up.
 */
#include "merge_find.h"

/* With `smart`, a unique page is looked at in one pass of so many. */
#define SMART_PASSES 8u

struct merge_scan {
	struct rzs_store *store;
	struct rzs_worker *w;
	const struct rzs_merge_params *params;
};

static bool merge_candidate(uint64_t word)
{
	return (rzs_word_is_object(word) ||
		(rzs_word_kind(word) == RZS_KIND_MERGED && !rzs_word_is_member(word))) &&
	       !(word & RZS_SLOT_LOCK);
}

/* The key of a page's object.  False: it has changed meanwhile, or is damaged. */
static bool merge_key(struct merge_scan *m, rzs_slot_t slot, uint64_t *p, uint64_t word,
		      uint64_t *out)
{
	struct rzs_object o;
	uint64_t object;

	if (rzs_store_object_begin(m->store, m->w, slot, word, p, &o, &object))
		return false;
	if (!m->store->checksum)
		o.sum = rzs_merge_sum(o.data, o.size);
	rzs_pool_read_end(&m->store->pool, object);
	*out = rzs_merge_key(o.size, o.sum);
	return true;
}

/*
 * Let a page use the share of the word merged, if its object is the one at data still.  The caller
 * is a user of the share, and is none afterwards.
 */
static bool merge_link(struct merge_scan *m, rzs_slot_t slot, uint64_t *p, uint64_t word,
		       uint64_t merged, const void *data)
{
	struct rzs_store *store = m->store;
	struct rzs_object o;
	uint64_t seen = word;
	bool linked = false;

	if (!rzs_pool_read_begin(&store->pool, m->w, slot, word, p, &o)) {
		linked = memcmp(o.data, data, o.size) == 0 &&
			 rzs_cas(p, &seen, merged | (word & RZS_SLOT_IDLE));
		rzs_pool_read_end(&store->pool, word);
	}
	if (linked)
		rzs_store_retire(store, m->w, slot, word, merged);
	else
		rzs_store_unshare(store, m->w, merged);
	return linked;
}

/* Merge a page that has an object of its own with one that the index knows.  False: none. */
static bool merge_page(struct merge_scan *m, rzs_slot_t slot, uint64_t *p, uint64_t word,
		       uint64_t key)
{
	struct rzs_merge_wanted wanted = {
		slot, m->w->in, 0, word & RZS_SLOT_CODEC2, m->params->max_sharing, key};
	struct rzs_object o;
	uint64_t merged;

	if (rzs_pool_read_begin(&m->store->pool, m->w, slot, word, p, &o))
		return false;
	memcpy(m->w->in, o.data, o.size);
	wanted.size = o.size;
	rzs_pool_read_end(&m->store->pool, word);
	merged = rzs_merge_find(m->store, m->w, &wanted);
	return merged && merge_link(m, slot, p, word, merged, m->w->in);
}

/* ---- the scan ---- */

/* Mark a page as unique, as far as is known. */
static void merge_mark(struct merge_scan *m, uint64_t *p, uint64_t word)
{
	if (!rzs_word_is_object(word) || word & (RZS_SLOT_SCANNED | RZS_SLOT_LOCK))
		return;
	if (rzs_cas(p, &word, word | RZS_SLOT_SCANNED))
		rzs_count(&m->w->counters, RZS_C_pages_unshared, 1);
}

/* Scan one page.  Returns whether it was merged. */
static bool merge_scan_page(struct merge_scan *m, rzs_slot_t slot, uint64_t *p)
{
	uint64_t word = rzs_load(p), key;

	if (!merge_candidate(word))
		return false;
	if (m->params->smart && word & RZS_SLOT_SCANNED &&
	    (m->store->scan_pass + slot) % SMART_PASSES) {
		rzs_count(&m->w->counters, RZS_C_pages_skipped, 1);
		return false;
	}
	rzs_count(&m->w->counters, RZS_C_pages_scanned, 1);
	if (!merge_key(m, slot, p, word, &key))
		return false;
	/* The object is looked at only if there is one to compare it with. */
	if (!rzs_word_is_object(word) || !rzs_merge_known(m->store, key))
		rzs_merge_remember(m->store, key, slot, word);
	else if (merge_page(m, slot, p, word, key))
		return true;
	merge_mark(m, p, word);
	return false;
}

int rzs_store_merge(struct rzs_store *store, struct rzs_worker *w,
		    const struct rzs_merge_params *params, uint64_t nr, uint64_t *out_merged,
		    uint64_t *out_passes)
{
	struct merge_scan m = {store, w, params};
	uint64_t *p, run, i;

	*out_merged = 0;
	*out_passes = 0;
	if (w->store != store || !store->index || params->max_sharing < RZS_MERGE_SHARING_MIN ||
	    params->max_sharing > RZS_MERGE_SHARING_MAX)
		return -EINVAL;
	store->unmerge_at = 0;
	store->unmerge_again = store->unmerge_damaged = false;
	for (; nr; nr -= run) {
		run = rzs_slots_in_chunk(store->scan_at, nr);
		if (run > store->slots.nr - store->scan_at)
			run = store->slots.nr - store->scan_at;
		p = rzs_slots_lookup(&store->slots, store->scan_at);
		for (i = 0; p && i < run; i++)
			*out_merged += merge_scan_page(&m, store->scan_at + i, p + i);
		store->scan_at += run;
		if (store->scan_at == store->slots.nr) {
			store->scan_at = 0;
			store->scan_pass++;
			++*out_passes;
			rzs_count(&w->counters, RZS_C_full_scans, 1);
		}
	}
	if (store->pool.wipe)
		rzs_worker_wipe(w);
	return 0;
}

/* ---- the way back ---- */

/* Without the index nothing is known of the page's object.  -EAGAIN: the page is being changed. */
static int unmerge_mark(struct merge_scan *m, uint64_t *p, uint64_t word)
{
	if (!rzs_word_is_object(word) || !(word & RZS_SLOT_SCANNED))
		return 0;
	if (word & RZS_SLOT_LOCK || !rzs_cas(p, &word, word & ~RZS_SLOT_SCANNED))
		return -EAGAIN;
	rzs_count(&m->w->counters, RZS_C_pages_unshared, (uint64_t)-1);
	return 0;
}

/* Give a page that shares an object one of its own.  0: it shares none now. */
static int unmerge_page(struct merge_scan *m, rzs_slot_t slot, uint64_t *p)
{
	uint64_t word = rzs_load(p), seen = word, object, mine;
	struct rzs_object o;
	int err;

	if (rzs_word_kind(word) != RZS_KIND_MERGED || rzs_word_is_member(word))
		return unmerge_mark(m, p, word);
	if (word & RZS_SLOT_LOCK)
		return -EAGAIN;
	err = rzs_store_object_begin(m->store, m->w, slot, word, p, &o, &object);
	if (err)
		return err;
	memcpy(m->w->in, o.data, o.size);
	rzs_pool_read_end(&m->store->pool, object);
	o.data = m->w->in;
	o.owner = slot;
	err = rzs_pool_put(&m->store->pool, m->w, &o, rzs_word_kind(object) == RZS_KIND_RAW, &mine);
	if (err)
		return err;
	if (object & RZS_SLOT_CODEC2)
		mine |= RZS_SLOT_CODEC2 | RZS_SLOT_SINCE_MASK; /* it is old */
	if (!rzs_cas(p, &seen, mine | (word & RZS_SLOT_IDLE))) {
		rzs_pool_free(&m->store->pool, m->w, slot, mine);
		return -EAGAIN;
	}
	rzs_store_retire(m->store, m->w, slot, rzs_word_stable(word), mine);
	return 0;
}

int rzs_store_unmerge(struct rzs_store *store, struct rzs_worker *w, uint64_t nr, bool *out_done)
{
	struct merge_scan m = {store, w, NULL};
	uint64_t *p;
	int err = 0, ret = 0;

	*out_done = false;
	if (w->store != store)
		return -EINVAL;
	for (; nr && !*out_done; nr--) {
		p = rzs_slots_lookup(&store->slots, store->unmerge_at);
		err = p ? unmerge_page(&m, store->unmerge_at, p) : 0;
		if (err == -ENOSPC || err == -ENOMEM)
			break;
		if (err == -EIO)
			ret = err;
		store->unmerge_damaged = store->unmerge_damaged || err == -EIO;
		store->unmerge_again = store->unmerge_again || err == -EAGAIN;
		if (++store->unmerge_at < store->slots.nr)
			continue;
		store->unmerge_at = 0;
		*out_done = !store->unmerge_again;
		/* Like KSM, which knows no page any more then. */
		if (*out_done && !store->unmerge_damaged && !store->index)
			rzs_set(&store->merge_known, 0);
		store->unmerge_again = store->unmerge_damaged = false;
	}
	if (store->pool.wipe)
		rzs_worker_wipe(w);
	return err == -ENOSPC || err == -ENOMEM ? err : ret;
}
