/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lists of a shard.  Everything here runs under the shard's lock.
 *
 * A packed block is in two lists: by its largest gap, and by all its available bytes.  Below 4096
 * bytes, a list covers 64 bytes.  Above, a list by available bytes covers 512 bytes, and one list
 * has all larger gaps.  No object is larger than 4096 bytes, so the upper lists only serve to
 * choose the fullest block, and the emptiest one for compaction.  Blocks with less than 64
 * available bytes are in no list.
 *
 * A block of pages is in one list, by the number of its pages in use, unless all are.
 */
#include "pool_internal.h"

#define CLASS_BYTES  64u
#define COARSE_BYTES 512u
#define COARSE_FROM  4096u

unsigned rzs_avail_list(uint32_t bytes)
{
	if (bytes < COARSE_FROM)
		return bytes / CLASS_BYTES;
	return COARSE_FROM / CLASS_BYTES + (bytes - COARSE_FROM) / COARSE_BYTES;
}

/* The first list whose blocks all have at least size bytes (size <= 4096). */
static unsigned list_for(uint32_t size)
{
	return (size + CLASS_BYTES - 1) / CLASS_BYTES;
}

static unsigned gap_list(uint32_t bytes)
{
	unsigned list = bytes / CLASS_BYTES;

	return list < RZS_GAP_LISTS ? list : RZS_GAP_LISTS - 1;
}

static void block_list_insert(struct rzs_pool *p, uint32_t *head, uint32_t id, struct rzs_block *b)
{
	b->next = *head;
	b->prev = 0;
	if (b->next)
		rzs_pool_block(p, b->next)->prev = id;
	*head = id;
}

/* Returns whether this leaves the list empty. */
static bool block_list_remove(struct rzs_pool *p, uint32_t *head, struct rzs_block *b)
{
	if (b->prev)
		rzs_pool_block(p, b->prev)->next = b->next;
	else
		*head = b->next;
	if (b->next)
		rzs_pool_block(p, b->next)->prev = b->prev;
	return !*head;
}

static void gap_insert(struct rzs_pool *p, struct rzs_shard *s, uint32_t id, struct rzs_block *b)
{
	unsigned list = gap_list(b->packed.max_gap);

	b->gap_list = (uint8_t)list;
	b->gap_next = s->gap[list];
	b->gap_prev = 0;
	if (b->gap_next)
		rzs_pool_block(p, b->gap_next)->gap_prev = id;
	s->gap[list] = id;
	s->gap_map |= 1ull << list;
}

static void gap_remove(struct rzs_pool *p, struct rzs_shard *s, struct rzs_block *b)
{
	if (b->gap_prev)
		rzs_pool_block(p, b->gap_prev)->gap_next = b->gap_next;
	else
		s->gap[b->gap_list] = b->gap_next;
	if (b->gap_next)
		rzs_pool_block(p, b->gap_next)->gap_prev = b->gap_prev;
	if (!s->gap[b->gap_list])
		s->gap_map &= ~(1ull << b->gap_list);
}

static void link_pages(struct rzs_pool *p, struct rzs_shard *s, uint32_t id, struct rzs_block *b)
{
	unsigned used = 0, i;

	for (i = 0; i < RZS_PAGES_PER_BLOCK; i++)
		used += b->page_slot[i] != RZS_SLOT_NONE;
	b->avail_list = RZS_NO_LIST;
	if (used == RZS_PAGES_PER_BLOCK)
		return;
	b->avail_list = (uint8_t)used;
	rzs_set(&s->avail_pages, s->avail_pages + RZS_PAGES_PER_BLOCK - used);
	block_list_insert(p, &s->pages[used], id, b);
}

void rzs_shard_link(struct rzs_pool *p, struct rzs_shard *s, uint32_t id, struct rzs_block *b)
{
	uint32_t avail;
	unsigned list;

	b->busy = RZS_BUSY_NOT;
	if (b->type == RZS_BLOCK_PAGES) {
		link_pages(p, s, id, b);
		return;
	}
	avail = rzs_packed_avail(&b->packed);
	list = rzs_avail_list(avail);
	b->avail_list = RZS_NO_LIST;
	if (!list)
		return;
	b->avail_list = (uint8_t)list;
	b->linked_avail = (uint16_t)avail;
	rzs_set(&s->avail_bytes, s->avail_bytes + avail);
	block_list_insert(p, &s->avail[list], id, b);
	s->avail_map[list / 64] |= 1ull << list % 64;
	gap_insert(p, s, id, b);
}

void rzs_shard_unlink(struct rzs_pool *p, struct rzs_shard *s, struct rzs_block *b)
{
	unsigned list = b->avail_list;

	if (list == RZS_NO_LIST)
		return;
	b->avail_list = RZS_NO_LIST;
	if (b->type == RZS_BLOCK_PAGES) {
		rzs_set(&s->avail_pages, s->avail_pages - (RZS_PAGES_PER_BLOCK - list));
		block_list_remove(p, &s->pages[list], b);
		return;
	}
	rzs_set(&s->avail_bytes, s->avail_bytes - b->linked_avail);
	if (block_list_remove(p, &s->avail[list], b))
		s->avail_map[list / 64] &= ~(1ull << list % 64);
	gap_remove(p, s, b);
}

/* The fullest block of this list and those above it; 0: none. */
static uint32_t find_by_avail(const struct rzs_shard *s, unsigned list)
{
	uint64_t map;

	/* The shifts clear the bits of the lists below. */
	if (list < 64) {
		map = s->avail_map[0] >> list << list;
		if (map)
			return s->avail[__builtin_ctzll(map)];
		list = 64;
	}
	map = s->avail_map[1] >> (list - 64) << (list - 64);
	return map ? s->avail[64 + __builtin_ctzll(map)] : 0;
}

/* A block of this list or the next RZS_POOL_TIGHT - 1: its gap fits tightly; 0: none. */
static uint32_t find_by_gap(const struct rzs_shard *s, unsigned list)
{
	uint64_t map;

	if (list + RZS_POOL_TIGHT > RZS_GAP_LISTS - 1)
		return 0; /* gaps of the last list may be of any size */
	map = s->gap_map >> list & ((1ull << RZS_POOL_TIGHT) - 1);
	return map ? s->gap[list + (unsigned)__builtin_ctzll(map)] : 0;
}

/* Take the block out of its lists and make it busy; id 0 is no block. */
static uint32_t shard_isolate(struct rzs_pool *p, struct rzs_shard *s, uint32_t id)
{
	struct rzs_block *b;

	if (!id)
		return 0;
	b = rzs_pool_block(p, id);
	rzs_shard_unlink(p, s, b);
	b->busy = RZS_BUSY_NOW;
	return id;
}

uint32_t rzs_shard_take_packed(struct rzs_pool *p, struct rzs_shard *s, uint32_t size)
{
	unsigned list = list_for(size);
	uint32_t id = find_by_gap(s, list);

	return shard_isolate(p, s, id ? id : find_by_avail(s, list));
}

uint32_t rzs_shard_take_pages(struct rzs_pool *p, struct rzs_shard *s)
{
	unsigned used = RZS_PAGES_PER_BLOCK;

	while (used-- > 0)
		if (s->pages[used])
			return shard_isolate(p, s, s->pages[used]);
	return 0;
}
