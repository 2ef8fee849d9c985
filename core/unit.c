/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Units: reading a page of one, and freeing one.  See unit.h. */
#include "unit.h"
#include "hash.h"

static uint64_t *freed_of(struct rzs_store *store, uint64_t share)
{
	return &store->units_freed[share % RZS_UNITS_FREED];
}

static int unit_corrupt(struct rzs_worker *w)
{
	rzs_count(&w->counters, RZS_C_corrupt, 1);
	return -EIO;
}

/* Decompress the object o, which is in w->in and is that of a unit of nr pages, into w->unit. */
static int unit_decode(const struct rzs_store *store, struct rzs_worker *w,
		       const struct rzs_object *o, uint32_t nr)
{
	w->unit_pages = 0;
	if (!w->unit || (store->checksum && (uint32_t)rzs_hash64(w->in, o->size, 0) != o->sum))
		return unit_corrupt(w);
	w->unit_pages = nr; /* even after an error it is to be wiped */
	w->unit_share = UINT64_MAX;
	return w->codec2->decompress_unit(w->codec2_ctx, w->in, o->size, nr, w->unit)
		       ? unit_corrupt(w)
		       : 0;
}

/* Find the unit that word names and decompress it.  Errors of rzs_store_read_word(). */
static int unit_fetch(struct rzs_store *store, struct rzs_worker *w, rzs_slot_t slot, uint64_t word,
		      uint64_t *p_word)
{
	uint64_t share = rzs_word_share(word), freed = rzs_load(freed_of(store, share)), object;
	struct rzs_object o;
	int err = rzs_store_object_begin(store, w, slot, word, p_word, &o, &object);

	if (err)
		return err == -EAGAIN ? err : unit_corrupt(w);
	memcpy(w->in, o.data, o.size);
	rzs_pool_read_end(&store->pool, object);
	if (!rzs_word_fits_share(word, object)) {
		rzs_count(&w->counters, RZS_C_impossible, 1);
		return unit_corrupt(w);
	}
	err = unit_decode(store, w, &o, rzs_word_unit_pages(object));
	if (err)
		return err;
	w->unit_share = share;
	w->unit_freed = freed;
	return 0;
}

int rzs_unit_read(struct rzs_store *store, struct rzs_worker *w, rzs_slot_t slot, uint64_t word,
		  uint64_t *p_word, void *page)
{
	uint64_t share = rzs_word_share(word);
	uint32_t place = rzs_word_place(word);
	int err;

	/* The caller has loaded word before this looks at the count. */
	if (place < w->unit_pages && w->unit_share == share &&
	    w->unit_freed == rzs_load(freed_of(store, share))) {
		rzs_count(&w->counters, RZS_C_unit_hits, 1);
	} else {
		err = unit_fetch(store, w, slot, word, p_word);
		if (err)
			return err;
	}
	rzs_count(&w->counters, RZS_C_unit_reads, 1);
	memcpy(page, w->unit + place * (size_t)RZS_PAGE_SIZE, RZS_PAGE_SIZE);
	return 0;
}

/* Nobody uses the unit any more. */
static void unit_free(struct rzs_store *store, struct rzs_worker *w, uint64_t share,
		      struct rzs_share *s)
{
	uint64_t word = rzs_share_take_word(s);

	rzs_count(&w->counters, RZS_C_units, (uint64_t)-1);
	rzs_count(&w->counters, RZS_C_unit_dead_pages, (uint64_t)0 - rzs_word_unit_pages(word));
	rzs_pool_free(&store->pool, w, RZS_OWNER_SHARE | share, word);
	rzs_add(freed_of(store, share), 1); /* before somebody else can get the number */
	rzs_share_free(&store->shares, share);
}

void rzs_unit_leave(struct rzs_store *store, struct rzs_worker *w, uint64_t word)
{
	uint64_t share = rzs_word_share(word);
	struct rzs_share *s = rzs_shares_at(&store->shares, share);

	rzs_count(&w->counters, RZS_C_unit_dead_pages, 1);
	if (!rzs_share_put(s))
		unit_free(store, w, share, s);
}
