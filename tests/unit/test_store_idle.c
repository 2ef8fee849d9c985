/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long pages have been idle. */
#include <pthread.h>
#include <stdatomic.h>

#include "merge_rig.h"
#include "port_test.h"
#include "sanitized.h"

static void pass(struct twin *t)
{
	bool done;

	do
		T_EQ(rzs_store_idle_pass(t->store, 7, &done), 0);
	while (!done);
}

static void mark_all(struct twin *t)
{
	bool done;

	do
		T_EQ(rzs_store_idle_mark(t->store, 9, &done), 0);
	while (!done);
}

static unsigned age_of(const struct twin *t, uint64_t slot)
{
	unsigned steps;

	T_EQ(rzs_store_idle_age(t->store, slot, &steps), 0);
	return steps;
}

static struct twin open_idle(uint64_t nr)
{
	struct twin t = open_twin(nr);

	T_EQ(rzs_store_idle_open(t.store), 0);
	return t;
}

T_TEST(ages_count_passes)
{
	struct twin t = open_idle(16);
	unsigned i;

	put(&t, 3, 1, 1, false);
	put(&t, 4, 1, 2, true);
	fill(&t, PAGES_SAME32, 5, 1);
	pass(&t);
	for (i = 0; i < 130; i++) {
		T_EQ(age_of(&t, 3), i < RZS_AGE_MAX ? i : RZS_AGE_MAX);
		T_EQ(age_of(&t, 4), age_of(&t, 3));
		T_EQ(age_of(&t, 5), 0);
		T_EQ(age_of(&t, 6), 0);
		pass(&t);
	}
	T_EQ(stats_of(&t).idle_passes, 131);
	T_EQ(stats_of(&t).idle_64_bytes, stats_of(&t).object_bytes);
	twin_read(&t, 3);
	T_EQ(age_of(&t, 3), 0);
	pass(&t);
	T_EQ(age_of(&t, 3), 0);
	T_EQ(stats_of(&t).idle_64_bytes, PAGE);
	T_EQ(stats_of(&t).idle_0_bytes, stats_of(&t).object_bytes - PAGE);
	pass(&t);
	T_EQ(age_of(&t, 3), 1);
	twin_close(&t);
}

/* Each way to use a page, and ways to move it that are no use. */
T_TEST(what_is_a_use)
{
	struct twin t = open_idle(256);
	uint64_t i;

	fill(&t, PAGES_TEXT, 0, 256);
	mark_all(&t);
	twin_read(&t, 0);
	twin_pread(&t, 10, 1 * PAGE + 5);
	T_EQ(twin_pwrite(&t, "x", 1, 2 * PAGE), 0);
	T_EQ(twin_pzero(&t, 5, 3 * PAGE + 5), 0);
	put(&t, 4, 1, 1, false);
	twin_discard(&t, 5, 1);
	for (i = 0; i < 8; i++)
		T_EQ(age_of(&t, i), i < 6 ? 0 : RZS_AGE_MAX);
	for (i = 6; i < 256; i += i % 3 ? 1 : 2)
		twin_discard(&t, i, 1);
	twin_map(&t, 0, 256);
	twin_ptrim(&t, 100, 9 * PAGE + 5);
	T_GT(twin_compact(&t, UINT64_MAX), 0);
	T_EQ(age_of(&t, 9), 0);
	T_GT(stats_of(&t).moved_objects, 0);
	for (i = 6; i < 256; i++)
		if (t.model.state[i] == MODEL_STORED)
			T_EQ(age_of(&t, i), RZS_AGE_MAX);
	twin_close(&t);
}

