/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Merging step by step: KSM's counters as LTP's ksm01 expects them, limits on sharing, the way
 * back, damage.
 */
#include "hash.h"
#include "merge_rig.h"
#include "pool_internal.h"
#include "port_test.h"
#include "store.h"

/* After a scan of everything the counters are these, and all is in order. */
static void scan_expect(struct twin *t, const struct rzs_merge_params *params, uint64_t shared,
			uint64_t sharing, uint64_t unshared)
{
	struct rzs_stats s, before = stats_of(t);

	twin_merge(t, params, t->model.nr_pages);
	s = stats_of(t);
	T_EQ(s.pages_shared, shared);
	T_EQ(s.pages_sharing, sharing);
	T_EQ(s.pages_unshared, unshared);
	T_EQ(s.pages_volatile, 0);
	T_EQ(s.full_scans, before.full_scans + 1);
	twin_check_all(t);
}

enum { N = 200 };

/* run = 2: all counters are 0, but the pages are still there and none of them counts as scanned. */
static void unmerge_expect(struct twin *t)
{
	struct rzs_stats s = stats_of(t);
	uint64_t want = s.object_bytes + s.object_meta_bytes + rzs_store_unmerge_bytes(&s), have;

	T_OK(twin_unmerge(t, 3 * N));
	s = stats_of(t);
	T_EQ(s.pages_volatile, 3 * N); /* merging is open */
	rzs_store_merge_close(t->store, t->worker);
	T_OK(twin_unmerge(t, 3 * N));
	s = stats_of(t);
	T_EQ(s.pages_shared, 0);
	T_EQ(s.pages_sharing, 0);
	T_EQ(s.pages_unshared, 0);
	T_EQ(s.pages_volatile, 0);
	T_EQ(s.merge_saved_bytes, 0);
	T_EQ(rzs_store_unmerge_bytes(&s), 0);
	/* Entries that were unused may have been used again, and raw pages have none. */
	have = s.object_bytes + s.object_meta_bytes;
	T_LE(have, want);
	T_GE(have, want - want / 100);
	twin_check_all(t);
}

/*
 * LTP's ksm01: three processes fill their memory with 'c', 'a' and 'a'; then it is changed step by
 * step; then run is 2.  So many pages may share an object as max_sharing says, and the others are
 * shared by as many more objects.  (ksm01's pages of one byte are same-filled here, so these have
 * text.)
 */
static void as_ksm01(uint32_t max_sharing, bool raw)
{
	struct rzs_merge_params params = {max_sharing, false};
	uint64_t more_a = (2 * N - 1) / max_sharing, more_d = (3 * N - 1) / max_sharing;
	struct twin t = open_merging(3 * N);

	put(&t, 0, N, 'c', raw);
	put(&t, N, N, 'a', raw);
	put(&t, 2 * N, N, 'a', raw);
	T_EQ(stats_of(&t).pages_volatile, 3 * N);
	scan_expect(&t, &params, 2 + more_a, 3 * N - 2 - more_a, 0);
	put(&t, N, N, 'b', raw);
	/* Each object of 'a' keeps users. */
	scan_expect(&t, &params, 3 + more_a, 3 * N - 3 - more_a, 0);
	put(&t, 0, N, 'd', raw);
	put(&t, N, N, 'd', raw);
	put(&t, 2 * N, N, 'd', raw);
	T_EQ(stats_of(&t).pages_shared, 0);
	T_EQ(stats_of(&t).pages_volatile, 3 * N);
	scan_expect(&t, &params, 1 + more_d, 3 * N - 1 - more_d, 0);
	/* One page of them changes. */
	put(&t, N + 7, 1, 'e', raw);
	scan_expect(&t, &params, 1 + more_d, 3 * N - 2 - more_d, 1);
	unmerge_expect(&t);
	twin_close(&t);
}

/* ksm01 lets all of its pages share one object. */
T_TEST(as_ksm01_has_it)
{
	as_ksm01(3 * N, false);
	as_ksm01(3 * N, true);
}

T_TEST(as_ksm01_with_the_usual_sharing)
{
	as_ksm01(RZS_MERGE_SHARING_DEFAULT, false);
	as_ksm01(RZS_MERGE_SHARING_DEFAULT, true);
}

