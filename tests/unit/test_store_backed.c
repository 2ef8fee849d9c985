/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A store whose caller has another place for pages (rzs_config.backed): which pages it refuses,
 * which it says are not here, and that neither counts as a failure nor changes what was stored.
 */
#include "pages.h"
#include "rzs_store.h"
#include "t.h"

#define PAGE RZS_PAGE_SIZE
#define NR   200

struct backed {
	struct rzs_store *store;
	struct rzs_worker *worker;
};

static struct backed open_backed(uint64_t limit)
{
	struct rzs_config cfg = {.nr_pages = NR, .nr_workers = 1, .backed = true};
	struct backed t;

	if (limit) {
		T_EQ(rzs_store_min_limit(&cfg, &cfg.limit_bytes), 0);
		cfg.limit_bytes += limit;
	}
	T_EQ(rzs_store_create(&cfg, &t.store), 0);
	t.worker = rzs_worker_get(t.store, 0);
	return t;
}

static void close_backed(struct backed *t)
{
	const char *what;

	T_EQ(rzs_store_verify(t->store, t->worker, true, &what), 0);
	rzs_worker_put(t->store, t->worker);
	rzs_store_destroy(t->store);
}

static struct rzs_stats stats_of(const struct backed *t)
{
	struct rzs_stats s;

	rzs_store_stats(t->store, &s);
	return s;
}

static int write_kind(const struct backed *t, uint64_t slot, enum pages_kind kind, uint64_t seed)
{
	uint8_t page[PAGE];

	pages_make(page, kind, seed);
	return rzs_store_write(t->store, t->worker, slot, page);
}

static void expect_kind(const struct backed *t, uint64_t slot, enum pages_kind kind, uint64_t seed)
{
	uint8_t page[PAGE], want[PAGE];

	pages_make(want, kind, seed);
	T_EQ(rzs_store_read(t->store, t->worker, slot, page), 0);
	T_MEM_EQ(page, want, PAGE);
}

static int read_code(const struct backed *t, uint64_t slot)
{
	uint8_t page[PAGE];

	return rzs_store_read(t->store, t->worker, slot, page);
}

T_TEST(a_page_that_is_not_here_is_told_apart_from_zeros)
{
	struct backed t = open_backed(0);
	struct rzs_stats s;

	T_EQ(read_code(&t, 7), -ENODATA); /* no table yet */
	T_EQ(write_kind(&t, 8, PAGES_ZERO, 0), 0);
	T_EQ(read_code(&t, 7), -ENODATA);
	expect_kind(&t, 8, PAGES_ZERO, 0);
	T_EQ(rzs_store_discard(t.store, t.worker, 8, 1), 0);
	T_EQ(read_code(&t, 8), -ENODATA);
	s = stats_of(&t);
	T_EQ(s.reads, 1);
	T_EQ(s.failed_reads, 0);
	close_backed(&t);
}

T_TEST(an_incompressible_page_is_refused_and_the_old_one_stays)
{
	struct backed t = open_backed(0);
	uint64_t seed = t_seed();
	struct rzs_stats s;

	T_EQ(write_kind(&t, 5, PAGES_RANDOM, seed), -E2BIG);
	T_EQ(read_code(&t, 5), -ENODATA);
	T_EQ(write_kind(&t, 5, PAGES_TEXT, seed), 0);
	T_EQ(write_kind(&t, 5, PAGES_RANDOM, seed), -E2BIG);
	expect_kind(&t, 5, PAGES_TEXT, seed);
	s = stats_of(&t);
	T_EQ(s.writes, 3);
	T_EQ(s.failed_writes, 0);
	T_EQ(s.pages_raw, 0);
	T_EQ(s.pages_stored, 1);
	close_backed(&t);
}

