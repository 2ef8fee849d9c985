/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The map of what is stored: what rzs_store_map() says of holes, zeros and data, and how runs
 * meet the edges of the store and of the table's chunks.
 */
#include "twin_rig.h"

#define CHUNK 4096u /* slots in one block of the slot table */

/* The run from slot on, pieced together of as many calls as it takes; most pages at most. */
static uint64_t run_from(const struct twin *t, uint64_t slot, uint64_t most, enum rzs_map_kind want)
{
	uint64_t done = 0;

	while (done < most) {
		enum rzs_map_kind kind;
		uint64_t run;

		T_EQ(rzs_store_map(t->store, slot + done, most - done, &kind, &run), 0);
		T_GE(run, 1);
		T_LE(run, most - done);
		if (kind != want)
			break;
		done += run;
	}
	return done;
}

T_TEST(a_new_store_is_one_hole)
{
	struct twin t = open_twin(3 * CHUNK + 5);

	T_EQ(run_from(&t, 0, t.model.nr_pages, RZS_MAP_HOLE), t.model.nr_pages);
	T_EQ(run_from(&t, CHUNK - 1, 2, RZS_MAP_HOLE), 2);
	T_EQ(run_from(&t, t.model.nr_pages - 1, 1, RZS_MAP_HOLE), 1);
	twin_close(&t);
}

T_TEST(holes_zeros_and_data_are_told_apart)
{
	struct twin t = open_twin(1000);

	fill(&t, PAGES_ZERO, 10, 5);
	fill(&t, PAGES_SAME32, 15, 5);
	fill(&t, PAGES_SAME64, 20, 5);
	fill(&t, PAGES_TEXT, 25, 5);
	fill(&t, PAGES_RANDOM, 30, 5);
	fill(&t, PAGES_ZERO, 35, 1);
	T_EQ(run_from(&t, 0, 1000, RZS_MAP_HOLE), 10);
	T_EQ(run_from(&t, 10, 990, RZS_MAP_ZERO), 5);
	T_EQ(run_from(&t, 15, 985, RZS_MAP_DATA), 20);
	T_EQ(run_from(&t, 35, 965, RZS_MAP_ZERO), 1);
	T_EQ(run_from(&t, 36, 964, RZS_MAP_HOLE), 964);
	twin_close(&t);
}

T_TEST(what_is_discarded_is_a_hole_again)
{
	struct twin t = open_twin(100);

	fill(&t, PAGES_TEXT, 0, 100);
	twin_discard(&t, 10, 5);
	twin_ptrim(&t, 5 * PAGE, 20 * PAGE);
	T_EQ(twin_pzero(&t, 5 * PAGE, 30 * PAGE), 0);
	T_EQ(run_from(&t, 0, 100, RZS_MAP_DATA), 10);
	T_EQ(run_from(&t, 10, 90, RZS_MAP_HOLE), 5);
	T_EQ(run_from(&t, 20, 80, RZS_MAP_HOLE), 5);
	T_EQ(run_from(&t, 30, 70, RZS_MAP_HOLE), 5);
	T_EQ(run_from(&t, 35, 65, RZS_MAP_DATA), 65);
	twin_close(&t);
}

T_TEST(a_page_zeroed_in_part_is_data_until_nothing_is_left)
{
	struct twin t = open_twin(10);

	fill(&t, PAGES_TEXT, 3, 1);
	T_EQ(twin_pzero(&t, PAGE - 1, 3 * PAGE), 0);
	T_EQ(run_from(&t, 3, 1, RZS_MAP_DATA), 1);
	T_EQ(twin_pzero(&t, 1, 4 * PAGE - 1), 0);
	T_EQ(run_from(&t, 3, 1, RZS_MAP_DATA), 0);
	twin_map(&t, 3, 1);
	twin_close(&t);
}

