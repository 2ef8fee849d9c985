/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many threads at once.  Every page says who wrote it and when, so that a torn page, a stale one
 * (older than a write that had ended before the read began), one of another slot or one whose
 * write was refused is recognised by its content.  Bookkeeping between threads is by
 * relaxed atomics under TSan: stronger ones would order the threads and so hide from it what the
 * store itself fails to order.
 */
#include "pages.h"
#include "port_test.h"
#include "rzs_store.h"
#include "t.h"
#include "twin.h"
#include <pthread.h>
#include <stdatomic.h>

#define PAGE	    RZS_PAGE_SIZE
#define MAGIC	    0x52616d5a73776170ull
#define MAX_THREADS 6u
#define MAX_SLOTS   64u

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define ORDER memory_order_relaxed
#else
#define ORDER memory_order_seq_cst
#endif

static uint64_t get(const _Atomic uint64_t *p)
{
	return atomic_load_explicit(p, ORDER);
}

static void set(_Atomic uint64_t *p, uint64_t v)
{
	atomic_store_explicit(p, v, ORDER);
}

static uint64_t next(_Atomic uint64_t *p)
{
	return atomic_fetch_add_explicit(p, 1, ORDER) + 1;
}

static void raise_to(_Atomic uint64_t *p, uint64_t v)
{
	uint64_t seen = get(p);

	while (seen < v &&
	       !atomic_compare_exchange_weak_explicit(p, &seen, v, ORDER, memory_order_relaxed))
		;
}

/* Pages that say who they are */

struct identity {
	uint64_t magic, slot, writer, version; /* version from 1 */
};

/* What pages are made of: set by a test before its threads are. */
static enum {
	STYLE_MIXED,
	STYLE_RAW,   /* all stored raw */
	STYLE_EQUAL, /* all compressed to about the same size: one fits where another was */
} style;

/* In a mix, one in four is same-filled: then the identity is the word itself. */
static void make_page(uint8_t *page, uint64_t slot, uint64_t writer, uint64_t version)
{
	static const enum pages_kind kinds[] = {PAGES_TEXT, PAGES_RANDOM, PAGES_SPARSE, PAGES_EDGE};
	uint64_t hash = pages_hash(slot << 8 | writer, version);
	struct identity id = {MAGIC, slot, writer, version};

	if (style != STYLE_MIXED) {
		pages_make(page, PAGES_RANDOM, hash);
		if (style == STYLE_EQUAL)
			memset(page + 3000, 0, PAGE - 3000);
		memcpy(page, &id, sizeof(id));
		return;
	}
	if (hash % 4 == 0) {
		uint64_t word = 1ull << 54 | version << 24 | writer << 16 | slot;

		for (unsigned at = 0; at < PAGE; at += 8)
			memcpy(page + at, &word, 8);
		return;
	}
	pages_make(page, kinds[hash / 4 % 4], hash);
	memcpy(page, &id, sizeof(id));
}

/* Whose the page is; fails the test when it is nobody's.  False: a page of zeros. */
static bool identify(const uint8_t *page, uint64_t slot, struct identity *id)
{
	uint8_t want[PAGE];
	uint64_t word;

	memcpy(id, page, sizeof(*id));
	memcpy(&word, page, sizeof(word));
	if (word == 0) {
		memset(want, 0, PAGE);
		T_MEM_EQ(page, want, PAGE);
		return false;
	}
	if (id->magic != MAGIC) {
		T_EQ(word >> 54, 1);
		*id = (struct identity){MAGIC, word & 0xffff, word >> 16 & 0xff,
					(word & ~(1ull << 54)) >> 24};
	}
	T_EQ(id->slot, slot);
	T_LT(id->writer, MAX_THREADS);
	make_page(want, id->slot, id->writer, id->version);
	T_MEM_EQ(page, want, PAGE); /* differs: torn */
	return true;
}

/* What the threads share */

struct book { /* of one writer and one slot: its last change that has ended */
	_Atomic uint64_t version, start, end;
	_Atomic uint64_t refused; /* the last version that was refused */
};

