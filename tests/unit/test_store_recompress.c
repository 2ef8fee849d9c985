/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recompression of idle pages with a second codec.
 *
 * Environment: RZS_OPS is the number of calls of each test of random calls (default: what fits in a
 * second or two).  T_TIMEOUT_SCALE moves their deadline.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "pool_internal.h"
#include "port_test.h"
#include "recompress_rig.h"
#include "sanitized.h"
#include "store.h"

T_TEST(what_is_kept)
{
	struct twin t = open_recompressing(64);
	struct rzs_stats before, s;

	fill(&t, PAGES_TEXT, 0, 20);
	fill(&t, PAGES_RANDOM, 20, 10);
	fill(&t, PAGES_ZERO, 30, 2);
	before = stats_of(&t);
	T_GT(before.recompress_bytes, 0);
	mark_all(&t);
	twin_read(&t, 0);
	recompress(&t, 1);
	s = stats_of(&t);
	T_EQ(s.recompress_tried, 29);
	T_EQ(s.recompress_refused, 10);
	T_EQ(s.recompress_kept, 19);
	T_EQ(s.pages_recompressed, 19);
	T_EQ(s.pages_compressed, before.pages_compressed);
	T_EQ(s.object_bytes + s.recompress_saved_bytes, before.object_bytes);
	T_GT(s.recompress_saved_bytes, before.object_bytes / 50);
	recompress(&t, 1);
	T_EQ(stats_of(&t).recompress_tried, 29);
	twin_check_all(&t); /* which reads all */
	mark_all(&t);
	recompress(&t, 1);
	T_EQ(stats_of(&t).recompress_tried, 29 + 1 + 10);
	put(&t, 3, 1, 3, false);
	twin_discard(&t, 4, 1);
	T_EQ(stats_of(&t).pages_recompressed, 18);
	T_EQ(stats_of(&t).recompress_lost, 2);
	rzs_worker_put(t.store, t.worker);
	t.worker = rzs_worker_get(t.store, 0);
	rzs_store_recompress_spent(t.worker, 7);
	T_EQ(stats_of(&t).recompress_ns, 7);
	twin_close(&t);
}

/* Not before a page is old enough; and only for so long afterwards does it count as lost. */
T_TEST(ages_and_losses)
{
	struct twin t = open_recompressing(16);
	unsigned i;

	fill(&t, PAGES_TEXT, 0, 8);
	for (i = 0; i < 3; i++) {
		pass(&t);
		recompress(&t, 3);
		T_EQ(stats_of(&t).recompress_tried, 0);
	}
	pass(&t);
	recompress(&t, 3);
	T_EQ(stats_of(&t).recompress_kept, 8);
	for (i = 0; i < 8; i++) {
		twin_read(&t, i);
		T_EQ(stats_of(&t).pages_recompressed, 8 - i);
		twin_discard(&t, i, 1);
		T_EQ(stats_of(&t).recompress_lost, i < RZS_LOST_PASSES ? i + 1 : RZS_LOST_PASSES);
		pass(&t);
	}
	twin_close(&t);
}

/* Red when a smaller object is tried, or one of this size is not. */
T_TEST(large_objects_only)
{
	struct rzs_recompress_params params = {.min_age = 1, .min_size = PAGE};
	struct twin t = open_recompressing(16);
	bool done;

	fill(&t, PAGES_TEXT, 0, 4);
	fill(&t, PAGES_RANDOM, 4, 3);
	mark_all(&t);
	T_EQ(stats_of(&t).pages_raw, 3);
	T_EQ(rzs_store_recompress(t.store, t.worker, &params, 16, 16, &done), 0);
	T_EQ(done, true);
	T_EQ(stats_of(&t).recompress_tried, 3);
	params.min_size = 0;
	T_EQ(rzs_store_recompress(t.store, t.worker, &params, 16, 16, &done), 0);
	T_EQ(stats_of(&t).recompress_tried, 7);
	twin_close(&t);
}

