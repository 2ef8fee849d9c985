/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Same-page merging: find pages whose objects are equal, and let them share one (share.h).
 *
 * The scan walks over the slots.  For each object it looks for another one with the same size and
 * checksum in the index, a hash table of bounded size.  It has the numbers of shares, and of pages
 * that share nothing yet.  It may be incomplete or out of date without harm, since what it names is
 * looked at again, and objects are compared byte by byte.  Stored objects never change, so unlike
 * KSM this needs no second pass to see whether a page is stable, and no write protection.
 *
 * To merge two pages, the first one's object becomes a share, if it is not one yet, and the second
 * one's slot gets the share's word.  Each of these steps is a compare-and-swap of a slot's word
 * under the lock of its object's block, so the object is still the one that was compared.  The
 * thread that merges counts as a user meanwhile, so the share stays.
 *
 * Calls go one way: this file calls store.c, which knows how a share is read and given up.
 */
#include "hash.h"
#include "store.h"

/* A set of the index: as many entries as a cache line has. */
#define SET_ENTRIES 8u
#define SET_BYTES   (SET_ENTRIES * (unsigned)sizeof(struct rzs_merge_entry))
/* An index has so large a share of the limit and of the machine's memory at most. */
#define INDEX_SHARE	  100u
#define INDEX_LEAST_BYTES 4096u
/* With `smart`, a unique page is looked at in one pass of so many. */
#define SMART_PASSES 8u

/* In a tag: the entry names a share. */
#define TAG_SHARE (1u << 31)

struct rzs_merge_entry {
	uint32_t tag;  /* 31 bits of the key, whose other half chooses the set; and TAG_SHARE */
	uint32_t name; /* of a page or a share: its number plus 1; 0: the entry is free */
};

struct merge_scan {
	struct rzs_store *store;
	struct rzs_worker *w;
	const struct rzs_merge_params *params;
};

/* ---- the index ---- */

static struct rzs_merge_entry *merge_index_set(const struct rzs_store *store, uint64_t key)
{
	uint64_t sets = store->index_bytes / SET_BYTES;

	return store->index + (key >> 32) % sets * SET_ENTRIES;
}

static bool merge_index_match(const struct rzs_merge_entry *e, uint64_t key)
{
	return e->name && !(((uint32_t)key ^ e->tag) & ~TAG_SHARE);
}

/*
 * Remember a page with this word under a key: in the entry *at, a free one, or in place of any
 * other.  A page that shares an object may be overwritten, and the object is there still, so it is
 * the share that is remembered.
 */
static void merge_index_insert(struct rzs_merge_entry *set, struct rzs_merge_entry *at,
			       uint64_t key, rzs_slot_t slot, uint64_t word)
{
	bool share = rzs_word_kind(word) == RZS_KIND_MERGED;
	struct rzs_merge_entry e;
	unsigned i;

	e.tag = ((uint32_t)key & ~TAG_SHARE) | (share ? TAG_SHARE : 0);
	e.name = (uint32_t)(share ? rzs_word_share(word) : slot) + 1;
	for (i = 0; i < SET_ENTRIES && !at; i++)
		if (!set[i].name || (set[i].tag == e.tag && set[i].name == e.name))
			at = &set[i];
	if (!at)
		at = &set[slot % SET_ENTRIES];
	*at = e;
}

uint64_t rzs_merge_index_bytes(const struct rzs_stats *stats, uint64_t ram_bytes)
{
	uint64_t bytes = stats->nr_pages * sizeof(struct rzs_merge_entry);

	if (stats->limit_bytes && bytes > stats->limit_bytes / INDEX_SHARE)
		bytes = stats->limit_bytes / INDEX_SHARE;
	if (ram_bytes && bytes > ram_bytes / INDEX_SHARE)
		bytes = ram_bytes / INDEX_SHARE;
	return bytes < INDEX_LEAST_BYTES ? INDEX_LEAST_BYTES : bytes;
}

