/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shares: objects that several slots name.  A slot of kind MERGED has the number of a share, and
 * the share has the word that names the object, and the number of slots that name the share.  The
 * object is that of equal pages (merge.c), or of a unit of different ones (unit.h).
 *
 * So compaction moves a shared object by changing one word, and an overwritten slot only gives its
 * use up.  The last one frees the object.  The table is in chunks that exist only where shares were
 * made.
 *
 * Who may use a share: whoever counts as a user.  All others read its word, lock the object's
 * block, and then make sure that the slot that named the share still does: while it does, the share
 * is in use, and so is its object.
 *
 * Concurrency: words and users are changed by compare-and-swap; unused numbers are under the lock,
 * which is taken after all others and for a few instructions.
 */
#ifndef RZS_SHARE_H
#define RZS_SHARE_H

#include "slot.h"

struct rzs_share {
	uint64_t word;	/* of kind PACKED or RAW; 0: it names nothing */
	uint64_t users; /* of an unused share: the number of the next one, and bit 63 */
};

/* In users, of one that is being made: nobody else can become its user. */
#define RZS_SHARE_NEW (1ull << 62)
/* In users, of a unit: merging finds no object in it, and so nobody else becomes its user. */
#define RZS_SHARE_UNIT (1ull << 61)

#define RZS_SHARES_PER_CHUNK (RZS_BLOCK_SIZE / sizeof(struct rzs_share))
#define RZS_SHARE_UNUSED     (1ull << 63)
/*
 * While rzs_store_verify() runs: one for each slot that it has found to name the share.  Of a unit,
 * and while rzs_store_adopt() runs, a bit for each place in it: RZS_SHARE_SEEN << place.
 */
#define RZS_SHARE_SEEN	     (1ull << 32)
#define RZS_SHARE_USERS_MASK (RZS_SHARE_SEEN - 1)

struct rzs_shares {
	struct rzs_blocks *blocks;
	uint32_t *chunks; /* nr_chunks blocks of RZS_SHARES_PER_CHUNK shares; 0: none yet */
	uint64_t nr_chunks;
	rzs_lock_t lock;
	uint64_t next;	      /* lock for writing: numbers below have been used */
	uint64_t unused;      /* lock: the first unused number below next, plus 1; 0: none */
	uint64_t chunks_held; /* relaxed counter */
};

/* Bytes of the table of chunks, for a store of nr_pages pages.  Pure. */
uint64_t rzs_shares_table_bytes(uint64_t nr_pages);
/* Make an empty table for a store of nr_pages pages.  chunks[]: the table of its chunks. */
void rzs_shares_init(struct rzs_shares *t, uint64_t nr_pages, uint32_t *chunks,
		     struct rzs_blocks *blocks);
/* Overwrite all shares.  The chunks go with the block source.  A zeroed table is fine. */
void rzs_shares_wipe(struct rzs_shares *t);

/* How many slots name a share. */
static inline uint32_t rzs_share_users(const struct rzs_share *s)
{
	return (uint32_t)(rzs_load(&s->users) & RZS_SHARE_USERS_MASK);
}

/* The share of this number, or NULL when there never was one.  Never waits. */
static inline struct rzs_share *rzs_shares_at(struct rzs_shares *t, uint64_t id)
{
	struct rzs_share *chunk;

	if (id >= rzs_load(&t->next))
		return NULL;
	chunk = rzs_blocks_at(t->blocks, rzs_load32(&t->chunks[id / RZS_SHARES_PER_CHUNK]));
	return &chunk[id % RZS_SHARES_PER_CHUNK];
}

/*
 * A new share with this word and so many users.  *out_id is its number.  -ENOSPC, -ENOMEM as the
 * data calls; *out_id is 0 then.
 */
int RZS_MUST_CHECK rzs_share_new(struct rzs_shares *t, uint64_t word, uint64_t users,
				 uint64_t *out_id);
/* Whether that needs no block now. */
bool rzs_shares_have_unused(struct rzs_shares *t);
/*
 * Count another user, unless there are none or `most` already, or it is a unit (false).
 */
bool RZS_MUST_CHECK rzs_share_get(struct rzs_share *s, uint64_t most);
/* It is made: RZS_SHARE_NEW goes.  The caller is a user. */
void rzs_share_ready(struct rzs_share *s);
/*
 * A user less; returns how many are left.  0: the share is the caller's alone, who takes its word
 * away, frees the object, and calls rzs_share_free().
 */
uint64_t rzs_share_put(struct rzs_share *s);
/* Take the word of a share without users away and return it; compaction changes it no more. */
uint64_t rzs_share_take_word(struct rzs_share *s);
void rzs_share_free(struct rzs_shares *t, uint64_t id);

#endif
