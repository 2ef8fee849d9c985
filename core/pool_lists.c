/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The size-class lists of a shard.  Everything here runs under the shard's lock.
 *
 * Rooms and holes below 4096 bytes are in lists of 64 bytes each, larger rooms in lists of 512
 * bytes (no object is that large: these serve the choice of the fullest block, and of the emptiest
 * for compaction).  List 0 is not kept: its blocks have less than 64 bytes to offer.
 */
#include "pool.h"

#define CLASS_BYTES  64u
#define COARSE_BYTES 512u
#define COARSE_FROM  4096u

unsigned rzs_room_list(uint32_t bytes)
{
	if (bytes < COARSE_FROM)
		return bytes / CLASS_BYTES;
	return COARSE_FROM / CLASS_BYTES + (bytes - COARSE_FROM) / COARSE_BYTES;
}

/* The first list in which every block offers at least size bytes (size <= 4096). */
static unsigned list_for(uint32_t size)
{
	return (size + CLASS_BYTES - 1) / CLASS_BYTES;
}

static unsigned hole_list(uint32_t bytes)
{
	unsigned list = bytes / CLASS_BYTES;

	return list < RZS_HOLE_LISTS ? list : RZS_HOLE_LISTS - 1;
}

static void room_insert(struct rzs_pool *p, uint32_t *head, uint32_t id, struct rzs_block *b)
{
	b->next = *head;
	b->prev = 0;
	if (b->next)
		rzs_pool_block(p, b->next)->prev = id;
	*head = id;
}

/* Returns whether the list is empty now. */
static bool room_remove(struct rzs_pool *p, uint32_t *head, struct rzs_block *b)
{
	if (b->prev)
		rzs_pool_block(p, b->prev)->next = b->next;
	else
		*head = b->next;
	if (b->next)
		rzs_pool_block(p, b->next)->prev = b->prev;
	return !*head;
}

static void hole_insert(struct rzs_pool *p, struct rzs_shard *s, uint32_t id, struct rzs_block *b)
{
	unsigned list = hole_list(b->packed.hole);

	b->hole_list = (uint8_t)list;
	b->hole_next = s->hole[list];
	b->hole_prev = 0;
	if (b->hole_next)
		rzs_pool_block(p, b->hole_next)->hole_prev = id;
	s->hole[list] = id;
	s->hole_map |= 1ull << list;
}

static void hole_remove(struct rzs_pool *p, struct rzs_shard *s, struct rzs_block *b)
{
	if (b->hole_prev)
		rzs_pool_block(p, b->hole_prev)->hole_next = b->hole_next;
	else
		s->hole[b->hole_list] = b->hole_next;
	if (b->hole_next)
		rzs_pool_block(p, b->hole_next)->hole_prev = b->hole_prev;
	if (!s->hole[b->hole_list])
		s->hole_map &= ~(1ull << b->hole_list);
}

static void link_pages(struct rzs_pool *p, struct rzs_shard *s, uint32_t id, struct rzs_block *b)
{
	unsigned used = 0, i;

	for (i = 0; i < RZS_PAGES_PER_BLOCK; i++)
		used += b->page_slot[i] != RZS_SLOT_NONE;
	b->room_list = RZS_NO_LIST;
	if (used == RZS_PAGES_PER_BLOCK)
		return;
	b->room_list = (uint8_t)used;
	rzs_set(&s->page_sum, s->page_sum + RZS_PAGES_PER_BLOCK - used);
	room_insert(p, &s->pages[used], id, b);
}

void rzs_shard_link(struct rzs_pool *p, struct rzs_shard *s, uint32_t id, struct rzs_block *b)
{
	uint32_t room;
	unsigned list;

	b->busy = RZS_BUSY_NOT;
	if (b->type == RZS_BLOCK_PAGES) {
		link_pages(p, s, id, b);
		return;
	}
	room = rzs_packed_room(&b->packed);
	list = rzs_room_list(room);
	b->room_list = RZS_NO_LIST;
	if (!list)
		return;
	b->room_list = (uint8_t)list;
	b->linked_room = (uint16_t)room;
	rzs_set(&s->room_sum, s->room_sum + room);
	room_insert(p, &s->room[list], id, b);
	s->room_map[list / 64] |= 1ull << list % 64;
	hole_insert(p, s, id, b);
}

void rzs_shard_unlink(struct rzs_pool *p, struct rzs_shard *s, struct rzs_block *b)
{
	unsigned list = b->room_list;

	if (list == RZS_NO_LIST)
		return;
	b->room_list = RZS_NO_LIST;
	if (b->type == RZS_BLOCK_PAGES) {
		rzs_set(&s->page_sum, s->page_sum - (RZS_PAGES_PER_BLOCK - list));
		room_remove(p, &s->pages[list], b);
		return;
	}
	rzs_set(&s->room_sum, s->room_sum - b->linked_room);
	if (room_remove(p, &s->room[list], b))
		s->room_map[list / 64] &= ~(1ull << list % 64);
	hole_remove(p, s, b);
}

static uint32_t find_by_room(const struct rzs_shard *s, unsigned list)
{
	uint64_t map;

	if (list < 64) {
		map = s->room_map[0] >> list << list;
		if (map)
			return s->room[__builtin_ctzll(map)];
		list = 64;
	}
	map = s->room_map[1] >> (list - 64) << (list - 64);
	return map ? s->room[64 + __builtin_ctzll(map)] : 0;
}

static uint32_t find_by_hole(const struct rzs_shard *s, unsigned list)
{
	uint64_t map;

	if (list + RZS_POOL_TIGHT > RZS_HOLE_LISTS - 1)
		return 0; /* the last list has no upper bound */
	map = s->hole_map >> list & ((1ull << RZS_POOL_TIGHT) - 1);
	return map ? s->hole[list + (unsigned)__builtin_ctzll(map)] : 0;
}

static uint32_t take(struct rzs_pool *p, struct rzs_shard *s, uint32_t id)
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
	uint32_t id = find_by_hole(s, list);

	return take(p, s, id ? id : find_by_room(s, list));
}

uint32_t rzs_shard_take_pages(struct rzs_pool *p, struct rzs_shard *s)
{
	unsigned used = RZS_PAGES_PER_BLOCK;

	while (used-- > 0)
		if (s->pages[used])
			return take(p, s, s->pages[used]);
	return 0;
}