/* What is saved, and what is given back when the last user goes. */
T_TEST(bytes)
{
	struct twin t = open_merging(1000);
	uint64_t one, all;

	put(&t, 0, 1, 5, false);
	one = stats_of(&t).object_bytes;
	put(&t, 1, 99, 5, false);
	all = stats_of(&t).object_bytes;
	T_EQ(all, 100 * one);
	scan_expect(&t, &usual, 1, 99, 0);
	T_EQ(stats_of(&t).object_bytes, one);
	T_EQ(stats_of(&t).merge_saved_bytes, 99 * one);
	T_GE(stats_of(&t).merge_bytes, INDEX);
	T_EQ(stats_of(&t).pages_compressed, 100);
	twin_discard(&t, 0, 99);
	T_EQ(stats_of(&t).pages_shared, 1); /* as KSM counts */
	T_EQ(stats_of(&t).pages_sharing, 0);
	T_EQ(stats_of(&t).object_bytes, one);
	twin_discard(&t, 99, 1);
	T_EQ(stats_of(&t).pages_shared, 0);
	T_EQ(stats_of(&t).object_bytes, 0);
	T_EQ(stats_of(&t).block_bytes, 0);
	twin_close(&t);
}

/* An object is found again when the pages that it was found by have been overwritten. */
T_TEST(a_share_is_found_without_its_first_page)
{
	struct twin t = open_merging(10);

	put(&t, 4, 3, 'x', false);
	scan_expect(&t, &usual, 1, 2, 0);
	put(&t, 4, 1, 'x', false);
	put(&t, 0, 1, 'x', false);
	scan_expect(&t, &usual, 1, 3, 0);
	put(&t, 5, 1, 'y', false);
	put(&t, 4, 1, 'z', false);
	put(&t, 1, 1, 'x', false);
	scan_expect(&t, &usual, 1, 2, 2);
	twin_close(&t);
}

/* No object has more users than allowed, and another one is found for the rest. */
T_TEST(max_sharing)
{
	for (uint32_t most = 2; most <= 9; most++) {
		struct rzs_merge_params params = {most, false};
		struct twin t = open_merging(100);
		uint64_t nr, full = 100 / most;

		put(&t, 0, 100, 1, false);
		twin_merge(&t, &params, 200);
		twin_check_all(&t);
		nr = stats_of(&t).pages_shared;
		T_GE(nr, full);
		T_LE(nr, full + 1);
		T_EQ(stats_of(&t).pages_sharing, 100 - nr - stats_of(&t).pages_unshared);
		for (uint64_t id = 0; id < t.store->shares.next; id++)
			T_LE(rzs_shares_at(&t.store->shares, id)->users, most);
		twin_close(&t);
	}
}

/* Unique pages are passed over in seven of eight scans, and new ones never. */
T_TEST(smart_scan)
{
	struct rzs_merge_params smart = {RZS_MERGE_SHARING_DEFAULT, true};
	struct twin t = open_merging(800);
	struct rzs_stats s;

	for (unsigned i = 0; i < 800; i++)
		put(&t, i, 1, i, false);
	scan_expect(&t, &smart, 0, 0, 800);
	T_EQ(stats_of(&t).pages_scanned, 800);
	for (unsigned pass = 0; pass < 8; pass++)
		scan_expect(&t, &smart, 0, 0, 800);
	s = stats_of(&t);
	T_EQ(s.pages_scanned, 1600);
	T_EQ(s.pages_skipped, 7 * 800);
	put(&t, 3, 1, 400, false);
	scan_expect(&t, &smart, 1, 1, 798);
	twin_close(&t);
}

/* An index far too small finds less, and breaks nothing. */
T_TEST(a_tiny_index)
{
	struct twin t = open_twin(2000);

	T_EQ(rzs_store_merge_open(t.store, 63), -EINVAL);
	T_EQ(rzs_store_merge_open(t.store, 64), 0);
	T_EQ(rzs_store_merge_open(t.store, 64), -EINVAL);
	for (unsigned i = 0; i < 2000; i++)
		put(&t, i, 1, i % 1000, false);
	twin_merge(&t, &usual, 2000);
	twin_check_all(&t);
	/* Twins next to each other are found by any index. */
	for (unsigned i = 0; i < 2000; i++)
		put(&t, i, 1, i / 2, false);
	scan_expect(&t, &usual, 1000, 1000, 0);
	twin_close(&t);
}

static uint8_t *mem_of(const struct twin *t, uint64_t word)
{
	struct rzs_pool *pool = &t->store->pool;

	return rzs_block_mem(pool, rzs_pool_block(pool, rzs_word_block(word)));
}

