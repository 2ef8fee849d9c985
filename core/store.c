/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store: write, modify, discard.  store_read.c reads.
 *
 * Lock order: a slot's LOCK bit (read-modify-write only), then the locks of pool.h.
 * Order of a write: encode the page, put the object, replace the slot word, free what the old word
 * named.  A failure before the word is replaced leaves the old page as it was.
 *
 * Calls go one way: range.c and verify.c call this file, which calls the pool.  The pool never
 * looks a slot up; compaction gets a function that does (rzs_store_relocate).
 * Circle: unit leaves a unit for this file, and frees its object by it.
 */
#include "store.h"
#include "hash.h"
#include "samefill.h"
#include "sealed.h"
#include "unit.h"

/* An encoded page: a word that needs no memory, or an object for the pool. */
struct encoded {
	uint64_t word; /* SAME or SAME32; 0: there is an object, which is not in the pool yet */
	bool raw;
	struct rzs_object object;
};

/* The word of a page that needs no memory, or 0. */
static uint64_t page_word(const void *page)
{
	uint64_t value;

	return rzs_page_is_same(page, &value) ? rzs_word_same(value) : 0;
}

/* The object of a page, which compress() has made size bytes at data of. */
static void encode_object(const struct rzs_store *store, rzs_slot_t slot, const void *page,
			  const void *data, int size, struct encoded *out)
{
	/* If the library fails, nothing is lost: the page is stored raw. */
	out->raw = size <= 0 || (uint32_t)size > RZS_CODEC_WORTH;
	out->object.owner = slot;
	out->object.data = out->raw ? page : data;
	out->object.size = out->raw ? RZS_PAGE_SIZE : (uint32_t)size;
	out->object.sum = 0;
	if (store->checksum)
		out->object.sum = (uint32_t)rzs_hash64(out->object.data, out->object.size, 0);
}

static void store_encode(const struct rzs_store *store, struct rzs_worker *w, rzs_slot_t slot,
			 const void *page, struct encoded *out)
{
	out->word = page_word(page);
	if (!out->word)
		encode_object(store, slot, page, w->out,
			      w->codec->compress(w->codec_ctx, page, w->out), out);
}

unsigned rzs_store_prepare(struct rzs_store *store, struct rzs_worker *w, const void *const *pages,
			   unsigned nr)
{
	const void *src[RZS_PREPARE_MAX];
	void *dst[RZS_PREPARE_MAX];
	unsigned of[RZS_PREPARE_MAX], n = 0, i;
	int size[RZS_PREPARE_MAX];

	if (!w->ahead || nr < 2 || store->pool.wipe)
		return 0; /* each call wipes the worker at its end */
	if (nr > RZS_PREPARE_MAX)
		nr = RZS_PREPARE_MAX;
	for (i = 0; i < nr; i++) {
		w->prepared[i] = (struct rzs_prepared){pages[i], 0};
		if (page_word(pages[i]))
			continue;
		src[n] = pages[i];
		dst[n] = w->ahead + i * RZS_PAGE_SIZE;
		of[n++] = i;
	}
	if (n)
		w->codec->compress_pages(w->codec_ctx, n, src, dst, size);
	for (i = 0; i < n; i++)
		w->prepared[of[i]].size = size[i];
	return nr;
}

/* As store_encode(), of prepared page number i. */
static void store_encode_prepared(const struct rzs_store *store, struct rzs_worker *w,
				  rzs_slot_t slot, unsigned i, struct encoded *out)
{
	const struct rzs_prepared *p = &w->prepared[i];

	out->word = p->size ? 0 : page_word(p->page);
	if (!out->word)
		encode_object(store, slot, p->page, w->ahead + i * RZS_PAGE_SIZE, p->size, out);
}

/* A page with an object of size bytes. */
static void count_object(struct rzs_counters *c, bool raw, uint32_t size, uint64_t sign)
{
	rzs_count(c, raw ? RZS_C_pages_raw : RZS_C_pages_compressed, sign);
	if (size <= RZS_PAGE_SIZE / 2)
		rzs_count(c, RZS_C_pages_good, sign);
}

