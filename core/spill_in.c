/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tickets of blocks that come from disk: for readers, and to make places free.  See spill.h and
 * sealed.h.
 *
 * A buffer is for a block while that has its number, even when nobody holds it any more: so it may
 * serve another page.  It leaves the block for another one, when the block is empty, or after a
 * failure.
 *
 * Calls go one way: this file calls sealed.c and the pool's parts.
 */
#include "sealed.h"
#include "store.h"

/* ---- buffers ---- */

/*
 * Take the buffer away from the block that it was for, if nobody wants it meanwhile; the caller
 * holds it.  Returns whether it did; else the caller does not hold it any more.
 */
static bool in_evict(struct rzs_pool *p, unsigned number)
{
	struct rzs_transfer *t = &p->spill->transfers[number];
	bool empty, done, has;
	struct rzs_block *b;
	uint32_t id;

	rzs_lock(&p->spill->lock);
	id = t->id;
	rzs_unlock(&p->spill->lock);
	if (!id)
		return true;
	b = rzs_pool_block(p, id);
	rzs_lock(&b->lock);
	rzs_lock(&p->spill->lock);
	done = t->holds == 1;
	has = done && t->id == id; /* else somebody has held it, and restored its block */
	if (done)
		t->id = 0;
	else
		t->holds--;
	rzs_unlock(&p->spill->lock);
	if (has)
		b->transfer = 0;
	empty = has && rzs_sealed_empty(b);
	if (empty)
		rzs_sealed_free(p, id, b);
	else
		rzs_unlock(&b->lock);
	return done;
}

/* A buffer that nobody holds, held by the caller and of no block.  -EAGAIN: there is none. */
static int in_claim(struct rzs_pool *p, unsigned *out)
{
	struct rzs_spill *s = p->spill;
	unsigned nr = s->nr - s->nr_out, i, number = 0;
	bool found;

	for (i = 0; i < nr; i++) {
		rzs_lock(&s->lock);
		number = s->nr_out + s->hand;
		s->hand = (s->hand + 1) % nr;
		found = !s->transfers[number].holds;
		if (found)
			s->transfers[number].holds = 1;
		if (found && s->transfers[number].state == RZS_TRANSFER_FREE)
			s->transfers[number].id = 0;
		rzs_unlock(&s->lock);
		if (found && in_evict(p, number)) {
			*out = number;
			return 0;
		}
	}
	*out = 0;
	return -EAGAIN;
}

/* Give back a buffer that in_claim() has got, and that has no block. */
static void in_unclaim(struct rzs_spill *s, unsigned number)
{
	rzs_lock(&s->lock);
	s->transfers[number].state = RZS_TRANSFER_FREE;
	s->transfers[number].holds = 0;
	rzs_unlock(&s->lock);
}

static void in_ticket(struct rzs_pool *p, unsigned number, const struct rzs_block *b, bool start,
		      struct rzs_spill_ticket *out)
{
	out->number = number;
	out->start = start;
	out->place = b->place;
	out->bytes = rzs_blocks_at(p->blocks, p->spill->transfers[number].mem);
}

/* Let a claimed buffer be for a locked block. */
static void in_attach(struct rzs_pool *p, unsigned number, uint32_t id, struct rzs_block *b,
		      struct rzs_spill_ticket *out)
{
	struct rzs_transfer *t = &p->spill->transfers[number];

	rzs_lock(&p->spill->lock);
	t->id = id;
	t->state = RZS_TRANSFER_BUSY;
	rzs_unlock(&p->spill->lock);
	b->transfer = number + 1;
	in_ticket(p, number, b, true, out);
}

/* Hold the buffer that a locked block has.  false: it has none. */
static bool in_hold(struct rzs_pool *p, struct rzs_block *b, struct rzs_spill_ticket *out)
{
	if (!b->transfer)
		return false;
	rzs_lock(&p->spill->lock);
	p->spill->transfers[b->transfer - 1].holds++;
	rzs_unlock(&p->spill->lock);
	in_ticket(p, b->transfer - 1, b, false, out);
	return true;
}

/* ---- readers ---- */

