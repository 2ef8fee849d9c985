/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Gathering: move objects that are to go to disk to sealed blocks of their own.
 *
 * An object is copied under its block's lock and put into the block that is being filled.  Then,
 * under the lock of the old one again, the old bytes are compared with the copy, since a word may
 * come back with other contents after two writes, and a compare-and-swap changes the word.  Whoever
 * reads, writes, drops or moves the page meanwhile has changed the word, and the copy is dropped.
 *
 * The memory of blocks that are filled is the transfers' own, so gathering needs none, and frees
 * some, when there is none.
 *
 * Concurrency: one thread at a time (spill.h).  Calls go one way: this file calls spill_out.c,
 * idle.c and the pool.
 */
#include "idle.h"
#include "sealed.h"

struct gather {
	struct rzs_store *store;
	struct rzs_worker *w;
	const struct rzs_spill_policy *policy;
};

/* ---- the blocks that are being filled ---- */

/* Make an empty sealed block with the memory of a claimed transfer. */
static void make_block(struct gather *g, bool raw, unsigned number, uint32_t id, uint32_t place)
{
	struct rzs_pool *p = &g->store->pool;
	struct rzs_transfer *t = &p->spill->transfers[number];
	struct rzs_block *b = rzs_pool_block(p, id);
	unsigned i;

	rzs_lock(&b->lock);
	b->type = raw ? RZS_BLOCK_SEALED_PAGES : RZS_BLOCK_SEALED_PACKED;
	b->shard = (uint8_t)(g->w->index % p->nr_shards);
	b->transfer = number + 1;
	b->place = place;
	if (raw)
		for (i = 0; i < RZS_PAGES_PER_BLOCK; i++)
			rzs_block_set_owner(b, i, RZS_SLOT_NONE);
	else
		rzs_packed_init(&b->packed);
	for (i = 0; !raw && i < RZS_SEALED_OBJECTS / 32; i++)
		b->live[i] = 0;
	rzs_set32(&b->mem, t->mem);
	rzs_unlock(&b->lock);
	t->id = id;
	rzs_add(&p->blocks_held, 1);
	rzs_add(&p->spill->held, (uint64_t)-1);
	p->spill->open[raw] = number + 1;
}

/* Begin a block.  Errors of rzs_spill_gather(). */
static int begin_block(struct gather *g, bool raw)
{
	struct rzs_pool *p = &g->store->pool;
	uint32_t place, id;
	unsigned number;
	int err;

	err = rzs_spill_claim_out(p, &number);
	if (err)
		return err;
	err = rzs_place_take(p->spill, &place) ? 0 : -ENOSPC;
	if (!err)
		err = rzs_pool_new_id(p, &id);
	if (err) {
		rzs_place_free(p->spill, place);
		rzs_spill_release(p->spill, number);
		return err;
	}
	make_block(g, raw, number, id, place);
	return 0;
}

/* The block is full, or full enough. */
static void end_block(struct rzs_spill *s, bool raw)
{
	rzs_lock(&s->lock);
	s->transfers[s->open[raw] - 1].state = RZS_TRANSFER_READY;
	rzs_unlock(&s->lock);
	s->open[raw] = 0;
}

/* Put an object into a locked block; false: it does not fit. */
static bool gather_raw(struct gather *g, uint32_t id, struct rzs_block *b,
		       const struct rzs_object *o, uint64_t *out_word)
{
	uint32_t i;

	for (i = 0; i < RZS_PAGES_PER_BLOCK; i++) {
		if (rzs_sealed_live(b, i))
			continue;
		memcpy(rzs_block_mem(&g->store->pool, b) + i * RZS_PAGE_SIZE, o->data, o->size);
		rzs_block_set_owner(b, i, o->owner);
		*out_word = rzs_word_raw(id, i, o->sum);
		return true;
	}
	return false;
}

static bool gather_packed(struct gather *g, uint32_t id, struct rzs_block *b,
			  const struct rzs_object *o, uint64_t *out_word)
{
	struct rzs_pool *p = &g->store->pool;
	uint32_t index, slid;

	/* Its directory has no free entries, so there is never a slide. */
	if (b->packed.ndir == RZS_SEALED_OBJECTS ||
	    rzs_packed_put(&b->packed, rzs_block_mem(p, b), o->owner, o->data, o->size, o->sum,
			   rzs_blocks_at(p->blocks, g->w->spare), &g->w->scratch, &index, &slid))
		return false;
	rzs_count(&g->w->counters, RZS_C_object_meta_bytes, sizeof(struct rzs_entry));
	b->live[index / 32] |= 1u << index % 32;
	*out_word = rzs_word_packed(id, index, o->size);
	return true;
}

/* Put an object into the block that is being filled.  Errors of rzs_spill_gather(). */
static int gather_put(struct gather *g, bool raw, const struct rzs_object *o, uint64_t *out_word)
{
	struct rzs_pool *p = &g->store->pool;
	struct rzs_block *b;
	bool done = false;
	uint32_t id;
	int err;

	*out_word = 0;
	while (!done) {
		err = p->spill->open[raw] ? 0 : begin_block(g, raw);
		if (err)
			return err;
		id = p->spill->transfers[p->spill->open[raw] - 1].id;
		b = rzs_pool_block(p, id);
		rzs_lock(&b->lock);
		done = raw ? gather_raw(g, id, b, o, out_word)
			   : gather_packed(g, id, b, o, out_word);
		rzs_unlock(&b->lock);
		if (!done)
			end_block(p->spill, raw);
	}
	rzs_count(&g->w->counters, RZS_C_object_bytes, o->size);
	return 0;
}