/* Red when a page that is younger, or was used, is made old; or one that is old enough is not. */
T_TEST(old_enough)
{
	struct twin t = open_idle(16);
	bool done;

	put(&t, 3, 2, 1, false);
	pass(&t);
	put(&t, 5, 1, 9, false);
	pass(&t);
	pass(&t);
	twin_read(&t, 4);
	T_EQ(age_of(&t, 3), 2);
	T_EQ(age_of(&t, 5), 1);
	T_EQ(rzs_store_idle_mark_old(t.store, 3, 16, &done), 0);
	T_EQ(done, true);
	T_EQ(age_of(&t, 3), 2);
	T_EQ(rzs_store_idle_mark_old(t.store, 2, 16, &done), 0);
	T_EQ(age_of(&t, 3), RZS_AGE_MAX);
	T_EQ(age_of(&t, 4), 0);
	T_EQ(age_of(&t, 5), 1);
	T_EQ(rzs_store_idle_mark_old(t.store, 0, 16, &done), 0);
	T_EQ(age_of(&t, 4), RZS_AGE_MAX);
	T_EQ(age_of(&t, 5), RZS_AGE_MAX);
	T_EQ(age_of(&t, 6), 0);
	twin_close(&t);
}

/* Red when ages do not reach what recompression waits for. */
T_TEST(when_pages_are_due)
{
	static const struct {
		unsigned after, idle_step, step, age;
	} rows[] = {
		{60, 0, 10, 6},	      {61, 0, 10, 7},	    {5, 0, 5, 1},   {0, 0, 10, 1},
		{60, 7, 7, 9},	      {3, 7, 7, 1},	    {127, 1, 1, 127}, {128, 1, 2, 64},
		{86400, 0, 681, 127}, {86400, 86400, 86400, 1},
	};
	struct rzs_stats s = {0};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned step = rzs_idle_step_seconds(true, rows[i].after, rows[i].idle_step);

		T_EQ(step, rows[i].step);
		T_EQ(rzs_recompress_min_age(rows[i].after, step), rows[i].age);
	}
	T_EQ(rzs_idle_step_seconds(false, 60, 0), 0);
	T_EQ(rzs_idle_step_seconds(false, 60, 3), 3);
	s.mem_bytes = 800;
	T_EQ(rzs_recompress_is_urgent(&s), false);
	s.limit_bytes = 800;
	T_EQ(rzs_recompress_is_urgent(&s), true);
	s.mem_bytes = 700;
	T_EQ(rzs_recompress_is_urgent(&s), false);
}

/* Red when merging makes pages look used. */
T_TEST(merging_is_no_use)
{
	struct twin t = open_idle(16);

	T_EQ(rzs_store_merge_open(t.store, INDEX), 0);
	put(&t, 0, 3, 1, false);
	put(&t, 3, 1, 2, false);
	mark_all(&t);
	twin_merge(&t, &usual, 16);
	T_EQ(stats_of(&t).pages_sharing, 2);
	for (uint64_t i = 0; i < 4; i++)
		T_EQ(age_of(&t, i), RZS_AGE_MAX);
	twin_read(&t, 1);
	T_EQ(age_of(&t, 1), 0);
	T_EQ(twin_unmerge(&t, 16), true);
	for (uint64_t i = 0; i < 4; i++)
		T_EQ(age_of(&t, i), i == 1 ? 0 : RZS_AGE_MAX);
	twin_close(&t);
}

T_TEST(arguments)
{
	struct twin t = open_twin(16);
	unsigned steps = 7;
	bool done = true;

	T_EQ(rzs_store_idle_pass(t.store, 1, &done), -EINVAL);
	T_EQ(done, false);
	T_EQ(rzs_store_idle_mark(t.store, 1, &done), -EINVAL);
	T_EQ(rzs_store_idle_mark_old(t.store, 1, 1, &done), -EINVAL);
	T_EQ(rzs_store_idle_age(t.store, 0, &steps), -EINVAL);
	T_EQ(steps, 0);
	T_EQ(rzs_store_idle_open(t.store), 0);
	T_EQ(rzs_store_idle_open(t.store), 0);
	T_EQ(rzs_store_idle_age(t.store, 16, &steps), -EINVAL);
	T_EQ(rzs_store_idle_pass(t.store, 0, &done), 0);
	T_EQ(done, false);
	twin_close(&t);
}