/* Pages of both codecs, of which some share objects with others of the same. */
T_TEST(merging)
{
	struct twin t = open_recompressing(32);

	T_EQ(rzs_store_merge_open(t.store, INDEX), 0);
	put(&t, 0, 3, 1, false);
	mark_all(&t);
	recompress(&t, 1);
	T_EQ(stats_of(&t).pages_recompressed, 3);
	put(&t, 3, 2, 1, false);
	twin_merge(&t, &usual, 32);
	T_EQ(stats_of(&t).pages_shared, 2);
	T_EQ(stats_of(&t).pages_sharing, 3);
	T_EQ(stats_of(&t).pages_recompressed, 0);
	twin_check_all(&t);
	mark_all(&t);
	recompress(&t, 1);
	T_EQ(stats_of(&t).recompress_tried, 3);
	T_EQ(twin_unmerge(&t, 32), true);
	T_EQ(stats_of(&t).pages_recompressed, 3);
	twin_check_all(&t);
	twin_discard(&t, 0, 1);
	T_EQ(stats_of(&t).recompress_lost, 0);
	twin_close(&t);
}

/* Red when only the bytes are compared. */
T_TEST(equal_bytes_of_two_codecs)
{
	struct twin t = open_recompressing(8);
	uint64_t *words;

	T_EQ(rzs_store_merge_open(t.store, INDEX), 0);
	put(&t, 0, 2, 1, false);
	words = rzs_slots_lookup(&t.store->slots, 0);
	words[1] |= RZS_SLOT_CODEC2;
	twin_merge(&t, &usual, 8);
	T_EQ(stats_of(&t).pages_sharing, 0);
	words[1] &= ~RZS_SLOT_CODEC2;
	twin_close(&t);
}

T_TEST(a_damaged_object)
{
	struct twin t = open_recompressing(8);
	uint8_t page[PAGE];
	uint64_t word;
	uint8_t *mem;

	fill(&t, PAGES_TEXT, 0, 2);
	for (unsigned round = 0; round < 2; round++) {
		if (round)
			put(&t, 0, 1, 9, false);
		mark_all(&t);
		if (round)
			recompress(&t, 1);
		word = *(uint64_t *)rzs_slots_lookup(&t.store->slots, 0);
		mem = rzs_block_mem(&t.store->pool,
				    rzs_pool_block(&t.store->pool, rzs_word_block(word)));
		mem[rzs_entry_offset(rzs_packed_entry(mem, rzs_word_index(word))) + 10] ^= 1;
		recompress(&t, 1);
		T_EQ(*(uint64_t *)rzs_slots_lookup(&t.store->slots, 0), word);
		T_EQ(rzs_store_read(t.store, t.worker, 0, page), -EIO);
		T_EQ(rzs_store_read(t.store, t.worker, 1, page), 0);
		T_EQ(stats_of(&t).recompress_kept, round + 1);
	}
	T_EQ(stats_of(&t).failed_reads, 2);
	twin_discard(&t, 0, 1);
	t.was_damaged = true;
	twin_close(&t);
}

T_TEST(arguments)
{
	struct rzs_recompress_params params = {.min_age = 1};
	struct twin t = open_twin(8);
	const char *second = second_codec();
	uint64_t fixed;
	bool done = true;

	T_EQ(rzs_store_recompress_open(t.store, second, 0), -EINVAL);
	T_EQ(rzs_store_idle_open(t.store), 0);
	T_EQ(rzs_store_recompress(t.store, t.worker, &params, 1, 1, &done), -EINVAL);
	T_EQ(done, false);
	T_EQ(rzs_store_recompress_open(t.store, "none", 0), -EINVAL);
	T_EQ(rzs_store_recompress_open(t.store, second, 23), -EINVAL);
	T_EQ(rzs_store_recompress_open(t.store, second, -100), -EINVAL);
	rzs_worker_put(t.store, t.worker);
	T_EQ(rzs_store_recompress_open(t.store, second, 9), 0);
	fixed = stats_of(&t).fixed_bytes;
	T_EQ(rzs_store_recompress_open(t.store, second, 1), 0);
	T_LT(stats_of(&t).fixed_bytes, fixed);
	T_EQ(rzs_store_recompress_open(t.store, second, 9), 0);
	T_EQ(stats_of(&t).fixed_bytes, fixed);
	T_EQ(rzs_store_recompress_open(t.store, "lzo", 0), -EINVAL);
	t.worker = rzs_worker_get(t.store, 0);
	twin_close(&t);
}