/* ---- pages in memory ---- */

static bool gather_wants(const struct gather *g, uint64_t word, unsigned age)
{
	if (!rzs_word_is_object(word) || word & RZS_SLOT_LOCK)
		return false;
	if (g->policy->raw && rzs_word_kind(word) == RZS_KIND_RAW)
		return true;
	return (word & RZS_SLOT_IDLE ? age & RZS_AGE_MASK : 0) >= g->policy->min_age;
}

/* Let the page's word name the copy at new, if its object has these bytes still. */
static void gather_publish(struct gather *g, rzs_slot_t slot, uint64_t *p, uint64_t word,
			   const void *bytes, uint64_t new)
{
	struct rzs_pool *pool = &g->store->pool;
	struct rzs_object o;
	uint64_t seen = word;
	bool done = false;

	if (!rzs_pool_read_begin(pool, g->w, slot, word, p, &o)) {
		done = memcmp(o.data, bytes, o.size) == 0 &&
		       rzs_cas(p, &seen, rzs_word_moved(word, new));
		rzs_pool_read_end(pool, word);
	}
	if (done)
		rzs_count(&g->w->counters, RZS_C_spill_gathered_bytes, o.size);
	rzs_pool_free(pool, g->w, slot, done ? rzs_word_stable(word) : new);
}

static int gather_page(struct gather *g, rzs_slot_t slot, uint64_t *p, uint64_t word)
{
	bool raw = rzs_word_kind(word) == RZS_KIND_RAW;
	struct rzs_object o;
	uint64_t new;
	int err;

	/* An error: the page has changed, is in a sealed block already, or is damaged. */
	if (rzs_pool_read_begin(&g->store->pool, g->w, slot, word, p, &o))
		return 0;
	memcpy(g->w->in, o.data, o.size);
	rzs_pool_read_end(&g->store->pool, word);
	o.data = g->w->in;
	err = gather_put(g, raw, &o, &new);
	if (!err)
		gather_publish(g, slot, p, word, g->w->in, new);
	return err;
}

/* One run of slots; *out_nr: how many were looked at. */
static int gather_run(struct gather *g, const struct rzs_walk *run, uint64_t *out_nr)
{
	uint64_t i, word;
	int err = 0;

	for (i = 0; run->words && i < run->nr; i++) {
		word = rzs_load(run->words + i);
		if (gather_wants(g, word, run->ages[i]))
			err = gather_page(g, run->slot + i, run->words + i, word);
		if (err)
			break;
	}
	*out_nr = run->words ? i : run->nr;
	return err;
}

int rzs_spill_gather(struct rzs_store *store, struct rzs_worker *w,
		     const struct rzs_spill_policy *policy, uint64_t nr, bool *out_done)
{
	struct gather g = {store, w, policy};
	struct rzs_spill *s = store->pool.spill;
	uint64_t looked, cost;
	struct rzs_walk run;
	unsigned raw;
	int err = 0;

	*out_done = false;
	if (!rzs_spill_is_open(store, w) || !store->ages)
		return -EINVAL;
	for (; nr && !*out_done && !err; nr -= cost) {
		*out_done = rzs_idle_walk(store, &s->gather_at, nr, false, &run);
		err = gather_run(&g, &run, &looked);
		cost = run.words ? run.nr : 1;
		if (err) {
			s->gather_at = run.slot + looked;
			*out_done = false;
		}
	}
	for (raw = 0; policy->flush && raw < 2; raw++)
		if (s->open[raw])
			end_block(s, raw);
	if (store->pool.wipe)
		rzs_worker_wipe(w);
	return err;
}

/* ---- what is left of a block on disk ---- */

/*
 * Copy object i of a block that a transfer has loaded.  *out_word: its word; 0: it is not in use.
 * Errors of rzs_spill_rewrite().
 */
static int copy_loaded(struct gather *g, uint32_t id, uint32_t i, struct rzs_object *o,
		       uint64_t *out_word)
{
	struct rzs_pool *p = &g->store->pool;
	struct rzs_block *b = rzs_pool_block(p, id);
	uint8_t *bytes;
	int err = 0;

	*out_word = 0;
	rzs_lock(&b->lock);
	bytes = rzs_sealed_bytes(p, b);
	if (i < rzs_sealed_nr(b) && rzs_sealed_live(b, i)) {
		err = bytes ? rzs_sealed_object(b, bytes, i, o) : -EIO;
		if (!err) {
			memcpy(g->w->in, o->data, o->size);
			o->data = g->w->in;
			*out_word = b->type & RZS_BLOCK_PACKED ? rzs_word_packed(id, i, o->size)
							       : rzs_word_raw(id, i, 0);
		}
	}
	rzs_unlock(&b->lock);
	return err;
}

int rzs_spill_rewrite(struct rzs_store *store, struct rzs_worker *w, unsigned number)
{
	struct gather g = {store, w, NULL};
	struct rzs_pool *p = &store->pool;
	uint32_t id = p->spill->transfers[number].id, i;
	struct rzs_object o;
	uint64_t word, new;
	int err = 0;

	for (i = 0; id && i < RZS_SEALED_OBJECTS && !err; i++) {
		err = copy_loaded(&g, id, i, &o, &word);
		if (err || !word)
			continue;
		err = gather_put(&g, rzs_word_kind(word) == RZS_KIND_RAW, &o, &new);
		/* The block is held: a word that names an object of it means this one. */
		if (!err)
			rzs_pool_free(p, w, o.owner,
				      rzs_store_relocate(store, o.owner, word, new) ? word : new);
	}
	if (p->wipe)
		rzs_worker_wipe(w);
	return err;
}
