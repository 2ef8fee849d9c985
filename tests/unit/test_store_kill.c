/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A store whose process is killed at a random moment, with threads in it, again and again.  Its
 * memory is an arena that processes share.  After each kill another process adopts what is left, at
 * other addresses, and the next process to be killed goes on with that.
 *
 * After each adoption every page must be what a model says, in memory that is shared as well.  A
 * page that was being written may be the old or the new one.  If it was being stored in the place
 * of its old one, it may be lost, which reads as an error.  It is never anything else.  And the
 * store must pass rzs_store_verify(), with everything counted: so nothing that a kill has left
 * behind takes memory.
 *
 * RZS_KILLS: how many kills; by default 1000, or 100 where a sanitizer makes each dearer.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "codec.h"
#include "pages.h"
#include "port_test.h"
#include "rzs_store.h"
#include "sanitized.h"
#include "t.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#define PAGE	RZS_PAGE_SIZE
#define NR	400u
#define THREADS 2u
#define ARENA	((size_t)4 << 20)
#define LATEST	2000000u /* ns of processor time that a process may have */
#define TWINS	16u	 /* pages of so many kinds have equals */

/* What a page is made of: a seed; 0: nothing is stored.  The two differ while it is changed. */
struct page_seeds {
	uint64_t now, next;
};

struct killing {
	struct rzs_config cfg;
	struct rzs_test_arena arena[2]; /* the same memory at two addresses */
	unsigned at;			/* which one the store is in */
	struct rzs_store *store;
	struct page_seeds *model; /* NR, shared */
	struct pages_rng rng;
	bool merging;
	bool units;			   /* pages are recompressed together */
	uint64_t changing, lost, in_units; /* pages found so */
	struct rzs_adopted sum;
};

struct writer {
	struct killing *k;
	unsigned index;
	uint64_t seed;
};

/* If pages are recompressed, many are alike. */
static void make_page(const struct killing *k, uint8_t *page, uint64_t seed)
{
	if (!k->units || seed >> 62 == 0) {
		pages_make_any(page, seed);
		return;
	}
	pages_make(page, PAGES_TEXT, 1);
	memset(page + PAGE / 4, 0, PAGE * 3 / 4);
	memcpy(page + PAGE / 2, &seed, sizeof(seed));
}

/* ---- the process that is killed */

/* What the next page is made of: if pages merge, often what others are made of. */
static uint64_t next_seed(const struct killing *k, uint64_t r)
{
	return k->merging && r >> 62 ? r % TWINS * 2 + 1 : r | 1;
}

/* -ENOSPC: the page is as it was. */
static int change(struct killing *k, struct rzs_worker *worker, uint64_t slot, uint64_t seed)
{
	struct page_seeds *s = &k->model[slot];
	uint8_t page[PAGE];
	int err;

	__atomic_store_n(&s->next, seed, __ATOMIC_RELEASE);
	if (seed) {
		make_page(k, page, seed);
		err = rzs_store_write(k->store, worker, slot, page);
	} else {
		err = rzs_store_discard(k->store, worker, slot, 1);
	}
	if (err && err != -ENOSPC)
		_exit(1);
	if (err)
		__atomic_store_n(&s->next, s->now, __ATOMIC_RELEASE);
	else
		__atomic_store_n(&s->now, seed, __ATOMIC_RELEASE);
	return err;
}

/* What one thread at a time does: it scans for pages to merge, and sometimes goes the way back. */
static void scan(struct killing *k, struct rzs_worker *worker, uint64_t r)
{
	static const struct rzs_merge_params params = {.max_sharing = 8};
	uint64_t merged, passes;
	bool done;
	int err;

	if (r >> 62)
		err = rzs_store_merge(k->store, worker, &params, 50, &merged, &passes);
	else
		err = rzs_store_unmerge(k->store, worker, 20, &done);
	if (err && err != -ENOSPC)
		_exit(6);
}

/* Another thing that one thread does: whatever is idle since the last pass gets a unit. */
static void recompress(struct killing *k, struct rzs_worker *worker)
{
	static const struct rzs_recompress_params params = {.min_age = 0, .unit = 4};
	bool done;

	if (rzs_store_recompress(k->store, worker, &params, NR, 20, &done) ||
	    rzs_store_idle_pass(k->store, NR / 8, &done))
		_exit(7);
}

