/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opening, and the tickets of blocks on their way to disk: spill.h is what callers see, sealed.h
 * what a sealed block is.  A ticket is the number of a transfer.  spill_gather.c fills blocks, and
 * spill_in.c brings them back.
 *
 * Calls go one way: this file calls sealed.c and the pool's parts.
 */
#include "sealed.h"
#include "store.h"

#define LEAST_WRITES 3u

/* ---- opening and closing ---- */

static uint64_t places_bytes(uint32_t nr)
{
	return ((uint64_t)nr + 63) / 64 * sizeof(uint64_t);
}

static uint64_t transfers_bytes(unsigned nr)
{
	return nr * sizeof(struct rzs_transfer);
}

void rzs_spill_fini(struct rzs_pool *p, bool wipe)
{
	struct rzs_spill *s = p->spill;
	unsigned i;

	if (!s)
		return;
	for (i = 0; wipe && s->transfers && i < s->nr; i++)
		if (s->transfers[i].mem)
			rzs_port_wipe(rzs_blocks_at(p->blocks, s->transfers[i].mem),
				      RZS_BLOCK_SIZE);
	if (s->transfers)
		rzs_port_free(s->transfers, transfers_bytes(s->nr));
	if (s->places)
		rzs_port_free(s->places, places_bytes(s->nr_places));
	rzs_port_free(s, sizeof(*s));
	p->spill = NULL;
}

/* Give a transfer memory, if it has none.  -ENOSPC, -ENOMEM as the data calls. */
static int transfer_fill(struct rzs_pool *p, struct rzs_transfer *t)
{
	bool limit;

	if (t->mem)
		return 0;
	t->mem = rzs_blocks_take(p->blocks, &limit);
	if (!t->mem)
		return limit ? -ENOSPC : -ENOMEM;
	rzs_add(&p->spill->held, 1);
	return 0;
}

/* The memory of a transfer that failed to open goes back. */
static void spill_abandon(struct rzs_pool *p)
{
	struct rzs_spill *s = p->spill;
	unsigned i;

	for (i = 0; s->transfers && i < s->nr; i++)
		if (s->transfers[i].mem)
			rzs_blocks_give(p->blocks, s->transfers[i].mem);
	rzs_spill_fini(p, false);
}

static int spill_init(struct rzs_pool *p, const struct rzs_spill_params *params)
{
	struct rzs_spill *s = p->spill;
	uint32_t i;
	int err = 0;

	rzs_lock_init(&s->lock);
	s->nr_out = params->nr_writes;
	s->nr = params->nr_writes + params->nr_buffers;
	s->nr_places = params->nr_places;
	s->waits = params->waits;
	s->collect_at = 1;
	s->transfers = rzs_port_alloc(transfers_bytes(s->nr));
	s->places = rzs_port_alloc(places_bytes(s->nr_places));
	if (!s->transfers || !s->places)
		return -ENOMEM;
	for (i = s->nr_places; i % 64; i++)
		s->places[i / 64] |= 1ull << i % 64; /* there are no such places */
	for (i = 0; i < s->nr && !err; i++)
		err = transfer_fill(p, &s->transfers[i]);
	return err;
}

int rzs_spill_open(struct rzs_store *store, const struct rzs_spill_params *params)
{
	struct rzs_pool *p = &store->pool;
	uint64_t bytes;
	int err;

	if (p->spill || !params->nr_places || params->nr_places > RZS_SPILL_MAX_PLACES ||
	    params->nr_writes < LEAST_WRITES || params->nr_writes > RZS_SPILL_MAX_TRANSFERS ||
	    !params->nr_buffers || params->nr_buffers > RZS_SPILL_MAX_TRANSFERS - params->nr_writes)
		return -EINVAL;
	bytes = sizeof(*p->spill) + places_bytes(params->nr_places) +
		transfers_bytes(params->nr_writes + params->nr_buffers);
	err = rzs_store_set_fixed(store, store->fixed_bytes + bytes);
	if (err)
		return err;
	p->spill = rzs_port_alloc(sizeof(*p->spill));
	err = p->spill ? spill_init(p, params) : -ENOMEM;
	/* A reserve of this store's size may never have so many: three quarters of it do then. */
	store->reserve_more = err == -ENOMEM ? 2 * (params->nr_writes + params->nr_buffers) : 0;
	if (err && p->spill)
		spill_abandon(p);
	(void)rzs_store_set_fixed(store, store->fixed_bytes - (err ? bytes : 0));
	return err;
}

void rzs_spill_count_refused(struct rzs_worker *w)
{
	rzs_count(&w->counters, RZS_C_writes, 1);
	rzs_count(&w->counters, RZS_C_failed_writes, 1);
	rzs_count(&w->counters, RZS_C_refused_limit, 1);
}

/* ---- out ---- */

int rzs_spill_claim_out(struct rzs_pool *p, unsigned *out)
{
	struct rzs_spill *s = p->spill;
	unsigned i;
	int err = -EAGAIN;

	*out = 0;
	for (i = 0; i < s->nr_out && err == -EAGAIN; i++) {
		rzs_lock(&s->lock);
		if (s->transfers[i].state == RZS_TRANSFER_FREE) {
			s->transfers[i].state = RZS_TRANSFER_OPEN;
			*out = i;
			err = 0;
		}
		rzs_unlock(&s->lock);
	}
	if (err)
		return err;
	err = transfer_fill(p, &s->transfers[*out]);
	if (err)
		rzs_spill_release(s, *out);
	return err;
}