/* The first codec is the second one, too: with another level. */
T_TEST(one_codec_twice)
{
	struct rzs_config cfg = config(16);
	struct twin t;

	cfg.codec = second_codec();
	cfg.level = -50;
	cfg.wipe = true;
	twin_open(&t, &cfg);
	T_EQ(rzs_store_idle_open(t.store), 0);
	rzs_worker_put(t.store, t.worker);
	T_EQ(rzs_store_recompress_open(t.store, cfg.codec, 9), 0);
	t.worker = rzs_worker_get(t.store, 0);
	fill(&t, PAGES_POINTERS, 0, 16);
	mark_all(&t);
	recompress(&t, 1);
	T_GT(stats_of(&t).recompress_kept, 8);
	twin_check_all(&t);
	twin_close(&t);
}

T_TEST(no_memory)
{
	struct twin t = open_twin(64);
	uint64_t live, nth;
	int err;

	rzs_worker_put(t.store, t.worker);
	T_EQ(rzs_store_idle_open(t.store), 0);
	live = rzs_test_live_bytes();
	for (nth = 1;; nth++) {
		rzs_test_fail(RZS_TEST_ALLOC, nth, 1);
		err = rzs_store_recompress_open(t.store, second_codec(), 0);
		if (!rzs_test_failed(RZS_TEST_ALLOC))
			break;
		T_EQ(err, -ENOMEM);
		T_EQ(rzs_test_live_bytes(), live);
		T_EQ(stats_of(&t).recompress_bytes, 0);
	}
	T_EQ(err, 0);
	T_EQ(nth, 4);
	rzs_test_fail(RZS_TEST_ALLOC, 1, 1);
	T_EQ(rzs_store_recompress_open(t.store, second_codec(), 9), -ENOMEM);
	rzs_test_fail(RZS_TEST_ALLOC, 0, 0);
	t.worker = rzs_worker_get(t.store, 0);
	fill(&t, PAGES_TEXT, 0, 64);
	mark_all(&t);
	rzs_test_fail(RZS_TEST_TAKE, 1, UINT64_MAX);
	recompress(&t, 1);
	twin_check_stats(&t);
	rzs_test_fail(RZS_TEST_TAKE, 0, 0);
	recompress(&t, 1);
	T_GT(stats_of(&t).recompress_kept, 40);
	twin_close(&t);
}

/* In a full store it works with the space that there is, and no write is refused for its sake. */
static void full_store(bool ages)
{
	struct rzs_config cfg = config(4096);
	struct rzs_recompress_params params = {.min_age = 1, .spare_bytes = 2 * RZS_BLOCK_SIZE};
	struct twin t;
	uint64_t slot = 0, had, tables;
	uint8_t page[PAGE];
	bool done;

	T_EQ(rzs_store_min_limit(&cfg, &cfg.limit_bytes), 0);
	cfg.limit_bytes += 2u << 20;
	twin_open(&t, &cfg);
	open_second(&t);
	put(&t, 0, 1, 1, false);
	if (ages)
		pass(&t); /* they need a block, too */
	t.may_refuse = true;
	for (; !t.refused; slot++) {
		pages_make(page, slot % 5 ? PAGES_TEXT : PAGES_POINTERS, slot);
		(void)twin_write(&t, slot, page);
	}
	had = stats_of(&t).block_bytes;
	tables = stats_of(&t).table_bytes;
	pass(&t);
	pass(&t);
	recompress(&t, 2);
	T_EQ(stats_of(&t).recompress_tried, 0);
	for (unsigned round = 0; round < 2000; round++) {
		T_EQ(rzs_store_recompress(t.store, t.worker, &params, 64, 4, &done), 0);
		T_LE(stats_of(&t).block_bytes, had);
		twin_compact(&t, 256);
	}
	T_GT(stats_of(&t).recompress_kept, slot / 4);
	T_EQ(stats_of(&t).table_bytes, tables);
	/* Now there is room for them. */
	pass(&t);
	T_EQ(stats_of(&t).table_bytes, tables + (ages ? 0 : RZS_BLOCK_SIZE));
	pass(&t);
	T_GT(stats_of(&t).idle_2_bytes + stats_of(&t).idle_1_bytes, 0);
	twin_check_all(&t);
	twin_close(&t);
}

