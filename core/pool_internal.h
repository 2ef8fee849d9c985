/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of the pool: block descriptors, and the steps that its files share.  verify.c looks at
 * it, and so do tests.  pool.h has the locks and the rules.
 *
 * Calls go one way: pool_compact.c calls pool.c, that calls pool_block.c, and that pool_lists.c.
 */
#ifndef RZS_POOL_INTERNAL_H
#define RZS_POOL_INTERNAL_H

#include "pool.h"

#define RZS_BLOCKS_PER_CHUNK (RZS_BLOCK_SIZE / sizeof(struct rzs_block))
#define RZS_NO_LIST	     0xffu

enum rzs_block_type {
	RZS_BLOCK_UNUSED, /* the id has no memory */
	RZS_BLOCK_PACKED,
	RZS_BLOCK_PAGES,
	/* Sealed blocks (sealed.h): one of the two above, with this bit. */
	RZS_BLOCK_SEALED = 4,
	RZS_BLOCK_SEALED_PACKED = RZS_BLOCK_PACKED | RZS_BLOCK_SEALED,
	RZS_BLOCK_SEALED_PAGES = RZS_BLOCK_PAGES | RZS_BLOCK_SEALED,
};

#define RZS_SEALED_OBJECTS 160u /* a sealed packed block has so many at most */

enum rzs_busy {
	RZS_BUSY_NOT,
	RZS_BUSY_NOW,	 /* an allocator or compactor works on it, and will put it back */
	RZS_BUSY_BROKEN, /* its directory is broken: nothing is put into it any more */
};

/*
 * A block's descriptor: one cache line.  Fields are under the block's lock; those marked S are
 * under its shard's lock.
 */
struct rzs_block {
	rzs_lock_t lock;
	uint8_t type;	     /* enum rzs_block_type */
	uint8_t shard;	     /* changes only while unused */
	uint8_t busy;	     /* S: enum rzs_busy; if set, the block is in no list */
	uint8_t avail_list;  /* S: its list by available bytes or pages in use, or RZS_NO_LIST */
	uint32_t mem;	     /* number; read without a lock by rzs_pool_prefetch_entry() */
	union {
		struct {
			uint32_t next, prev; /* S: in that list; next also links unused ids */
		};
		struct {
			uint32_t transfer; /* of a sealed block: its number, plus 1; 0: none */
			uint32_t place;	   /* of a sealed block: where it is or will be */
		};
	};
	union {
		struct {
			struct rzs_packed packed;
			uint16_t linked_avail;	     /* S: available bytes when it was linked */
			uint32_t gap_next, gap_prev; /* S: in the list by largest gap */
			uint8_t gap_list;	     /* S */
		};
		struct {
			struct rzs_packed sealed; /* the same as packed; no entry is free */
			uint32_t live[RZS_SEALED_OBJECTS / 32]; /* bit i: object i is in use */
		};
		uint32_t page_slot[RZS_PAGES_PER_BLOCK]; /* or share; RZS_SLOT_NONE: free */
	};
	uint8_t page_shared; /* bit i: page_slot[i] is the number of a share */
	uint64_t seal;	     /* of a sealed block: hash of what proves the rest of it */
} __attribute__((aligned(64)));

/* The descriptor of a block that exists: 1 <= id < next_id. */
static inline struct rzs_block *rzs_pool_block(struct rzs_pool *p, uint32_t id)
{
	uint32_t chunk = rzs_load32(&p->chunks[id / RZS_BLOCKS_PER_CHUNK]);

	return (struct rzs_block *)rzs_blocks_at(p->blocks, chunk) + id % RZS_BLOCKS_PER_CHUNK;
}

/* The memory of a block that is in use. */
static inline uint8_t *rzs_block_mem(const struct rzs_pool *p, const struct rzs_block *b)
{
	return rzs_blocks_at(p->blocks, b->mem);
}

/* Of a block of pages: the owner of page i, which is in use; and set it. */
static inline rzs_owner_t rzs_block_owner(const struct rzs_block *b, uint32_t i)
{
	return b->page_slot[i] | (b->page_shared >> i & 1 ? RZS_OWNER_SHARE : 0);
}

