/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Statistics that are read while others are at work: each figure is one that can be, and they agree
 * with each other, in every snapshot; when all is quiet they are exact.
 */
#include "port_test.h"
#include "store.h"
#include "twin_rig.h"

#include <pthread.h>
#include <stdatomic.h>

#define NR	200u
#define WRITERS 4u

/* What holds in any snapshot, beyond the identities. */
static const char *broken(const struct rzs_stats *s)
{
	const char *what = twin_stats_broken(s);

	if (what)
		return what;
	if (s->failed_reads > s->reads || s->failed_writes > s->writes)
		return "what failed is at most all of it";
	if (s->refused_limit + s->refused_reserve > s->failed_writes)
		return "what was refused has failed";
	return NULL;
}

static struct rzs_stats look(struct rzs_store *store)
{
	struct rzs_stats s;

	rzs_store_stats(store, &s);
	T_STR_EQ(broken(&s), NULL);
	return s;
}

/* ---- one thread, at the worst moment */

static void discard_all(void *arg, const void *p, size_t n)
{
	struct rzs_store *store = arg;
	struct rzs_worker *w = rzs_worker_get(store, 1);

	(void)p, (void)n;
	rzs_test_call_at(RZS_TEST_AT_YIELD, NULL, NULL);
	T_EQ(rzs_store_discard(store, w, 0, NR), 0);
	rzs_worker_put(store, w);
}

/* Red when a snapshot in the middle of which much happened is taken for one. */
T_TEST(a_snapshot_in_which_much_happened_is_made_again)
{
	struct twin t = open_twin(NR);
	struct rzs_stats s, quiet;

	fill(&t, PAGES_TEXT, 0, NR);
	rzs_test_call_at(RZS_TEST_AT_YIELD, discard_all, t.store);
	s = look(t.store);
	quiet = look(t.store);
	T_EQ(s.discards, NR);
	T_MEM_EQ(&s, &quiet, sizeof(s));
	model_trim(&t.model, NR * PAGE, 0);
	twin_close(&t);
}

static uint64_t never_ends;

static void overwrite(void *arg, const void *p, size_t n)
{
	struct rzs_store *store = arg;
	struct rzs_worker *w = rzs_worker_get(store, 1);
	uint8_t page[PAGE];

	(void)p, (void)n;
	pages_make(page, PAGES_TEXT, never_ends % NR);
	T_EQ(rzs_store_write(store, w, never_ends++ % NR, page), 0);
	rzs_worker_put(store, w);
}

/* Red when it waits for a quiet moment that does not come. */
T_TEST(a_snapshot_is_made_however_much_happens)
{
	struct twin t = open_twin(NR);
	struct rzs_stats s;

	fill(&t, PAGES_TEXT, 0, NR);
	rzs_test_call_at(RZS_TEST_AT_YIELD, overwrite, t.store);
	s = look(t.store);
	rzs_test_call_at(RZS_TEST_AT_YIELD, NULL, NULL);
	T_GT(never_ends, 1);
	T_LE(never_ends, 50);
	T_EQ(s.pages_stored, NR);
	twin_close(&t);
}

/* What is brought to what it can be: what goes up and down, and what is at most another. */
enum kind { GAUGE, COUNTER };
static const struct {
	enum rzs_counter counter;
	enum kind kind;
} bounded[] = {
#define PICK_SUM(name, kind)
#define PICK_BOUNDED(name, kind) {RZS_C_##name, kind},
#define PICK_DERIVED(name, kind)
#define RZS_STAT(name, kind, source, depends, help) PICK_##source(name, kind)
#include "rzs_stats.def"
};
#define BOUNDED (sizeof(bounded) / sizeof(bounded[0]))

static void count_off(struct rzs_store *store, enum rzs_counter counter, uint64_t by)
{
	uint64_t *v = &store->workers[1]->counters.v[counter];

	*v += by;
	(void)look(store);
	*v -= by;
}

static void count_gauges(struct rzs_store *store, uint64_t by)
{
	for (unsigned i = 0; i < BOUNDED; i++)
		if (bounded[i].kind == GAUGE)
			store->workers[1]->counters.v[bounded[i].counter] += by;
}

/*
 * What a call under way has counted halfway.  Red when a figure may be less than nothing, or more
 * than all.
 */