/* Equal sums are no reason to merge. */
T_TEST(equal_keys)
{
	struct twin t = open_merging(2);
	uint64_t *word[2];
	struct rzs_entry *e[2];

	for (unsigned i = 0; i < 2; i++) {
		uint8_t page[PAGE] = {0};

		/* Both compress to the same size. */
		page[100] = (uint8_t)(i + 1);
		T_EQ(twin_write(&t, i, page), 0);
		word[i] = rzs_slots_lookup(&t.store->slots, i);
		e[i] = rzs_packed_entry(mem_of(&t, *word[i]), rzs_word_index(*word[i]));
	}
	T_EQ(rzs_word_size(*word[0]), rzs_word_size(*word[1]));
	e[1]->sum = e[0]->sum;
	twin_merge(&t, &usual, 4);
	T_EQ(stats_of(&t).pages_shared, 0);
	T_EQ(stats_of(&t).pages_unshared, 2);
	e[1]->sum = (uint32_t)rzs_hash64(mem_of(&t, *word[1]) + rzs_entry_offset(e[1]),
					 rzs_entry_size(e[1]), 0);
	twin_close(&t);
}

/* A flipped bit in a shared object is an error for each of its users, and never wrong data. */
T_TEST(damage)
{
	struct rzs_config cfg = config(20);
	struct rzs_store *store;
	struct rzs_worker *w;
	uint64_t merged, passes, object, *p;
	struct rzs_object o;
	struct rzs_stats s;
	uint8_t page[PAGE];
	bool done;

	T_EQ(rzs_store_create(&cfg, &store), 0);
	w = rzs_worker_get(store, 0);
	T_EQ(rzs_store_merge_open(store, INDEX), 0);
	content(page, 1, false);
	for (unsigned i = 0; i < 10; i++)
		T_EQ(rzs_store_write(store, w, i, page), 0);
	T_EQ(rzs_store_merge(store, w, &usual, 20, &merged, &passes), 0);
	T_EQ(merged, 9);
	p = rzs_slots_lookup(&store->slots, 3);
	T_EQ(rzs_store_object_begin(store, w, 3, *p, p, &o, &object), 0);
	((uint8_t *)(uintptr_t)o.data)[o.size / 2] ^= 4;
	rzs_pool_read_end(&store->pool, object);
	for (unsigned i = 0; i < 10; i++)
		T_EQ(rzs_store_read(store, w, i, page), -EIO);
	rzs_store_stats(store, &s);
	T_EQ(s.corrupt, 10); /* each read counts once */
	T_EQ(s.failed_reads, 10);
	/* It can be unshared, and stays damaged; and overwritten. */
	T_EQ(rzs_store_unmerge(store, w, 20, &done), 0);
	T_EQ(done, true);
	T_EQ(rzs_store_read(store, w, 3, page), -EIO);
	T_EQ(rzs_store_write(store, w, 3, page), 0);
	rzs_worker_put(store, w);
	rzs_store_destroy(store);
}

/* The way back without the memory for it: refused, in order, and later it goes on. */
T_TEST(unmerge_without_memory)
{
	struct twin t = open_merging(4000);
	struct rzs_stats s;
	unsigned calls = 0;

	t.may_refuse = true;
	put(&t, 0, 3000, 7, false);
	twin_merge(&t, &usual, 4000);
	twin_compact(&t, UINT64_MAX);
	s = stats_of(&t);
	T_EQ(twin_set_limit(&t, s.mem_bytes + 8 * RZS_BLOCK_SIZE), 0);
	T_EQ(twin_unmerge(&t, 4000), false);
	twin_check_all(&t);
	T_GT(stats_of(&t).pages_shared, 0);
	T_EQ(twin_set_limit(&t, 0), 0);
	while (!twin_unmerge(&t, 500))
		T_LT(calls++, 20);
	T_EQ(stats_of(&t).pages_shared, 0);
	twin_check_all(&t);
	twin_close(&t);
}

/* Whichever allocation fails, everything is in order, and the next try does it. */
T_TEST(the_nth_allocation_fails)
{
	uint64_t nth = 0, failed;

	do {
		struct twin t = open_twin(300);

		nth++;
		rzs_test_fail(RZS_TEST_ALLOC, nth, 1);
		failed = rzs_store_merge_open(t.store, INDEX) != 0;
		T_EQ(rzs_test_failed(RZS_TEST_ALLOC), failed);
		rzs_test_fail(RZS_TEST_ALLOC, 0, 0);
		if (failed)
			T_EQ(rzs_store_merge_open(t.store, INDEX), 0);
		put(&t, 0, 150, 1, true);
		put(&t, 150, 150, 2, false);
		rzs_test_fail(RZS_TEST_TAKE, nth, 1);
		t.may_refuse = true;
		twin_merge(&t, &usual, 600);
		T_GE(stats_of(&t).pages_sharing, 296);
		twin_check_all(&t);
		while (!twin_unmerge(&t, 300))
			T_EQ(rzs_test_failed(RZS_TEST_TAKE), 1);
		failed += rzs_test_failed(RZS_TEST_TAKE);
		T_EQ(stats_of(&t).pages_shared, 0);
		twin_check_all(&t);
		rzs_test_fail(RZS_TEST_TAKE, 0, 0);
		twin_close(&t);
	} while (failed);
	t_note("%llu allocations", (unsigned long long)nth - 1);
	T_GT(nth, 10);
}