T_TEST(runs_cross_the_chunks_of_the_table)
{
	struct twin t = open_twin(4 * CHUNK);

	fill(&t, PAGES_SAME32, CHUNK - 3, 6);
	fill(&t, PAGES_ZERO, 3 * CHUNK - 1, 2);
	T_EQ(run_from(&t, 0, 4 * CHUNK, RZS_MAP_HOLE), CHUNK - 3);
	T_EQ(run_from(&t, CHUNK - 3, 3 * CHUNK, RZS_MAP_DATA), 6);
	T_EQ(run_from(&t, CHUNK + 3, 3 * CHUNK - 3, RZS_MAP_HOLE), 2 * CHUNK - 4);
	T_EQ(run_from(&t, 3 * CHUNK - 1, CHUNK + 1, RZS_MAP_ZERO), 2);
	T_EQ(run_from(&t, 3 * CHUNK + 1, CHUNK - 1, RZS_MAP_HOLE), CHUNK - 1);
	twin_close(&t);
}

T_TEST(the_map_of_a_mix_agrees_page_by_page)
{
	struct twin t = open_twin(2 * CHUNK + 100);
	struct pages_rng rng = {t_seed()};
	uint64_t slot, run;
	unsigned i, looks = (unsigned)(20000 / t_scale());

	for (slot = 0; slot < t.model.nr_pages; slot += run) {
		run = 1 + pages_below(&rng, 300);
		if (run > t.model.nr_pages - slot)
			run = t.model.nr_pages - slot;
		switch (pages_below(&rng, 4)) {
		case 0:
			fill(&t, PAGES_ZERO, slot, run);
			break;
		case 1:
			fill(&t, PAGES_SAME64, slot, run);
			break;
		case 2:
			fill(&t, PAGES_SPARSE, slot, run);
			break;
		default:
			break;
		}
	}
	for (i = 0; i < looks; i++) {
		slot = pages_below(&rng, t.model.nr_pages);
		twin_map(&t, slot, 1 + pages_below(&rng, t.model.nr_pages - slot));
	}
	twin_close(&t);
}

T_TEST(ranges_beyond_the_end_are_refused)
{
	static const struct {
		uint64_t slot, nr;
	} ranges[] = {{10, 1}, {9, 2}, {0, 11}, {1, UINT64_MAX}, {UINT64_MAX, 1}, {UINT64_MAX, 2}};
	struct twin t = open_twin(10);
	unsigned i;

	for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		enum rzs_map_kind kind = RZS_MAP_DATA;
		uint64_t run = 77;

		T_EQ(rzs_store_map(t.store, ranges[i].slot, ranges[i].nr, &kind, &run), -EINVAL);
		T_EQ(run, 0); /* out-parameters are set on every path */
		T_EQ(kind, RZS_MAP_HOLE);
	}
	twin_close(&t);
}

/* A map of 16 TiB must not take a step for each page: four calls a chunk of the table at most. */
T_TEST_TIMEOUT(the_map_of_the_largest_store_is_soon_walked, 30)
{
	struct rzs_config cfg = {.nr_pages = RZS_MAX_PAGES, .nr_workers = 1};
	uint64_t slot = 0, run, calls = 0, data = 0;
	struct rzs_store *store;
	struct rzs_worker *w;
	uint8_t page[PAGE];

	T_EQ(rzs_store_create(&cfg, &store), 0);
	w = rzs_worker_get(store, 0);
	pages_make(page, PAGES_TEXT, 1);
	T_EQ(rzs_store_write(store, w, 1ull << 31, page), 0);
	for (; slot < RZS_MAX_PAGES; slot += run) {
		enum rzs_map_kind kind;

		T_EQ(rzs_store_map(store, slot, RZS_MAX_PAGES - slot, &kind, &run), 0);
		T_GE(run, 1);
		data += kind == RZS_MAP_DATA ? run : 0;
		calls++;
	}
	T_EQ(data, 1);
	T_LE(calls, 4 * (RZS_MAX_PAGES / CHUNK));
	rzs_worker_put(store, w);
	rzs_store_destroy(store);
}