/* Each thread has slots of its own to write, and reads all. */
static void *work(void *arg)
{
	struct writer *w = arg;
	struct rzs_worker *worker = rzs_worker_get_own(w->k->store, w->index);
	struct pages_rng rng = {w->seed};
	uint8_t page[PAGE];
	uint64_t blocks;
	bool more;

	for (;;) {
		uint64_t r = pages_next(&rng), slot = r % NR / THREADS * THREADS + w->index;

		if (r >> 61)
			(void)change(w->k, worker, slot, next_seed(w->k, pages_next(&rng)));
		else if (r >> 60)
			(void)change(w->k, worker, slot, 0);
		else if (rzs_store_read(w->k->store, worker, (r >> 32) % NR, page))
			_exit(2);
		if (r >> 58 == 1 && rzs_store_compact(w->k->store, worker, 64, &blocks, &more))
			_exit(3);
		if (w->k->merging && w->index == 0 && r >> 59 == 1)
			scan(w->k, worker, pages_next(&rng));
		if (w->k->units && w->index == 0 && r >> 60 == 1)
			recompress(w->k, worker);
	}
	return NULL;
}

/* The kernel kills this process when it has had ns of processor time. */
static void kill_after(long ns)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
	struct itimerspec at = {.it_value = {.tv_nsec = ns}};
	timer_t timer;

	if (timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer) ||
	    timer_settime(timer, 0, &at, NULL))
		_exit(4);
}

static void run_until_killed(struct killing *k, uint64_t seed, long ns)
{
	struct writer w[THREADS];
	pthread_t thread;

	kill_after(ns);
	for (unsigned i = 0; i < THREADS; i++)
		w[i] = (struct writer){k, i, pages_hash(seed, i)};
	for (unsigned i = 1; i < THREADS; i++)
		if (pthread_create(&thread, NULL, work, &w[i]))
			_exit(5);
	work(&w[0]);
}

static void kill_one(struct killing *k)
{
	uint64_t seed = pages_next(&k->rng);
	long ns = 1 + (long)pages_below(&k->rng, LATEST);
	int status;
	pid_t pid = fork();

	T_GE(pid, 0);
	if (pid == 0)
		run_until_killed(k, seed, ns);
	T_EQ(waitpid(pid, &status, 0), pid);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		T_FAIL("the process ended by itself: status 0x%x", (unsigned)status);
}

/* ---- the process that adopts */

static void open_upkeep(struct killing *k)
{
	if (k->units) {
		T_EQ(rzs_store_idle_open(k->store), 0);
		T_EQ(rzs_store_recompress_open(k->store, "zstd", 0), 0);
	}
	if (!k->merging)
		return;
	T_EQ(rzs_store_merge_open(k->store, RZS_MERGE_INDEX_MIN * 16), 0);
	T_EQ(rzs_store_merge_writes(k->store, 8), 0);
}

static void adopt(struct killing *k, uint64_t generation)
{
	struct rzs_adopted found;
	struct rzs_blocks *blocks;

	rzs_store_destroy(k->store);
	k->at = !k->at;
	blocks = rzs_test_adopt(&k->arena[k->at], UINT64_MAX);
	T_NE(blocks, NULL);
	if (rzs_store_adopt(&k->cfg, blocks, true, &found, &k->store))
		T_FAIL("not adopted: %s", found.what ? found.what : "no memory");
	T_EQ(found.generation, generation);
	T_EQ(found.blocks_dropped, 0);
	T_LE(found.blocks_busy, THREADS * 2);
	k->sum.pages_lost += found.pages_lost;
	k->sum.pages_locked += found.pages_locked;
	k->sum.blocks_busy += found.blocks_busy;
	k->sum.objects_dropped += found.objects_dropped;
	open_upkeep(k);
}

static bool is_made_of(const struct killing *k, const uint8_t *page, uint64_t seed)
{
	uint8_t want[PAGE] = {0};

	if (seed)
		make_page(k, want, seed);
	return memcmp(page, want, PAGE) == 0;
}

/* Compare a page with the model, and let the model be right again if the page was being changed. */
static void look_at(struct killing *k, struct rzs_worker *worker, uint64_t slot)
{
	struct page_seeds *s = &k->model[slot];
	uint8_t page[PAGE];
	int err = rzs_store_read(k->store, worker, slot, page);

	if (s->now == s->next) {
		if (err)
			T_FAIL("page %llu is damaged", (unsigned long long)slot);
		if (!is_made_of(k, page, s->now))
			T_FAIL("page %llu has other bytes", (unsigned long long)slot);
		return;
	}
	k->changing++;
	if (err) {
		k->lost++;
		s->now = 0;
		T_EQ(change(k, worker, slot, 0), 0);
	} else if (is_made_of(k, page, s->next)) {
		s->now = s->next;
	} else if (is_made_of(k, page, s->now)) {
		s->next = s->now;
	} else {
		T_FAIL("page %llu is neither old nor new", (unsigned long long)slot);
	}
}