T_TEST(page_0_is_kept_as_in_any_store)
{
	struct backed t = open_backed(0);

	expect_kind(&t, 0, PAGES_ZERO, 0);
	T_EQ(write_kind(&t, 0, PAGES_RANDOM, 3), 0);
	expect_kind(&t, 0, PAGES_RANDOM, 3);
	T_EQ(rzs_store_pwrite(t.store, t.worker, "x", 1, 100), 0);
	T_EQ(stats_of(&t).pages_raw, 1);
	T_EQ(rzs_store_discard(t.store, t.worker, 0, 1), 0);
	expect_kind(&t, 0, PAGES_ZERO, 0);
	close_backed(&t);
}

T_TEST(a_forgotten_page_is_not_here_and_no_discard)
{
	struct backed t = open_backed(0);
	struct rzs_stats s;

	T_EQ(rzs_store_forget(t.store, t.worker, 3), 0); /* where there is no table */
	T_EQ(write_kind(&t, 3, PAGES_TEXT, 1), 0);
	T_EQ(write_kind(&t, 4, PAGES_TEXT, 2), 0);
	T_EQ(rzs_store_forget(t.store, t.worker, 3), 0);
	T_EQ(rzs_store_forget(t.store, t.worker, 3), 0);
	T_EQ(rzs_store_forget(t.store, t.worker, NR), -EINVAL);
	T_EQ(read_code(&t, 3), -ENODATA);
	expect_kind(&t, 4, PAGES_TEXT, 2);
	s = stats_of(&t);
	T_EQ(s.discards, 0);
	T_EQ(s.pages_stored, 1);
	close_backed(&t);
}

T_TEST(parts_of_pages_need_the_page_here)
{
	struct backed t = open_backed(0);
	uint8_t noise[PAGE], got[8];
	struct rzs_stats s;

	pages_make(noise, PAGES_RANDOM, 9);
	T_EQ(write_kind(&t, 2, PAGES_TEXT, 1), 0);
	T_EQ(rzs_store_pwrite(t.store, t.worker, "y", 1, PAGE + 5), -ENODATA);
	T_EQ(rzs_store_pread(t.store, t.worker, got, 8, PAGE + 5), -ENODATA);
	T_EQ(rzs_store_pzero(t.store, t.worker, 8, PAGE + 5), -ENODATA);
	T_EQ(rzs_store_pwrite(t.store, t.worker, "y", 1, 2 * PAGE), 0);
	/* Nearly all of it becomes noise. */
	T_EQ(rzs_store_pwrite(t.store, t.worker, noise, PAGE - 1, 2 * PAGE + 1), -E2BIG);
	T_EQ(rzs_store_pread(t.store, t.worker, got, 1, 2 * PAGE), 0);
	T_EQ(got[0], 'y');
	s = stats_of(&t);
	T_EQ(s.failed_writes, 0);
	T_EQ(s.failed_reads, 0);
	close_backed(&t);
}

T_TEST(at_the_limit_a_write_is_refused_as_ever)
{
	struct backed t = open_backed(RZS_BLOCK_SIZE);
	uint64_t slot = 1, seed = t_seed();
	int err;

	while ((err = write_kind(&t, slot, PAGES_TEXT, seed + slot)) == 0)
		slot++;
	T_EQ(err, -ENOSPC);
	T_GE(slot, 20);
	T_EQ(read_code(&t, slot), -ENODATA);
	T_EQ(stats_of(&t).refused_limit, 1);
	/* The caller takes one elsewhere: what it has freed serves others. */
	T_EQ(rzs_store_forget(t.store, t.worker, 1), 0);
	T_EQ(rzs_store_forget(t.store, t.worker, 2), 0);
	T_EQ(write_kind(&t, slot, PAGES_TEXT, seed + slot), 0);
	close_backed(&t);
}

T_TEST(refused_and_forgotten_in_any_order_nothing_is_left)
{
	struct backed t = open_backed(0);
	uint64_t seed = t_seed(), i;

	for (i = 0; i < 4 * NR; i++) {
		uint64_t slot = 1 + (seed + i * 37) % (NR - 1);

		if (write_kind(&t, slot, (enum pages_kind)(i % PAGES_NR), seed + i) == -E2BIG)
			T_EQ(rzs_store_forget(t.store, t.worker, slot), 0);
	}
	T_EQ(stats_of(&t).pages_raw, 0);
	close_backed(&t);
}