T_TEST(a_full_store)
{
	full_store(true);
}

/* Where the limit leaves no block for ages either. */
T_TEST(a_full_store_without_ages)
{
	full_store(false);
}

/* ---- random calls */

static void random_call(struct twin *t, struct pages_rng *rng)
{
	uint64_t r = pages_next(rng), slot = (r >> 8) % t->model.nr_pages;
	uint8_t page[PAGE];

	switch (r % 32) {
	case 0:
		pass(t);
		break;
	case 1:
		unit_wanted = (unsigned)(r >> 50) % 9;
		recompress(t, (unsigned)(r >> 60));
		break;
	case 2:
		twin_compact(t, 50);
		break;
	case 3:
		twin_merge(t, &usual, 64);
		break;
	case 4:
		if (r >> 62 == 0)
			(void)twin_unmerge(t, 64);
		break;
	case 5:
		(void)twin_pwrite(t, "other", 5, slot * PAGE + 50);
		break;
	case 6 ... 10:
		twin_discard(t, slot, 1);
		break;
	case 11 ... 12:
		fill_alike(t, slot, slot + 8 < t->model.nr_pages ? 8 : 1, r >> 50);
		break;
	case 13 ... 18:
		pages_make(page, (enum pages_kind)((r >> 32) % PAGES_NR), r >> 50);
		(void)twin_write(t, slot, page);
		break;
	case 19:
		mark_all(t);
		break;
	default:
		twin_read(t, slot);
	}
}

static uint64_t nr_calls(void)
{
	const char *ops = getenv("RZS_OPS");

	return ops ? strtoull(ops, NULL, 10) : (instrumented() ? 1500 : 12000) / t_scale();
}

static void run_random(bool wipe, uint64_t extra)
{
	struct rzs_config cfg = config(256);
	struct pages_rng rng = {t_seed()};
	struct twin t;

	cfg.wipe = wipe;
	if (extra) {
		T_EQ(rzs_store_min_limit(&cfg, &cfg.limit_bytes), 0);
		cfg.limit_bytes += extra;
	}
	twin_open(&t, &cfg);
	t.may_refuse = extra != 0;
	open_second(&t);
	T_EQ(rzs_store_merge_open(t.store, 4096), 0);
	for (uint64_t n = nr_calls(); n; n--) {
		random_call(&t, &rng);
		if (n % 1024 == 0)
			twin_check_all(&t);
	}
	/* With few calls, as under valgrind, there may have been none that finds an idle page. */
	mark_all(&t);
	recompress(&t, 1);
	twin_check_all(&t);
	T_GT(stats_of(&t).recompress_kept, 0);
	t_note("%llu pages in units, %llu dead, %llu units refused, %llu of %llu reads hit",
	       (unsigned long long)stats_of(&t).unit_pages,
	       (unsigned long long)stats_of(&t).unit_dead_pages,
	       (unsigned long long)stats_of(&t).units_refused,
	       (unsigned long long)stats_of(&t).unit_hits,
	       (unsigned long long)stats_of(&t).unit_reads);
	twin_close(&t);
}

T_TEST(random_calls)
{
	run_random(false, 0);
}

T_TEST(random_calls_with_wiping)
{
	run_random(true, 0);
}

T_TEST(random_calls_near_the_limit)
{
	run_random(false, 800u << 10);
}

