/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pool: putting, finding and freeing objects.  Lock order and the rules are in pool.h. */
#include "pool.h"

static uint64_t pool_nr_chunks(uint64_t max_blocks)
{
	return max_blocks / RZS_BLOCKS_PER_CHUNK + 1; /* id 0 is nobody */
}

uint64_t rzs_pool_fixed_bytes(uint64_t max_blocks)
{
	return pool_nr_chunks(max_blocks) * sizeof(void *);
}

int rzs_pool_init(struct rzs_pool *p, uint64_t max_blocks, unsigned nr_shards, bool wipe,
		  struct rzs_blocks *blocks)
{
	unsigned i;

	p->blocks = blocks;
	p->nr_chunks = pool_nr_chunks(max_blocks);
	p->max_id = max_blocks;
	p->next_id = 1;
	p->free_id = 0;
	p->nr_shards = nr_shards;
	p->wipe = wipe;
	rzs_lock_init(&p->id_lock);
	for (i = 0; i < RZS_MAX_SHARDS; i++)
		rzs_lock_init(&p->shards[i].lock);
	p->chunks = rzs_port_alloc(p->nr_chunks * sizeof(void *));
	return p->chunks ? 0 : -ENOMEM;
}

/* All blocks, and the chunks: these tell which pages were in use together. */
static void pool_wipe(struct rzs_pool *p)
{
	uint64_t id, i;

	for (id = 1; id < p->next_id; id++) {
		struct rzs_block *b = rzs_pool_block(p, (uint32_t)id);

		if (b->mem)
			rzs_port_wipe(b->mem, RZS_BLOCK_SIZE);
	}
	for (i = 0; p->chunks && i < p->nr_chunks; i++)
		if (p->chunks[i])
			rzs_port_wipe(p->chunks[i], RZS_BLOCK_SIZE);
}

void rzs_pool_fini(struct rzs_pool *p)
{
	if (p->wipe)
		pool_wipe(p);
	/* Blocks and chunks go when the block source is closed. */
	rzs_port_free(p->chunks, p->nr_chunks * sizeof(void *));
	p->chunks = NULL;
}

/* Make the chunk of descriptors that id is in.  Under the id lock. */
static int pool_add_chunk(struct rzs_pool *p, uint64_t id)
{
	struct rzs_block *chunk;
	bool limit;
	size_t i;

	if (rzs_load_ptr(&p->chunks[id / RZS_BLOCKS_PER_CHUNK]))
		return 0;
	chunk = rzs_blocks_take(p->blocks, &limit);
	if (!chunk)
		return limit ? -ENOSPC : -ENOMEM;
	memset(chunk, 0, RZS_BLOCK_SIZE);
	for (i = 0; i < RZS_BLOCKS_PER_CHUNK; i++) {
		rzs_lock_init(&chunk[i].lock);
		chunk[i].avail_list = RZS_NO_LIST;
		chunk[i].busy = RZS_BUSY_NOW;
	}
	if (!rzs_cas_ptr(&p->chunks[id / RZS_BLOCKS_PER_CHUNK], NULL, chunk)) {
		rzs_blocks_give(p->blocks, chunk);
		return -EIO; /* impossible: only made here, under the lock */
	}
	rzs_add(&p->chunks_held, 1);
	return 0;
}

/*
 * The block that word names, or NULL when no such block ever was: a damaged slot word must not be
 * followed.
 */
static struct rzs_block *block_of(struct rzs_pool *p, uint64_t word)
{
	uint32_t id = rzs_word_block(word);

	return id && id < rzs_load(&p->next_id) ? rzs_pool_block(p, id) : NULL;
}

/* An id without memory; 0 in *out on failure. */
static int pool_new_id(struct rzs_pool *p, uint32_t *out)
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

static void pool_free_id(struct rzs_pool *p, uint32_t id, struct rzs_block *b)
{
	rzs_lock(&p->id_lock);
	b->next = p->free_id;
	p->free_id = id;
	rzs_unlock(&p->id_lock);
}