struct world {
	struct rzs_store *store;
	uint64_t nr_slots;
	bool may_refuse;
	uint64_t rounds, seed;
	_Atomic uint64_t clock, running, refusals, blocks;
	struct book book[MAX_SLOTS][MAX_THREADS];
	_Atomic uint64_t discards_begun[MAX_SLOTS], discards_ended[MAX_SLOTS],
		discard_end[MAX_SLOTS];
};

struct thread {
	struct world *world;
	unsigned index, nr;
	void (*body)(struct thread *t);
	struct pages_rng rng;
	struct rzs_worker *w;
	pthread_t id;
	uint64_t versions[MAX_SLOTS]; /* last tried */
	uint64_t current[MAX_SLOTS];  /* last written to a slot of its own, 0: discarded or never */
};

static void *thread_main(void *arg)
{
	struct thread *t = arg;

	t->body(t);
	atomic_fetch_sub_explicit(&t->world->running, 1, ORDER);
	return NULL;
}

/* Beside the others, until these have ended: compaction, stats, maps. */
static void keep_busy(struct thread *t)
{
	struct world *world = t->world;
	uint64_t blocks, run;
	enum rzs_map_kind kind;
	struct rzs_stats s;
	bool more;

	while (get(&world->running) > 1) {
		t->w = rzs_worker_get(world->store, 99);
		T_EQ(rzs_store_compact(world->store, t->w, 1 + pages_below(&t->rng, 50), &blocks,
				       &more),
		     0);
		rzs_worker_put(world->store, t->w);
		atomic_fetch_add_explicit(&world->blocks, blocks, ORDER);
		rzs_store_stats(world->store, &s);
		T_STR_EQ(twin_stats_broken(&s), NULL);
		T_EQ(rzs_store_map(world->store, 0, world->nr_slots, &kind, &run), 0);
	}
}

/* Run nr threads of body and one that keeps busy; then all is quiet and must be in order. */
static void run_threads(struct world *world, unsigned nr, void (*body)(struct thread *t))
{
	struct thread *threads = calloc(nr + 1, sizeof(*threads));
	struct rzs_worker *w;
	struct rzs_stats s;
	const char *what;
	unsigned i;

	rzs_test_set_yield(50, world->seed);
	world->running = nr + 1;
	for (i = 0; i <= nr; i++) {
		threads[i] = (struct thread){.world = world, .index = i, .nr = nr};
		threads[i].body = i < nr ? body : keep_busy;
		threads[i].rng.state = pages_hash(world->seed, i);
		T_EQ(pthread_create(&threads[i].id, NULL, thread_main, &threads[i]), 0);
	}
	for (i = 0; i <= nr; i++)
		T_EQ(pthread_join(threads[i].id, NULL), 0);
	free(threads);
	rzs_test_set_yield(0, 0);
	w = rzs_worker_get(world->store, 0);
	if (rzs_store_verify(world->store, w, true, &what))
		T_FAIL("verify: %s", what);
	rzs_worker_put(world->store, w);
	rzs_store_stats(world->store, &s);
	T_STR_EQ(twin_stats_broken(&s), NULL);
	T_EQ(s.corrupt + s.failed_reads + s.impossible, 0);
	T_EQ(s.refused_limit, get(&world->refusals));
}

/* limited: the least memory it may have.  large: enough pages for workers to have own blocks. */
static struct world *open_world(uint64_t nr_slots, unsigned workers, bool limited, bool large,
				uint64_t rounds)
{
	struct rzs_config cfg = {.nr_pages = nr_slots, .nr_workers = workers};
	struct world *world = calloc(1, sizeof(*world));

	if (large)
		cfg.nr_pages = workers * 16384;
	if (limited) {
		T_EQ(rzs_store_min_limit(&cfg, &cfg.limit_bytes), 0);
		world->may_refuse = true;
	}
	T_EQ(rzs_store_create(&cfg, &world->store), 0);
	world->nr_slots = nr_slots;
	world->rounds = (uint64_t)((double)rounds / t_scale()) + 1;
	world->seed = t_seed();
	return world;
}

static void close_world(struct world *world)
{
	rzs_store_destroy(world->store);
	T_EQ(rzs_test_live_bytes(), 0);
	T_EQ(rzs_test_damage(), 0);
	free(world);
}

/* All threads on the same few slots */

