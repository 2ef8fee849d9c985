/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of a packed block: objects of any size, named by an index that stays while they move.
 *
 *   0                         top                    RZS_BLOCK_SIZE - 12 * ndir
 *   | object | gap | object | tail (free) ............ | entry ndir-1 | ... | entry 0 |
 *
 * An entry is the object's slot (the back-reference that compaction needs), its offset and size,
 * and its checksum. The slot word names the index, so a block can be tidied (slid) without touching
 * any slot.  Objects start at even offsets.  A free entry keeps the place of the object that was
 * there: a gap, to be used again by one that fits. What a smaller object leaves of a gap is known
 * only in the sum, until the next slide.
 *
 * Invariants (rzs_packed_check):
 *   free = RZS_BLOCK_SIZE - 12 * ndir - sum of live sizes, each rounded up to even
 *   top <= RZS_BLOCK_SIZE - 12 * ndir; live objects lie below top and do not overlap
 *   gap = largest of: the tail (less a new entry when none is free), the gaps of free entries
 *
 * Concurrency: none here; the caller holds the block's lock.  Nothing sleeps or fails but as said.
 */
#ifndef RZS_PACKED_H
#define RZS_PACKED_H

#include "rzs_store.h"

#define RZS_PACKED_MAX_OBJECT RZS_PAGE_SIZE
#define RZS_PACKED_MAX_DIR    (RZS_BLOCK_SIZE / 14) /* an object takes 2 bytes or more */
#define RZS_SLOT_NONE	      0xffffffffu

struct rzs_entry {
	uint32_t slot; /* RZS_SLOT_NONE: a free entry */
	uint32_t place; /* bits 0-13 offset / 2, 14-26 size (of a free entry: of its gap) */
	uint32_t sum; /* low half of the object's hash */
};

struct rzs_packed {
	uint16_t ndir;	/* entries */
	uint16_t nlive; /* of these, in use */
	uint16_t top;	/* bytes */
	uint16_t free;	/* bytes */
	uint16_t max_gap; /* bytes */
};

/* Scratch for rzs_packed_put(): one sort key for each entry. */
struct rzs_packed_scratch {
	uint32_t key[RZS_PACKED_MAX_DIR];
};

static inline struct rzs_entry *rzs_packed_entry(void *mem, uint32_t index)
{
	return (struct rzs_entry *)((uint8_t *)mem + RZS_BLOCK_SIZE) - (index + 1);
}

static inline uint32_t rzs_entry_offset(const struct rzs_entry *e)
{
	return (e->place & 0x3fff) * 2;
}

static inline uint32_t rzs_entry_size(const struct rzs_entry *e)
{
	return e->place >> 14 & 0x1fff;
}

/* Bytes a put may ask for: free ones less the directory entry that it may need. */
static inline uint32_t rzs_packed_avail(const struct rzs_packed *b)
{
	uint32_t entry = b->ndir == b->nlive ? sizeof(struct rzs_entry) : 0;

	return b->free > entry ? b->free - entry : 0;
}

void rzs_packed_init(struct rzs_packed *b);

/*
 * Store size bytes (1 .. RZS_PACKED_MAX_OBJECT) of data for slot.  *out_index names the object.
 * Succeeds whenever size, rounded up to even, is at most rzs_packed_avail(); else -ENOSPC and
 * nothing has changed.
 * *out_slid: bytes moved to make the room contiguous (0: none had to be).
 * -EIO: the directory is broken; nothing was moved, and the block must not be put to again.
 */
int RZS_MUST_CHECK rzs_packed_put(struct rzs_packed *b, void *mem, uint32_t slot, const void *data,
				  uint32_t size, uint32_t sum, struct rzs_packed_scratch *scratch,
				  uint32_t *out_index, uint32_t *out_slid);

/*
 * The live object called index, or NULL when there is none (out of range, free, or a broken entry).
 */
struct rzs_entry *rzs_packed_lookup(const struct rzs_packed *b, void *mem, uint32_t index);

/* Overwrite the live object e with size bytes, at most as many as it has now. */
void rzs_packed_rewrite(struct rzs_packed *b, void *mem, struct rzs_entry *e, const void *data,
			uint32_t size, uint32_t sum);

/* Overwrite the live object called index, which is to go, and its sum. */
void rzs_packed_wipe(void *mem, uint32_t index);

/* Free the live object called index. */
void rzs_packed_del(struct rzs_packed *b, void *mem, uint32_t index);

/* After a slide: overwrite what it has left in the tail and behind objects of odd size. */
void rzs_packed_wipe_slid(const struct rzs_packed *b, void *mem);

/* Check every invariant; 0, or -EIO and *out_what. */
int RZS_MUST_CHECK rzs_packed_check(const struct rzs_packed *b, void *mem,
				    struct rzs_packed_scratch *scratch, const char **out_what);

#endif
