/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pool: objects of 1 .. RZS_PAGE_SIZE bytes in blocks of RZS_BLOCK_SIZE, named by slot words.
 *
 * Two sorts of block: packed (packed.h: compressed objects of any size) and pages (8 raw pages, so
 * that incompressible data costs nothing but its slots).  Each block belongs to a shard, a worker
 * allocates from its own shard first, and a shard finds a block in constant time: packed blocks are
 * in two sets of size-class lists, by their largest gap and by all their room, blocks of pages by
 * how full they are.  An object goes
 *   1. into a gap that it fills to within RZS_POOL_TIGHT classes (nothing moves),
 *   2. else into the fullest block with room enough in all (which is tidied if that is in pieces),
 *   3. else into a new block.
 * More of 1 moves fewer bytes, more of 2 packs denser; docs/POOL has the measurements behind
 * RZS_POOL_TIGHT.
 *
 * Lock order: a block's lock, then a shard's lock, then the pool's id lock; at most one lock of
 * each sort at a time. An allocator or compactor first takes a block out of its shard's lists
 * (busy), so that it may then work on it under the block's lock alone; only freeing, which needs no
 * room, meets it there.  A block's lock is held for one copy or one tidying (32 KiB at most), a
 * shard's for a few list operations.
 *
 * Who may use an object: a reader locks its block and then looks at the slot word again.  If it
 * still names the object, the object stays until the lock is released, since freeing takes the lock
 * after the word has changed.
 */
#ifndef RZS_POOL_H
#define RZS_POOL_H

#include "slot.h"
#include "worker.h"

#define RZS_PAGES_PER_BLOCK  (RZS_BLOCK_SIZE / RZS_PAGE_SIZE)
#define RZS_BLOCKS_PER_CHUNK (RZS_BLOCK_SIZE / sizeof(struct rzs_block))
#define RZS_MAX_SHARDS	     8u
#define RZS_POOL_TIGHT	     2u

enum rzs_block_type {
	RZS_BLOCK_UNUSED, /* the id has no memory */
	RZS_BLOCK_PACKED,
	RZS_BLOCK_PAGES,
};

enum rzs_busy {
	RZS_BUSY_NOT,
	RZS_BUSY_NOW,	 /* an allocator or compactor works on it, and will settle it */
	RZS_BUSY_BROKEN, /* its directory is broken: it is never put to again */
};

/*
 * A block's descriptor: one cache line. Fields are under the block's lock, or under its shard's
 * (S).
 */
struct rzs_block {
	rzs_lock_t lock;
	uint8_t type;	     /* enum rzs_block_type */
	uint8_t shard;	     /* changes only while unused */
	uint8_t busy;	     /* S: out of the lists; enum rzs_busy */
	uint8_t avail_list;   /* S: list it is in by room or fill, RZS_NO_LIST: none */
	void *mem;	     /* read without a lock by rzs_pool_prefetch_entry() */
	uint32_t next, prev; /* S: in that list; next also links unused ids */
	union {
		struct {
			struct rzs_packed packed;
			uint16_t linked_avail;	       /* S: room when it was linked */
			uint32_t gap_next, gap_prev; /* S: in the list by gap */
			uint8_t gap_list;	       /* S */
		};
		uint32_t page_slot[RZS_PAGES_PER_BLOCK]; /* RZS_SLOT_NONE: free */
	};
} __attribute__((aligned(64)));

#define RZS_NO_LIST    0xffu
#define RZS_GAP_LISTS 64u
#define RZS_AVAIL_LISTS 128u

struct rzs_shard {
	rzs_lock_t lock;
	uint64_t gap_map;    /* bit i: gap[i] is not empty */
	uint64_t avail_map[2]; /* likewise avail[] */
	/* Read without the lock, too: */
	uint64_t avail_bytes;	       /* of the room of all packed blocks in lists, bytes */
	uint64_t avail_pages;	       /* of the free pages of all blocks of pages in lists */
	uint32_t gap[RZS_GAP_LISTS]; /* heads; block 0 is nobody */
	uint32_t avail[RZS_AVAIL_LISTS];
	uint32_t pages[RZS_PAGES_PER_BLOCK]; /* by number of pages in use, 0 .. 7 */
} __attribute__((aligned(64)));

struct rzs_pool {
	struct rzs_blocks *blocks;
	void **chunks; /* nr_chunks pointers to RZS_BLOCKS_PER_CHUNK descriptors, or NULL */
	uint64_t nr_chunks;
	uint64_t max_id;
	rzs_lock_t id_lock;
	uint64_t next_id;     /* id_lock for writing; ids 1 .. next_id - 1 have been used */
	uint32_t free_id;     /* id_lock: head of unused ids */
	uint64_t chunks_held; /* relaxed counters */
	uint64_t blocks_held;
	unsigned nr_shards;
	bool wipe;
	struct rzs_shard shards[RZS_MAX_SHARDS];
};