int rzs_store_merge_open(struct rzs_store *store, uint64_t index_bytes)
{
	bool first = !store->shares.chunks;
	uint64_t extra = first ? rzs_shares_fixed_bytes(store->slots.nr) : 0;
	int err;

	index_bytes -= index_bytes % SET_BYTES;
	if (store->index || !index_bytes)
		return -EINVAL;
	extra += index_bytes;
	err = rzs_store_set_fixed(store, store->fixed_bytes + extra);
	if (err)
		return err;
	if (first)
		err = rzs_shares_init(&store->shares, store->slots.nr, store->blocks);
	if (!err)
		store->index = rzs_port_alloc(index_bytes);
	if (!store->index) {
		if (store->shares.chunks) /* they stay, and serve the next time */
			extra = index_bytes;
		(void)rzs_store_set_fixed(store, store->fixed_bytes - extra);
		return -ENOMEM;
	}
	store->index_bytes = index_bytes;
	rzs_set(&store->merge_fixed_bytes, index_bytes + rzs_shares_fixed_bytes(store->slots.nr));
	return 0;
}

void rzs_store_merge_close(struct rzs_store *store)
{
	if (!store->index)
		return;
	rzs_port_free(store->index, store->index_bytes);
	store->index = NULL;
	rzs_set(&store->merge_fixed_bytes, rzs_shares_fixed_bytes(store->slots.nr));
	/* A smaller sum always fits the limit. */
	(void)rzs_store_set_fixed(store, store->fixed_bytes - store->index_bytes);
	store->index_bytes = 0;
}

/* ---- merging two pages ---- */

static bool merge_candidate(uint64_t word)
{
	return (rzs_word_is_object(word) || rzs_word_kind(word) == RZS_KIND_MERGED) &&
	       !(word & RZS_SLOT_LOCK);
}

/*
 * Copy the object of a page to the worker's buffer.  *out: its size and sum.  False: the page has
 * another word by now, or its object is damaged.
 */
static bool merge_copy(struct merge_scan *m, rzs_slot_t slot, uint64_t *p, uint64_t word,
		       struct rzs_object *out)
{
	uint64_t object;

	if (rzs_store_object_begin(m->store, m->w, slot, word, p, out, &object))
		return false;
	memcpy(m->w->in, out->data, out->size);
	rzs_pool_read_end(&m->store->pool, object);
	return true;
}

static void merge_count_user(struct rzs_worker *w, uint32_t size)
{
	rzs_count(&w->counters, RZS_C_pages_sharing, 1);
	rzs_count(&w->counters, RZS_C_merge_saved_bytes, size);
}

/*
 * Make the object of a page a share, if it is the one in the worker's buffer, with the caller as
 * its second user.  Returns the page's new word, or 0.
 */
static uint64_t merge_promote(struct merge_scan *m, rzs_slot_t slot, uint64_t *p, uint64_t word)
{
	struct rzs_store *store = m->store;
	uint64_t id, merged = 0, seen = word;
	struct rzs_share *s;
	struct rzs_object o;

	/* It names nothing before the object is its own. */
	if (rzs_share_new(&store->shares, 0, 2, &id))
		return 0;
	s = rzs_shares_at(&store->shares, id);
	if (rzs_pool_read_begin(&store->pool, m->w, slot, word, p, &o)) {
		rzs_share_free(&store->shares, id);
		return 0;
	}
	if (memcmp(o.data, m->w->in, o.size) == 0) {
		rzs_pool_set_owner(&store->pool, word, RZS_OWNER_SHARE | id);
		rzs_set(&s->word, rzs_word_stable(word) & ~RZS_SLOT_SCANNED);
		merged = rzs_word_merged(id, o.size);
		if (!rzs_cas(p, &seen, merged)) {
			rzs_pool_set_owner(&store->pool, word, slot);
			rzs_set(&s->word, 0);
			merged = 0;
		}
	}
	rzs_pool_read_end(&store->pool, word);
	if (!merged) {
		rzs_share_free(&store->shares, id);
		return 0;
	}
	rzs_count(&m->w->counters, RZS_C_pages_shared, 1);
	merge_count_user(m->w, o.size);
	rzs_store_count_word(m->w, merged, 1);
	rzs_store_count_word(m->w, word, (uint64_t)-1);
	return merged;
}