/* A new, empty, busy block. */
static int pool_new_block(struct rzs_pool *p, unsigned shard, enum rzs_block_type type,
			  uint32_t *out_id)
{
	struct rzs_block *b;
	unsigned i;
	bool limit;
	void *mem;
	int err;

	err = pool_new_id(p, out_id);
	if (err)
		return err;
	b = rzs_pool_block(p, *out_id);
	mem = rzs_blocks_take(p->blocks, &limit);
	if (!mem) {
		pool_free_id(p, *out_id, b);
		*out_id = 0;
		return limit ? -ENOSPC : -ENOMEM;
	}
	rzs_lock(&b->lock);
	b->type = (uint8_t)type; /* an unused block is busy and in no list already */
	b->shard = (uint8_t)shard;
	(void)rzs_cas_ptr(&b->mem, NULL, mem);
	if (type == RZS_BLOCK_PACKED)
		rzs_packed_init(&b->packed);
	else
		for (i = 0; i < RZS_PAGES_PER_BLOCK; i++)
			b->page_slot[i] = RZS_SLOT_NONE;
	rzs_unlock(&b->lock);
	rzs_add(&p->blocks_held, 1);
	return 0;
}

static bool block_empty(const struct rzs_block *b)
{
	unsigned i;

	if (b->type == RZS_BLOCK_PACKED)
		return b->packed.nlive == 0;
	for (i = 0; i < RZS_PAGES_PER_BLOCK; i++)
		if (b->page_slot[i] != RZS_SLOT_NONE)
			return false;
	return true;
}

/*
 * Give the memory of an empty block back; locked and busy or out of the lists, so nobody else knows
 * it.
 */
static void block_free(struct rzs_pool *p, uint32_t id, struct rzs_block *b)
{
	void *mem = b->mem;

	b->type = RZS_BLOCK_UNUSED;
	(void)rzs_cas_ptr(&b->mem, mem, NULL);
	rzs_unlock(&b->lock);
	if (p->wipe) /* the directory tells which pages were in use together */
		rzs_port_wipe(mem, RZS_BLOCK_SIZE);
	rzs_blocks_give(p->blocks, mem);
	rzs_add(&p->blocks_held, (uint64_t)-1);
	pool_free_id(p, id, b);
}

bool rzs_block_putback(struct rzs_pool *p, uint32_t id, struct rzs_block *b)
{
	struct rzs_shard *s = &p->shards[b->shard];

	if (block_empty(b)) {
		block_free(p, id, b);
		return true;
	}
	rzs_lock(&s->lock);
	rzs_shard_link(p, s, id, b);
	rzs_unlock(&s->lock);
	rzs_unlock(&b->lock);
	return false;
}

static int block_put_page(struct rzs_block *b, uint32_t id, const struct rzs_object *o,
			  uint64_t *out_word)
{
	uint32_t i;

	for (i = 0; i < RZS_PAGES_PER_BLOCK; i++) {
		if (b->page_slot[i] != RZS_SLOT_NONE)
			continue;
		memcpy((uint8_t *)b->mem + i * RZS_PAGE_SIZE, o->data, RZS_PAGE_SIZE);
		b->page_slot[i] = o->slot;
		*out_word = rzs_word_raw(id, i, o->sum);
		return 0;
	}
	return -EIO;
}

static int block_put_packed(struct rzs_pool *p, struct rzs_block *b, struct rzs_worker *w,
			    uint32_t id, const struct rzs_object *o, uint64_t *out_word)
{
	uint32_t ndir = b->packed.ndir, index, slid;
	int err;

	err = rzs_packed_put(&b->packed, b->mem, o->slot, o->data, o->size, o->sum, &w->scratch,
			     &index, &slid);
	rzs_count(&w->counters, RZS_C_object_meta_bytes,
		  (uint64_t)((int64_t)b->packed.ndir - ndir) * sizeof(struct rzs_entry));
	if (slid) {
		rzs_count(&w->counters, RZS_C_slides, 1);
		rzs_count(&w->counters, RZS_C_slide_bytes, slid);
		if (p->wipe)
			rzs_packed_wipe_slid(&b->packed, b->mem);
	}
	if (!err)
		*out_word = rzs_word_packed(id, index, o->size);
	return err;
}

/*
 * The end of work on a busy, locked block whose directory is broken: read from, never written to
 * again.  It goes when its last object does.
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
		err = block_put_page(b, id, o, out_word);
	if (err) {
		rzs_count(&w->counters, RZS_C_impossible, 1);
		block_break(p, b);
		return -EIO;
	}
	rzs_count(&w->counters, RZS_C_object_bytes, o->size);
	rzs_block_putback(p, id, b);
	return 0;
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

/* Put into a block that the shard has; false: none has room. */
static inline bool shard_put(struct rzs_pool *p, struct rzs_worker *w, unsigned shard,
			     const struct rzs_object *o, bool raw, uint64_t *out_word)
{
	uint32_t id;

	/* A block that turns out broken stays out of the lists, so this ends. */
	while ((id = shard_take(p, shard, o, raw)))
		if (!rzs_block_put(p, w, id, o, out_word))
			return true;
	return false;
}

