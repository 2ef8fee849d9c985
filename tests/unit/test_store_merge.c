/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Merging step by step: KSM's counters as LTP's ksm01 expects them, limits on sharing, the way
 * back, damage; and threads that merge, unmerge, compact, write and read at the same time.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "hash.h"
#include "port_test.h"
#include "pool_internal.h"
#include "sanitized.h"
#include "store.h"
#include "twin_rig.h"

#define INDEX (64u * 1024)

static const struct rzs_merge_params usual = {RZS_MERGE_SHARING_DEFAULT, false};

/* A page of the contents number `what`, which is not same-filled: a compressible or a raw one. */
static void content(uint8_t *page, unsigned what, bool raw)
{
	pages_make(page, raw ? PAGES_RANDOM : PAGES_TEXT, what);
}

static void put(struct twin *t, uint64_t slot, uint64_t nr, unsigned what, bool raw)
{
	uint8_t page[PAGE];

	content(page, what, raw);
	for (; nr; nr--)
		T_EQ(twin_write(t, slot++, page), 0);
}

static struct twin open_merging(uint64_t nr)
{
	struct twin t = open_twin(nr);

	T_EQ(rzs_store_merge_open(t.store, INDEX), 0);
	return t;
}

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

/*
 * ksm01: three processes have their memory filled with 'a', 'b' and 'a'; then it is changed step by
 * step; then run is 2, and 0.  (Its pages of one byte are same-filled here, so these have text.)
 */
