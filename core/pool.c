/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pool: objects, and the blocks that they are in.  pool.h has the lock order and the rules. */
#include "pool_internal.h"

static uint64_t pool_nr_chunks(uint64_t max_blocks)
{
	return max_blocks / RZS_BLOCKS_PER_CHUNK + 1; /* id 0 is no block */
}

uint64_t rzs_pool_table_bytes(uint64_t max_blocks)
{
	return pool_nr_chunks(max_blocks) * sizeof(uint32_t);
}

void rzs_pool_init(struct rzs_pool *p, uint64_t max_blocks, unsigned nr_shards, bool wipe,
		   uint32_t *chunks, struct rzs_blocks *blocks)
{
	unsigned i;

	p->blocks = blocks;
	p->chunks = chunks;
	p->nr_chunks = pool_nr_chunks(max_blocks);
	p->max_id = max_blocks;
	p->next_id = 1;
	p->free_id = 0;
	p->nr_shards = nr_shards;
	p->wipe = wipe;
	rzs_lock_init(&p->id_lock);
	for (i = 0; i < RZS_MAX_SHARDS; i++)
		rzs_lock_init(&p->shards[i].lock);
}

void rzs_pool_wipe(struct rzs_pool *p)
{
	uint64_t id, i;

	for (id = 1; id < p->next_id; id++) {
		struct rzs_block *b = rzs_pool_block(p, (uint32_t)id);

		if (b->mem)
			rzs_port_wipe(rzs_block_mem(p, b), RZS_BLOCK_SIZE);
	}
	/* The chunks show what pages were in use at the same time. */
	for (i = 0; p->chunks && i < p->nr_chunks; i++)
		if (p->chunks[i])
			rzs_port_wipe(rzs_blocks_at(p->blocks, p->chunks[i]), RZS_BLOCK_SIZE);
}

/*
 * The block that word names, or NULL when there never was such a block: a damaged slot word must
 * not be followed.
 */
static struct rzs_block *block_of(struct rzs_pool *p, uint64_t word)
{
	uint32_t id = rzs_word_block(word);

	return id && id < rzs_load(&p->next_id) ? rzs_pool_block(p, id) : NULL;
}

static uint32_t shard_take(struct rzs_pool *p, unsigned shard, const struct rzs_object *o, bool raw)
{
	struct rzs_shard *s = &p->shards[shard];
	uint32_t id;

	rzs_lock(&s->lock);
	id = raw ? rzs_shard_take_pages(p, s) : rzs_shard_take_packed(p, s, o->size);
	rzs_unlock(&s->lock);
	return id;
}

/* Put an object into a block of the shard.  false: no block has space for it. */
static inline bool shard_put(struct rzs_pool *p, struct rzs_worker *w, unsigned shard,
			     const struct rzs_object *o, bool raw, uint64_t *out_word)
{
	uint32_t id;

	/* This ends: a block that turns out to be broken does not return to the lists. */
	while ((id = shard_take(p, shard, o, raw)))
		if (!rzs_block_put(p, w, id, o, out_word))
			return true;
	return false;
}

int rzs_pool_put_within(struct rzs_pool *p, struct rzs_worker *w, const struct rzs_object *o,
			bool raw, uint64_t *out_word)
{
	unsigned own = w->index % p->nr_shards, i;

	*out_word = 0;
	for (i = 0; i < p->nr_shards; i++)
		if (shard_put(p, w, (own + i) % p->nr_shards, o, raw, out_word))
			return 0;
	return -ENOSPC;
}

int rzs_pool_put(struct rzs_pool *p, struct rzs_worker *w, const struct rzs_object *o, bool raw,
		 uint64_t *out_word)
{
	enum rzs_block_type type = raw ? RZS_BLOCK_PAGES : RZS_BLOCK_PACKED;
	unsigned own = w->index % p->nr_shards;
	uint32_t id;
	int err;

	*out_word = 0;
	if (shard_put(p, w, own, o, raw, out_word))
		return 0;
	err = rzs_pool_new_block(p, own, type, &id);
	if (!err)
		return rzs_block_put(p, w, id, o, out_word);
	return rzs_pool_put_within(p, w, o, raw, out_word) ? err : 0;
}

/* The directory entry of the object that word names, or NULL if the two do not agree. */
static struct rzs_entry *block_object(const struct rzs_pool *p, struct rzs_block *b,
				      rzs_owner_t owner, uint64_t word)
{
	struct rzs_entry *e =
		rzs_packed_lookup(&b->packed, rzs_block_mem(p, b), rzs_word_index(word));

	return e && rzs_entry_owner(e) == owner && rzs_entry_size(e) == rzs_word_size(word) ? e
											    : NULL;
}