/*
 * Lock the block of the page, if it is on disk; NULL: it is not, and nothing is locked.
 */
static struct rzs_block *lock_away(struct rzs_store *store, rzs_slot_t slot, uint32_t *out_id)
{
	uint64_t *p = rzs_slots_lookup(&store->slots, slot), word = p ? rzs_load(p) : 0;
	struct rzs_block *b;

	*out_id = rzs_word_is_object(word) ? rzs_word_block(word) : 0;
	if (!*out_id || *out_id >= rzs_load(&store->pool.next_id))
		return NULL;
	b = rzs_pool_block(&store->pool, *out_id);
	rzs_lock(&b->lock);
	if (rzs_word_stable(rzs_load(p)) == rzs_word_stable(word) && !b->mem &&
	    rzs_sealed_has(&store->pool, b, slot, word))
		return b;
	rzs_unlock(&b->lock);
	return NULL;
}

int rzs_spill_want(struct rzs_store *store, struct rzs_worker *w, rzs_slot_t slot,
		   struct rzs_spill_ticket *out)
{
	struct rzs_pool *p = &store->pool;
	struct rzs_block *b;
	unsigned number;
	uint32_t id;
	int err;

	memset(out, 0, sizeof(*out));
	if (!rzs_spill_is_open(store, w) || !rzs_store_range_ok(store, slot, 1))
		return -EINVAL;
	b = lock_away(store, slot, &id);
	if (!b)
		return -ENOENT;
	if (in_hold(p, b, out)) {
		rzs_unlock(&b->lock);
		return 0;
	}
	rzs_unlock(&b->lock); /* a buffer may have to leave another block first */
	err = in_claim(p, &number);
	if (err)
		return err;
	b = lock_away(store, slot, &id);
	if (b && !in_hold(p, b, out)) {
		in_attach(p, number, id, b, out);
		rzs_unlock(&b->lock);
		return 0;
	}
	if (b)
		rzs_unlock(&b->lock);
	in_unclaim(p->spill, number);
	return b ? 0 : -ENOENT;
}

void rzs_spill_loaded(struct rzs_store *store, struct rzs_worker *w, unsigned number, int result)
{
	struct rzs_pool *p = &store->pool;
	struct rzs_transfer *t = &p->spill->transfers[number];
	struct rzs_block *b = rzs_pool_block(p, t->id);
	bool good = !result;

	rzs_lock(&b->lock);
	if (good)
		good = b->seal ==
		       rzs_sealed_hash(b, rzs_blocks_at(p->blocks, t->mem), store->checksum);
	rzs_lock(&p->spill->lock);
	t->state = good ? RZS_TRANSFER_LOADED : RZS_TRANSFER_FAILED;
	rzs_unlock(&p->spill->lock);
	rzs_unlock(&b->lock);
	rzs_count(&w->counters, good ? RZS_C_spill_reads : RZS_C_spill_failed, 1);
}

/* A holder less.  Returns the block that the buffer has to leave now, 0: none. */
static uint32_t in_put(struct rzs_spill *s, struct rzs_transfer *t, uint32_t id, bool empty)
{
	bool last;

	rzs_lock(&s->lock);
	last = --t->holds == 0;
	if (last && !t->id)
		t->state = RZS_TRANSFER_FREE;
	last = last && id && t->id == id && (empty || t->state == RZS_TRANSFER_FAILED);
	if (last) {
		t->state = RZS_TRANSFER_FREE;
		t->id = 0;
	}
	rzs_unlock(&s->lock);
	return last ? id : 0;
}

void rzs_spill_put(struct rzs_store *store, struct rzs_worker *w, unsigned number)
{
	struct rzs_pool *p = &store->pool;
	struct rzs_transfer *t = &p->spill->transfers[number];
	struct rzs_block *b;
	uint32_t id;
	bool empty;

	(void)w;
	rzs_lock(&p->spill->lock);
	id = t->id;
	rzs_unlock(&p->spill->lock);
	if (!id) { /* rzs_spill_restore() has taken its block */
		(void)in_put(p->spill, t, 0, false);
		return;
	}
	/* If it is taken only now, this block may be another one: in_put() looks again. */
	b = rzs_pool_block(p, id);
	rzs_lock(&b->lock);
	empty = b->type & RZS_BLOCK_SEALED && rzs_sealed_empty(b);
	if (!in_put(p->spill, t, id, empty)) {
		rzs_unlock(&b->lock);
		return;
	}
	b->transfer = 0;
	if (empty)
		rzs_sealed_free(p, id, b);
	else
		rzs_unlock(&b->lock);
}