/*
 * Become a user of a share.  Returns the word of a page that uses it; 0: it has enough users, or
 * none.  Its number cannot be another share's meanwhile, because only this thread makes shares.
 */
static uint64_t merge_use(struct merge_scan *m, uint64_t id)
{
	struct rzs_share *s = rzs_shares_at(&m->store->shares, id);
	uint32_t size;

	if (!s || !rzs_share_get(s, m->params->max_sharing))
		return 0;
	size = rzs_word_size(rzs_load(&s->word));
	merge_count_user(m->w, size);
	return rzs_word_merged(id, size);
}

/* Let a page use the share of the word merged, if its object is the one in the worker's buffer. */
static bool merge_link(struct merge_scan *m, rzs_slot_t slot, uint64_t *p, uint64_t word,
		       uint64_t merged)
{
	struct rzs_store *store = m->store;
	struct rzs_object o;
	uint64_t seen = word;
	bool linked;

	if (rzs_pool_read_begin(&store->pool, m->w, slot, word, p, &o))
		return false;
	linked = memcmp(o.data, m->w->in, o.size) == 0 && rzs_cas(p, &seen, merged);
	rzs_pool_read_end(&store->pool, word);
	if (linked)
		rzs_store_retire(store, m->w, slot, word, merged);
	return linked;
}

/*
 * Let a page use the share of the word merged.  The caller is a user of it, and is none afterwards.
 * False: their objects are not equal.
 */
static bool merge_into(struct merge_scan *m, uint64_t merged, rzs_slot_t slot, uint64_t *p,
		       uint64_t word)
{
	uint64_t named = merged; /* in place of a page that names the share */
	struct rzs_object o;

	/* Equal sizes are equal kinds, too: no compressed object is as large as a page. */
	if (rzs_word_size(merged) == rzs_word_size(word) &&
	    merge_copy(m, slot, &named, merged, &o) && merge_link(m, slot, p, word, merged))
		return true;
	rzs_store_unshare(m->store, m->w, merged);
	return false;
}

/*
 * Merge two pages, of which the second has an object of its own, and the first has one or shares
 * one.  False: they are not equal, or have changed meanwhile.
 */
static bool merge_pair(struct merge_scan *m, rzs_slot_t first, uint64_t *p_first, rzs_slot_t second,
		       uint64_t *p_second)
{
	uint64_t keep = rzs_load(p_first), word = rzs_load(p_second), merged;
	struct rzs_object o;

	if (!merge_candidate(keep) || !merge_candidate(word) || !rzs_word_is_object(word) ||
	    rzs_word_size(keep) != rzs_word_size(word))
		return false;
	if (rzs_word_is_object(keep)) {
		if (rzs_word_kind(word) != rzs_word_kind(keep) ||
		    !merge_copy(m, second, p_second, word, &o))
			return false;
		merged = merge_promote(m, first, p_first, keep);
	} else {
		merged = merge_use(m, rzs_word_share(keep));
	}
	return merged && merge_into(m, merged, second, p_second, word);
}

enum merge_found {
	MERGE_DONE,	 /* the page uses the share now */
	MERGE_ALREADY,	 /* it did before */
	MERGE_ELSEWHERE, /* the share has enough users, or the page uses another one */
	MERGE_STALE,	 /* the share is another object's, or of none */
};