T_TEST(as_ksm01)
{
	for (int raw = 0; raw < 2; raw++) {
		enum { N = 200 };
		struct twin t = open_merging(3 * N);
		struct rzs_stats s;

		put(&t, 0, N, 'c', raw);
		put(&t, N, N, 'a', raw);
		put(&t, 2 * N, N, 'a', raw);
		T_EQ(stats_of(&t).pages_volatile, 3 * N);
		/* 400 of one kind: two objects, as 256 may share one. */
		scan_expect(&t, &usual, 3, 3 * N - 3, 0);
		/* Both objects of 'a' keep users. */
		put(&t, N, N, 'b', raw);
		scan_expect(&t, &usual, 4, 3 * N - 4, 0);
		put(&t, 0, N, 'd', raw);
		put(&t, N, N, 'd', raw);
		put(&t, 2 * N, N, 'd', raw);
		T_EQ(stats_of(&t).pages_shared, 0);
		T_EQ(stats_of(&t).pages_volatile, 3 * N);
		scan_expect(&t, &usual, 3, 3 * N - 3, 0);
		/* One page of them changes. */
		put(&t, N + 7, 1, 'e', raw);
		scan_expect(&t, &usual, 3, 3 * N - 4, 1);
		T_OK(twin_unmerge(&t, 3 * N));
		s = stats_of(&t);
		T_EQ(s.pages_shared, 0);
		T_EQ(s.pages_sharing, 0);
		T_EQ(s.pages_unshared, 1);
		T_EQ(s.merge_saved_bytes, 0);
		twin_check_all(&t);
		twin_close(&t);
	}
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
		e[i] = rzs_packed_entry(
			rzs_pool_block(&t.store->pool, rzs_word_block(*word[i]))->mem,
			rzs_word_index(*word[i]));
	}
	T_EQ(rzs_word_size(*word[0]), rzs_word_size(*word[1]));
	e[1]->sum = e[0]->sum;
	twin_merge(&t, &usual, 4);
	T_EQ(stats_of(&t).pages_shared, 0);
	T_EQ(stats_of(&t).pages_unshared, 2);
	e[1]->sum = (uint32_t)rzs_hash64(
		(uint8_t *)rzs_pool_block(&t.store->pool, rzs_word_block(*word[1]))->mem +
			rzs_entry_offset(e[1]),
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

/* Opening needs memory within the limit, and closing gives it back. */
T_TEST(index_and_limit)
{
	struct twin t = open_twin(1000);
	struct rzs_stats s = stats_of(&t), after;

	T_EQ(twin_set_limit(&t, s.fixed_bytes + 8 * RZS_BLOCK_SIZE + 100 * 1024), 0);
	T_EQ(rzs_store_merge_open(t.store, 1u << 20), -ENOSPC);
	T_EQ(stats_of(&t).fixed_bytes, s.fixed_bytes);
	T_EQ(rzs_store_merge_open(t.store, 64 * 1024), 0);
	T_EQ(stats_of(&t).fixed_bytes, s.fixed_bytes + 64 * 1024 + rzs_shares_fixed_bytes(1000));
	rzs_store_merge_close(t.store);
	after = stats_of(&t);
	T_EQ(after.fixed_bytes, s.fixed_bytes + rzs_shares_fixed_bytes(1000));
	rzs_test_fail(RZS_TEST_ALLOC, 1, 1);
	T_EQ(rzs_store_merge_open(t.store, 64 * 1024), -ENOMEM);
	rzs_test_fail(RZS_TEST_ALLOC, 0, 0);
	T_EQ(stats_of(&t).fixed_bytes, after.fixed_bytes);
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

/* ---- between two steps ---- */

/* At step number `at` of a call, others do something, if this thread would not wait for itself. */
static struct {
	struct twin *t;
	unsigned steps, at, action;
	uint64_t slot;
	bool done;
} between;

enum { OVERWRITE, OVERWRITE_ALL, DISCARD, MODIFY, COMPACT, ACTIONS, REUSE = ACTIONS };

static bool is_free(rzs_lock_t *l)
{
	if (!rzs_trylock(l))
		return false;
	rzs_unlock(l);
	return true;
}

static bool all_free(struct rzs_store *store)
{
	struct rzs_pool *p = &store->pool;

	for (unsigned i = 0; i < p->nr_shards; i++)
		if (!is_free(&p->shards[i].lock))
			return false;
	for (uint32_t id = 1; id < p->next_id; id++)
		if (!is_free(&rzs_pool_block(p, id)->lock))
			return false;
	return is_free(&p->id_lock) && is_free(&store->shares.lock) &&
	       rzs_test_source_is_free(store->blocks);
}

static void interfere(struct twin *t, unsigned action, uint64_t slot)
{
	struct rzs_worker *own = t->worker;

	t->worker = rzs_worker_get(t->store, 1);
	switch (action) {
	case OVERWRITE:
		put(t, slot, 1, 77, false);
		break;
	case OVERWRITE_ALL:
		put(t, 0, 3, 78, false);
		break;
	case DISCARD:
		twin_discard(t, slot, 1);
		break;
	case MODIFY:
		T_EQ(twin_pwrite(t, "other", 5, slot * PAGE + 50), 0);
		break;
	case REUSE: /* the number of the share becomes that of another */
		put(t, 0, 3, 78, false);
		put(t, 3, 2, 79, false);
		twin_merge(t, &usual, 16);
		break;
	default:
		twin_compact(t, UINT64_MAX);
	}
	rzs_worker_put(t->store, t->worker);
	t->worker = own;
}

static void step(void *arg, const void *unused, size_t n)
{
	(void)arg, (void)unused, (void)n;
	if (between.done || between.steps++ < between.at || !all_free(between.t->store))
		return;
	between.done = true;
	interfere(between.t, between.action, between.slot);
}

static void begin_between(struct twin *t, unsigned at, unsigned action, uint64_t slot)
{
	memset(&between, 0, sizeof(between));
	between.t = t;
	between.at = at;
	between.action = action;
	between.slot = slot;
	rzs_test_call_at(RZS_TEST_AT_YIELD, step, NULL);
}

/*
 * Three equal pages, some of which share an object already, are merged, or given back.  Whatever is
 * done to them at whatever step, everything is in order.  Returns whether the call was long enough.
 */
static bool interrupted_call(unsigned at, unsigned action, unsigned before, bool back)
{
	struct twin t = open_merging(16);

	/* So that there is something for compaction to move. */
	for (unsigned i = 3; i < 16; i++)
		put(&t, i, 1, 100 + i, false);
	put(&t, 0, 3, 1, false);
	for (unsigned i = 4; i < 16; i += 2)
		twin_discard(&t, i, 1);
	if (before)
		twin_merge(&t, &usual, before);
	begin_between(&t, at, action % ACTIONS, action / ACTIONS);
	if (back)
		(void)twin_unmerge(&t, 16);
	else
		twin_merge(&t, &usual, 16);
	rzs_test_call_at(RZS_TEST_AT_YIELD, NULL, NULL);
	twin_check_all(&t);
	twin_close(&t);
	return between.done;
}

T_TEST_TIMEOUT(between_two_steps, 120)
{
	unsigned calls = 0, at, step_by = instrumented() ? 5 : 1;

	for (unsigned before = 0; before <= 3; before++)
		for (unsigned back = before < 2; back < 2; back++)
			for (unsigned action = 0; action < 3 * ACTIONS; action++)
				for (at = 0; interrupted_call(at, action, before, back);
				     at += step_by)
					calls++;
	t_note("%u interruptions", calls);
	T_GT(calls, 500);
}

/* A reader gets the page as it was, or as it is now, whatever happens to its share in between. */
T_TEST(between_two_steps_of_a_read)
{
	for (unsigned action = 0; action <= REUSE; action++)
		for (unsigned at = 0;; at++) {
			struct twin t = open_merging(16);
			uint8_t page[PAGE], was[PAGE];

			put(&t, 0, 3, 1, false);
			twin_merge(&t, &usual, 16);
			T_EQ(stats_of(&t).pages_sharing, 2);
			memcpy(was, model_page(&t.model, 0), PAGE);
			begin_between(&t, at, action, 0);
			T_EQ(rzs_store_read(t.store, t.worker, 0, page), 0);
			rzs_test_call_at(RZS_TEST_AT_YIELD, NULL, NULL);
			if (memcmp(page, was, PAGE) != 0)
				T_MEM_EQ(page, model_page(&t.model, 0), PAGE);
			twin_close(&t);
			if (!between.done)
				break;
		}
}

/* ---- threads ---- */

enum { SLOTS = 96, WRITERS = 2, CONTENTS = 6 };

static struct {
	struct rzs_store *store;
	uint8_t page[CONTENTS][PAGE];
	atomic_bool stop;
	atomic_uint merged, unmerged;
} shared;

/* Each writer has its own slots, so it knows what is there; half of the changes are of a few. */
static void *writer(void *arg)
{
	uintptr_t me = (uintptr_t)arg;
	struct rzs_worker *w = rzs_worker_get_own(shared.store, (unsigned)me);
	int now[SLOTS];
	uint64_t rng = t_seed() + me;
	uint8_t page[PAGE];

	for (unsigned i = 0; i < SLOTS; i++)
		now[i] = -1;
	for (unsigned n = (unsigned)((instrumented() ? 1500 : 20000) / t_scale()); n; n--) {
		uint64_t r = t_rand(&rng), slot = (r >> 8) % (r & 1 ? SLOTS : 8);

		slot -= slot % WRITERS;
		slot += me;
		if (r >> 60 == 0) {
			T_EQ(rzs_store_discard(shared.store, w, slot, 1), 0);
			now[slot] = -1;
		} else if (r >> 60 == 1 && now[slot] >= 0) {
			/* Part of the page is written as it is: under the slot's lock. */
			T_EQ(rzs_store_pwrite(shared.store, w, shared.page[now[slot]] + 100, 50,
					      slot * PAGE + 100),
			     0);
		} else if (r >> 62) {
			now[slot] = (int)((r >> 32) % CONTENTS);
			T_EQ(rzs_store_write(shared.store, w, slot, shared.page[now[slot]]), 0);
		}
		T_EQ(rzs_store_read(shared.store, w, slot, page), 0);
		if (now[slot] >= 0)
			T_MEM_EQ(page, shared.page[now[slot]], PAGE);
	}
	rzs_worker_put(shared.store, w);
	return NULL;
}

static void *merger(void *arg)
{
	struct rzs_worker *w = rzs_worker_get_own(shared.store, WRITERS);
	struct rzs_merge_params params = {4, false};
	uint64_t merged, passes, round = 0;
	bool done;

	(void)arg;
	while (!atomic_load(&shared.stop)) {
		T_EQ(rzs_store_merge(shared.store, w, &params, SLOTS, &merged, &passes), 0);
		atomic_fetch_add(&shared.merged, (unsigned)merged);
		if (++round % 16 == 0) {
			T_EQ(rzs_store_unmerge(shared.store, w, SLOTS, &done), 0);
			atomic_fetch_add(&shared.unmerged, 1);
		}
	}
	rzs_worker_put(shared.store, w);
	return NULL;
}

static void *compactor(void *arg)
{
	struct rzs_worker *w = rzs_worker_get_own(shared.store, WRITERS + 1);
	uint64_t blocks;
	bool more;

	(void)arg;
	while (!atomic_load(&shared.stop))
		T_EQ(rzs_store_compact(shared.store, w, 100, &blocks, &more), 0);
	rzs_worker_put(shared.store, w);
	return NULL;
}

T_TEST_TIMEOUT(threads, 300)
{
	struct rzs_config cfg = {.nr_pages = SLOTS, .nr_workers = WRITERS + 2};
	pthread_t thread[WRITERS + 2];
	struct rzs_worker *w;
	const char *what;

	T_EQ(rzs_store_create(&cfg, &shared.store), 0);
	T_EQ(rzs_store_merge_open(shared.store, INDEX), 0);
	for (unsigned i = 0; i < CONTENTS; i++)
		content(shared.page[i], i, i % 3 == 2);
	for (uintptr_t i = 0; i < WRITERS; i++)
		T_EQ(pthread_create(&thread[i], NULL, writer, (void *)i), 0);
	T_EQ(pthread_create(&thread[WRITERS], NULL, merger, NULL), 0);
	T_EQ(pthread_create(&thread[WRITERS + 1], NULL, compactor, NULL), 0);
	for (unsigned i = 0; i < WRITERS; i++)
		T_EQ(pthread_join(thread[i], NULL), 0);
	atomic_store(&shared.stop, true);
	for (unsigned i = WRITERS; i < WRITERS + 2; i++)
		T_EQ(pthread_join(thread[i], NULL), 0);
	t_note("%u pages merged, %u rounds back", shared.merged, shared.unmerged);
	T_GT(shared.merged, 0);
	w = rzs_worker_get(shared.store, 0);
	if (rzs_store_verify(shared.store, w, true, &what))
		T_FAIL("%s", what);
	rzs_worker_put(shared.store, w);
	rzs_store_destroy(shared.store);
}
