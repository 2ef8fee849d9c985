/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Compaction: empty the emptiest blocks of a shard into the fullest and give them back.
 *
 * The victim is out of its shard's lists meanwhile, so nothing new comes in; objects leave one at a
 * time, each copied under the victim's lock, put elsewhere like any new object, and then made known
 * by compare-and-swap of its slot word.  If the slot was overwritten or locked meanwhile the copy
 * is dropped.  So no lock is held for longer than one copy (or one tidying of a block), and a
 * reader at worst looks twice.  Since no block is ever added, it cannot make things worse, and it
 * ends: every block it gives back is gain.
 */
#include "pool.h"

/* A block less empty than this is not worth the copying. */
#define VICTIM_AVAIL (RZS_BLOCK_SIZE / 16)

struct compaction {
	struct rzs_pool *pool;
	struct rzs_worker *worker;
	rzs_pool_relocate_fn relocate;
	void *owner;
	uint64_t left; /* objects that may still be looked at */
	uint64_t blocks;
};

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
	/* The other blocks must be able to take all that is in it. */
	return s->avail_bytes - avail >= RZS_BLOCK_SIZE - avail ? id : 0;
}

static uint32_t victim_pages(struct rzs_pool *p, struct rzs_shard *s)
{
	unsigned low = 0, high = RZS_PAGES_PER_BLOCK - 1;

	while (low < RZS_PAGES_PER_BLOCK && !s->pages[low])
		low++;
	while (high > low && !s->pages[high])
		high--;
	if (low >= high && !(low == high && rzs_pool_block(p, s->pages[low])->next))
		return 0;
	return s->pages[low];
}

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
 * Copy object number index of the victim to the worker's buffer.  *out_word names it; 0: there is
 * none at this index. False: index is past the end.  The caller must still ask the slot whether it
 * is current.
 */
static bool copy_object(struct compaction *c, uint32_t id, uint32_t index, struct rzs_object *o,
			uint64_t *out_word)
{
	struct rzs_block *b = rzs_pool_block(c->pool, id);
	struct rzs_entry *e;
	bool more = true;

	*out_word = 0;
	rzs_lock(&b->lock);
	o->data = c->worker->in;
	if (b->type == RZS_BLOCK_PAGES) {
		more = index < RZS_PAGES_PER_BLOCK;
		if (more && b->page_slot[index] != RZS_SLOT_NONE) {
			o->slot = b->page_slot[index];
			o->size = RZS_PAGE_SIZE;
			o->sum = 0; /* the slot knows it, see relocate */
			memcpy(c->worker->in, (uint8_t *)b->mem + index * RZS_PAGE_SIZE, o->size);
			*out_word = rzs_word_raw(id, index, 0);
		}
	} else if (index >= b->packed.ndir) {
		more = false;
	} else if ((e = rzs_packed_lookup(&b->packed, b->mem, index))) {
		o->slot = e->slot;
		o->size = rzs_entry_size(e);
		o->sum = e->sum;
		memcpy(c->worker->in, (uint8_t *)b->mem + rzs_entry_offset(e), o->size);
		*out_word = rzs_word_packed(id, index, o->size);
	}
	rzs_unlock(&b->lock);
	return more;
}

/*
 * Put the copy of an object elsewhere in its shard and tell its slot. -ENOSPC: no other block has
 * room.
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

	if (!c->relocate(c->owner, o->slot, word, moved)) {
		rzs_pool_free(c->pool, c->worker, o->slot, moved);
		return 0;
	}
	rzs_count(&c->worker->counters, RZS_C_moved_objects, 1);
	rzs_pool_free(c->pool, c->worker, o->slot, word);
	return 0;
}

/* Empty one victim.  -ENOSPC: there was no room for all of it; -EAGAIN: the budget is used up. */
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
		err = -ENOSPC; /* what is left cannot move now: not again at once */
	}
	return err;
}

int rzs_pool_compact(struct rzs_pool *p, struct rzs_worker *w, rzs_pool_relocate_fn relocate,
		     void *owner, uint64_t max_objects, uint64_t *out_blocks, bool *out_more)
{
	struct compaction c = {p, w, relocate, owner, max_objects, 0};
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