/* Whether the locked block agrees that word names an object of owner. */
static bool block_has(const struct rzs_pool *p, struct rzs_block *b, rzs_owner_t owner,
		      uint64_t word)
{
	if (rzs_word_kind(word) == RZS_KIND_RAW)
		return b->type == RZS_BLOCK_PAGES &&
		       rzs_block_owner(b, rzs_word_index(word)) == owner;
	return b->type == RZS_BLOCK_PACKED && block_object(p, b, owner, word);
}

/*
 * Lock the block of the object that word names.  NULL, and nothing is locked: the block is sealed;
 * or block and word do not agree on an object of owner, because one of them is damaged, which is
 * counted.
 */
static struct rzs_block *block_lock(struct rzs_pool *p, struct rzs_worker *w, rzs_owner_t owner,
				    uint64_t word)
{
	struct rzs_block *b = block_of(p, word);
	bool sealed = false;

	if (b) {
		rzs_lock(&b->lock);
		if (block_has(p, b, owner, word))
			return b;
		sealed = rzs_sealed_has(p, b, owner, word);
		rzs_unlock(&b->lock);
	}
	rzs_count(&w->counters, RZS_C_impossible, !sealed);
	return NULL;
}

/* The bytes of the object that word names.  The block is locked and has the object. */
static uint8_t *block_bytes(const struct rzs_pool *p, struct rzs_block *b, uint64_t word)
{
	uint8_t *mem = rzs_block_mem(p, b);
	uint32_t index = rzs_word_index(word);

	if (rzs_word_kind(word) == RZS_KIND_RAW)
		return mem + index * RZS_PAGE_SIZE;
	return mem + rzs_entry_offset(rzs_packed_entry(mem, index));
}

/* Overwrite the bytes of the object that word names, before it is freed or replaced. */
static void block_wipe(const struct rzs_pool *p, struct rzs_block *b, uint64_t word)
{
	if (rzs_word_kind(word) == RZS_KIND_RAW)
		rzs_port_wipe(block_bytes(p, b, word), RZS_PAGE_SIZE);
	else
		rzs_packed_wipe(rzs_block_mem(p, b), rzs_word_index(word));
}

/* Remove the object that word names from its block, which is locked and has it. */
static void block_drop(struct rzs_pool *p, struct rzs_block *b, struct rzs_worker *w, uint64_t word)
{
	uint32_t ndir;

	if (p->wipe)
		block_wipe(p, b, word);
	rzs_count(&w->counters, RZS_C_object_bytes, (uint64_t)0 - rzs_word_size(word));
	if (rzs_word_kind(word) == RZS_KIND_RAW) {
		rzs_block_set_owner(b, rzs_word_index(word), RZS_SLOT_NONE);
		return;
	}
	ndir = b->packed.ndir;
	rzs_packed_del(&b->packed, rzs_block_mem(p, b), rzs_word_index(word));
	rzs_count(&w->counters, RZS_C_object_meta_bytes,
		  (uint64_t)((int64_t)b->packed.ndir - ndir) * sizeof(struct rzs_entry));
}

void rzs_pool_free(struct rzs_pool *p, struct rzs_worker *w, rzs_owner_t owner, uint64_t word)
{
	struct rzs_block *b = block_of(p, word);
	uint32_t id = rzs_word_block(word);
	struct rzs_shard *s;

	if (unlikely(!b)) {
		rzs_count(&w->counters, RZS_C_impossible, 1);
		return;
	}
	rzs_lock(&b->lock);
	if (unlikely(!block_has(p, b, owner, word))) {
		rzs_sealed_drop(p, w, id, b, owner, word);
		return;
	}
	block_drop(p, b, w, word);
	s = &p->shards[b->shard];
	rzs_lock(&s->lock);
	/* Whoever works on a busy block puts it back.  A broken one waits for its last object. */
	if (b->busy == RZS_BUSY_NOW || (b->busy == RZS_BUSY_BROKEN && !rzs_block_empty(b))) {
		rzs_unlock(&s->lock);
		rzs_unlock(&b->lock);
		return;
	}
	rzs_shard_unlink(p, s, b); /* a broken one is in no list */
	if (rzs_block_empty(b)) {
		b->busy = RZS_BUSY_NOW;
		rzs_unlock(&s->lock);
		rzs_block_free(p, id, b);
		return;
	}
	rzs_shard_link(p, s, id, b);
	rzs_unlock(&s->lock);
	rzs_unlock(&b->lock);
}

void rzs_pool_prefetch(struct rzs_pool *p, uint64_t word)
{
	struct rzs_block *b = rzs_word_is_object(word) ? block_of(p, word) : NULL;

	if (b)
		__builtin_prefetch(b, 1);
}

void rzs_pool_prefetch_entry(struct rzs_pool *p, uint64_t word)
{
	struct rzs_block *b = rzs_word_kind(word) == RZS_KIND_PACKED ? block_of(p, word) : NULL;
	uint32_t mem = b ? rzs_load32(&b->mem) : 0;

	if (mem)
		__builtin_prefetch(
			rzs_packed_entry(rzs_blocks_at(p->blocks, mem), rzs_word_index(word)), 1);
}