/* An object as the pool hands it out or takes it in. */
struct rzs_object {
	uint32_t slot;
	uint32_t size;	  /* RZS_PAGE_SIZE: raw */
	uint32_t sum;	  /* of a raw one, its low RZS_SUM24_MASK bits count */
	const void *data; /* for reading: inside the block, good until rzs_pool_read_end() */
};

static inline struct rzs_block *rzs_pool_block(struct rzs_pool *p, uint32_t id)
{
	struct rzs_block *chunk = rzs_load_ptr(&p->chunks[id / RZS_BLOCKS_PER_CHUNK]);

	return &chunk[id % RZS_BLOCKS_PER_CHUNK];
}

/* Bytes that rzs_pool_init() allocates for at most max_blocks blocks of objects. */
uint64_t rzs_pool_fixed_bytes(uint64_t max_blocks);
/* Sleeps.  -ENOMEM leaves *p fit for rzs_pool_fini(), which is fine on a zeroed pool too. */
int RZS_MUST_CHECK rzs_pool_init(struct rzs_pool *p, uint64_t max_blocks, unsigned nr_shards,
				 bool wipe, struct rzs_blocks *blocks);
/* Everything in it goes with the block source, which is to be closed next; wiped before, if so. */
void rzs_pool_fini(struct rzs_pool *p);

/*
 * Store an object; *out_word is the slot word that names it, 0 on failure.
 * raw: a whole page, stored in a block of pages.  -ENOSPC, -ENOMEM as rzs_blocks_take().
 */
int RZS_MUST_CHECK rzs_pool_put(struct rzs_pool *p, struct rzs_worker *w,
				const struct rzs_object *o, bool raw, uint64_t *out_word);

/*
 * Put the object in the place of the one that word names, when it fits there: the last resort of a
 * full store.  The slot at *p_word is locked by the caller, and unlocked with the new word if 0 is
 * returned.  -ENOSPC: does not fit.
 */
int RZS_MUST_CHECK rzs_pool_rewrite(struct rzs_pool *p, struct rzs_worker *w,
				    const struct rzs_object *o, bool raw, uint64_t word,
				    uint64_t *p_word);

/*
 * Free the object that word names; the word is no longer in the slot.  Frees nothing (and counts
 * it) when the directory does not agree with the word: losing some memory is better than freeing
 * what another slot names.
 */
void rzs_pool_free(struct rzs_pool *p, struct rzs_worker *w, uint32_t slot, uint64_t word);

/*
 * Start loading what freeing the object that word names will touch: first its block's descriptor,
 * and once that has had time to arrive, its directory entry.  Word may be out of date by then:
 * nothing is followed, only loaded.
 */
void rzs_pool_prefetch(struct rzs_pool *p, uint64_t word);
void rzs_pool_prefetch_entry(struct rzs_pool *p, uint64_t word);

/*
 * Lock the block of the object that word names, if the slot at *p_word still names it.
 *   0        *out is the object; rzs_pool_read_end() unlocks the block
 *   -EAGAIN  the slot names something else by now; nothing is locked
 *   -EIO     the directory does not know the object (corrupt); nothing is locked
 */
int RZS_MUST_CHECK rzs_pool_read_begin(struct rzs_pool *p, struct rzs_worker *w, uint32_t slot,
				       uint64_t word, uint64_t *p_word, struct rzs_object *out);
void rzs_pool_read_end(struct rzs_pool *p, uint64_t word);

/*
 * Have slot name the place that new does, if it still names the object that old does, of the same
 * size; of old and new nothing else counts.  false: it names another, or is locked.
 */
typedef bool (*rzs_pool_relocate_fn)(void *owner, uint32_t slot, uint64_t old, uint64_t new);

/* See rzs_store_compact(). */
int RZS_MUST_CHECK rzs_pool_compact(struct rzs_pool *p, struct rzs_worker *w,
				    rzs_pool_relocate_fn relocate, void *owner,
				    uint64_t max_objects, uint64_t *out_blocks, bool *out_more);

/* The steps below are shared by pool.c and pool_compact.c. */

/* The list that a packed block with this much room is in; lists rise with the room. */
unsigned rzs_avail_list(uint32_t bytes);
void rzs_shard_link(struct rzs_pool *p, struct rzs_shard *s, uint32_t id, struct rzs_block *b);
void rzs_shard_unlink(struct rzs_pool *p, struct rzs_shard *s, struct rzs_block *b);
/* Take a block that has room for size bytes out of the lists; 0: there is none. */
uint32_t rzs_shard_take_packed(struct rzs_pool *p, struct rzs_shard *s, uint32_t size);
uint32_t rzs_shard_take_pages(struct rzs_pool *p, struct rzs_shard *s);
/*
 * The end of work on a busy, locked block: back into the lists, or given back when empty (true).
 * Unlocks it.
 */
bool rzs_block_putback(struct rzs_pool *p, uint32_t id, struct rzs_block *b);
/* Put into the busy block id; 0 or -EIO (broken directory).  Settles the block. */
int RZS_MUST_CHECK rzs_block_put(struct rzs_pool *p, struct rzs_worker *w, uint32_t id,
				 const struct rzs_object *o, uint64_t *out_word);

#endif
