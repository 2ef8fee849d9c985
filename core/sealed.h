/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sealed blocks: those that are to go to disk, are on their way, or are there (docs/SPILL).
 *
 * The bytes of a sealed block do not change once it is full.  So they can be written while its
 * objects are read and dropped: what is dropped is forgotten in the descriptor only, by a bit or an
 * owner.  All its objects are owned by slots.  It is busy and in no list, so neither an allocator
 * nor compaction uses it, and rzs_pool_read_begin() refuses it, so neither do merging and
 * recompression.  Its words are as any others, and nothing of the fast path looks for it: a sealed
 * type just is not the one that a word asks for.
 *
 * While it is in memory, b->mem is its memory; on disk that is 0.  b->transfer says who has work to
 * do with it, and it is not freed before that has ended, so neither its id nor its place are used
 * again meanwhile, and a word that names an object of it means that object.
 *
 * What comes back is proved by b->seal, a hash of the directory, which has the objects' checksums.
 * Raw objects have theirs in their words.  Without checksums the hash is that of the whole block.
 *
 * Locks: the block's, and inside it the lock of struct rzs_spill.  A transfer that has a block
 * changes its state under both.
 */
#ifndef RZS_SEALED_H
#define RZS_SEALED_H

#include "pool_internal.h"

#define RZS_NO_PLACE 0xffffffffu

enum rzs_transfer_state {
	RZS_TRANSFER_FREE,
	RZS_TRANSFER_OPEN,   /* out: it is being filled */
	RZS_TRANSFER_READY,  /* out: it can be written */
	RZS_TRANSFER_BUSY,   /* the caller reads or writes it */
	RZS_TRANSFER_LOADED, /* in: the bytes have come */
	RZS_TRANSFER_FAILED, /* in: they have not, or are not those that were written */
};

struct rzs_transfer {
	uint32_t id;	/* of its block, unless it is free */
	uint32_t mem;	/* number of its memory; 0: it has none */
	uint32_t holds; /* in: who may still use it */
	uint8_t state;
};

struct rzs_spill {
	rzs_lock_t lock;
	bool waits;	 /* of struct rzs_spill_params */
	unsigned nr_out; /* the first ones are out */
	unsigned nr;
	struct rzs_transfer *transfers;
	uint64_t held; /* relaxed counter: memory of transfers that is no block's */
	/* Places: a bit for each that is in use. */
	uint64_t *places;
	uint32_t nr_places, place_at;
	uint64_t places_used; /* relaxed counter */
	unsigned hand;	      /* the next buffer to use again */
	/* Of the thread that gathers. */
	unsigned open[2]; /* numbers plus 1 of those that are being filled: packed, raw; 0: none */
	rzs_slot_t gather_at;
	uint64_t collect_at;
};

/* Whether writes that find no memory are not refused yet. */
static inline bool rzs_spill_waits(const struct rzs_pool *p)
{
	return p->spill && p->spill->waits;
}

/* These: the caller has the block's lock. */

/* Free a sealed block that is empty and has no transfer, and its place.  Unlocks it. */
void rzs_sealed_free(struct rzs_pool *p, uint32_t id, struct rzs_block *b);
/* The bytes of a sealed block: its memory or its buffer; NULL: they are elsewhere. */
uint8_t *rzs_sealed_bytes(const struct rzs_pool *p, const struct rzs_block *b);

/* Whether object i is in use.  i: below rzs_sealed_nr(). */
static inline bool rzs_sealed_live(const struct rzs_block *b, uint32_t i)
{
	if (b->type & RZS_BLOCK_PACKED)
		return b->live[i / 32] >> i % 32 & 1;
	return b->page_slot[i] != RZS_SLOT_NONE;
}

/* How many objects a sealed block had, and has. */
static inline uint32_t rzs_sealed_nr(const struct rzs_block *b)
{
	return b->type & RZS_BLOCK_PACKED ? b->packed.ndir : RZS_PAGES_PER_BLOCK;
}

uint32_t rzs_sealed_nr_live(const struct rzs_block *b);

/* Whether nothing is in use any more. */
static inline bool rzs_sealed_empty(const struct rzs_block *b)
{
	return rzs_sealed_nr_live(b) == 0;
}

/*
 * Copy the object that word names to buf, if it is in a sealed block and *p_word has that word
 * still.  *out: owner, size, sum; its data is buf.
 *   -EAGAIN       the word is another now
 *   -EINPROGRESS  the bytes are elsewhere
 *   -ENOENT       the block is not a sealed one (any more)
 *   -EIO          they are damaged, or the block does not have it
 */
int RZS_MUST_CHECK rzs_sealed_read(struct rzs_pool *p, struct rzs_worker *w, rzs_owner_t owner,
				   uint64_t word, uint64_t *p_word, void *buf,
				   struct rzs_object *out);
/* Whether word names an object of a sealed block now. */
bool rzs_sealed_is(struct rzs_pool *p, uint64_t word);

/*
 * Object i of a block's bytes: owner, size, sum, data.  -EIO: the directory does not have it.  The
 * sum of a raw one is 0: its word has it.
 */
int RZS_MUST_CHECK rzs_sealed_object(const struct rzs_block *b, uint8_t *bytes, uint32_t i,
				     struct rzs_object *out);

/* What b->seal has to be, of these bytes. */
uint64_t rzs_sealed_hash(const struct rzs_block *b, const uint8_t *bytes, bool checksum);

/* The memory of a block that is on disk now is not counted any more (sign 1), or is again (-1). */
void rzs_sealed_count(const struct rzs_block *b, struct rzs_worker *w, uint8_t *bytes,
		      uint64_t sign);
/* Make a sealed block that is in memory an ordinary one.  Locked; unlocks it. */
void rzs_sealed_open(struct rzs_pool *p, struct rzs_worker *w, uint32_t id, struct rzs_block *b);

/* spill_out.c: a transfer for a block to fill.  Errors of rzs_spill_gather(). */
int RZS_MUST_CHECK rzs_spill_claim_out(struct rzs_pool *p, unsigned *out);
/* It has no block any more. */
void rzs_spill_release(struct rzs_spill *s, unsigned number);

/* A place that is not in use, from now on in use; false: there is none. */
bool rzs_place_take(struct rzs_spill *s, uint32_t *out);
void rzs_place_free(struct rzs_spill *s, uint32_t place);

/* Free what rzs_spill_open() allocated.  Blocks go with the block source. */
void rzs_spill_fini(struct rzs_pool *p, bool wipe);

#endif