/* ---- making places free ---- */

/* A locked block of this id: whether it is on disk and has few objects left. */
static bool is_sparse(const struct rzs_block *b, unsigned percent)
{
	return b->type & RZS_BLOCK_SEALED && !b->mem && !rzs_sealed_empty(b) &&
	       rzs_sealed_nr_live(b) * 100 <= rzs_sealed_nr(b) * percent;
}

/* The next block to look at; 0: all were looked at. */
static uint32_t collect_next(struct rzs_pool *p)
{
	if (p->spill->collect_at < rzs_load(&p->next_id))
		return (uint32_t)p->spill->collect_at++;
	p->spill->collect_at = 1;
	return 0;
}

int rzs_spill_collect(struct rzs_store *store, struct rzs_worker *w, unsigned percent, uint64_t nr,
		      struct rzs_spill_ticket *out, bool *out_done)
{
	struct rzs_pool *p = &store->pool;
	struct rzs_block *b;
	bool mine = false, found = false;
	unsigned number;
	uint32_t id;
	int err;

	memset(out, 0, sizeof(*out));
	*out_done = false;
	if (!rzs_spill_is_open(store, w))
		return -EINVAL;
	err = in_claim(p, &number);
	if (err)
		return err;
	for (; nr && !found && !*out_done; nr--) {
		id = collect_next(p);
		*out_done = !id;
		if (!id)
			break;
		b = rzs_pool_block(p, id);
		rzs_lock(&b->lock);
		found = is_sparse(b, percent);
		mine = found && !in_hold(p, b, out);
		if (mine)
			in_attach(p, number, id, b, out);
		rzs_unlock(&b->lock);
	}
	if (!mine)
		in_unclaim(p->spill, number);
	return found ? 0 : -ENOENT;
}

/* The block gets the buffer's memory, and the buffer another.  Locked; unlocks it. */
static void in_keep(struct rzs_pool *p, struct rzs_worker *w, unsigned number, struct rzs_block *b,
		    uint32_t fresh)
{
	struct rzs_transfer *t = &p->spill->transfers[number];
	uint32_t place = b->place, id = t->id;

	rzs_sealed_count(b, w, rzs_blocks_at(p->blocks, t->mem), (uint64_t)-1);
	rzs_set32(&b->mem, t->mem);
	b->transfer = 0;
	rzs_lock(&p->spill->lock);
	t->mem = fresh;
	t->id = 0;
	rzs_unlock(&p->spill->lock);
	rzs_add(&p->blocks_held, 1);
	rzs_sealed_open(p, w, id, b);
	rzs_place_free(p->spill, place);
}

int rzs_spill_restore(struct rzs_store *store, struct rzs_worker *w, unsigned number)
{
	struct rzs_pool *p = &store->pool;
	struct rzs_transfer *t = &p->spill->transfers[number];
	struct rzs_block *b;
	bool limit, loaded;
	uint32_t fresh;

	if (!t->id)
		return 0; /* it was done with another ticket of the block */
	rzs_lock(&p->spill->lock);
	loaded = t->state == RZS_TRANSFER_LOADED;
	rzs_unlock(&p->spill->lock);
	if (!loaded)
		return -EIO;
	fresh = rzs_blocks_take(p->blocks, &limit);
	if (!fresh)
		return limit ? -ENOSPC : -ENOMEM;
	b = rzs_pool_block(p, t->id);
	rzs_lock(&b->lock);
	if (!rzs_sealed_empty(b)) {
		in_keep(p, w, number, b, fresh);
		return 0;
	}
	rzs_unlock(&b->lock); /* rzs_spill_put() frees it */
	rzs_blocks_give(p->blocks, fresh);
	return 0;
}