static void look_at_all(struct killing *k)
{
	struct rzs_worker *worker = rzs_worker_get_own(k->store, 0);
	struct rzs_stats s;
	const char *what;

	if (rzs_store_verify(k->store, worker, true, &what))
		T_FAIL("%s", what);
	for (uint64_t slot = 0; slot < NR; slot++)
		look_at(k, worker, slot);
	rzs_worker_put(k->store, worker);
	rzs_store_stats(k->store, &s);
	T_LE(s.mem_bytes, s.limit_bytes);
	k->in_units += s.unit_pages;
	T_EQ(s.impossible, 0);
}

/* ---- the test */

/* A store that is almost full, so that all ways to store a page are used. */
static void open_store(struct killing *k)
{
	struct rzs_worker *worker;
	size_t model = NR * sizeof(*k->model);

	k->model = mmap(NULL, model, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	T_OK(k->model != MAP_FAILED);
	k->cfg = (struct rzs_config){.nr_pages = NR, .nr_workers = THREADS};
	T_EQ(rzs_store_min_limit(&k->cfg, &k->cfg.limit_bytes), 0);
	k->cfg.limit_bytes += RZS_BLOCK_SIZE + (k->units ? 1u << 20 : 0);
	rzs_test_arena_open(&k->arena[0], ARENA);
	rzs_test_use_arena(&k->arena[0]);
	T_EQ(rzs_store_create(&k->cfg, &k->store), 0);
	rzs_test_arena_map(&k->arena[1], &k->arena[0]);
	open_upkeep(k);
	worker = rzs_worker_get_own(k->store, 0);
	for (unsigned i = 0; i < 3 * NR; i++)
		(void)change(k, worker, pages_next(&k->rng) % NR,
			     next_seed(k, pages_next(&k->rng)));
	rzs_worker_put(k->store, worker);
}

static uint64_t kills(void)
{
	const char *s = getenv("RZS_KILLS");

	if (s)
		return strtoull(s, NULL, 0);
	return instrumented() ? 100 : 1000;
}

static void kill_and_adopt(bool merging, bool units, uint64_t n)
{
	struct killing k = {.rng = {t_seed()}, .merging = merging, .units = units};

	open_store(&k);
	for (uint64_t i = 1; i <= n; i++) {
		kill_one(&k);
		adopt(&k, i);
		look_at_all(&k);
	}
	t_note("%llu kills: %llu pages being changed, %llu lost, %llu words locked; %llu blocks "
	       "busy, %llu objects dropped, %llu pages in units",
	       (unsigned long long)n, (unsigned long long)k.changing, (unsigned long long)k.lost,
	       (unsigned long long)k.sum.pages_locked, (unsigned long long)k.sum.blocks_busy,
	       (unsigned long long)k.sum.objects_dropped, (unsigned long long)k.in_units);
	T_EQ(k.in_units != 0, units);
	T_EQ(k.sum.pages_lost, k.lost);
	rzs_store_destroy(k.store);
	rzs_test_arena_close(&k.arena[0]);
	rzs_test_arena_close(&k.arena[1]);
	munmap(k.model, NR * sizeof(*k.model));
}

/*
 * Red when a slide is made in place, or a page is written over the one that it replaces; when a
 * lock, a bit or a list of the killed process stays, or what it had taken is not given back.
 */
T_TEST_TIMEOUT(a_kill_leaves_every_page_that_was_not_being_written, 300)
{
	kill_and_adopt(false, false, kills() - kills() / 4 - kills() / 8);
}

/* Red when an object that was about to be shared is not the page's any more. */
T_TEST_TIMEOUT(a_kill_leaves_pages_that_share, 300)
{
	kill_and_adopt(true, false, kills() / 4);
}

/* Red when a unit is in use before its object is there. */
T_TEST_TIMEOUT(a_kill_leaves_units, 300)
{
	if (!rzs_codec_lookup("zstd"))
		T_SKIP("zstd is not built in");
	kill_and_adopt(false, true, kills() / 8);
}
