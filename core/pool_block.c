/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One block of the pool: its id and descriptor, its memory, and putting an object into it.  pool.h
 * has the lock order and the rules.
 */
#include "pool_internal.h"

/*
 * Make the chunk for the descriptor of id, if it is missing.  Under the id lock.  -ENOSPC, -ENOMEM
 * as rzs_pool_put().
 */
static int pool_add_chunk(struct rzs_pool *p, uint64_t id)
{
	uint32_t *where = &p->chunks[id / RZS_BLOCKS_PER_CHUNK], chunk, none = 0;
	struct rzs_block *b;
	bool limit;
	size_t i;

	if (rzs_load32(where))
		return 0;
	chunk = rzs_blocks_take(p->blocks, &limit);
	if (!chunk)
		return limit ? -ENOSPC : -ENOMEM;
	b = rzs_blocks_at(p->blocks, chunk);
	memset(b, 0, RZS_BLOCK_SIZE);
	for (i = 0; i < RZS_BLOCKS_PER_CHUNK; i++) {
		rzs_lock_init(&b[i].lock);
		b[i].avail_list = RZS_NO_LIST;
		b[i].busy = RZS_BUSY_NOW;
	}
	if (!rzs_cas32(where, &none, chunk)) {
		rzs_blocks_give(p->blocks, chunk);
		return -EIO; /* impossible: chunks are made only here, under the lock */
	}
	rzs_add(&p->chunks_held, 1);
	return 0;
}

int rzs_pool_new_id(struct rzs_pool *p, uint32_t *out)
{
	int err = 0;

	*out = 0;
	rzs_lock(&p->id_lock);
	if (p->free_id) {
		*out = p->free_id;
		p->free_id = rzs_pool_block(p, *out)->next;
	} else if (p->next_id > p->max_id) {
		err = -ENOSPC;
	} else {
		err = pool_add_chunk(p, p->next_id);
		if (!err) {
			*out = (uint32_t)p->next_id;
			rzs_set(&p->next_id, p->next_id + 1);
		}
	}
	rzs_unlock(&p->id_lock);
	return err;
}

void rzs_pool_free_id(struct rzs_pool *p, uint32_t id, struct rzs_block *b)
{
	rzs_lock(&p->id_lock);
	b->next = p->free_id;
	p->free_id = id;
	rzs_unlock(&p->id_lock);
}

int rzs_pool_new_block(struct rzs_pool *p, unsigned shard, enum rzs_block_type type,
		       uint32_t *out_id)
{
	struct rzs_block *b;
	uint32_t mem;
	unsigned i;
	bool limit;
	int err;

	err = rzs_pool_new_id(p, out_id);
	if (err)
		return err;
	b = rzs_pool_block(p, *out_id);
	mem = rzs_blocks_take(p->blocks, &limit);
	if (!mem) {
		rzs_pool_free_id(p, *out_id, b);
		*out_id = 0;
		return limit ? -ENOSPC : -ENOMEM;
	}
	rzs_lock(&b->lock);
	b->type = (uint8_t)type; /* an unused block is busy already, and in no list */
	b->shard = (uint8_t)shard;
	rzs_set32(&b->mem, mem);
	if (type == RZS_BLOCK_PACKED)
		rzs_packed_init(&b->packed);
	else
		for (i = 0; i < RZS_PAGES_PER_BLOCK; i++)
			rzs_block_set_owner(b, i, RZS_SLOT_NONE);
	rzs_unlock(&b->lock);
	rzs_add(&p->blocks_held, 1);
	return 0;
}

void rzs_block_free(struct rzs_pool *p, uint32_t id, struct rzs_block *b)
{
	uint32_t mem = b->mem;

	b->type = RZS_BLOCK_UNUSED;
	rzs_set32(&b->mem, 0);
	rzs_unlock(&b->lock);
	if (p->wipe) /* the directory shows what pages were in use at the same time */
		rzs_port_wipe(rzs_blocks_at(p->blocks, mem), RZS_BLOCK_SIZE);
	rzs_blocks_give(p->blocks, mem);
	rzs_add(&p->blocks_held, (uint64_t)-1);
	rzs_pool_free_id(p, id, b);
}