void rzs_spill_release(struct rzs_spill *s, unsigned number)
{
	rzs_lock(&s->lock);
	s->transfers[number].state = RZS_TRANSFER_FREE;
	s->transfers[number].id = 0;
	rzs_unlock(&s->lock);
}

/*
 * The memory of a locked block, which is on disk or empty now, is its transfer's again.  The caller
 * releases that one.
 */
static void block_take_mem(struct rzs_pool *p, struct rzs_block *b)
{
	if (p->wipe)
		rzs_port_wipe(rzs_block_mem(p, b), RZS_BLOCK_SIZE);
	rzs_set32(&b->mem, 0);
	b->transfer = 0;
	rzs_add(&p->blocks_held, (uint64_t)-1);
	rzs_add(&p->spill->held, 1);
}

/* Take a transfer that is ready.  Returns whether there is one. */
static bool take_ready(struct rzs_spill *s, unsigned *out)
{
	unsigned i;
	bool found = false;

	rzs_lock(&s->lock);
	for (i = 0; i < s->nr_out && !found; i++)
		if (s->transfers[i].state == RZS_TRANSFER_READY) {
			s->transfers[i].state = RZS_TRANSFER_BUSY;
			*out = i;
			found = true;
		}
	rzs_unlock(&s->lock);
	return found;
}

/* What is in no object does not go to disk: a locked block that is to be written. */
static void clear_rest(struct rzs_pool *p, struct rzs_block *b)
{
	uint8_t *mem = rzs_block_mem(p, b);
	uint32_t top = b->packed.top, dir = b->packed.ndir * (uint32_t)sizeof(struct rzs_entry), i;

	if (b->type & RZS_BLOCK_PACKED)
		memset(mem + top, 0, RZS_BLOCK_SIZE - dir - top);
	for (i = 0; i < rzs_sealed_nr(b); i++) {
		if (rzs_sealed_live(b, i))
			continue;
		if (!(b->type & RZS_BLOCK_PACKED))
			memset(mem + i * RZS_PAGE_SIZE, 0, RZS_PAGE_SIZE);
		else if (p->wipe)
			rzs_packed_wipe(mem, i);
	}
}

/* The block of a write is empty, and locked: free it. */
static void out_empty(struct rzs_pool *p, struct rzs_worker *w, unsigned number,
		      struct rzs_block *b)
{
	uint32_t id = p->spill->transfers[number].id;

	if (b->type & RZS_BLOCK_PACKED)
		rzs_count(&w->counters, RZS_C_object_meta_bytes,
			  (uint64_t)0 - b->packed.ndir * sizeof(struct rzs_entry));
	block_take_mem(p, b);
	rzs_sealed_free(p, id, b);
	rzs_spill_release(p->spill, number);
}

int rzs_spill_next(struct rzs_store *store, struct rzs_worker *w, struct rzs_spill_ticket *out)
{
	struct rzs_pool *p = &store->pool;
	struct rzs_block *b;
	unsigned number;

	memset(out, 0, sizeof(*out));
	if (!rzs_spill_is_open(store, w))
		return -EINVAL;
	while (take_ready(p->spill, &number)) {
		b = rzs_pool_block(p, p->spill->transfers[number].id);
		rzs_lock(&b->lock);
		if (rzs_sealed_empty(b)) {
			out_empty(p, w, number, b);
			continue;
		}
		out->number = number;
		out->start = true;
		out->place = b->place;
		out->bytes = rzs_block_mem(p, b);
		clear_rest(p, b);
		b->seal = rzs_sealed_hash(b, out->bytes, store->checksum);
		rzs_unlock(&b->lock);
		return 0;
	}
	return -ENOENT;
}

/* The write has failed: the block stays in memory, and its place is free.  It is locked. */
static void out_failed(struct rzs_pool *p, struct rzs_worker *w, unsigned number,
		       struct rzs_block *b)
{
	struct rzs_spill *s = p->spill;
	uint32_t place = b->place, id = s->transfers[number].id;

	s->transfers[number].mem = 0;
	rzs_sealed_open(p, w, id, b);
	rzs_place_free(s, place);
	rzs_spill_release(s, number);
	rzs_count(&w->counters, RZS_C_spill_failed, 1);
}

void rzs_spill_done(struct rzs_store *store, struct rzs_worker *w, unsigned number, int result)
{
	struct rzs_pool *p = &store->pool;
	struct rzs_block *b = rzs_pool_block(p, p->spill->transfers[number].id);

	rzs_lock(&b->lock);
	if (rzs_sealed_empty(b)) {
		out_empty(p, w, number, b);
		return;
	}
	if (result) {
		out_failed(p, w, number, b);
		return;
	}
	rzs_sealed_count(b, w, rzs_block_mem(p, b), 1);
	block_take_mem(p, b);
	rzs_unlock(&b->lock);
	rzs_spill_release(p->spill, number);
	rzs_count(&w->counters, RZS_C_spill_writes, 1);
}