static void change_slot(struct thread *t, uint64_t slot, bool discard)
{
	struct world *world = t->world;
	struct book *book = &world->book[slot][t->index];
	uint64_t version = ++t->versions[slot], start, end;
	uint8_t page[PAGE];
	int err;

	make_page(page, slot, t->index, version);
	if (discard)
		next(&world->discards_begun[slot]);
	start = next(&world->clock);
	err = discard ? rzs_store_discard(world->store, t->w, slot, 1)
		      : rzs_store_write(world->store, t->w, slot, page);
	end = next(&world->clock);
	if (err) {
		T_OK(world->may_refuse && !discard);
		T_EQ(err, -ENOSPC);
		next(&world->refusals);
		set(&book->refused, version);
		return;
	}
	/* version last: who sees it sees its times. */
	set(&book->end, end);
	set(&book->start, start);
	set(&book->version, version);
	if (discard) {
		raise_to(&world->discard_end[slot], end);
		next(&world->discards_ended[slot]);
	}
}

static void check_slot(struct thread *t, uint64_t slot)
{
	struct world *world = t->world;
	uint64_t known[MAX_THREADS], newest = 0, discards = get(&world->discards_ended[slot]);
	struct book *book;
	struct identity id;
	uint8_t page[PAGE];
	unsigned i;

	/* What ended before newest was replaced before now: it may not be seen any more. */
	for (i = 0; i < t->nr; i++) {
		known[i] = get(&world->book[slot][i].version);
		if (known[i] && get(&world->book[slot][i].start) > newest)
			newest = get(&world->book[slot][i].start);
	}
	T_EQ(rzs_store_read(world->store, t->w, slot, page), 0);
	if (!identify(page, slot, &id)) {
		if (newest && get(&world->discards_begun[slot]) == discards)
			T_GE(get(&world->discard_end[slot]), newest);
		return;
	}
	book = &world->book[slot][id.writer];
	T_GE(id.version, known[id.writer]);
	T_NE(id.version, get(&book->refused));
	if (id.version == known[id.writer])
		T_GE(get(&book->end), newest);
}

static void work_on_all(struct thread *t)
{
	struct world *world = t->world;
	uint64_t i;

	for (i = 0; i < world->rounds; i++) {
		uint64_t r = pages_next(&t->rng), slot = (r >> 8) % world->nr_slots;

		t->w = rzs_worker_get(world->store, t->index);
		if (r % 16 < 8)
			change_slot(t, slot, false);
		else if (r % 16 == 8)
			change_slot(t, slot, true);
		else
			check_slot(t, slot);
		rzs_worker_put(world->store, t->w);
	}
}

static void share_slots(struct world *world, unsigned threads)
{
	run_threads(world, threads, work_on_all);
	T_OK(!world->may_refuse || get(&world->refusals) > 0);
	close_world(world);
}

T_TEST(all_threads_on_few_slots)
{
	share_slots(open_world(4, 5, false, false, 13000), 4);
	share_slots(open_world(1, 4, false, false, 8000), 3);
}

T_TEST(more_threads_than_workers)
{
	share_slots(open_world(8, 2, false, false, 5000), 5);
}

/* Pages come and go all the time, so that compaction has something to move under readers' eyes. */
T_TEST(all_threads_on_the_slots_of_a_full_store)
{
	share_slots(open_world(64, 5, true, false, 40000), 4);
}

T_TEST(all_threads_on_the_slots_of_a_large_store)
{
	share_slots(open_world(64, 5, false, true, 10000), 4);
	share_slots(open_world(64, 5, true, true, 30000), 4);
}

/* Each thread on slots of its own, which lie between those of the others */

static uint64_t own_slot(const struct thread *t, uint64_t i)
{
	return i * t->nr + t->index;
}

/* Only we write the slot: the page is the one last written.  storm: or others discarded it. */
static void expect_own(struct thread *t, uint64_t slot, bool storm)
{
	struct identity id;
	uint8_t page[PAGE];

	T_EQ(rzs_store_read(t->world->store, t->w, slot, page), 0);
	if (!identify(page, slot, &id)) {
		T_OK(storm || t->current[slot] == 0);
		return;
	}
	T_EQ(id.writer, t->index);
	T_EQ(id.version, t->current[slot]);
}