bool rzs_block_putback(struct rzs_pool *p, uint32_t id, struct rzs_block *b)
{
	struct rzs_shard *s = &p->shards[b->shard];

	if (rzs_block_empty(b)) {
		rzs_block_free(p, id, b);
		return true;
	}
	rzs_lock(&s->lock);
	rzs_shard_link(p, s, id, b);
	rzs_unlock(&s->lock);
	rzs_unlock(&b->lock);
	return false;
}

/* -EIO: all pages are in use. */
static int block_put_page(const struct rzs_pool *p, struct rzs_block *b, uint32_t id,
			  const struct rzs_object *o, uint64_t *out_word)
{
	uint32_t i;

	for (i = 0; i < RZS_PAGES_PER_BLOCK; i++) {
		if (b->page_slot[i] != RZS_SLOT_NONE)
			continue;
		memcpy(rzs_block_mem(p, b) + i * RZS_PAGE_SIZE, o->data, RZS_PAGE_SIZE);
		rzs_block_set_owner(b, i, o->owner);
		*out_word = rzs_word_raw(id, i, o->sum);
		return 0;
	}
	return -EIO;
}

/*
 * Make the worker's spare block the memory of block b, which is locked: no reader is in the old
 * memory, and so that is the spare one now.  The store of the number is the change.  What was
 * written to the spare block comes before it, and what will be written to the old one after it.
 */
void rzs_block_swap_mem(struct rzs_pool *p, struct rzs_block *b, struct rzs_worker *w)
{
	uint32_t old = b->mem;

	(void)rzs_cas32(&b->mem, &old, w->spare); /* only the holder of the lock changes it */
	w->spare = old;
	if (p->wipe)
		rzs_port_wipe(rzs_blocks_at(p->blocks, old), RZS_BLOCK_SIZE);
}

/* -EIO: the directory is broken. */
static int block_put_packed(struct rzs_pool *p, struct rzs_block *b, struct rzs_worker *w,
			    uint32_t id, const struct rzs_object *o, uint64_t *out_word)
{
	uint32_t ndir = b->packed.ndir, index, slid;
	int err;

	err = rzs_packed_put(&b->packed, rzs_block_mem(p, b), o->owner, o->data, o->size, o->sum,
			     rzs_blocks_at(p->blocks, w->spare), &w->scratch, &index, &slid);
	rzs_count(&w->counters, RZS_C_object_meta_bytes,
		  (uint64_t)((int64_t)b->packed.ndir - ndir) * sizeof(struct rzs_entry));
	if (slid) {
		rzs_count(&w->counters, RZS_C_slides, 1);
		rzs_count(&w->counters, RZS_C_slide_bytes, slid);
		rzs_block_swap_mem(p, b, w);
	}
	if (!err)
		*out_word = rzs_word_packed(id, index, o->size);
	return err;
}

/*
 * End work on a busy, locked block whose directory is broken.  Its objects can still be read, but
 * nothing is put into it any more.  It is freed with its last object.  Unlocks it.
 */
static void block_break(struct rzs_pool *p, struct rzs_block *b)
{
	struct rzs_shard *s = &p->shards[b->shard];

	rzs_lock(&s->lock);
	b->busy = RZS_BUSY_BROKEN;
	rzs_unlock(&s->lock);
	rzs_unlock(&b->lock);
}

int rzs_block_put(struct rzs_pool *p, struct rzs_worker *w, uint32_t id, const struct rzs_object *o,
		  uint64_t *out_word)
{
	struct rzs_block *b = rzs_pool_block(p, id);
	int err;

	*out_word = 0;
	rzs_lock(&b->lock);
	if (b->type == RZS_BLOCK_PACKED)
		err = block_put_packed(p, b, w, id, o, out_word);
	else
		err = block_put_page(p, b, id, o, out_word);
	if (err) {
		rzs_count(&w->counters, RZS_C_impossible, 1);
		block_break(p, b);
		return -EIO;
	}
	rzs_count(&w->counters, RZS_C_object_bytes, o->size);
	rzs_block_putback(p, id, b);
	return 0;
}