void rzs_store_count_word(struct rzs_worker *w, uint64_t word, uint64_t sign)
{
	struct rzs_counters *c = &w->counters;

	switch (rzs_word_kind(word)) {
	case RZS_KIND_SAME:
	case RZS_KIND_SAME32:
		rzs_count(c, RZS_C_pages_same, sign);
		if (rzs_word_is_zero_page(word))
			rzs_count(c, RZS_C_pages_zero, sign);
		break;
	case RZS_KIND_PACKED:
	case RZS_KIND_RAW:
		count_object(c, rzs_word_kind(word) == RZS_KIND_RAW, rzs_word_size(word), sign);
		if (word & RZS_SLOT_SCANNED)
			rzs_count(c, RZS_C_pages_unshared, sign);
		if (unlikely(word & RZS_SLOT_CODEC2))
			rzs_count(c, RZS_C_pages_recompressed, sign);
		break;
	case RZS_KIND_MERGED:
		count_object(c, rzs_word_size(word) == RZS_PAGE_SIZE, rzs_word_own_size(word),
			     sign);
		if (rzs_word_is_member(word))
			rzs_count(c, RZS_C_unit_pages, sign);
		break;
	default:
		break;
	}
}

void rzs_store_unshare(struct rzs_store *store, struct rzs_worker *w, uint64_t merged_word)
{
	uint64_t id = rzs_word_share(merged_word), word;
	struct rzs_share *s = rzs_shares_at(&store->shares, id);

	if (!s) {
		rzs_count(&w->counters, RZS_C_impossible, 1);
		return;
	}
	if (rzs_word_is_member(merged_word)) {
		rzs_unit_leave(store, w, merged_word);
		return;
	}
	if (rzs_share_put(s)) {
		rzs_count(&w->counters, RZS_C_pages_sharing, (uint64_t)-1);
		rzs_count(&w->counters, RZS_C_merge_saved_bytes,
			  (uint64_t)0 - rzs_word_size(merged_word));
		return;
	}
	rzs_count(&w->counters, RZS_C_pages_shared, (uint64_t)-1);
	word = rzs_share_take_word(s);
	rzs_pool_free(&store->pool, w, RZS_OWNER_SHARE | id, word);
	rzs_share_free(&store->shares, id);
}

void rzs_store_retire(struct rzs_store *store, struct rzs_worker *w, rzs_slot_t slot,
		      uint64_t old_word, uint64_t new_word)
{
	rzs_store_count_word(w, new_word, 1);
	rzs_store_count_word(w, old_word, (uint64_t)-1);
	if (unlikely(old_word & RZS_SLOT_CODEC2) && rzs_word_since(old_word) < RZS_LOST_PASSES &&
	    rzs_word_kind(new_word) != RZS_KIND_MERGED && !(new_word & RZS_SLOT_CODEC2))
		rzs_count(&w->counters, RZS_C_recompress_lost, 1);
	if (rzs_word_is_object(old_word))
		rzs_pool_free(&store->pool, w, slot, old_word);
	else if (unlikely(rzs_word_kind(old_word) == RZS_KIND_MERGED))
		rzs_store_unshare(store, w, old_word);
}

/* Count a failed write.  Returns err. */
static int store_refused(struct rzs_worker *w, int err)
{
	if (err == -ENOSPC && rzs_spill_waits(&w->store->pool)) {
		rzs_count(&w->counters, RZS_C_writes, (uint64_t)-1); /* the caller will try again */
		return err;
	}
	rzs_count(&w->counters, RZS_C_failed_writes, 1);
	if (err == -ENOSPC)
		rzs_count(&w->counters, RZS_C_refused_limit, 1);
	else if (err == -ENOMEM)
		rzs_count(&w->counters, RZS_C_refused_reserve, 1);
	return err;
}

/*
 * There is no memory for a second copy (err says why): put the page in the place of the old one, if
 * it fits.  The slot is locked and has the word old.  Returns 0, and the slot is unlocked; or err,
 * and it is still locked.
 */
static int store_rewrite(struct rzs_store *store, struct rzs_worker *w, const struct encoded *enc,
			 uint64_t old, uint64_t *p_word, int err)
{
	if (rzs_pool_rewrite(&store->pool, w, &enc->object, enc->raw, old, p_word))
		return err;
	rzs_store_count_word(w, rzs_word_packed_or_raw(enc->raw, enc->object.size), 1);
	rzs_store_count_word(w, old, (uint64_t)-1);
	return 0;
}

/*
 * Put the object of an encoded page into the pool, if there is one, and set its word.  The slot
 * does not change.  Errors of rzs_pool_put(); -E2BIG: incompressible, and the caller has a place
 * for it.
 */
