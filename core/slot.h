/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The slot table: one 64-bit word a page, in chunks that exist only where something was written.
 *
 *   bits 0-2   kind
 *   bit  3     LOCK     held across a read-modify-write; no other thread changes the word
 *   bit  4     WAITERS  threads sleep on the word; the one that clears LOCK wakes them
 *   bit  5     IDLE     neither read nor written since a pass over all pages has marked it (idle.c)
 *   bit  6     CODEC2   kind PACKED: compressed with the store's second codec (recompress.c);
 *                       kind MERGED: a page of a unit (unit.h)
 *   bit  7     SCANNED  merging has looked at the object and knows no other like it
 *   bits 8-63  by kind:
 *     EMPTY    0 (the whole word is 0)
 *     SAME     the 64-bit word that fills the page, its upper 8 bits being copies of bit 55
 *     SAME32   the 32-bit word that fills the page
 *     PACKED   block 28 bits, directory index 12, size 13; with CODEC2, passes since (3 bits)
 *     RAW      block 28 bits, page in the block 3, 1 unused, checksum 24
 *     MERGED   number of the share (share.h) 32 bits, 8 unused, size 13; of a page of a unit, of
 *              the 8: its place in the unit 3, pages in the unit less one 3; passes since (3 bits)
 *     LOST     0: the page was stored, but adoption could not prove it (adopt.c); a read is -EIO
 *              until the page is written or discarded
 *   Kind 6 is unused, with 56 bits: the word of a page on disk is as it was (sealed.h).
 *
 * Concurrency: a word is replaced by compare-and-swap, so a plain write takes no lock of the slot.
 * The thread that replaced a word owns the object that the old word named, and frees it.  LOCK is
 * for read-modify-write only.  A chunk stays until the table is destroyed, so a pointer to a word
 * is valid as long as the store.
 */
#ifndef RZS_SLOT_H
#define RZS_SLOT_H

#include "rzs_store.h"

enum rzs_kind {
	RZS_KIND_EMPTY = 0,
	RZS_KIND_SAME = 1,
	RZS_KIND_SAME32 = 2,
	RZS_KIND_PACKED = 3,
	RZS_KIND_RAW = 4,
	RZS_KIND_MERGED = 5,
	RZS_KIND_UNUSED = 6,
	RZS_KIND_LOST = 7,
};

#define RZS_SLOT_KIND_MASK 7ull
#define RZS_SLOT_LOCK	   (1ull << 3)
#define RZS_SLOT_WAITERS   (1ull << 4)
#define RZS_SLOT_IDLE	   (1ull << 5)
#define RZS_SLOT_CODEC2	   (1ull << 6)
#define RZS_SLOT_SCANNED   (1ull << 7)
#define RZS_SLOT_TRANSIENT (RZS_SLOT_LOCK | RZS_SLOT_WAITERS | RZS_SLOT_IDLE)

/* Of a page's word with CODEC2: passes (idle.h) since it was made; at RZS_SINCE_MAX it stops. */
#define RZS_SLOT_SINCE_ONE  (1ull << 61)
#define RZS_SLOT_SINCE_MASK (7ull << 61)
#define RZS_SINCE_MAX	    7u

#define RZS_BLOCK_ID_BITS 28
#define RZS_BLOCK_ID_MAX  ((1ull << RZS_BLOCK_ID_BITS) - 1)
#define RZS_SUM24_MASK	  0xffffffu

static inline enum rzs_kind rzs_word_kind(uint64_t word)
{
	return (enum rzs_kind)(word & RZS_SLOT_KIND_MASK);
}

/* The word without the transient bits, which may change while it names the same contents. */
static inline uint64_t rzs_word_stable(uint64_t word)
{
	return word & ~RZS_SLOT_TRANSIENT;
}

static inline bool rzs_word_is_same(uint64_t word)
{
	return rzs_word_kind(word) == RZS_KIND_SAME || rzs_word_kind(word) == RZS_KIND_SAME32;
}

static inline bool rzs_word_is_object(uint64_t word)
{
	return rzs_word_kind(word) == RZS_KIND_PACKED || rzs_word_kind(word) == RZS_KIND_RAW;
}

static inline bool rzs_word_is_zero_page(uint64_t word)
{
	return rzs_word_stable(word) == RZS_KIND_SAME;
}

/*
 * The word for a page filled with value, or 0 if no word can hold the value.  SAME has 56 bits for
 * it: the shifts copy bit 55 to the upper 8 bits, and the value fits if that gives the value again.
 */
static inline uint64_t rzs_word_same(uint64_t value)
{
	if ((uint64_t)((int64_t)(value << 8) >> 8) == value)
		return value << 8 | RZS_KIND_SAME;
	if (value >> 32 == (value & 0xffffffffu))
		return (value & 0xffffffffu) << 8 | RZS_KIND_SAME32;
	return 0;
}