T_TEST(each_figure_is_one_that_can_be)
{
	static const uint64_t off[] = {1, 64, 1000000, 1ull << 40};
	struct twin t = open_twin(NR);
	struct rzs_stats quiet;

	fill(&t, PAGES_TEXT, 0, NR / 4);
	fill(&t, PAGES_RANDOM, NR / 4, NR / 4);
	fill(&t, PAGES_SAME64, NR / 2, NR / 4);
	quiet = look(t.store);
	for (unsigned k = 0; k < sizeof(off) / sizeof(off[0]); k++) {
		for (unsigned i = 0; i < BOUNDED; i++) {
			count_off(t.store, bounded[i].counter, off[k]);
			if (bounded[i].kind == GAUGE)
				count_off(t.store, bounded[i].counter, -off[k]);
		}
	}
	/* All of them: what an empty store has beside what was counted down. */
	twin_discard(&t, 0, NR);
	count_gauges(t.store, (uint64_t)-64);
	T_EQ(look(t.store).pages_stored, 0);
	T_EQ(look(t.store).slack_bytes, 0);
	count_gauges(t.store, 64);
	T_GT(quiet.pages_raw, 0);
	twin_close(&t);
}

/* Red when idle room is not counted, or still is when it is used. */
T_TEST(idle_bytes_are_those_that_compaction_can_use)
{
	static const enum pages_kind kinds[] = {PAGES_TEXT, PAGES_RANDOM};

	for (unsigned i = 0; i < 2; i++) {
		struct twin t = open_twin(1200);
		uint64_t idle, blocks;
		struct rzs_stats s;

		rzs_store_idle(t.store, &idle, &blocks);
		T_EQ(idle + blocks, 0);
		fill(&t, kinds[i], 0, 1200);
		for (uint64_t slot = 0; slot < 1200; slot++)
			if (slot % 3)
				twin_discard(&t, slot, 1);
		s = look(t.store);
		rzs_store_idle(t.store, &idle, &blocks);
		T_EQ(blocks, s.block_bytes);
		T_LE(idle, s.slack_bytes);
		T_GE(idle * 100, s.slack_bytes * 97);
		T_GT(twin_compact(&t, UINT64_MAX), 0);
		rzs_store_idle(t.store, &idle, &blocks);
		T_EQ(blocks, look(t.store).block_bytes);
		T_LE(idle, look(t.store).slack_bytes);
		T_LT(idle, 3 * RZS_BLOCK_SIZE);
		twin_close(&t);
	}
}

/* ---- many threads */

struct crowd {
	struct rzs_store *store;
	uint64_t rounds, seed, limit;
	atomic_uint running;
	atomic_bool over; /* the limit is left alone */
};

struct member {
	struct crowd *crowd;
	unsigned index;
	pthread_t thread;
};

/* All on the same pages, so that what one stores another drops. */
static void *write_and_discard(void *arg)
{
	const struct member *m = arg;
	struct crowd *c = m->crowd;
	struct pages_rng rng = {pages_hash(c->seed, m->index)};
	struct rzs_worker *w = rzs_worker_get(c->store, m->index);
	uint8_t page[PAGE];

	for (uint64_t i = 0; i < c->rounds; i++) {
		uint64_t r = pages_next(&rng), slot = r % NR;
		int err = 0;

		if (r >> 62 == 0) {
			T_EQ(rzs_store_discard(c->store, w, slot, 1 + (r >> 20) % (NR - slot)), 0);
			continue;
		}
		pages_make_any(page, r >> 50);
		err = rzs_store_write(c->store, w, slot, page);
		T_OK(err == 0 || (c->limit && err == -ENOSPC));
	}
	rzs_worker_put(c->store, w);
	atomic_fetch_sub(&c->running, 1);
	return NULL;
}

/* Up and down, and none. */
static void *change_limit(void *arg)
{
	struct crowd *c = arg;

	for (uint64_t i = 0; !atomic_load(&c->over); i++) {
		int err = rzs_store_set_limit(c->store, i % 3 == 2 ? 0 : c->limit + i % 3 * 100000);

		T_OK(err == 0 || err == -ENOSPC);
	}
	return NULL;
}

