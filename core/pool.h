/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pool: objects of 1 .. RZS_PAGE_SIZE bytes in blocks of RZS_BLOCK_SIZE, named by slot words.
 * This is the store's interface to it; pool_internal.h has what is inside.
 *
 * There are two types of block.  A packed block (packed.h) holds compressed objects of any size.  A
 * block of pages holds 8 raw pages, so incompressible data costs nothing but its slots.
 *
 * Each block belongs to a shard.  A worker allocates from its own shard first.  A shard finds a
 * block in constant time, through size-class lists (pool_lists.c).  An object goes
 *   1. into a gap that it fills to within RZS_POOL_TIGHT classes (nothing moves),
 *   2. else into the fullest block with enough available bytes in total; if these are in pieces,
 *      the block is defragmented first,
 *   3. else into a new block.
 * More of 1 moves fewer bytes, more of 2 packs more densely.  docs/POOL has the measurements behind
 * RZS_POOL_TIGHT.
 *
 * Lock order: a block's lock, then a shard's lock, then the pool's id lock; at most one lock of
 * each kind at a time.  An allocator or compactor first takes a block out of its shard's lists
 * (busy).  Then it works on the block under the block's lock alone.  Only freeing meets it there,
 * since freeing needs no space.  A block's lock is held for one copy or one defragmentation (32 KiB
 * at most), a shard's for a few list operations.
 *
 * A block is not changed in place where a change takes more than one store: a slide, or an object
 * that replaces another one.  It is built anew in a spare block, which each worker has, and becomes
 * the block by one store of a number (block_swap_mem).  The old memory is the spare block then.
 *
 * An object has an owner, which is a slot or a share (share.h): where the word is that names it.
 *
 * Who may use an object: a reader locks the object's block, and then loads its owner's word again.
 * If the word still names the object, the object stays until the lock is released: freeing takes
 * the lock after the word has changed.
 *
 * Contract, for every function unless it says otherwise: any thread, any number at once; never
 * sleeps but on these locks; never asks the system for memory.
 */
#ifndef RZS_POOL_H
#define RZS_POOL_H

#include "slot.h"
#include "worker.h"

#define RZS_PAGES_PER_BLOCK (RZS_BLOCK_SIZE / RZS_PAGE_SIZE)
#define RZS_MAX_SHARDS	    8u
#define RZS_POOL_TIGHT	    2u
#define RZS_GAP_LISTS	    64u
#define RZS_AVAIL_LISTS	    128u

/* A shard's lists of blocks.  A list is the id of its first block; 0: it is empty. */
struct rzs_shard {
	rzs_lock_t lock;
	uint64_t gap_map;      /* bit i: gap[i] is not empty */
	uint64_t avail_map[2]; /* the same of avail[] */
	/* Read without the lock, too: */
	uint64_t avail_bytes;		     /* available bytes of all packed blocks in lists */
	uint64_t avail_pages;		     /* free pages of all blocks of pages in lists */
	uint32_t gap[RZS_GAP_LISTS];	     /* packed blocks, by their largest gap */
	uint32_t avail[RZS_AVAIL_LISTS];     /* the same blocks, by available bytes */
	uint32_t pages[RZS_PAGES_PER_BLOCK]; /* blocks of pages, by pages in use, 0 .. 7 */
} __attribute__((aligned(64)));

struct rzs_spill;

struct rzs_pool {
	struct rzs_blocks *blocks;
	struct rzs_spill *spill; /* NULL: no block was ever sealed (sealed.h) */
	uint32_t *chunks; /* nr_chunks blocks of RZS_BLOCKS_PER_CHUNK descriptors; 0: none yet */
	uint64_t nr_chunks;
	uint64_t max_id;
	rzs_lock_t id_lock;
	uint64_t next_id;     /* id_lock for writing; ids 1 .. next_id - 1 have been used */
	uint32_t free_id;     /* id_lock: first of the unused ids, 0: none */
	uint64_t chunks_held; /* relaxed counter */
	uint64_t blocks_held; /* relaxed counter */
	unsigned nr_shards;
	bool wipe;
	struct rzs_shard shards[RZS_MAX_SHARDS];
};

/* An object on its way into the pool or out of it. */
struct rzs_object {
	rzs_owner_t owner;
	uint32_t size;	  /* RZS_PAGE_SIZE: raw */
	uint32_t sum;	  /* checksum; of a raw object its low RZS_SUM24_MASK bits count */
	const void *data; /* when reading: inside the block, valid until rzs_pool_read_end() */
};