int rzs_pool_put(struct rzs_pool *p, struct rzs_worker *w, const struct rzs_object *o, bool raw,
		 uint64_t *out_word)
{
	enum rzs_block_type type = raw ? RZS_BLOCK_PAGES : RZS_BLOCK_PACKED;
	unsigned own = w->index % p->nr_shards, i;
	uint32_t id;
	int err;

	*out_word = 0;
	if (shard_put(p, w, own, o, raw, out_word))
		return 0;
	err = pool_new_block(p, own, type, &id);
	if (!err)
		return rzs_block_put(p, w, id, o, out_word);
	for (i = 1; i < p->nr_shards; i++)
		if (shard_put(p, w, (own + i) % p->nr_shards, o, raw, out_word))
			return 0;
	return err;
}

static struct rzs_entry *block_object(struct rzs_block *b, uint32_t slot, uint64_t word)
{
	struct rzs_entry *e = rzs_packed_lookup(&b->packed, b->mem, rzs_word_index(word));

	return e && e->slot == slot && rzs_entry_size(e) == rzs_word_size(word) ? e : NULL;
}

/* Whether the locked block agrees that word names an object of slot. */
static bool block_has(struct rzs_block *b, uint32_t slot, uint64_t word)
{
	if (rzs_word_kind(word) == RZS_KIND_RAW)
		return b->type == RZS_BLOCK_PAGES && b->page_slot[rzs_word_index(word)] == slot;
	return b->type == RZS_BLOCK_PACKED && block_object(b, slot, word);
}

/*
 * Lock the block of the object that word names.  NULL, nothing locked and counted, when block and
 * word do not agree on an object of slot: one of them is damaged.
 */
static struct rzs_block *block_lock(struct rzs_pool *p, struct rzs_worker *w, uint32_t slot,
				    uint64_t word)
{
	struct rzs_block *b = block_of(p, word);

	if (b) {
		rzs_lock(&b->lock);
		if (block_has(b, slot, word))
			return b;
		rzs_unlock(&b->lock);
	}
	rzs_count(&w->counters, RZS_C_impossible, 1);
	return NULL;
}

/* The bytes of the object that word names, in a locked block that has it. */
static uint8_t *block_bytes(struct rzs_block *b, uint64_t word)
{
	uint32_t index = rzs_word_index(word);

	if (rzs_word_kind(word) == RZS_KIND_RAW)
		return (uint8_t *)b->mem + index * RZS_PAGE_SIZE;
	return (uint8_t *)b->mem + rzs_entry_offset(rzs_packed_entry(b->mem, index));
}

/* Overwrite the object that word names, which is about to go or to be replaced. */
static void block_wipe(struct rzs_block *b, uint64_t word)
{
	if (rzs_word_kind(word) == RZS_KIND_RAW)
		rzs_port_wipe(block_bytes(b, word), RZS_PAGE_SIZE);
	else
		rzs_packed_wipe(b->mem, rzs_word_index(word));
}

static void block_drop(struct rzs_pool *p, struct rzs_block *b, struct rzs_worker *w, uint64_t word)
{
	uint32_t ndir;

	if (p->wipe)
		block_wipe(b, word);
	rzs_count(&w->counters, RZS_C_object_bytes, (uint64_t)0 - rzs_word_size(word));
	if (rzs_word_kind(word) == RZS_KIND_RAW) {
		b->page_slot[rzs_word_index(word)] = RZS_SLOT_NONE;
		return;
	}
	ndir = b->packed.ndir;
	rzs_packed_del(&b->packed, b->mem, rzs_word_index(word));
	rzs_count(&w->counters, RZS_C_object_meta_bytes,
		  (uint64_t)((int64_t)b->packed.ndir - ndir) * sizeof(struct rzs_entry));
}