static int store_put(struct rzs_store *store, struct rzs_worker *w, rzs_slot_t slot,
		     struct encoded *enc)
{
	uint64_t sharing = rzs_load(&store->write_sharing);
	int err;

	if (enc->word)
		return 0;
	if (enc->raw && rzs_store_has_backing(store, slot))
		return -E2BIG;
	if (unlikely(sharing))
		enc->word = rzs_store_find_written(store, w, &enc->object, sharing);
	if (enc->word)
		return 0;
	err = rzs_pool_put(&store->pool, w, &enc->object, enc->raw, &enc->word);
	if (unlikely(sharing) && !err)
		enc->word |= RZS_SLOT_SCANNED; /* it is in the index, and has no twin */
	return err;
}

/* Write a page, or prepared page number `ready` if page is NULL. */
static int store_write(struct rzs_store *store, struct rzs_worker *w, rzs_slot_t slot,
		       const void *page, unsigned ready)
{
	struct encoded enc;
	uint64_t *p, old;
	int err;

	rzs_count(&w->counters, RZS_C_writes, 1);
	err = rzs_slots_get(&store->slots, slot, &p);
	if (err)
		return store_refused(w, err);
	old = rzs_load(p);
	rzs_pool_prefetch(&store->pool, old);
	if (page)
		store_encode(store, w, slot, page, &enc);
	else
		store_encode_prepared(store, w, slot, ready, &enc);
	rzs_pool_prefetch_entry(&store->pool, old);
	err = store_put(store, w, slot, &enc);
	if (err == -E2BIG)
		return err; /* not a failure: the caller stores the page elsewhere */
	if (err) {
		old = rzs_slot_lock(p);
		err = store_rewrite(store, w, &enc, old, p, err);
		if (!err)
			return 0;
		rzs_slot_unlock_unchanged(p);
		return store_refused(w, err);
	}
	old = rzs_slot_exchange(p, enc.word);
	rzs_store_retire(store, w, slot, old, enc.word);
	return 0;
}

int rzs_store_write(struct rzs_store *store, struct rzs_worker *w, rzs_slot_t slot,
		    const void *page)
{
	int err;

	if (!rzs_store_range_ok(store, slot, 1) || w->store != store)
		return -EINVAL;
	err = store_write(store, w, slot, page, 0);
	if (store->pool.wipe)
		rzs_worker_wipe(w);
	return err;
}

int rzs_store_write_prepared(struct rzs_store *store, struct rzs_worker *w, rzs_slot_t slot,
			     unsigned i)
{
	if (!rzs_store_range_ok(store, slot, 1) || w->store != store)
		return -EINVAL;
	return store_write(store, w, slot, NULL, i);
}

/*
 * The part of store_modify() under the slot's lock.  0: the slot is unlocked and has its new word.
 * On failure it is still locked and has the word old.
 */
static int modify_locked(struct rzs_store *store, struct rzs_worker *w, rzs_slot_t slot,
			 uint64_t *p_word, uint64_t old, const void *buf, uint32_t off,
			 uint32_t len)
{
	struct encoded enc;
	int err;

	if (!old && rzs_store_has_backing(store, slot))
		return -ENODATA;
	err = rzs_store_read_word(store, w, slot, old, p_word, w->page);
	if (err)
		return err; /* never -EAGAIN: the word is locked */
	if (buf)
		memcpy(w->page + off, buf, len);
	else
		memset(w->page + off, 0, len);
	store_encode(store, w, slot, w->page, &enc);
	err = store_put(store, w, slot, &enc);
	if (err == -E2BIG)
		return err;
	if (err)
		return store_rewrite(store, w, &enc, old, p_word, err);
	rzs_slot_unlock(p_word, enc.word);
	rzs_store_retire(store, w, slot, old, enc.word);
	return 0;
}

static int store_modify(struct rzs_store *store, struct rzs_worker *w, rzs_slot_t slot,
			const void *buf, uint32_t off, uint32_t len)
{
	uint64_t *p, old;
	int err;

	rzs_count(&w->counters, RZS_C_writes, 1);
	err = rzs_slots_get(&store->slots, slot, &p);
	if (err)
		return store_refused(w, err);
	old = rzs_slot_lock(p);
	err = modify_locked(store, w, slot, p, old, buf, off, len);
	if (err)
		rzs_slot_unlock_unchanged(p);
	if (err == -EINPROGRESS) /* the caller will try again */
		rzs_count(&w->counters, RZS_C_writes, (uint64_t)-1);
	if (!err || err == -E2BIG || err == -ENODATA || err == -EINPROGRESS)
		return err; /* the others are not failures: the page has a place elsewhere */
	return store_refused(w, err);
}