static inline void rzs_block_set_owner(struct rzs_block *b, uint32_t i, rzs_owner_t owner)
{
	b->page_slot[i] = (uint32_t)owner;
	b->page_shared &= (uint8_t)~(1u << i);
	if (owner & RZS_OWNER_SHARE)
		b->page_shared |= (uint8_t)(1u << i);
}

/* Whether nothing is in a block that is in use.  The caller has its lock. */
static inline bool rzs_block_empty(const struct rzs_block *b)
{
	unsigned i;

	if (b->type == RZS_BLOCK_PACKED)
		return b->packed.nlive == 0;
	for (i = 0; i < RZS_PAGES_PER_BLOCK; i++)
		if (b->page_slot[i] != RZS_SLOT_NONE)
			return false;
	return true;
}

/* pool_lists.c.  The caller holds the shard's lock. */

/* The list for packed blocks with so many available bytes; more bytes, higher list. */
unsigned rzs_avail_list(uint32_t bytes);
/* Put a block into its lists.  It is not busy afterwards. */
void rzs_shard_link(struct rzs_pool *p, struct rzs_shard *s, uint32_t id, struct rzs_block *b);
/* Take a block out of its lists; one that is in no list is fine. */
void rzs_shard_unlink(struct rzs_pool *p, struct rzs_shard *s, struct rzs_block *b);
/* Take a block with size available bytes, or one with a free page, and make it busy; 0: none. */
uint32_t rzs_shard_take_packed(struct rzs_pool *p, struct rzs_shard *s, uint32_t size);
uint32_t rzs_shard_take_pages(struct rzs_pool *p, struct rzs_shard *s);

/* pool_block.c */

/*
 * Get an unused id, which has no memory yet, and whose descriptor is busy.  -ENOSPC, -ENOMEM as
 * rzs_pool_put(); *out is 0 then.
 */
int RZS_MUST_CHECK rzs_pool_new_id(struct rzs_pool *p, uint32_t *out);
/* Make an empty block, which is busy.  -ENOSPC, -ENOMEM as rzs_pool_put(); *out_id is 0 then. */
int RZS_MUST_CHECK rzs_pool_new_block(struct rzs_pool *p, unsigned shard, enum rzs_block_type type,
				      uint32_t *out_id);
/*
 * Free an empty, busy block, which the caller has locked.  No slot names it and no list has it, so
 * no other thread uses it.  Unlocks it.
 */
void rzs_block_free(struct rzs_pool *p, uint32_t id, struct rzs_block *b);
/*
 * Make the worker's spare block the memory of block b, which is locked: no reader is in the old
 * memory, and so that is the spare one now.
 */
void rzs_block_swap_mem(struct rzs_pool *p, struct rzs_block *b, struct rzs_worker *w);
/* Let id, which has no memory, be used again. */
void rzs_pool_free_id(struct rzs_pool *p, uint32_t id, struct rzs_block *b);

/*
 * End work on a busy block, which the caller has locked: put it back into its lists (false), or
 * free its memory when it is empty (true).  Unlocks it.
 */
bool rzs_block_putback(struct rzs_pool *p, uint32_t id, struct rzs_block *b);
/*
 * Put an object into the busy block id, and put the block back.  *out_word names the object, 0 on
 * failure.  -EIO: the block's directory is broken (counted); it stays out of the lists.
 */
int RZS_MUST_CHECK rzs_block_put(struct rzs_pool *p, struct rzs_worker *w, uint32_t id,
				 const struct rzs_object *o, uint64_t *out_word);

/* sealed.c, for blocks that are on disk or on their way.  The caller has the block's lock. */

/* Whether the block is a sealed one and has the object of owner that word names. */
bool rzs_sealed_has(const struct rzs_pool *p, const struct rzs_block *b, rzs_owner_t owner,
		    uint64_t word);
/* Drop that object; counted as impossible if it does not have it.  Unlocks the block. */
void rzs_sealed_drop(struct rzs_pool *p, struct rzs_worker *w, uint32_t id, struct rzs_block *b,
		     rzs_owner_t owner, uint64_t word);

#endif