/* What is not in use costs nothing, in memory or time. */
T_TEST(a_large_store)
{
	struct twin t;
	struct rzs_config cfg = config(1ull << 31);
	bool done;

	memset(&t, 0, sizeof(t));
	T_EQ(rzs_store_create(&cfg, &t.store), 0);
	t.worker = rzs_worker_get(t.store, 0);
	T_EQ(rzs_store_idle_open(t.store), 0);
	for (unsigned calls = 0; calls < 9; calls++) {
		T_EQ(rzs_store_idle_pass(t.store, 65536, &done), 0);
		T_EQ(done, calls == 7);
	}
	T_EQ(stats_of(&t).table_bytes, 2 * RZS_BLOCK_SIZE); /* the workers' */
	rzs_worker_put(t.store, t.worker);
	rzs_store_destroy(t.store);
}

T_TEST(no_memory)
{
	struct rzs_config cfg = config(32);
	struct twin t = open_twin(16);
	uint64_t least;

	rzs_test_fail(RZS_TEST_ALLOC, 1, 1);
	T_EQ(rzs_store_idle_open(t.store), -ENOMEM);
	T_EQ(rzs_store_idle_open(t.store), 0);
	put(&t, 3, 1, 1, false);
	rzs_test_fail(RZS_TEST_TAKE, 1, UINT64_MAX);
	pass(&t);
	pass(&t);
	T_EQ(age_of(&t, 3), 0);
	T_EQ(stats_of(&t).idle_passes, 2);
	T_EQ(stats_of(&t).idle_1_bytes, stats_of(&t).object_bytes);
	rzs_test_fail(RZS_TEST_TAKE, 0, 0);
	pass(&t); /* it was marked already */
	T_EQ(age_of(&t, 3), 1);
	pass(&t);
	T_EQ(age_of(&t, 3), 2);
	twin_check_all(&t);
	twin_close(&t);

	T_EQ(rzs_store_min_limit(&cfg, &least), 0);
	cfg.limit_bytes = least;
	twin_open(&t, &cfg);
	T_EQ(rzs_store_idle_open(t.store), -ENOSPC);
	/* An entry for the chunk, and a row of ages for where there is none. */
	T_EQ(twin_set_limit(&t, least + 4 + 4096), 0);
	T_EQ(rzs_store_idle_open(t.store), 0);
	twin_close(&t);
	T_EQ(rzs_test_live_bytes(), 0);
}

/* ---- random calls beside an array of ages */

enum { NR = 40000, HOT = 64 };

struct expected {
	bool marked[NR];
	uint8_t age[NR];
};

static void expect_pass(struct expected *e, const struct twin *t)
{
	for (unsigned i = 0; i < NR; i++) {
		if (t->model.state[i] != MODEL_STORED || model_is_zero(&t->model, i)) {
			e->marked[i] = false;
			continue;
		}
		if (!e->marked[i])
			e->age[i] = 0;
		else if (e->age[i] < RZS_AGE_MAX)
			e->age[i]++;
		e->marked[i] = true;
	}
}

static void expect_marks(struct expected *e, const struct twin *t)
{
	for (unsigned i = 0; i < NR; i++) {
		e->marked[i] = t->model.state[i] == MODEL_STORED && !model_is_zero(&t->model, i);
		e->age[i] = RZS_AGE_MAX;
	}
}