void rzs_pool_free(struct rzs_pool *p, struct rzs_worker *w, uint32_t slot, uint64_t word)
{
	struct rzs_block *b = block_lock(p, w, slot, word);
	uint32_t id = rzs_word_block(word);
	struct rzs_shard *s;

	if (!b)
		return;
	block_drop(p, b, w, word);
	s = &p->shards[b->shard];
	rzs_lock(&s->lock);
	if (b->busy == RZS_BUSY_NOW || (b->busy == RZS_BUSY_BROKEN && !block_empty(b))) {
		rzs_unlock(&s->lock);
		rzs_unlock(&b->lock);
		return;
	}
	rzs_shard_unlink(p, s, b); /* a broken one is in no list */
	if (block_empty(b)) {
		b->busy = RZS_BUSY_NOW;
		rzs_unlock(&s->lock);
		block_free(p, id, b);
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
	void *mem = b ? rzs_load_ptr(&b->mem) : NULL;

	if (mem)
		__builtin_prefetch(rzs_packed_entry(mem, rzs_word_index(word)), 1);
}

int rzs_pool_read_begin(struct rzs_pool *p, struct rzs_worker *w, uint32_t slot, uint64_t word,
			uint64_t *p_word, struct rzs_object *out)
{
	struct rzs_block *b = block_of(p, word);
	bool named, there;

	memset(out, 0, sizeof(*out));
	if (b)
		rzs_lock(&b->lock);
	named = rzs_word_stable(rzs_load(p_word)) == rzs_word_stable(word);
	there = b && block_has(b, slot, word);
	if (!named || !there) {
		if (b)
			rzs_unlock(&b->lock);
		if (!named)
			return -EAGAIN;
		rzs_count(&w->counters, RZS_C_impossible, 1);
		return -EIO;
	}
	out->slot = slot;
	out->size = rzs_word_size(word);
	out->data = block_bytes(b, word);
	out->sum = rzs_word_kind(word) == RZS_KIND_RAW
			   ? rzs_word_sum24(word)
			   : rzs_packed_entry(b->mem, rzs_word_index(word))->sum;
	return 0;
}

void rzs_pool_read_end(struct rzs_pool *p, uint64_t word)
{
	rzs_unlock(&rzs_pool_block(p, rzs_word_block(word))->lock);
}

/* Lock the block and take it out of its lists, if it has the object and nobody works on it. */
static bool block_claim(struct rzs_pool *p, struct rzs_worker *w, uint32_t slot, uint64_t word)
{
	struct rzs_block *b = block_lock(p, w, slot, word);
	struct rzs_shard *s;
	bool free_to_use;

	if (!b)
		return false;
	s = &p->shards[b->shard];
	rzs_lock(&s->lock);
	free_to_use = !b->busy;
	if (free_to_use) {
		rzs_shard_unlink(p, s, b);
		b->busy = RZS_BUSY_NOW;
	}
	rzs_unlock(&s->lock);
	if (!free_to_use)
		rzs_unlock(&b->lock);
	return free_to_use;
}

int rzs_pool_rewrite(struct rzs_pool *p, struct rzs_worker *w, const struct rzs_object *o, bool raw,
		     uint64_t word, uint64_t *p_word)
{
	uint32_t id = rzs_word_block(word), index = rzs_word_index(word);
	struct rzs_block *b;

	if (!rzs_word_is_object(word) || raw != (rzs_word_kind(word) == RZS_KIND_RAW) ||
	    o->size > rzs_word_size(word))
		return -ENOSPC;
	/*
	 * Not while a compactor holds it: that may have copied the old bytes, and would find its
	 * word unchanged.
	 */
	if (!block_claim(p, w, o->slot, word))
		return -ENOSPC;
	b = rzs_pool_block(p, id);
	rzs_count(&w->counters, RZS_C_object_bytes,
		  (uint64_t)((int64_t)o->size - rzs_word_size(word)));
	if (p->wipe)
		block_wipe(b, word);
	/*
	 * The word changes before the block is unlocked: a reader sees old bytes and word, or new
	 * ones.
	 */
	if (raw) {
		memcpy(block_bytes(b, word), o->data, RZS_PAGE_SIZE);
		rzs_slot_unlock(p_word, rzs_word_raw(id, index, o->sum));
	} else {
		rzs_packed_rewrite(&b->packed, b->mem, rzs_packed_entry(b->mem, index), o->data,
				   o->size, o->sum);
		rzs_slot_unlock(p_word, rzs_word_packed(id, index, o->size));
	}
	rzs_block_putback(p, id, b);
	return 0;
}
