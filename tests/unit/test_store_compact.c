/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Compaction: what it may change (blocks), what it may not (pages), when it works and when it has
 * to leave things alone; and how densely objects are packed before and after it.
 */
#include "twin_rig.h"

/* Leave every third page, so that each block is a third full. */
static void thin_out(struct twin *t)
{
	uint64_t slot;

	for (slot = 0; slot < t->model.nr_pages; slot++)
		if (slot % 3)
			twin_discard(t, slot, 1);
}

/* Churn of every kind with compaction between; what the store does underneath must not show. */
T_TEST(compaction_changes_nothing_that_can_be_read)
{
	struct twin t = open_twin(3000);
	uint64_t seed = t_seed(), i, blocks = 0;
	uint8_t page[PAGE];

	for (i = 0; i < 12000; i++) {
		pages_make_any(page, seed + i);
		T_EQ(twin_write(&t, pages_hash(seed, i) % 3000, page), 0);
		if (i % 4 == 0)
			twin_discard(&t, pages_hash(seed + 1, i) % 3000, 1);
		if (i % 1000 == 0) {
			blocks += twin_compact(&t, 100 + i);
			twin_check_all(&t);
		}
	}
	thin_out(&t);
	blocks += twin_compact(&t, UINT64_MAX);
	T_GT(blocks, 0);
	twin_close(&t);
}

T_TEST(blocks_emptied_are_given_back_and_counted)
{
	static const enum pages_kind kinds[] = {PAGES_TEXT, PAGES_RANDOM};
	unsigned i;

	for (i = 0; i < 2; i++) {
		struct twin t = open_twin(1200);
		struct rzs_stats before, after;
		uint64_t blocks;

		fill(&t, kinds[i], 0, 1200);
		thin_out(&t);
		before = stats_of(&t);
		blocks = twin_compact(&t, UINT64_MAX);
		after = stats_of(&t);
		/* A third is left: nearly two thirds of the blocks can go. */
		T_GE(blocks * RZS_BLOCK_SIZE * 2, before.block_bytes);
		T_EQ(after.compacted_blocks, blocks);
		T_GT(after.moved_objects, 0);
		T_LE(after.block_bytes * 100, (after.object_bytes + 2 * RZS_BLOCK_SIZE) * 108);
		twin_close(&t);
	}
}

T_TEST(the_budget_is_kept_and_more_says_whether_to_go_on)
{
	struct twin t = open_twin(2000);
	uint64_t blocks, moved, calls = 0;
	bool more = true;

	fill(&t, PAGES_TEXT, 0, 1000);
	fill(&t, PAGES_RANDOM, 1000, 1000);
	thin_out(&t);
	T_EQ(rzs_store_compact(t.store, t.worker, 0, &blocks, &more), 0);
	T_EQ(blocks, 0);
	T_OK(more);
	T_EQ(stats_of(&t).moved_objects, 0);
	for (; more && calls < 1000; calls++) {
		moved = stats_of(&t).moved_objects;
		T_EQ(rzs_store_compact(t.store, t.worker, 20, &blocks, &more), 0);
		T_LE(stats_of(&t).moved_objects - moved, 20);
	}
	T_OK(!more);
	T_GT(calls, 10);
	T_LE(twin_compact(&t, UINT64_MAX), 1); /* small steps have got as far as a large one */
	twin_close(&t);
}

T_TEST(nothing_is_moved_when_no_block_would_be_gained)
{
	struct twin t = open_twin(40);
	uint64_t slot;

	twin_compact(&t, UINT64_MAX); /* an empty store */
	/* Two blocks, each more than half full: neither fits into what the other has left. */
	for (slot = 0; stats_of(&t).block_bytes < 3 * RZS_BLOCK_SIZE; slot++)
		fill(&t, PAGES_TEXT, slot, 1);
	twin_discard(&t, --slot, 1);
	for (; slot > 3; slot -= 4)
		twin_discard(&t, slot - 1, 1);
	T_EQ(stats_of(&t).block_bytes, 2 * RZS_BLOCK_SIZE);
	T_EQ(twin_compact(&t, UINT64_MAX), 0);
	T_EQ(stats_of(&t).moved_objects, 0);
	twin_close(&t);
}

T_TEST(little_is_lost_between_objects)
{
	struct twin t = open_twin(8192);
	uint64_t seed = t_seed(), i;
	struct rzs_stats s;
	uint8_t page[PAGE];

	fill(&t, PAGES_TEXT, 0, 8192);
	s = stats_of(&t);
	T_LE(s.block_bytes * 100, s.object_bytes * 105);
	for (i = 0; i < 8192; i++) {
		pages_make(page, i % 2 ? PAGES_POINTERS : PAGES_TEXT, seed + i);
		T_EQ(twin_write(&t, pages_hash(seed, i) % 8192, page), 0);
	}
	twin_compact(&t, UINT64_MAX);
	s = stats_of(&t);
	T_LE(s.block_bytes * 100, s.object_bytes * 107);
	twin_close(&t);
}