static void write_own(struct thread *t, uint64_t slot)
{
	uint64_t version = ++t->versions[slot];
	uint8_t page[PAGE];
	int err;

	make_page(page, slot, t->index, version);
	err = rzs_store_write(t->world->store, t->w, slot, page);
	if (err) {
		T_OK(t->world->may_refuse);
		T_EQ(err, -ENOSPC);
		next(&t->world->refusals);
		return;
	}
	t->current[slot] = version;
}

static void work_on_own(struct thread *t)
{
	struct world *world = t->world;
	uint64_t per_thread = world->nr_slots / t->nr, i;

	t->w = rzs_worker_get(world->store, t->index);
	for (i = 0; i < world->rounds; i++) {
		uint64_t r = pages_next(&t->rng), slot = own_slot(t, (r >> 8) % per_thread);

		if (r % 16 < 8) {
			write_own(t, slot);
		} else if (r % 16 == 8) {
			T_EQ(rzs_store_discard(world->store, t->w, slot, 1), 0);
			t->current[slot] = 0;
		}
		expect_own(t, slot, false);
	}
	for (i = 0; i < per_thread; i++)
		expect_own(t, own_slot(t, i), false);
	rzs_worker_put(world->store, t->w);
}

T_TEST(each_thread_on_its_own_slots)
{
	struct world *world = open_world(60, 5, false, false, 10000);

	run_threads(world, 4, work_on_own);
	close_world(world);
}

/* A full store rewrites pages in place; compaction has to notice.  It gets full under tools too. */
static void fill_up_and_work(unsigned pages_style, bool large)
{
	struct world *world = open_world(63, 4, true, large, 30000);

	style = pages_style;
	run_threads(world, 3, work_on_own);
	T_GT(get(&world->refusals), 0);
	close_world(world);
}

T_TEST_TIMEOUT(each_thread_on_its_own_slots_of_a_full_store, 600) /* mostly waits in turn */
{
	fill_up_and_work(STYLE_MIXED, false);
	fill_up_and_work(STYLE_MIXED, true);
	fill_up_and_work(STYLE_RAW, false);
	fill_up_and_work(STYLE_EQUAL, false);
}

/* Two write to slots of their own and look at them; the others discard what lies in their way. */
static void storm(struct thread *t)
{
	struct world *world = t->world;
	uint64_t i;

	t->w = rzs_worker_get(world->store, t->index);
	for (i = 0; i < world->rounds; i++) {
		uint64_t r = pages_next(&t->rng), slot = r % world->nr_slots;

		if (t->index >= 2) {
			uint64_t left = world->nr_slots - slot, nr = 1 + (r >> 16) % left;

			if (r >> 60 == 0)
				T_EQ(rzs_store_pzero(world->store, t->w, nr * PAGE, slot * PAGE),
				     0);
			else if (r >> 61 == 1)
				T_EQ(rzs_store_ptrim(world->store, t->w, left * PAGE, slot * PAGE),
				     0);
			else
				T_EQ(rzs_store_discard(world->store, t->w, slot, nr), 0);
			continue;
		}
		slot -= slot % 2;
		slot += t->index;
		write_own(t, slot);
		expect_own(t, slot, true);
	}
	rzs_worker_put(world->store, t->w);
}

T_TEST(discards_beside_writes)
{
	struct world *world = open_world(64, 5, false, false, 10000);

	run_threads(world, 4, storm);
	close_world(world);
}

/* Parts of pages */

#define PART(i) ((uint64_t)(i)*1021 + 3) /* bytes: on no boundary of anything */

/*
 * Each thread has a part of every page to itself; what it wrote there must be there, whoever
 * writes beside it.
 */