static void run(struct crowd *c, uint64_t rounds)
{
	struct member m[WRITERS];
	struct rzs_stats s;
	pthread_t limiter;
	uint64_t looks = 0, idle, blocks;
	unsigned i;

	c->seed = t_seed();
	c->rounds = (uint64_t)((double)rounds / t_scale()) + 1;
	atomic_store(&c->running, WRITERS);
	rzs_test_set_yield(20, c->seed);
	if (c->limit)
		T_EQ(pthread_create(&limiter, NULL, change_limit, c), 0);
	for (i = 0; i < WRITERS; i++) {
		m[i] = (struct member){.crowd = c, .index = i};
		T_EQ(pthread_create(&m[i].thread, NULL, write_and_discard, &m[i]), 0);
	}
	for (; atomic_load(&c->running); looks++) {
		(void)look(c->store);
		rzs_store_idle(c->store, &idle, &blocks);
		T_LE(idle, blocks);
	}
	atomic_store(&c->over, true);
	for (i = 0; i < WRITERS; i++)
		T_EQ(pthread_join(m[i].thread, NULL), 0);
	if (c->limit)
		T_EQ(pthread_join(limiter, NULL), 0);
	rzs_test_set_yield(0, 0);
	T_GT(looks, 0);
	s = look(c->store);
	T_EQ(s.impossible, 0);
}

static void check_and_close(struct crowd *c)
{
	struct rzs_worker *w = rzs_worker_get(c->store, 0);
	const char *what;

	if (rzs_store_verify(c->store, w, true, &what))
		T_FAIL("verify: %s", what);
	rzs_worker_put(c->store, w);
	rzs_store_destroy(c->store);
	T_EQ(rzs_test_live_bytes(), 0);
}

T_TEST(every_snapshot_beside_four_writers_is_sound)
{
	const struct rzs_config cfg = {.nr_pages = NR, .nr_workers = WRITERS + 1};
	struct crowd c = {0};

	T_EQ(rzs_store_create(&cfg, &c.store), 0);
	run(&c, 20000);
	check_and_close(&c);
}

/* Also while the limit changes, and most writes are refused. */
T_TEST(every_snapshot_of_a_full_store_is_sound)
{
	struct rzs_config cfg = {.nr_pages = NR, .nr_workers = WRITERS + 1};
	struct crowd c = {0};

	T_EQ(rzs_store_min_limit(&cfg, &cfg.limit_bytes), 0);
	c.limit = cfg.limit_bytes;
	T_EQ(rzs_store_create(&cfg, &c.store), 0);
	run(&c, 20000);
	check_and_close(&c);
}

static void *be_refused(void *arg)
{
	const struct member *m = arg;
	struct rzs_store *store = m->crowd->store;
	struct rzs_worker *w = rzs_worker_get(store, m->index);
	uint8_t page[PAGE];

	pages_make(page, PAGES_RANDOM, 1);
	for (uint64_t i = 0; i < m->crowd->rounds; i++)
		T_EQ(rzs_store_write(store, w, NR - 1, page), -ENOSPC);
	rzs_worker_put(store, w);
	atomic_fetch_sub(&m->crowd->running, 1);
	return NULL;
}

T_TEST(no_snapshot_has_more_failures_than_calls)
{
	struct rzs_config cfg = {.nr_pages = NR, .nr_workers = WRITERS + 1};
	struct crowd c = {0};
	struct member m[WRITERS];
	struct rzs_stats s;
	uint8_t page[PAGE];
	uint64_t slot = 0;
	int err = 0;

	T_EQ(rzs_store_min_limit(&cfg, &cfg.limit_bytes), 0);
	T_EQ(rzs_store_create(&cfg, &c.store), 0);
	c.rounds = (uint64_t)(30000 / t_scale()) + 1;
	for (; !err; slot++) {
		struct rzs_worker *w = rzs_worker_get(c.store, 0);

		pages_make(page, PAGES_RANDOM, slot);
		err = rzs_store_write(c.store, w, slot, page);
		rzs_worker_put(c.store, w);
	}
	T_EQ(err, -ENOSPC);
	atomic_store(&c.running, WRITERS);
	for (unsigned i = 0; i < WRITERS; i++) {
		m[i] = (struct member){.crowd = &c, .index = i};
		T_EQ(pthread_create(&m[i].thread, NULL, be_refused, &m[i]), 0);
	}
	while (atomic_load(&c.running))
		(void)look(c.store);
	for (unsigned i = 0; i < WRITERS; i++)
		T_EQ(pthread_join(m[i].thread, NULL), 0);
	s = look(c.store);
	T_EQ(s.failed_writes, WRITERS * c.rounds + 1);
	T_EQ(s.refused_limit, WRITERS * c.rounds + 1);
	check_and_close(&c);
}
