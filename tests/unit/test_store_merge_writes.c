/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes that merge: equal pages share an object as soon as they are written, in all ways to write
 * a page; and nothing is wrong with an index or a share table that is too small, full or damaged.
 */
#include "merge_rig.h"
#include "port_test.h"
#include "store.h"

static struct twin open_with(const struct rzs_config *cfg, uint32_t sharing)
{
	struct twin t;

	twin_open(&t, cfg);
	T_EQ(rzs_store_merge_open(t.store, INDEX), 0);
	T_EQ(rzs_store_merge_writes(t.store, sharing), 0);
	return t;
}

static struct twin open_writes(uint64_t nr)
{
	struct rzs_config cfg = config(nr);

	return open_with(&cfg, RZS_MERGE_SHARING_DEFAULT);
}

static void counters(struct twin *t, uint64_t shared, uint64_t sharing, uint64_t unshared)
{
	struct rzs_stats s = stats_of(t);

	T_EQ(s.pages_shared, shared);
	T_EQ(s.pages_sharing, sharing);
	T_EQ(s.pages_unshared, unshared);
	T_EQ(s.pages_volatile, 0);
	T_EQ(s.pages_scanned, 0);
	twin_check_all(t);
}

/* Red when a write stores what is there already, or does not count as a scan would. */
static void shared_at_once(bool raw)
{
	struct twin t = open_writes(100);
	uint64_t one;

	put(&t, 0, 1, 'a', raw);
	one = stats_of(&t).object_bytes;
	counters(&t, 0, 0, 1);
	put(&t, 1, 9, 'a', raw);
	counters(&t, 1, 9, 0);
	T_EQ(stats_of(&t).object_bytes, one);
	T_EQ(stats_of(&t).merge_saved_bytes, 9 * one);
	/* The object outlives the pages by which it was found. */
	put(&t, 0, 5, 'b', raw);
	counters(&t, 2, 8, 0);
	put(&t, 20, 1, 'a', raw);
	counters(&t, 2, 9, 0);
	twin_discard(&t, 0, 100);
	counters(&t, 0, 0, 0);
	T_EQ(stats_of(&t).block_bytes, 0);
	twin_close(&t);
}

T_TEST(pages_share_at_once)
{
	shared_at_once(false);
	shared_at_once(true);
}

/* Red when a page becomes its own twin. */
T_TEST(a_page_written_again_as_it_is)
{
	struct twin t = open_writes(10);

	for (unsigned i = 0; i < 5; i++) {
		put(&t, 3, 1, 'a', false);
		counters(&t, 0, 0, 1);
	}
	twin_close(&t);
}

/* Red when a partial write, or a page that was prepared, is not looked up. */
T_TEST(all_ways_to_write)
{
	struct twin t = open_writes(20);
	uint8_t page[2][PAGE];
	const void *pages[3] = {page[0], page[0], page[1]};
	unsigned nr;

	put(&t, 0, 1, 'a', false);
	put(&t, 1, 1, 'a', true);
	content(page[0], 'a', false);
	content(page[1], 'a', true);
	/* A page that differs in five bytes gets them. */
	memcpy(page[0] + 50, "other", 5);
	T_EQ(twin_write(&t, 2, page[0]), 0);
	counters(&t, 0, 0, 3);
	content(page[0], 'a', false);
	T_EQ(twin_pwrite(&t, page[0] + 50, 5, 2 * PAGE + 50), 0);
	counters(&t, 1, 1, 1);
	nr = rzs_store_prepare(t.store, t.worker, pages, 3);
	for (unsigned i = 0; i < nr; i++) {
		T_EQ(rzs_store_write_prepared(t.store, t.worker, 10 + i, i), 0);
		model_write(&t.model, pages[i], PAGE, (10 + i) * (uint64_t)PAGE);
	}
	if (nr == 3) /* the codec can; but its bytes for the first two are not those of before */
		counters(&t, 3, 3, 0);
	twin_close(&t);
}

T_TEST(on_and_off)
{
	struct twin t = open_merging(20);

	T_EQ(rzs_store_merge_writes(t.store, 1), -EINVAL);
	T_EQ(rzs_store_merge_writes(t.store, RZS_MERGE_SHARING_MAX + 1), -EINVAL);
	put(&t, 0, 2, 'a', false);
	T_EQ(stats_of(&t).pages_sharing, 0);
	T_EQ(rzs_store_merge_writes(t.store, 2), 0);
	put(&t, 2, 2, 'a', false);
	T_EQ(stats_of(&t).pages_sharing, 1);
	T_EQ(rzs_store_merge_writes(t.store, 0), 0);
	put(&t, 4, 2, 'a', false);
	T_EQ(stats_of(&t).pages_sharing, 1);
	rzs_store_merge_close(t.store, t.worker);
	T_EQ(rzs_store_merge_writes(t.store, 2), -EINVAL);
	T_EQ(rzs_store_merge_writes(t.store, 0), 0);
	/* It is off when merging is opened again. */
	T_EQ(rzs_store_merge_open(t.store, INDEX), 0);
	put(&t, 6, 2, 'a', false);
	T_EQ(stats_of(&t).pages_sharing, 1);
	twin_check_all(&t);
	twin_close(&t);
}