/* ---- threads */

enum { SLOTS = 64, WRITERS = 2 };

static struct {
	struct rzs_store *store;
	uint8_t page[4][PAGE];
	atomic_bool stop;
} shared;

static void *writer(void *arg)
{
	uintptr_t me = (uintptr_t)arg;
	struct rzs_worker *w = rzs_worker_get_own(shared.store, (unsigned)me);
	uint64_t rng = t_seed() + me;
	uint8_t page[PAGE];
	int now[SLOTS];
	unsigned n = (unsigned)((instrumented() ? 800 : 6000) / t_scale());

	memset(now, 0xff, sizeof(now));
	for (; n; n--) {
		uint64_t r = t_rand(&rng), slot = (r >> 8) % (SLOTS / 2) * 2 + me;

		if (r >> 60 == 0) {
			T_EQ(rzs_store_discard(shared.store, w, slot, 1), 0);
			now[slot] = -1;
		} else if (r >> 62 == 3) {
			now[slot] = (int)((r >> 32) % 4);
			T_EQ(rzs_store_write(shared.store, w, slot, shared.page[now[slot]]), 0);
		}
		T_EQ(rzs_store_read(shared.store, w, slot, page), 0);
		if (now[slot] >= 0)
			T_MEM_EQ(page, shared.page[now[slot]], PAGE);
		if (n % 8 == 0) {
			rzs_worker_put(shared.store, w);
			w = rzs_worker_get_own(shared.store, (unsigned)me);
		}
	}
	rzs_worker_put(shared.store, w);
	return NULL;
}

/* The second codec comes while others are at work. */
static void *recompressor(void *arg)
{
	struct rzs_recompress_params params = {.min_age = 0, .unit = 3};
	struct rzs_worker *w;
	uint64_t blocks;
	bool done, more;

	(void)arg;
	T_EQ(rzs_store_idle_open(shared.store), 0);
	T_EQ(rzs_store_recompress_open(shared.store, second_codec(), 0), 0);
	w = rzs_worker_get_own(shared.store, WRITERS);
	while (!atomic_load(&shared.stop)) {
		T_EQ(rzs_store_idle_pass(shared.store, SLOTS, &done), 0);
		T_EQ(rzs_store_recompress(shared.store, w, &params, SLOTS, 16, &done), 0);
		T_EQ(rzs_store_compact(shared.store, w, 20, &blocks, &more), 0);
	}
	rzs_worker_put(shared.store, w);
	return NULL;
}

T_TEST_TIMEOUT(threads, 300)
{
	struct rzs_config cfg = {.nr_pages = SLOTS, .nr_workers = WRITERS + 1};
	pthread_t thread[WRITERS + 1];
	struct rzs_stats s;
	struct rzs_worker *w;
	const char *what;

	(void)second_codec();
	T_EQ(rzs_store_create(&cfg, &shared.store), 0);
	for (unsigned i = 0; i < 4; i++)
		content(shared.page[i], i, i == 3);
	T_EQ(pthread_create(&thread[WRITERS], NULL, recompressor, NULL), 0);
	for (uintptr_t i = 0; i < WRITERS; i++)
		T_EQ(pthread_create(&thread[i], NULL, writer, (void *)i), 0);
	for (unsigned i = 0; i < WRITERS; i++)
		T_EQ(pthread_join(thread[i], NULL), 0);
	atomic_store(&shared.stop, true);
	T_EQ(pthread_join(thread[WRITERS], NULL), 0);
	rzs_store_stats(shared.store, &s);
	t_note("%llu pages recompressed, %llu of %llu reads of units hit",
	       (unsigned long long)s.recompress_kept, (unsigned long long)s.unit_hits,
	       (unsigned long long)s.unit_reads);
	w = rzs_worker_get(shared.store, 0);
	if (rzs_store_verify(shared.store, w, true, &what))
		T_FAIL("%s", what);
	rzs_worker_put(shared.store, w);
	rzs_store_destroy(shared.store);
}