/* Bytes of the table of descriptors' chunks, for at most max_blocks blocks of objects. */
uint64_t rzs_pool_table_bytes(uint64_t max_blocks);

/*
 * Make an empty pool in zeroed memory.  nr_shards: 1 .. RZS_MAX_SHARDS.  chunks[]: the table of
 * descriptors' chunks.  wipe: overwrite what objects leave behind.
 */
void rzs_pool_init(struct rzs_pool *p, uint64_t max_blocks, unsigned nr_shards, bool wipe,
		   uint32_t *chunks, struct rzs_blocks *blocks);
/*
 * Overwrite all blocks, which go with the block source, and the caller closes that next.  A zeroed
 * pool is fine.  No other call is running.
 */
void rzs_pool_wipe(struct rzs_pool *p);

/*
 * Store an object.  *out_word is the slot word that names it, 0 on failure.
 * raw: a whole page, which goes into a block of pages.
 * -ENOSPC, -ENOMEM  as the data calls of rzs_store.h
 * -EIO              a broken invariant (counted)
 */
int RZS_MUST_CHECK rzs_pool_put(struct rzs_pool *p, struct rzs_worker *w,
				const struct rzs_object *o, bool raw, uint64_t *out_word);

/*
 * As rzs_pool_put(), but takes no new block.  -ENOSPC: the blocks that there
 * are have no space for it.
 */
int RZS_MUST_CHECK rzs_pool_put_within(struct rzs_pool *p, struct rzs_worker *w,
				       const struct rzs_object *o, bool raw, uint64_t *out_word);

/*
 * Put the object in the place of the one that word names, if it fits there: the last resort of a
 * full store.  The caller has locked the slot at *p_word.  0: the slot is unlocked and has the new
 * word.  -ENOSPC: the object does not fit, or another thread works on the block; nothing has
 * changed, and the slot is still locked.
 */
int RZS_MUST_CHECK rzs_pool_rewrite(struct rzs_pool *p, struct rzs_worker *w,
				    const struct rzs_object *o, bool raw, uint64_t word,
				    uint64_t *p_word);

/*
 * Free the object that word names; its owner does not have this word any more.  If the directory
 * does not agree with the word, nothing is freed and this is counted (impossible): losing some
 * memory is better than freeing what another slot names.
 */
void rzs_pool_free(struct rzs_pool *p, struct rzs_worker *w, rzs_owner_t owner, uint64_t word);

/*
 * Prefetch what reading or freeing the object that word names will touch: first its block's
 * descriptor, and then, once the descriptor is in the cache, its directory entry.  The word may be
 * out of date.  Never waits, never fails.
 */
void rzs_pool_prefetch(struct rzs_pool *p, uint64_t word);
void rzs_pool_prefetch_entry(struct rzs_pool *p, uint64_t word);

/*
 * Lock the block of the object that word names, if its owner's word at *p_word still names it.
 *   0        *out is the object; the caller calls rzs_pool_read_end() after copying it
 *   -EAGAIN  the owner's word is another by now; nothing is locked
 *   -EINPROGRESS  the object is in a sealed block (sealed.h); nothing is locked
 *   -EIO     the directory does not have the object (corrupt); nothing is locked
 */
int RZS_MUST_CHECK rzs_pool_read_begin(struct rzs_pool *p, struct rzs_worker *w, rzs_owner_t owner,
				       uint64_t word, uint64_t *p_word, struct rzs_object *out);
/* Unlock the block that rzs_pool_read_begin() locked for this word. */
void rzs_pool_read_end(struct rzs_pool *p, uint64_t word);
/* Between the two: make owner the object's owner. */
void rzs_pool_set_owner(struct rzs_pool *p, uint64_t word, rzs_owner_t owner);

/*
 * Make owner's word name the place of word new, if it still names the object of word old.  Of both
 * words only kind, place and size count.  false: it names another object, or is locked.  Called
 * without any lock of the pool; must not sleep.
 */
typedef bool (*rzs_pool_relocate_fn)(void *arg, rzs_owner_t owner, uint64_t old, uint64_t new);

/* See rzs_store_compact(); always 0. */
int RZS_MUST_CHECK rzs_pool_compact(struct rzs_pool *p, struct rzs_worker *w,
				    rzs_pool_relocate_fn relocate, void *arg,
				    uint64_t max_objects, uint64_t *out_blocks, bool *out_more);

#endif
