/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Compaction: move the objects of a shard's emptiest blocks to its fullest ones, and free the empty
 * blocks.
 *
 * Meanwhile the block being emptied (the victim) is in no list, so nothing new is put into it.
 * Objects leave one at a time.  Each is copied under the victim's lock and put elsewhere like a new
 * object.  Then a compare-and-swap changes its slot word.  If the slot was overwritten or locked
 * meanwhile, the copy is freed again.
 *
 * So no lock is held for longer than one copy or one defragmentation, and a reader starts over at
 * most once for each move.  No block is ever added, so compaction only reduces memory, and it ends.
 */
#include "pool_internal.h"

/* A block with fewer available bytes is not worth the copying. */
#define VICTIM_AVAIL (RZS_BLOCK_SIZE / 16)

struct compaction {
	struct rzs_pool *pool;
	struct rzs_worker *worker;
	rzs_pool_relocate_fn relocate;
	void *arg;
	uint64_t left;	 /* objects that may still be looked at */
	uint64_t blocks; /* freed */
};

/* The emptiest packed block, if the others can take its objects; 0: none. */
static uint32_t victim_packed(struct rzs_pool *p, struct rzs_shard *s)
{
	unsigned list = 0;
	uint32_t id, avail;

	if (s->avail_map[1])
		list = 127 - (unsigned)__builtin_clzll(s->avail_map[1]);
	else if (s->avail_map[0])
		list = 63 - (unsigned)__builtin_clzll(s->avail_map[0]);
	if (!list || list < rzs_avail_list(VICTIM_AVAIL))
		return 0;
	id = s->avail[list];
	avail = rzs_pool_block(p, id)->linked_avail;
	return s->avail_bytes - avail >= RZS_BLOCK_SIZE - avail ? id : 0;
}

/* The emptiest block of pages, if another block has a free page; 0: none. */
static uint32_t victim_pages(struct rzs_pool *p, struct rzs_shard *s)
{
	unsigned low = 0, i;

	while (low < RZS_PAGES_PER_BLOCK && !s->pages[low])
		low++;
	if (low == RZS_PAGES_PER_BLOCK)
		return 0;
	if (rzs_pool_block(p, s->pages[low])->next)
		return s->pages[low];
	for (i = low + 1; i < RZS_PAGES_PER_BLOCK; i++)
		if (s->pages[i])
			return s->pages[low];
	return 0;
}

/* Choose a victim, take it out of its lists and make it busy; 0: none. */
static uint32_t isolate_victim(struct rzs_pool *p, struct rzs_shard *s, bool raw)
{
	uint32_t id;

	rzs_lock(&s->lock);
	id = raw ? victim_pages(p, s) : victim_packed(p, s);
	if (id) {
		rzs_shard_unlink(p, s, rzs_pool_block(p, id));
		rzs_pool_block(p, id)->busy = RZS_BUSY_NOW;
	}
	rzs_unlock(&s->lock);
	return id;
}

/*
 * Copy object number index of the victim to the worker's buffer.  *out_word names the object; 0:
 * there is none at this index.  Returns false when index is past the end.  Its owner may name
 * something else by now: relocate() finds out.
 */
static bool copy_object(struct compaction *c, uint32_t id, uint32_t index, struct rzs_object *o,
			uint64_t *out_word)
{
	struct rzs_block *b = rzs_pool_block(c->pool, id);
	struct rzs_entry *e;
	bool more = true;
	uint8_t *mem;

	*out_word = 0;
	rzs_lock(&b->lock);
	mem = rzs_block_mem(c->pool, b);
	o->data = c->worker->in;
	if (b->type == RZS_BLOCK_PAGES) {
		more = index < RZS_PAGES_PER_BLOCK;
		if (more && b->page_slot[index] != RZS_SLOT_NONE) {
			o->owner = rzs_block_owner(b, index);
			o->size = RZS_PAGE_SIZE;
			o->sum = 0; /* it is in the slot word, and relocate() keeps it there */
			memcpy(c->worker->in, mem + index * RZS_PAGE_SIZE, o->size);
			*out_word = rzs_word_raw(id, index, 0);
		}
	} else if (index >= b->packed.ndir) {
		more = false;
	} else if ((e = rzs_packed_lookup(&b->packed, mem, index))) {
		o->owner = rzs_entry_owner(e);
		o->size = rzs_entry_size(e);
		o->sum = e->sum;
		memcpy(c->worker->in, mem + rzs_entry_offset(e), o->size);
		*out_word = rzs_word_packed(id, index, o->size);
	}
	rzs_unlock(&b->lock);
	return more;
}

/*
 * Put the copy of an object into another block of its shard, and change its owner's word.
 * -ENOSPC: no other block has space for it.
 */
static int move_object(struct compaction *c, struct rzs_shard *s, struct rzs_object *o,
		       uint64_t word)
{
	bool raw = rzs_word_kind(word) == RZS_KIND_RAW;
	uint64_t moved;
	uint32_t to;
	int err;

	do {
		rzs_lock(&s->lock);
		to = raw ? rzs_shard_take_pages(c->pool, s)
			 : rzs_shard_take_packed(c->pool, s, o->size);
		rzs_unlock(&s->lock);
		if (!to)
			return -ENOSPC;
		err = rzs_block_put(c->pool, c->worker, to, o, &moved);
	} while (err);

	if (!c->relocate(c->arg, o->owner, word, moved)) {
		rzs_pool_free(c->pool, c->worker, o->owner, moved);
		return 0;
	}
	rzs_count(&c->worker->counters, RZS_C_moved_objects, 1);
	rzs_pool_free(c->pool, c->worker, o->owner, word);
	return 0;
}

/*
 * Empty one victim.  -ENOSPC: the other blocks had no space for all of it; -EAGAIN: max_objects is
 * reached.
 */
static int evacuate(struct compaction *c, struct rzs_shard *s, uint32_t id)
{
	struct rzs_block *b = rzs_pool_block(c->pool, id);
	struct rzs_object o;
	uint64_t word;
	uint32_t index;
	int err = 0;

	for (index = 0; !err && copy_object(c, id, index, &o, &word); index++) {
		if (!word)
			continue;
		if (!c->left) {
			err = -EAGAIN;
			break;
		}
		c->left--;
		err = move_object(c, s, &o, word);
	}
	rzs_lock(&b->lock);
	if (rzs_block_putback(c->pool, id, b)) {
		rzs_count(&c->worker->counters, RZS_C_compacted_blocks, 1);
		c->blocks++;
	} else if (!err) {
		err = -ENOSPC; /* what is left cannot move now: do not retry at once */
	}
	return err;
}

int rzs_pool_compact(struct rzs_pool *p, struct rzs_worker *w, rzs_pool_relocate_fn relocate,
		     void *arg, uint64_t max_objects, uint64_t *out_blocks, bool *out_more)
{
	struct compaction c = {p, w, relocate, arg, max_objects, 0};
	unsigned i, raw;
	uint32_t id;
	int err;

	*out_more = false;
	for (i = 0; i < p->nr_shards && !*out_more; i++) {
		for (raw = 0; raw < 2 && !*out_more; raw++) {
			err = 0;
			while (!err && (id = isolate_victim(p, &p->shards[i], raw)))
				err = evacuate(&c, &p->shards[i], id);
			*out_more = err == -EAGAIN;
		}
	}
	*out_blocks = c.blocks;
	return 0;
}
