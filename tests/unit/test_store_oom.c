/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that fails, at every place it can: the first, the second, ... request fails until none
 * is left to fail.  Whatever was asked for is then done or not done, never half; the rest of the
 * store stays as it was; and nothing is left behind when the store is gone.
 */
#include "pages.h"
#include "port_test.h"
#include "rzs_store.h"
#include "t.h"
#include "twin.h"

#define PAGE  RZS_PAGE_SIZE
#define CHUNK 4096u   /* slots in one block of the slot table */
#define MANY  100000u /* more requests than any call here makes */

static struct rzs_config config(uint64_t nr_pages)
{
	return (struct rzs_config){.nr_pages = nr_pages, .nr_workers = 3};
}

static void expect_nothing_left(void)
{
	T_EQ(rzs_test_live_bytes(), 0);
	T_EQ(rzs_test_live_allocs(), 0);
	T_EQ(rzs_test_live_blocks(), 0);
	T_EQ(rzs_test_damage(), 0);
}

static void fail_each_request_of_create(struct rzs_config cfg, enum rzs_test_call call)
{
	struct rzs_store *store;
	uint64_t n;
	int err;

	for (n = 1; n < MANY; n++) {
		store = (struct rzs_store *)&n;
		rzs_test_fail(call, n, 1);
		err = rzs_store_create(&cfg, &store);
		if (!rzs_test_failed(call))
			break;
		T_EQ(err, -ENOMEM);
		T_OK(store == NULL);
		expect_nothing_left();
	}
	T_LT(n, MANY);
	T_EQ(err, 0);
	rzs_test_fail(call, 0, 0);
	rzs_store_destroy(store);
	expect_nothing_left();
}

T_TEST(create_survives_every_failed_allocation)
{
	struct rzs_config cfg = config(100);
	unsigned i;

	rzs_test_guard(true);
	for (i = 0; (cfg.codec = rzs_codec_name(i)) != NULL; i++) {
		cfg.limit_bytes = 0;
		fail_each_request_of_create(cfg, RZS_TEST_ALLOC);
		fail_each_request_of_create(cfg, RZS_TEST_TAKE);
		T_EQ(rzs_store_min_limit(&cfg, &cfg.limit_bytes), 0);
		fail_each_request_of_create(cfg, RZS_TEST_ALLOC);
		fail_each_request_of_create(cfg, RZS_TEST_TAKE);
	}
}

/* A store with something of everything, in several chunks of its table, with holes in blocks. */
static void populate(struct twin *t, uint64_t seed)
{
	struct rzs_config cfg = config(8 * CHUNK);
	uint8_t page[PAGE];
	uint64_t i;

	rzs_test_guard(true);
	twin_open(t, &cfg);
	for (i = 0; i < 600; i++) {
		pages_make_any(page, seed + i);
		T_EQ(twin_write(t, i, page), 0);
		if (i % 50 == 0)
			T_EQ(twin_write(t, 2 * CHUNK + i, page), 0);
	}
	for (i = 0; i < 600; i += 3)
		twin_discard(t, i, 1);
	t->may_refuse = true;
}

/*
 * The calls whose requests are to fail.  Each returns what the store did; round makes its
 * arguments differ.
 */
typedef int (*action_fn)(struct twin *t, uint64_t round);

static int write_over_old(struct twin *t, uint64_t round)
{
	uint8_t page[PAGE];

	pages_make(page, round % 2 ? PAGES_RANDOM : PAGES_TEXT, 10000 + round);
	return twin_write(t, 1 + round * 7 % 500, page);
}

/* In a chunk of the table that is not there yet. */
static int write_in_new_chunk(struct twin *t, uint64_t round)
{
	uint8_t page[PAGE];

	pages_make(page, PAGES_POINTERS, round);
	return twin_write(t, 3 * CHUNK + round, page);
}

static int write_zeros_in_new_chunk(struct twin *t, uint64_t round)
{
	uint8_t page[PAGE] = {0};

	return twin_write(t, 4 * CHUNK + round, page);
}

static int write_part_over_old(struct twin *t, uint64_t round)
{
	uint8_t page[PAGE];

	pages_make(page, PAGES_RANDOM, 20000 + round);
	return twin_pwrite(t, page, PAGE - 100, (1 + round * 3 % 500) * PAGE + 50);
}

static int write_long_range(struct twin *t, uint64_t round)
{
	static uint8_t buf[90 * PAGE];
	uint64_t i;

	for (i = 0; i < 90; i++)
		pages_make(buf + i * PAGE, PAGES_RANDOM, 1000 * round + i);
	/* Parts at both ends, old pages and new. */
	return twin_pwrite(t, buf, sizeof(buf) - 1000, 550 * PAGE + 500);
}