static void random_call(struct twin *t, struct expected *e, struct pages_rng *rng)
{
	uint64_t r = pages_next(rng), slot = r >> 40 & 1 ? (r >> 8) % NR : (r >> 8) % HOT * 631;

	switch (r % 64) {
	case 0:
		pass(t);
		expect_pass(e, t);
		return;
	case 1:
		if (r >> 60 == 0) {
			mark_all(t);
			expect_marks(e, t);
		} else {
			twin_compact(t, 100);
		}
		return;
	case 2 ... 9:
		twin_discard(t, slot, 1);
		break;
	case 10 ... 19:
		fill(t, PAGES_TEXT, slot, 1);
		break;
	case 20 ... 24:
		fill(t, PAGES_RANDOM, slot, 1);
		break;
	case 25 ... 29:
		fill(t, PAGES_ZERO, slot, 1);
		break;
	default:
		twin_read(t, slot);
	}
	e->marked[slot] = false;
}

T_TEST(random_calls)
{
	struct expected *e = calloc(1, sizeof(*e));
	struct twin t = open_idle(NR);
	unsigned ops = (unsigned)((instrumented() ? 300 : 6000) / t_scale());
	struct pages_rng rng;

	rng.state = t_seed();
	for (unsigned n = 0; n < ops; n++) {
		random_call(&t, e, &rng);
		for (unsigned i = n % 8 ? NR : 0; i < NR; i += 631)
			T_EQ(age_of(&t, i), e->marked[i] ? e->age[i] : 0);
	}
	for (unsigned i = 0; i < NR; i++)
		T_EQ(age_of(&t, i), e->marked[i] ? e->age[i] : 0);
	twin_close(&t);
	free(e);
}

/* ---- threads */

static struct {
	struct rzs_store *store;
	atomic_bool stop;
	atomic_uint passes;
} shared;

static void *user(void *arg)
{
	uintptr_t me = (uintptr_t)arg;
	struct rzs_worker *w = rzs_worker_get_own(shared.store, (unsigned)me);
	unsigned ops = (unsigned)((instrumented() ? 150 : 4000) / t_scale()), n;
	uint64_t rng = t_seed() + me;
	uint8_t page[PAGE], got[PAGE];

	content(page, (unsigned)me, false);
	for (n = 0; n < ops || !atomic_load(&shared.passes); n++) {
		uint64_t slot = t_rand(&rng) % 16 * 2 + me;

		T_EQ(rzs_store_write(shared.store, w, slot, page), 0);
		T_EQ(rzs_store_pwrite(shared.store, w, page + 9, 50, slot * PAGE + 9), 0);
		T_EQ(rzs_store_read(shared.store, w, slot, got), 0);
		T_MEM_EQ(got, page, PAGE);
	}
	rzs_worker_put(shared.store, w);
	return NULL;
}

static void *passer(void *arg)
{
	bool done;

	(void)arg;
	while (!atomic_load(&shared.stop)) {
		T_EQ(rzs_store_idle_pass(shared.store, 8, &done), 0);
		atomic_fetch_add(&shared.passes, done);
		T_EQ(rzs_store_idle_mark(shared.store, 3, &done), 0);
	}
	return NULL;
}

T_TEST_TIMEOUT(threads, 300)
{
	struct rzs_config cfg = config(32);
	struct rzs_worker *w;
	pthread_t thread[3];
	const char *what;

	T_EQ(rzs_store_create(&cfg, &shared.store), 0);
	T_EQ(rzs_store_idle_open(shared.store), 0);
	T_EQ(pthread_create(&thread[2], NULL, passer, NULL), 0);
	for (uintptr_t i = 0; i < 2; i++)
		T_EQ(pthread_create(&thread[i], NULL, user, (void *)i), 0);
	for (unsigned i = 0; i < 2; i++)
		T_EQ(pthread_join(thread[i], NULL), 0);
	atomic_store(&shared.stop, true);
	T_EQ(pthread_join(thread[2], NULL), 0);
	w = rzs_worker_get(shared.store, 0);
	if (rzs_store_verify(shared.store, w, true, &what))
		T_FAIL("%s", what);
	rzs_worker_put(shared.store, w);
	rzs_store_destroy(shared.store);
}