static void work_on_part(struct thread *t)
{
	uint64_t from = PART(t->index), len = PART(t->index + 1) - from, i;
	struct world *world = t->world;
	uint8_t mine[MAX_SLOTS][PAGE] = {{0}}, got[PAGE];

	t->w = rzs_worker_get(world->store, t->index);
	for (i = 0; i < world->rounds; i++) {
		uint64_t r = pages_next(&t->rng), slot = r % world->nr_slots;
		uint64_t at = from + (r >> 8) % len, n = 1 + (r >> 24) % (from + len - at);

		if (r >> 61 == 0) {
			memset(mine[slot] + at, 0, n);
			T_EQ(rzs_store_pzero(world->store, t->w, n, slot * PAGE + at), 0);
		} else {
			pages_make(got, r >> 60 & 1 ? PAGES_TEXT : PAGES_RANDOM, r);
			memcpy(mine[slot] + at, got, n);
			T_EQ(rzs_store_pwrite(world->store, t->w, got, n, slot * PAGE + at), 0);
		}
		T_EQ(rzs_store_pread(world->store, t->w, got, len, slot * PAGE + from), 0);
		T_MEM_EQ(got, mine[slot] + from, len);
	}
	rzs_worker_put(world->store, t->w);
}

T_TEST(writes_to_different_bytes_of_a_page_all_last)
{
	struct world *world = open_world(3, 5, false, false, 6000);

	run_threads(world, 4, work_on_part);
	close_world(world);
}

#define STAMP_AT  2000u
#define STAMP_LEN 64u

/*
 * Thread 0 writes whole pages, the others stamp the same 64 bytes of them.  Thread 0 finds each
 * page it wrote, with or without a stamp: had a stamp been put on the page before it, that older
 * page would be back.
 */
static void work_on_whole_or_part(struct thread *t)
{
	struct world *world = t->world;
	uint8_t page[PAGE], got[PAGE], stamp[STAMP_LEN];
	uint64_t i;

	t->w = rzs_worker_get(world->store, t->index);
	memset(stamp, 0xe0 + (int)t->index, sizeof(stamp));
	for (i = 1; i <= world->rounds; i++) {
		uint64_t slot = pages_below(&t->rng, world->nr_slots), at = slot * PAGE + STAMP_AT;
		bool stamped;

		if (t->index > 0) {
			T_EQ(rzs_store_pwrite(world->store, t->w, stamp, STAMP_LEN, at), 0);
			continue;
		}
		make_page(page, slot, 0, i);
		T_EQ(rzs_store_write(world->store, t->w, slot, page), 0);
		T_EQ(rzs_store_read(world->store, t->w, slot, got), 0);
		stamped = got[STAMP_AT] > 0xe0 && got[STAMP_AT] < 0xe0 + MAX_THREADS &&
			  memcmp(got + STAMP_AT, got + STAMP_AT + 1, STAMP_LEN - 1) == 0;
		if (stamped)
			memcpy(page + STAMP_AT, got + STAMP_AT, STAMP_LEN);
		T_MEM_EQ(got, page, PAGE);
	}
	rzs_worker_put(world->store, t->w);
}

T_TEST(a_part_is_never_put_on_an_older_page)
{
	struct world *world = open_world(2, 4, false, false, 10000);

	run_threads(world, 3, work_on_whole_or_part);
	close_world(world);
}

/* The table's chunks */

static pthread_barrier_t meet;

/*
 * All at once write to a part of the table that does not exist: one of them makes it, nobody's
 * page is lost.
 */
static void meet_in_new_chunk(struct thread *t)
{
	struct world *world = t->world;
	uint64_t chunk;
	uint8_t page[PAGE], got[PAGE];

	t->w = rzs_worker_get(world->store, t->index);
	for (chunk = 0; chunk < world->nr_slots / 4096; chunk++) {
		uint64_t slot = chunk * 4096 + pages_hash(chunk, t->index) % 1000 * 4 + t->index;

		pages_make(page, PAGES_TEXT, slot);
		pthread_barrier_wait(&meet);
		T_EQ(rzs_store_write(world->store, t->w, slot, page), 0);
		pthread_barrier_wait(&meet);
		T_EQ(rzs_store_read(world->store, t->w, slot, got), 0);
		T_MEM_EQ(got, page, PAGE);
	}
	rzs_worker_put(world->store, t->w);
}

T_TEST(threads_that_meet_in_a_new_part_of_the_table)
{
	struct world *world = open_world(300 * 4096, 5, false, false, 1);
	struct rzs_stats s;

	T_EQ(pthread_barrier_init(&meet, NULL, 4), 0);
	run_threads(world, 4, meet_in_new_chunk);
	rzs_store_stats(world->store, &s);
	T_EQ(s.pages_stored, 1200);
	close_world(world);
}