/* The value that fills the page of a SAME or SAME32 word. */
static inline uint64_t rzs_word_same_value(uint64_t word)
{
	if (rzs_word_kind(word) == RZS_KIND_SAME)
		return (uint64_t)((int64_t)word >> 8);
	return (word >> 8 & 0xffffffffu) * 0x100000001ull;
}

static inline uint64_t rzs_word_packed(uint32_t block, uint32_t index, uint32_t size)
{
	return RZS_KIND_PACKED | (uint64_t)block << 8 | (uint64_t)index << 36 |
	       (uint64_t)size << 48;
}

static inline uint64_t rzs_word_raw(uint32_t block, uint32_t index, uint32_t sum)
{
	return RZS_KIND_RAW | (uint64_t)block << 8 | (uint64_t)index << 36 |
	       (uint64_t)(sum & RZS_SUM24_MASK) << 40;
}

/* The word of an object anywhere, for its kind and size. */
static inline uint64_t rzs_word_packed_or_raw(bool raw, uint32_t size)
{
	return raw ? rzs_word_raw(0, 0, 0) : rzs_word_packed(0, 0, size);
}

/* size: the object's; RZS_PAGE_SIZE: a raw one. */
static inline uint64_t rzs_word_merged(uint64_t share, uint32_t size)
{
	return RZS_KIND_MERGED | share << 8 | (uint64_t)size << 48;
}

/* The word that a share gets of the page that had the object before. */
static inline uint64_t rzs_word_to_share(uint64_t word)
{
	word = rzs_word_stable(word) & ~RZS_SLOT_SCANNED;
	return word & RZS_SLOT_CODEC2 ? word & ~RZS_SLOT_SINCE_MASK : word;
}

/* Of a word with CODEC2. */
static inline unsigned rzs_word_since(uint64_t word)
{
	return (unsigned)(word >> 61);
}

static inline uint64_t rzs_word_share(uint64_t word)
{
	return word >> 8 & 0xffffffffu;
}

/*
 * A unit is a share with an object of several pages.  The share's word has their number, less one,
 * in its upper 3 bits; there a word of a share of one page has 0.
 */
static inline uint64_t rzs_word_unit(uint64_t packed, uint32_t pages)
{
	return packed | RZS_SLOT_CODEC2 | (uint64_t)(pages - 1) << 61;
}

static inline bool rzs_word_is_unit(uint64_t share_word)
{
	return rzs_word_kind(share_word) == RZS_KIND_PACKED && share_word & RZS_SLOT_CODEC2 &&
	       share_word >> 61;
}

static inline uint32_t rzs_word_unit_pages(uint64_t share_word)
{
	return (uint32_t)(share_word >> 61) + 1;
}

/* The word of page number place of a unit whose object has size bytes. */
static inline uint64_t rzs_word_member(uint64_t share, uint32_t place, uint32_t pages,
				       uint32_t size)
{
	return rzs_word_merged(share, size) | RZS_SLOT_CODEC2 | (uint64_t)place << 40 |
	       (uint64_t)(pages - 1) << 43;
}

static inline bool rzs_word_is_member(uint64_t word)
{
	return (word & (RZS_SLOT_KIND_MASK | RZS_SLOT_CODEC2)) ==
	       (RZS_KIND_MERGED | RZS_SLOT_CODEC2);
}

/* These two are of a member's word. */
static inline uint32_t rzs_word_place(uint64_t word)
{
	return word >> 40 & 7;
}

static inline uint32_t rzs_word_member_pages(uint64_t word)
{
	return (uint32_t)(word >> 43 & 7) + 1;
}

static inline uint32_t rzs_word_block(uint64_t word)
{
	return word >> 8 & RZS_BLOCK_ID_MAX;
}

static inline uint32_t rzs_word_index(uint64_t word)
{
	return word >> 36 & (rzs_word_kind(word) == RZS_KIND_RAW ? 0x7u : 0xfffu);
}

/* Bytes of the object, before rounding; a raw object has a page. */
static inline uint32_t rzs_word_size(uint64_t word)
{
	return rzs_word_kind(word) == RZS_KIND_RAW ? RZS_PAGE_SIZE : word >> 48 & 0x1fffu;
}

/* Bytes that count as the page's own: of a unit's object each page has the same part. */
static inline uint32_t rzs_word_own_size(uint64_t word)
{
	uint32_t size = rzs_word_size(word);

	return unlikely(rzs_word_is_member(word)) ? size / rzs_word_member_pages(word) : size;
}

