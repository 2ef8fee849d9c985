/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of a packed block: objects of any size, named by an index that does not change when
 * they move within the block.
 *
 *   0                         top                    RZS_BLOCK_SIZE - 12 * ndir
 *   | object | gap | object | tail (free) ............ | entry ndir-1 | ... | entry 0 |
 *
 * The directory has an entry for each object: its owner (the back-reference that compaction
 * needs), its offset and size, and its checksum.  The word that names the object has the index of
 * its entry.  So the block can be defragmented without changing any word; this is called a slide,
 * since all objects slide down.  Objects start at even offsets.
 *
 * A slide does not touch the block.  It builds the block anew in a spare one, which the caller then
 * makes the block's memory.  So whoever finds the block at any moment, even after its process was
 * killed, finds all objects.  A put touches no live object: it fills free bytes and a free entry,
 * and the word that names them is stored afterwards.
 *
 * A free entry keeps the place of the object that was there: a gap, for the next object that fits.
 * If that object is smaller, the rest of the gap is counted as free, but cannot be used before the
 * next slide.
 *
 * Invariants (rzs_packed_check):
 *   free = RZS_BLOCK_SIZE - 12 * ndir - the sizes of live objects, each rounded up to even
 *   top <= RZS_BLOCK_SIZE - 12 * ndir; live objects are below top and do not overlap
 *   max_gap = the largest of: the tail (less a new entry if none is free), the gaps of free entries
 *
 * Contract, for every function: the caller holds the block's lock.  None of them sleeps or
 * allocates.  None fails unless it says so.  mem: the block's RZS_BLOCK_SIZE bytes.
 */
#ifndef RZS_PACKED_H
#define RZS_PACKED_H

#include "rzs_store.h"

#define RZS_PACKED_MAX_OBJECT RZS_PAGE_SIZE
#define RZS_PACKED_MAX_DIR    (RZS_BLOCK_SIZE / 14) /* an object takes 2 bytes or more */
#define RZS_SLOT_NONE	      0xffffffffu

/* Who names an object: a slot, or a share (share.h), which has its number below this bit. */
typedef uint64_t rzs_owner_t;
#define RZS_OWNER_SHARE (1ull << 32)

struct rzs_entry {
	uint32_t slot; /* or the share's number; RZS_SLOT_NONE: a free entry */
	/* Bits 0-13 offset / 2, 14-26 size (of a free entry: of its gap), 27: owned by a share. */
	uint32_t place;
	uint32_t sum; /* the low half of the object's hash */
};

#define RZS_ENTRY_SHARE (1u << 27)

/* What the block's descriptor has of it. */
struct rzs_packed {
	uint16_t ndir;	/* entries */
	uint16_t nlive; /* of these, in use */
	uint16_t top;	/* bytes, as are the two below */
	uint16_t free;
	uint16_t max_gap;
};

/* Scratch memory for rzs_packed_put(): one sort key for each entry. */
struct rzs_packed_scratch {
	uint32_t key[RZS_PACKED_MAX_DIR];
};

/* Entry number index, which may be free or broken.  index is not checked. */
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

static inline rzs_owner_t rzs_entry_owner(const struct rzs_entry *e)
{
	return e->slot | (e->place & RZS_ENTRY_SHARE ? RZS_OWNER_SHARE : 0);
}

static inline void rzs_entry_set_owner(struct rzs_entry *e, rzs_owner_t owner)
{
	e->slot = (uint32_t)owner;
	e->place &= ~RZS_ENTRY_SHARE;
	if (owner & RZS_OWNER_SHARE)
		e->place |= RZS_ENTRY_SHARE;
}

/* Bytes that a put may use: the free ones, less a directory entry if it needs a new one. */
static inline uint32_t rzs_packed_avail(const struct rzs_packed *b)
{
	uint32_t entry = b->ndir == b->nlive ? sizeof(struct rzs_entry) : 0;

	return b->free > entry ? b->free - entry : 0;
}

/* An empty block. */
void rzs_packed_init(struct rzs_packed *b);

/*
 * Store size bytes (1 .. RZS_PACKED_MAX_OBJECT) of data for owner.  *out_index names the object.
 * *out_slid: 0: the object is in mem.  Else there was a slide, which has copied so many bytes: the
 * block with the object is in spare, and mem is as it was.  This is so even after -EIO.
 * -ENOSPC  size, rounded up to even, is more than rzs_packed_avail(); nothing has changed
 * -EIO     the directory is broken; the object was not stored, and nothing may be put into this
 *          block any more
 */
int RZS_MUST_CHECK rzs_packed_put(struct rzs_packed *b, void *mem, rzs_owner_t owner,
				  const void *data, uint32_t size, uint32_t sum, void *spare,
				  struct rzs_packed_scratch *scratch, uint32_t *out_index,
				  uint32_t *out_slid);

/* The entry of the live object index, or NULL (out of range, free, or a broken entry). */
struct rzs_entry *rzs_packed_lookup(const struct rzs_packed *b, void *mem, uint32_t index);

/*
 * Replace the live object e by size bytes of data, at most as many as it has now.  This is not one
 * change but many, so mem is a copy that nobody uses yet.
 */
void rzs_packed_rewrite(struct rzs_packed *b, void *mem, struct rzs_entry *e, const void *data,
			uint32_t size, uint32_t sum);

/* Overwrite the bytes and the checksum of live object index, before it is freed or replaced. */
void rzs_packed_wipe(void *mem, uint32_t index);

/* Free the live object index. */
void rzs_packed_del(struct rzs_packed *b, void *mem, uint32_t index);

/*
 * Make anew what the descriptor has, by the directory's first ndir entries, of which the live ones
 * are those to keep.  Free entries lose their gaps.  wipe: overwrite what is between objects.
 * Returns -1; or the index of an object that cannot be kept, as it is not within the block or
 * overlaps another one: then free that, and call this again.
 */
int rzs_packed_mend(struct rzs_packed *b, void *mem, struct rzs_packed_scratch *scratch, bool wipe);

/* Check every invariant.  -EIO: *out_what names the broken one (a constant string), else NULL. */
int RZS_MUST_CHECK rzs_packed_check(const struct rzs_packed *b, void *mem,
				    struct rzs_packed_scratch *scratch, const char **out_what);

#endif
