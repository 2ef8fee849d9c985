/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store: reading pages, and finding their objects.
 *
 * The object that a word names is copied under its block's lock, after the word was loaded once
 * more: while it names the object, the object is there.  Everything else happens without locks.
 *
 * Circle: unit reads pages of units for this file, which finds the object for it.
 */
#include "store.h"
#include "hash.h"
#include "samefill.h"
#include "sealed.h"
#include "unit.h"

static int store_corrupt(struct rzs_worker *w)
{
	rzs_count(&w->counters, RZS_C_corrupt, 1);
	return -EIO;
}

/* Verify and decompress the object in w->in, which word names. */
static int decode_packed(const struct rzs_store *store, struct rzs_worker *w,
			 const struct rzs_object *o, uint64_t word, void *page)
{
	if (store->checksum && (uint32_t)rzs_hash64(w->in, o->size, 0) != o->sum)
		return store_corrupt(w);
	if (unlikely(word & RZS_SLOT_CODEC2))
		return !w->codec2 || w->codec2->decompress(w->codec2_ctx, w->in, o->size, page)
			       ? store_corrupt(w)
			       : 0;
	return w->codec->decompress(w->codec_ctx, w->in, o->size, page) ? store_corrupt(w) : 0;
}

/* Verify a raw object, which is in page already. */
static int check_raw(const struct rzs_store *store, struct rzs_worker *w,
		     const struct rzs_object *o, const void *page)
{
	if (store->checksum && ((rzs_hash64(page, RZS_PAGE_SIZE, 0) ^ o->sum) & RZS_SUM24_MASK))
		return store_corrupt(w);
	return 0;
}

static bool slot_has(uint64_t *p_word, uint64_t word)
{
	return rzs_word_stable(rzs_load(p_word)) == rzs_word_stable(word);
}

/*
 * The object of a merged page.  While the slot names the share, the share is in use, so its word
 * names an object; but compaction may move that one meanwhile.
 */
static int shared_begin(struct rzs_store *store, struct rzs_worker *w, uint64_t word,
			uint64_t *p_word, struct rzs_object *out, uint64_t *out_word)
{
	uint64_t id = rzs_word_share(word);
	struct rzs_share *s = rzs_shares_at(&store->shares, id);
	int err;

	memset(out, 0, sizeof(*out));
	do {
		*out_word = s ? rzs_load(&s->word) : 0;
		err = -EIO;
		if (*out_word)
			err = rzs_pool_read_begin(&store->pool, w, RZS_OWNER_SHARE | id, *out_word,
						  &s->word, out);
		if (!slot_has(p_word, word)) {
			if (!err)
				rzs_pool_read_end(&store->pool, *out_word);
			return -EAGAIN;
		}
	} while (err == -EAGAIN);
	if (!*out_word)
		rzs_count(&w->counters, RZS_C_impossible, 1);
	return err;
}

int rzs_store_object_begin(struct rzs_store *store, struct rzs_worker *w, rzs_slot_t slot,
			   uint64_t word, uint64_t *p_word, struct rzs_object *out,
			   uint64_t *out_word)
{
	*out_word = word;
	if (rzs_word_is_object(word))
		return rzs_pool_read_begin(&store->pool, w, slot, word, p_word, out);
	if (rzs_word_kind(word) == RZS_KIND_MERGED)
		return shared_begin(store, w, word, p_word, out, out_word);
	memset(out, 0, sizeof(*out));
	if (rzs_word_kind(word) != RZS_KIND_LOST)
		rzs_count(&w->counters, RZS_C_impossible, 1);
	return -EIO;
}

/*
 * As rzs_store_read_word(), of an object in a sealed block.  -EINPROGRESS: it is elsewhere;
 * -ENOENT: the block is not a sealed one any more.
 */
static int read_sealed(struct rzs_store *store, struct rzs_worker *w, rzs_slot_t slot,
		       uint64_t word, uint64_t *p_word, void *page)
{
	bool raw = rzs_word_kind(word) == RZS_KIND_RAW;
	struct rzs_object o;
	int err;

	err = rzs_sealed_read(&store->pool, w, slot, word, p_word, raw ? page : w->in, &o);
	if (err)
		return err == -EIO ? store_corrupt(w) : err;
	return raw ? check_raw(store, w, &o, page) : decode_packed(store, w, &o, word, page);
}

int rzs_store_read_word(struct rzs_store *store, struct rzs_worker *w, rzs_slot_t slot,
			uint64_t word, uint64_t *p_word, void *page)
{
	struct rzs_object o;
	uint64_t object;
	bool raw;
	int err;

	if (rzs_word_kind(word) == RZS_KIND_EMPTY) {
		memset(page, 0, RZS_PAGE_SIZE);
		return 0;
	}
	if (rzs_word_is_same(word)) {
		rzs_page_fill(page, rzs_word_same_value(word));
		return 0;
	}
	if (unlikely(rzs_word_is_member(word)))
		return rzs_unit_read(store, w, slot, word, p_word, page);
	while (unlikely((err = rzs_store_object_begin(store, w, slot, word, p_word, &o, &object)) ==
			-EINPROGRESS)) {
		err = read_sealed(store, w, slot, word, p_word, page);
		if (err != -ENOENT) /* it has become an ordinary block, and the word is the same */
			return err;
	}
	if (err)
		return err == -EAGAIN ? err : store_corrupt(w);
	raw = rzs_word_kind(object) == RZS_KIND_RAW;
	/* Copy under the block's lock; verify and decompress without it. */
	memcpy(raw ? page : w->in, o.data, o.size);
	rzs_pool_read_end(&store->pool, object);
	return raw ? check_raw(store, w, &o, page) : decode_packed(store, w, &o, object, page);
}

static int store_read(struct rzs_store *store, struct rzs_worker *w, rzs_slot_t slot, void *page)
{
	uint64_t *p = rzs_slots_lookup(&store->slots, slot), word;
	int err;

	do {
		word = p ? rzs_load(p) : 0;
		if (!rzs_word_stable(word) && rzs_store_has_backing(store, slot))
			return -ENODATA;
		err = rzs_store_read_word(store, w, slot, word, p, page);
	} while (err == -EAGAIN);
	if (unlikely(word & RZS_SLOT_IDLE))
		rzs_slot_touch(p);
	return err;
}

int rzs_store_read(struct rzs_store *store, struct rzs_worker *w, rzs_slot_t slot, void *page)
{
	int err;

	if (!rzs_store_range_ok(store, slot, 1) || w->store != store)
		return -EINVAL;
	err = store_read(store, w, slot, page);
	if (unlikely(err == -ENODATA || err == -EINPROGRESS))
		return err; /* neither a read nor a failure */
	rzs_count(&w->counters, RZS_C_reads, 1);
	if (err)
		rzs_count(&w->counters, RZS_C_failed_reads, 1);
	if (store->pool.wipe && page != w->page)
		rzs_worker_wipe(w);
	return err;
}