static int write_range_across_chunks(struct twin *t, uint64_t round)
{
	static uint8_t buf[40 * PAGE];
	uint64_t i;

	for (i = 0; i < 40; i++)
		pages_make_any(buf + i * PAGE, 1000 * round + i);
	return twin_pwrite(t, buf, sizeof(buf), 6 * CHUNK * PAGE - 20 * PAGE + 100);
}

static int zero_part_of_old(struct twin *t, uint64_t round)
{
	return twin_pzero(t, PAGE, (1 + round * 5 % 500) * PAGE + 2000);
}

static void fail_each_request_of(action_fn action, enum rzs_test_call call, uint64_t count)
{
	uint64_t seed = t_seed(), n, refused = 0;
	struct twin t;
	int err;

	populate(&t, seed);
	for (n = 1; n < MANY; n++) {
		rzs_test_fail(call, n, count);
		err = action(&t, n);
		/* What fails is known by now; checking must not fail as well. */
		if (!rzs_test_failed(call) && n > 20)
			break;
		T_OK(err == 0 || err == -ENOMEM);
		refused += err != 0;
		rzs_test_fail(call, 0, 0);
		if (n < 8 || n % 8 == 0)
			twin_check_all(&t);
	}
	rzs_test_fail(call, 0, 0);
	T_LT(n, MANY);
	T_EQ(err, 0);
	if (call == RZS_TEST_ALLOC)
		T_EQ(refused, 0); /* the data path asks for blocks and for nothing else */
	twin_close(&t);
	expect_nothing_left();
}

#define FAIL_EACH(action)                                                \
	T_TEST(action##_survives_every_failed_block)                     \
	{                                                                \
		fail_each_request_of(action, RZS_TEST_TAKE, 1);          \
	}                                                                \
	T_TEST(action##_survives_failure_from_some_block_on)             \
	{                                                                \
		fail_each_request_of(action, RZS_TEST_TAKE, UINT64_MAX); \
	}

FAIL_EACH(write_over_old)
FAIL_EACH(write_in_new_chunk)
FAIL_EACH(write_zeros_in_new_chunk)
FAIL_EACH(write_part_over_old)
FAIL_EACH(write_long_range)
FAIL_EACH(write_range_across_chunks)
FAIL_EACH(zero_part_of_old)

/* The rule: the threads that serve I/O never ask the system for memory. */
T_TEST(no_data_call_allocates)
{
	static uint8_t buf[20 * PAGE];
	uint64_t seed = t_seed(), i;
	struct rzs_stats s;
	struct twin t;

	populate(&t, seed);
	rzs_test_fail(RZS_TEST_ALLOC, 1, UINT64_MAX);
	for (i = 0; i < 3000; i++) {
		pages_make_any(buf, seed + i);
		T_EQ(twin_write(&t, pages_hash(seed, i) % t.model.nr_pages, buf), 0);
		T_EQ(twin_pwrite(&t, buf, i, 100 * i), 0);
		T_EQ(twin_pzero(&t, 50 * i % 9000, 200 * i), 0);
		twin_ptrim(&t, 9000, 300 * i);
		twin_discard(&t, i, 2);
		twin_map(&t, i, 100);
		twin_pread(&t, 9000, 77 * i);
		if (i % 300 == 0)
			twin_compact(&t, UINT64_MAX);
		rzs_store_stats(t.store, &s);
		rzs_worker_put(t.store, t.worker);
		t.worker = rzs_worker_get(t.store, (unsigned)i);
	}
	T_EQ(rzs_test_calls(RZS_TEST_ALLOC), 0);
	rzs_test_fail(RZS_TEST_ALLOC, 0, 0);
	twin_close(&t);
	expect_nothing_left();
}

/* What frees memory must work when there is none. */
T_TEST(reads_discards_and_compaction_need_no_memory)
{
	uint64_t i;
	struct twin t;

	populate(&t, t_seed());
	rzs_test_fail(RZS_TEST_TAKE, 1, UINT64_MAX);
	for (i = 0; i < t.model.nr_pages; i += 7) {
		twin_read(&t, i);
		twin_map(&t, i, 1);
	}
	twin_compact(&t, UINT64_MAX);
	T_EQ(twin_pzero(&t, 20 * PAGE, 100 * PAGE), 0);
	twin_ptrim(&t, 20 * PAGE + 5, 200 * PAGE + 5);
	twin_discard(&t, 0, t.model.nr_pages);
	/* A chunk that is not there must not be made for this. */
	twin_discard(&t, 7 * CHUNK, CHUNK);
	T_EQ(twin_pzero(&t, CHUNK * PAGE, 5 * CHUNK * PAGE), 0);
	T_EQ(rzs_test_failed(RZS_TEST_TAKE), 0);
	rzs_test_fail(RZS_TEST_TAKE, 0, 0);
	twin_close(&t);
	expect_nothing_left();
}