/* Merge a page with a share that the index has under its key. */
static enum merge_found merge_with_share(struct merge_scan *m, uint64_t id, rzs_slot_t slot,
					 uint64_t *p, uint64_t word)
{
	struct rzs_share *s = rzs_shares_at(&m->store->shares, id);
	uint64_t users = s ? rzs_load(&s->users) : 0, merged;

	if (rzs_word_kind(word) == RZS_KIND_MERGED)
		return rzs_word_share(word) == id ? MERGE_ALREADY : MERGE_ELSEWHERE;
	if (!users || users & RZS_SHARE_UNUSED)
		return MERGE_STALE;
	merged = merge_use(m, id);
	if (!merged)
		return MERGE_ELSEWHERE;
	return merge_into(m, merged, slot, p, word) ? MERGE_DONE : MERGE_STALE;
}

/* ---- the scan ---- */

/* The key of a page's object: equal objects have equal keys.  False: it has changed meanwhile. */
static bool merge_key(struct merge_scan *m, rzs_slot_t slot, uint64_t *p, uint64_t word,
		      uint64_t *out)
{
	struct rzs_object o;
	uint64_t object, a, b;

	if (rzs_store_object_begin(m->store, m->w, slot, word, p, &o, &object))
		return false;
	if (!m->store->checksum)
		o.sum = (uint32_t)rzs_hash64(o.data, o.size, 0);
	rzs_pool_read_end(&m->store->pool, object);
	a = RZS_WY_S0 ^ o.size;
	b = RZS_WY_S1 ^ (rzs_word_kind(object) == RZS_KIND_RAW ? o.sum & RZS_SUM24_MASK : o.sum);
	rzs_wy_multiply(&a, &b);
	*out = a ^ b;
	return true;
}

/* Mark a page as unique, as far as is known. */
static void merge_mark(struct merge_scan *m, uint64_t *p, uint64_t word)
{
	if (!rzs_word_is_object(word) || word & (RZS_SLOT_SCANNED | RZS_SLOT_LOCK))
		return;
	if (rzs_cas(p, &word, word | RZS_SLOT_SCANNED))
		rzs_count(&m->w->counters, RZS_C_pages_unshared, 1);
}

/* Merge a page with another one that the index has under its key.  False: it is not equal. */
static bool merge_with_page(struct merge_scan *m, rzs_slot_t other, rzs_slot_t slot, uint64_t *p)
{
	uint64_t *q = rzs_slots_lookup(&m->store->slots, other);

	return q && other != slot &&
	       (merge_pair(m, other, q, slot, p) || merge_pair(m, slot, p, other, q));
}

/* Merge a page with what the index has under its key.  False: there is nothing. */
static bool merge_by_index(struct merge_scan *m, rzs_slot_t slot, uint64_t *p, uint64_t word,
			   uint64_t key)
{
	struct rzs_merge_entry *set = merge_index_set(m->store, key), *at = NULL;
	enum merge_found found;
	bool merged = false;
	unsigned i;

	for (i = 0; i < SET_ENTRIES && !merged; i++) {
		uint64_t number = set[i].name - 1ull;

		if (!merge_index_match(&set[i], key))
			continue;
		if (set[i].tag & TAG_SHARE) {
			found = merge_with_share(m, number, slot, p, word);
			if (found == MERGE_DONE || found == MERGE_ALREADY)
				return found == MERGE_DONE;
			if (found == MERGE_STALE)
				at = &set[i];
			continue;
		}
		at = &set[i];
		merged = merge_with_page(m, number, slot, p);
	}
	if (merged)
		word = rzs_load(p);
	merge_index_insert(set, at, key, slot, word);
	return merged;
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
	if (merge_by_index(m, slot, p, word, key))
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
	store->unmerge_again = false;
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

	if (rzs_word_kind(word) != RZS_KIND_MERGED)
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
	if (!rzs_cas(p, &seen, mine)) {
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
		store->unmerge_again = store->unmerge_again || err == -EAGAIN;
		if (++store->unmerge_at < store->slots.nr)
			continue;
		store->unmerge_at = 0;
		*out_done = !store->unmerge_again;
		store->unmerge_again = false;
	}
	if (store->pool.wipe)
		rzs_worker_wipe(w);
	return err == -ENOSPC || err == -ENOMEM ? err : ret;
}