int rzs_store_modify(struct rzs_store *store, struct rzs_worker *w, rzs_slot_t slot,
		     const void *buf, uint32_t off, uint32_t len)
{
	int err = store_modify(store, w, slot, buf, off, len);

	if (store->pool.wipe)
		rzs_worker_wipe(w);
	return err;
}

void rzs_store_prefetch(struct rzs_store *store, rzs_slot_t slot, unsigned step)
{
	uint64_t *p = slot < store->slots.nr ? rzs_slots_lookup(&store->slots, slot) : NULL;

	if (!p)
		return;
	if (step == 0)
		__builtin_prefetch(p);
	else if (step == 1)
		rzs_pool_prefetch(&store->pool, rzs_load(p));
	else
		rzs_pool_prefetch_entry(&store->pool, rzs_load(p));
}

/* Make a slot empty and free what its word named.  Returns whether it was stored. */
static bool store_drop(struct rzs_store *store, struct rzs_worker *w, rzs_slot_t slot,
		       uint64_t *p_word)
{
	uint64_t old = rzs_load(p_word) ? rzs_slot_exchange(p_word, 0) : 0;

	if (!old)
		return false;
	rzs_store_retire(store, w, slot, old, 0);
	return true;
}

int rzs_store_discard(struct rzs_store *store, struct rzs_worker *w, rzs_slot_t slot, uint64_t nr)
{
	uint64_t *p, run, i;

	if (!rzs_store_range_ok(store, slot, nr) || w->store != store)
		return -EINVAL;
	for (; nr; nr -= run, slot += run) {
		run = rzs_slots_in_chunk(slot, nr);
		p = rzs_slots_lookup(&store->slots, slot);
		for (i = 0; p && i < run; i++)
			if (store_drop(store, w, slot + i, p + i))
				rzs_count(&w->counters, RZS_C_discards, 1);
	}
	return 0;
}

int rzs_store_try_discard(struct rzs_store *store, unsigned hint, rzs_slot_t slot)
{
	struct rzs_worker *w;
	uint64_t *p, old;
	int err = 0;

	if (!rzs_store_range_ok(store, slot, 1))
		return -EINVAL;
	p = rzs_slots_lookup(&store->slots, slot);
	if (!p || !rzs_load(p))
		return 0;
	w = rzs_worker_tryget(store, hint);
	if (!w)
		return -EAGAIN;
	if (!rzs_slot_try_exchange(p, 0, &old)) {
		err = -EAGAIN;
	} else if (old) {
		rzs_count(&w->counters, RZS_C_discards, 1);
		rzs_store_retire(store, w, slot, old, 0);
	}
	rzs_worker_put(store, w);
	return err;
}

int rzs_store_forget(struct rzs_store *store, struct rzs_worker *w, rzs_slot_t slot)
{
	uint64_t *p;

	if (!rzs_store_range_ok(store, slot, 1) || w->store != store)
		return -EINVAL;
	p = rzs_slots_lookup(&store->slots, slot);
	if (p)
		(void)store_drop(store, w, slot, p);
	return 0;
}

bool rzs_store_relocate(void *arg, rzs_owner_t owner, uint64_t old, uint64_t new)
{
	struct rzs_store *store = arg;
	uint64_t *p, word;

	if (owner & RZS_OWNER_SHARE) {
		struct rzs_share *s = rzs_shares_at(&store->shares, owner & ~RZS_OWNER_SHARE);

		p = s ? &s->word : NULL;
	} else {
		p = owner < store->slots.nr ? rzs_slots_lookup(&store->slots, owner) : NULL;
	}
	if (!p)
		return false;
	word = rzs_load(p);
	if (word & RZS_SLOT_LOCK || !rzs_word_same_object(word, old))
		return false;
	return rzs_cas(p, &word, rzs_word_moved(word, new));
}

int rzs_store_compact(struct rzs_store *store, struct rzs_worker *w, uint64_t max_objects,
		      uint64_t *out_blocks, bool *out_more)
{
	int err;

	*out_blocks = 0;
	*out_more = false;
	if (w->store != store)
		return -EINVAL;
	err = rzs_pool_compact(&store->pool, w, rzs_store_relocate, store, max_objects, out_blocks,
			       out_more);
	if (store->pool.wipe)
		rzs_worker_wipe(w);
	return err;
}