/* Whether a page's word of kind MERGED is one for a share with this word. */
static inline bool rzs_word_fits_share(uint64_t word, uint64_t share_word)
{
	if (!share_word || rzs_word_size(word) != rzs_word_size(share_word) ||
	    rzs_word_is_member(word) != rzs_word_is_unit(share_word))
		return false;
	return !rzs_word_is_member(word) ||
	       (rzs_word_member_pages(word) == rzs_word_unit_pages(share_word) &&
		rzs_word_place(word) < rzs_word_unit_pages(share_word));
}

/* The bits of an object's word that are its place: block and index. */
static inline uint64_t rzs_word_place_mask(uint64_t word)
{
	unsigned bits = RZS_BLOCK_ID_BITS + (rzs_word_kind(word) == RZS_KIND_RAW ? 3 : 12);

	return ((1ull << bits) - 1) << 8;
}

/*
 * Whether two words of objects name the same object, by kind, place and size.  The checksum of a
 * raw object does not count, and neither do the transient bits.
 */
static inline bool rzs_word_same_object(uint64_t a, uint64_t b)
{
	return rzs_word_kind(a) == rzs_word_kind(b) && ((a ^ b) & rzs_word_place_mask(a)) == 0 &&
	       rzs_word_size(a) == rzs_word_size(b);
}

/* The word of an object that has moved to the place of the word to.  All other bits stay. */
static inline uint64_t rzs_word_moved(uint64_t word, uint64_t to)
{
	uint64_t place = rzs_word_place_mask(word);

	return (word & ~place) | (to & place);
}

static inline uint32_t rzs_word_sum24(uint64_t word)
{
	return word >> 40 & RZS_SUM24_MASK;
}

#define RZS_SLOTS_PER_CHUNK (RZS_BLOCK_SIZE / 8)

struct rzs_slots {
	uint64_t nr; /* slots */
	uint64_t nr_chunks;
	uint32_t *chunks;     /* nr_chunks blocks of RZS_SLOTS_PER_CHUNK words; 0: none yet */
	uint64_t chunks_held; /* relaxed counter */
	struct rzs_blocks *blocks;
};

/* Bytes of the table of chunks for nr slots.  Pure. */
uint64_t rzs_slots_table_bytes(uint64_t nr);
/* Make a table of nr slots, which are empty if chunks[], the table of its chunks, is all zeros. */
void rzs_slots_init(struct rzs_slots *t, uint64_t nr, uint32_t *chunks, struct rzs_blocks *blocks);
/*
 * Overwrite all slots.  The chunks go with the block source, which the caller closes next.  A
 * zeroed table is fine.  No other call is running.
 */
void rzs_slots_wipe(struct rzs_slots *t);

/*
 * The word of slot, or NULL if its chunk does not exist: the slot is empty then.  slot < nr.  Never
 * waits.
 */
static inline uint64_t *rzs_slots_lookup(struct rzs_slots *t, rzs_slot_t slot)
{
	uint32_t chunk = rzs_load32(&t->chunks[slot / RZS_SLOTS_PER_CHUNK]);

	if (!chunk)
		return NULL;
	return (uint64_t *)rzs_blocks_at(t->blocks, chunk) + slot % RZS_SLOTS_PER_CHUNK;
}

/* How many of nr slots, from this one on, are in its chunk. */
static inline uint64_t rzs_slots_in_chunk(rzs_slot_t slot, uint64_t nr)
{
	uint64_t left = RZS_SLOTS_PER_CHUNK - slot % RZS_SLOTS_PER_CHUNK;

	return nr < left ? nr : left;
}

/*
 * The word of slot in *out; makes the chunk if it is missing.  Never sleeps.  -ENOSPC (limit),
 * -ENOMEM (the reserve is empty); *out is NULL then.
 */
int RZS_MUST_CHECK rzs_slots_get(struct rzs_slots *t, rzs_slot_t slot, uint64_t **out);

/*
 * Replace the word.  Returns the old one without transient bits: what it names is the caller's now.
 * Sleeps while the word is locked.
 */
uint64_t rzs_slot_exchange(uint64_t *p, uint64_t word);
/* Replace the word unless it is locked (false; *out_old is 0 then).  Never sleeps. */
bool rzs_slot_try_exchange(uint64_t *p, uint64_t word, uint64_t *out_old);
/* Lock the word.  Returns it without transient bits.  Sleeps while another thread has it locked. */
uint64_t rzs_slot_lock(uint64_t *p);
/* Unlock it and leave word there, which has no transient bits.  Wakes waiters.  Never sleeps. */
void rzs_slot_unlock(uint64_t *p, uint64_t word);
/*
 * The page has been read: take the mark IDLE away, unless the word is locked, as it is about to be
 * replaced then.  Never sleeps.
 */
void rzs_slot_touch(uint64_t *p);
/* Unlock it and leave it as it was before it was locked.  Wakes waiters.  Never sleeps. */
void rzs_slot_unlock_unchanged(uint64_t *p);

#endif