T_TEST(no_more_users_than_allowed)
{
	struct rzs_config cfg = config(100);
	struct twin t = open_with(&cfg, 4);

	put(&t, 0, 100, 'a', false);
	counters(&t, 25, 75, 0);
	for (uint64_t id = 0; id < t.store->shares.next; id++)
		T_LE(rzs_shares_at(&t.store->shares, id)->users, 4);
	twin_close(&t);
}

/* Red when a scan does not know what writes have found, or looks at all of it again. */
T_TEST(a_scan_goes_on_from_there)
{
	struct rzs_merge_params smart = {RZS_MERGE_SHARING_DEFAULT, true};
	struct twin t = open_merging(800);

	put(&t, 0, 100, 'a', false); /* before writes merge */
	T_EQ(rzs_store_merge_writes(t.store, RZS_MERGE_SHARING_DEFAULT), 0);
	for (unsigned i = 100; i < 800; i++)
		put(&t, i, 1, 1000 + i % 400, false);
	T_EQ(stats_of(&t).pages_sharing, 300);
	twin_merge(&t, &smart, 800);
	T_EQ(stats_of(&t).pages_sharing, 300 + 99);
	T_GT(stats_of(&t).pages_skipped, 80);
	twin_check_all(&t);
	twin_close(&t);
}

T_TEST(no_checksum_and_wipe)
{
	struct rzs_config cfg = config(50);
	struct twin t;

	cfg.no_checksum = true;
	cfg.wipe = true;
	t = open_with(&cfg, RZS_MERGE_SHARING_DEFAULT);
	put(&t, 0, 20, 'a', false);
	put(&t, 20, 20, 'a', true);
	counters(&t, 2, 38, 0);
	twin_close(&t);
}

/* Red when an incompressible page is kept though the caller has a place for it. */
T_TEST(backed)
{
	struct rzs_config cfg = config(50);
	struct rzs_store *store;
	struct rzs_worker *w;
	uint8_t page[PAGE];

	cfg.backed = true;
	T_EQ(rzs_store_create(&cfg, &store), 0);
	T_EQ(rzs_store_merge_open(store, INDEX), 0);
	T_EQ(rzs_store_merge_writes(store, 2), 0);
	w = rzs_worker_get(store, 0);
	content(page, 'a', true);
	T_EQ(rzs_store_write(store, w, 0, page), 0); /* which has no place elsewhere */
	T_EQ(rzs_store_write(store, w, 1, page), -E2BIG);
	T_EQ(rzs_store_read(store, w, 1, page), -ENODATA);
	rzs_worker_put(store, w);
	rzs_store_destroy(store);
}

/* An index far too small finds less, and breaks nothing. */
T_TEST(a_tiny_index)
{
	struct twin t = open_twin(2000);

	T_EQ(rzs_store_merge_open(t.store, 64), 0);
	T_EQ(rzs_store_merge_writes(t.store, 256), 0);
	for (unsigned i = 0; i < 1000; i++)
		put(&t, i, 1, i % 500, false);
	twin_check_all(&t);
	/* Twins one after the other are found by any index. */
	for (unsigned i = 0; i < 1000; i++)
		put(&t, i, 1, 1000 + i / 2, false);
	counters(&t, 500, 500, 0);
	twin_close(&t);
}

/* Entries with the right key that name anything at all, even what cannot exist. */
T_TEST(a_damaged_index)
{
	struct twin t = open_writes(1000);
	struct pages_rng rng = {t_seed()};

	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < INDEX / 8; i++) {
			uint64_t number = pages_next(&rng) >> (32 + pages_below(&rng, 32));

			t.store->index[i] = (t.store->index[i] & 0xffffffff) ^
					    (number << 32 | (round & 1) << 31);
		}
		for (unsigned i = 0; i < 50; i++)
			put(&t, pages_below(&rng, 1000), 1, (unsigned)pages_below(&rng, 40), i & 1);
		twin_merge(&t, &usual, 500);
		twin_check_all(&t);
	}
	T_GT(stats_of(&t).pages_sharing, 100);
	twin_close(&t);
}

/* Whichever block is missing, the page is stored or refused, and all is in order. */
T_TEST(the_nth_allocation_fails)
{
	uint64_t nth = 0, failed;

	do {
		struct twin t = open_writes(300);

		nth++;
		t.may_refuse = true;
		rzs_test_fail(RZS_TEST_TAKE, nth, 1);
		for (unsigned i = 0; i < 150; i++) {
			uint8_t page[PAGE];

			content(page, i / 3, i % 5 == 0);
			(void)twin_write(&t, i, page);
		}
		failed = rzs_test_failed(RZS_TEST_TAKE);
		rzs_test_fail(RZS_TEST_TAKE, 0, 0);
		T_GE(stats_of(&t).pages_sharing, 40);
		twin_check_all(&t);
		while (!twin_unmerge(&t, 300))
			;
		twin_check_all(&t);
		twin_close(&t);
	} while (failed);
	t_note("%llu allocations", (unsigned long long)nth - 1);
	T_GE(nth, 5);
}