/* Red when the index has more than a hundredth of the limit or of the machine's memory. */
T_TEST(size_of_the_index)
{
	struct rzs_stats s = {.nr_pages = 1u << 20};

	T_EQ(rzs_merge_index_bytes(&s, 0), 8u << 20);
	T_EQ(rzs_merge_index_bytes(&s, 1ull << 40), 8u << 20);
	T_EQ(rzs_merge_index_bytes(&s, 500u << 20), 5u << 20);
	s.limit_bytes = 100u << 20;
	T_EQ(rzs_merge_index_bytes(&s, 500u << 20), 1u << 20);
	s.nr_pages = 2;
	T_EQ(rzs_merge_index_bytes(&s, 500u << 20), 4096);
}

/* Red when the way back is refused though it fits, or the reserve counts as room for it. */
T_TEST(room_for_the_way_back)
{
	struct rzs_stats s = {
		.merge_saved_bytes = 30000, .pages_sharing = 100, .reserve_bytes = 1u << 20};
	struct rzs_unmerge_room room;
	uint64_t needed = 31200 + 31200 / 32;

	T_EQ(rzs_store_unmerge_fits(&s, UINT64_MAX, &room), true);
	T_EQ(room.needed, needed);
	T_EQ(room.available, UINT64_MAX);
	T_EQ(rzs_store_unmerge_fits(&s, needed, &room), true);
	T_EQ(rzs_store_unmerge_fits(&s, needed - 1, &room), false);
	T_EQ(room.available, needed - 1);
	T_EQ(room.limited, false);
	s.mem_bytes = 10u << 20;
	s.limit_bytes = s.mem_bytes + needed;
	T_EQ(rzs_store_unmerge_fits(&s, UINT64_MAX, &room), true);
	T_EQ(room.available, needed);
	s.limit_bytes--;
	T_EQ(rzs_store_unmerge_fits(&s, 0, &room), false);
	T_EQ(room.available, needed - 1);
	T_EQ(room.limited, true);
	s.limit_bytes = s.mem_bytes - 1;
	T_EQ(rzs_store_unmerge_fits(&s, UINT64_MAX, &room), false);
	T_EQ(room.available, 0);
}

/* Opening needs memory within the limit, and closing gives it back. */
T_TEST(index_and_limit)
{
	struct twin t = open_twin(1000);
	struct rzs_stats s = stats_of(&t);

	T_EQ(twin_set_limit(&t, s.fixed_bytes + s.table_bytes + 8 * RZS_BLOCK_SIZE + 100 * 1024),
	     0);
	T_EQ(rzs_store_merge_open(t.store, 1u << 20), -ENOSPC);
	T_EQ(stats_of(&t).fixed_bytes, s.fixed_bytes);
	T_EQ(rzs_store_merge_open(t.store, 64 * 1024), 0);
	T_EQ(stats_of(&t).fixed_bytes, s.fixed_bytes + 64 * 1024);
	rzs_store_merge_close(t.store, t.worker);
	T_EQ(stats_of(&t).fixed_bytes, s.fixed_bytes);
	rzs_test_fail(RZS_TEST_ALLOC, 1, 1);
	T_EQ(rzs_store_merge_open(t.store, 64 * 1024), -ENOMEM);
	rzs_test_fail(RZS_TEST_ALLOC, 0, 0);
	T_EQ(stats_of(&t).fixed_bytes, s.fixed_bytes);
	twin_close(&t);
}

/* Compaction moves shared objects, and all of their pages are found where they are then. */
T_TEST(compaction)
{
	struct twin t = open_merging(2000);
	uint64_t moved;

	for (unsigned i = 0; i < 2000; i++)
		put(&t, i, 1, i % 1000, i % 1000 % 7 == 0);
	twin_merge(&t, &usual, 2000);
	T_GT(stats_of(&t).pages_shared, 800);
	for (unsigned i = 0; i < 1000; i++)
		if (i % 4) {
			twin_discard(&t, i, 1);
			twin_discard(&t, 1000 + i, 1);
		}
	moved = stats_of(&t).moved_objects;
	T_GT(twin_compact(&t, UINT64_MAX), 10);
	T_GT(stats_of(&t).moved_objects, moved + 100);
	T_LE(stats_of(&t).block_bytes, stats_of(&t).object_bytes * 5 / 4 + 4 * RZS_BLOCK_SIZE);
	twin_check_all(&t);
	twin_close(&t);
}