int rzs_pool_read_begin(struct rzs_pool *p, struct rzs_worker *w, rzs_owner_t owner, uint64_t word,
			uint64_t *p_word, struct rzs_object *out)
{
	struct rzs_block *b = block_of(p, word);
	int err = 0;

	memset(out, 0, sizeof(*out));
	if (b)
		rzs_lock(&b->lock);
	if (rzs_word_stable(rzs_load(p_word)) != rzs_word_stable(word)) {
		err = -EAGAIN;
	} else if (!b || !block_has(p, b, owner, word)) {
		err = b && rzs_sealed_has(p, b, owner, word) ? -EINPROGRESS : -EIO;
		rzs_count(&w->counters, RZS_C_impossible, err == -EIO);
	}
	if (err) {
		if (b)
			rzs_unlock(&b->lock);
		return err;
	}
	out->owner = owner;
	out->size = rzs_word_size(word);
	out->data = block_bytes(p, b, word);
	out->sum = rzs_word_kind(word) == RZS_KIND_RAW
			   ? rzs_word_sum24(word)
			   : rzs_packed_entry(rzs_block_mem(p, b), rzs_word_index(word))->sum;
	return 0;
}

void rzs_pool_read_end(struct rzs_pool *p, uint64_t word)
{
	rzs_unlock(&rzs_pool_block(p, rzs_word_block(word))->lock);
}

void rzs_pool_set_owner(struct rzs_pool *p, uint64_t word, rzs_owner_t owner)
{
	struct rzs_block *b = rzs_pool_block(p, rzs_word_block(word));
	uint32_t index = rzs_word_index(word);

	if (rzs_word_kind(word) == RZS_KIND_RAW)
		rzs_block_set_owner(b, index, owner);
	else
		rzs_entry_set_owner(rzs_packed_entry(rzs_block_mem(p, b), index), owner);
}

/*
 * Lock the block of the object that word names, and make it busy.  false if no such object is there
 * or another thread works on the block; nothing is locked then.
 */
static bool block_isolate(struct rzs_pool *p, struct rzs_worker *w, rzs_owner_t owner,
			  uint64_t word)
{
	struct rzs_block *b = block_lock(p, w, owner, word);
	struct rzs_shard *s;
	bool idle;

	if (!b)
		return false;
	s = &p->shards[b->shard];
	rzs_lock(&s->lock);
	idle = b->busy == RZS_BUSY_NOT;
	if (idle) {
		rzs_shard_unlink(p, s, b);
		b->busy = RZS_BUSY_NOW;
	}
	rzs_unlock(&s->lock);
	if (!idle)
		rzs_unlock(&b->lock);
	return idle;
}

/*
 * Replace the object that word names in a copy of its block, in the worker's spare block.  Returns
 * the new word.
 */
static uint64_t block_rewrite(struct rzs_pool *p, struct rzs_block *b, struct rzs_worker *w,
			      const struct rzs_object *o, uint64_t word)
{
	uint32_t id = rzs_word_block(word), index = rzs_word_index(word);
	uint8_t *mem = rzs_blocks_at(p->blocks, w->spare);

	memcpy(mem, rzs_block_mem(p, b), RZS_BLOCK_SIZE);
	if (b->type == RZS_BLOCK_PAGES) {
		memcpy(mem + index * RZS_PAGE_SIZE, o->data, RZS_PAGE_SIZE);
		return rzs_word_raw(id, index, o->sum);
	}
	if (p->wipe)
		rzs_packed_wipe(mem, index);
	rzs_packed_rewrite(&b->packed, mem, rzs_packed_entry(mem, index), o->data, o->size, o->sum);
	return rzs_word_packed(id, index, o->size);
}

int rzs_pool_rewrite(struct rzs_pool *p, struct rzs_worker *w, const struct rzs_object *o, bool raw,
		     uint64_t word, uint64_t *p_word)
{
	struct rzs_block *b;
	uint64_t new;

	if (!rzs_word_is_object(word) || raw != (rzs_word_kind(word) == RZS_KIND_RAW) ||
	    o->size > rzs_word_size(word))
		return -ENOSPC;
	/*
	 * Not while a compactor works on the block.  It may have copied the old bytes, and would
	 * not notice the change if the new object has the same size and so the same word.
	 */
	if (!block_isolate(p, w, o->owner, word))
		return -ENOSPC;
	b = rzs_pool_block(p, rzs_word_block(word));
	rzs_count(&w->counters, RZS_C_object_bytes,
		  (uint64_t)((int64_t)o->size - rzs_word_size(word)));
	/*
	 * The word changes before the block is unlocked.  So a reader gets the old bytes with the
	 * old word, or the new bytes with the new word.
	 */
	new = block_rewrite(p, b, w, o, word);
	rzs_block_swap_mem(p, b, w);
	rzs_slot_unlock(p_word, new);
	rzs_block_putback(p, rzs_word_block(word), b);
	return 0;
}
