/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A store whose process is killed at a random moment, with threads in it, again and again.  Its
 * memory is one that processes share.  After each kill another process adopts what is left, at
 * other addresses, and the next process to be killed goes on with that.
 *
 * After each adoption every page must be what a model says, in memory that is shared as well.  A
 * page that was being written may be the old or the new one.  If it was being stored in the place
 * of its old one, it may be lost, which reads as an error.  It is never anything else.  And the
 * store must pass rzs_store_verify(), with everything counted: so nothing that a kill has left
 * behind takes memory.
 *
 * RZS_KILLS: how many kills in all tests of both ports; by default 1000, or 100 where a sanitizer
 * makes each dearer.
 *
 * The test that includes this says before what its port does: struct kill_port, and whether a
 * process that is forked has the store, KILL_PORT_INHERITS.  If not, it adopts the store, too, and
 * may be killed while it does.
 */
#ifndef RZS_TEST_KILL_RIG_H
#define RZS_TEST_KILL_RIG_H

#include "pages.h"
#include "rzs_store.h"
#include "sanitized.h"
#include "t.h"
#include "zstd_name.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#define PAGE	RZS_PAGE_SIZE
#define NR	400u
#define THREADS 2u
/* ns of processor time that a process may have; part of it goes to adoption. */
#define LATEST (KILL_PORT_INHERITS ? 2000000u : 3000000u)
#define TWINS  16u /* pages of so many kinds have equals */
#define ENOUGH 500u /* after so many kills there were units; of 42 kills one run in ten has none */

/* What a page is made of: a seed; 0: nothing is stored.  The two differ while it is changed. */
struct page_seeds {
	uint64_t now, next;
};

struct killing {
	struct rzs_config cfg;
	struct kill_port port;
	struct rzs_store *store;
	struct page_seeds *model; /* NR, shared */
	struct pages_rng rng;
	bool merging, recompressing;
	uint64_t generation;
	uint64_t changing, lost, recompressed, in_units; /* pages found so */
	struct rzs_adopted sum;
};

/* What the test program has: the next source is one that others can attach to. */
static void kill_port_open(struct kill_port *port);
/* After the store was made in it. */
static void kill_port_opened(struct kill_port *port);
/* A source on what is there, at other addresses than the last one. */
static struct rzs_blocks *kill_port_attach(struct kill_port *port);
static void kill_port_close(struct kill_port *port);

struct writer {
	struct killing *k;
	unsigned index;
	uint64_t seed;
};

/* ---- the process that is killed */

/* What the next page is made of: if pages merge, often what others are made of. */
static uint64_t next_seed(const struct killing *k, uint64_t r)
{
	return k->merging && r >> 62 ? r % TWINS * 2 + 1 : r | 1;
}

/* What a store says that is full.  The reserve of a process is filled by a thread of its own. */
static bool is_full(int err)
{
	return err == -ENOSPC || err == -ENOMEM;
}

/* If pages are recompressed, many are so alike that units of them pay. */
static void make_page(const struct killing *k, uint8_t *page, uint64_t seed)
{
	if (!k->recompressing || seed >> 62 == 0) {
		pages_make_any(page, seed);
		return;
	}
	pages_make(page, PAGES_TEXT, 1);
	memset(page + PAGE / 4, 0, PAGE * 3 / 4);
	memcpy(page + PAGE / 2, &seed, sizeof(seed));
}

/* is_full(): the page is as it was. */
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
	if (err && !is_full(err))
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
	if (err && !is_full(err))
		_exit(6);
}

/* The same: pages become idle, and are compressed again, in units where that pays. */
static void recompress(struct killing *k, struct rzs_worker *worker)
{
	static const struct rzs_recompress_params params = {.min_age = 1, .unit = 4};
	bool done;

	if (rzs_store_idle_mark(k->store, NR / 8, &done) ||
	    rzs_store_recompress(k->store, worker, &params, NR, 8, &done))
		_exit(8);
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
		if (w->k->recompressing && w->index == 0 && r >> 59 == 2)
			recompress(w->k, worker);
		if (r >> 58 == 1 && rzs_store_compact(w->k->store, worker, 64, &blocks, &more))
			_exit(3);
		if (w->k->merging && w->index == 0 && r >> 59 == 1)
			scan(w->k, worker, pages_next(&rng));
	}
	return NULL;
}

/* ---- the process that adopts */

static void open_upkeep(struct killing *k)
{
	if (k->merging) {
		T_EQ(rzs_store_merge_open(k->store, RZS_MERGE_INDEX_MIN * 16), 0);
		T_EQ(rzs_store_merge_writes(k->store, 8), 0);
	}
	if (k->recompressing) {
		T_EQ(rzs_store_idle_open(k->store), 0);
		T_EQ(rzs_store_recompress_open(k->store, zstd_name(), 0), 0);
	}
}

/* Go on with what is there. */
static struct rzs_adopted kill_adopt(struct killing *k)
{
	struct rzs_blocks *blocks = kill_port_attach(&k->port);
	struct rzs_adopted found;

	T_NE(blocks, NULL);
	if (rzs_store_adopt(&k->cfg, blocks, true, &found, &k->store))
		T_FAIL("not adopted: %s", found.what ? found.what : "no memory");
	open_upkeep(k);
	return found;
}

/* This process has the store no more. */
static void kill_leave(struct killing *k)
{
	rzs_store_destroy(k->store);
	k->store = NULL;
}

/*
 * A process that does not inherit the store has adopted it before; if it was killed while it did,
 * all blocks are busy.
 */
static void adopt(struct killing *k)
{
	struct rzs_adopted found;
	uint64_t most = k->generation + (KILL_PORT_INHERITS ? 1 : 2);

	kill_leave(k);
	found = kill_adopt(k);
	T_EQ(found.blocks_dropped, 0);
	T_GT(found.generation, k->generation);
	T_LE(found.generation, most);
	if (found.generation == most)
		T_LE(found.blocks_busy, THREADS * 2);
	k->generation = found.generation;
	k->sum.pages_lost += found.pages_lost;
	k->sum.pages_locked += found.pages_locked;
	k->sum.blocks_busy += found.blocks_busy;
	k->sum.objects_dropped += found.objects_dropped;
}

/* ---- killing */

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
	if (!KILL_PORT_INHERITS)
		kill_adopt(k);
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
	pid_t pid;

	if (!KILL_PORT_INHERITS)
		kill_leave(k);
	pid = fork();
	T_GE(pid, 0);
	if (pid == 0)
		run_until_killed(k, seed, ns);
	T_EQ(waitpid(pid, &status, 0), pid);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		T_FAIL("the process ended by itself: status 0x%x", (unsigned)status);
}

/* ---- looking at what is left */

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
	k->recompressed += s.pages_recompressed;
	k->in_units += s.unit_pages;
	T_LE(s.mem_bytes, s.limit_bytes);
	T_EQ(s.impossible, 0);
}

/* ---- the test */

/* The limit of a store that is almost full, so that all ways to store a page are used. */
static void limit_store(struct killing *k)
{
	struct rzs_stats s;

	T_EQ(rzs_store_min_limit(&k->cfg, &k->cfg.limit_bytes), 0);
	rzs_store_stats(k->store, &s);
	k->cfg.limit_bytes += (k->recompressing ? 4 : 1) * RZS_BLOCK_SIZE + s.recompress_bytes;
	T_EQ(rzs_store_set_limit(k->store, k->cfg.limit_bytes), 0);
}

static void open_store(struct killing *k)
{
	struct rzs_worker *worker;
	size_t model = NR * sizeof(*k->model);

	k->model = mmap(NULL, model, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	T_OK(k->model != MAP_FAILED);
	k->cfg = (struct rzs_config){.nr_pages = NR, .nr_workers = THREADS};
	kill_port_open(&k->port);
	T_EQ(rzs_store_create(&k->cfg, &k->store), 0);
	kill_port_opened(&k->port);
	open_upkeep(k);
	limit_store(k);
	worker = rzs_worker_get_own(k->store, 0);
	for (unsigned i = 0; i < 3 * NR; i++)
		(void)change(k, worker, pages_next(&k->rng) % NR,
			     next_seed(k, pages_next(&k->rng)));
	for (unsigned i = 0; k->recompressing && i < 32; i++)
		recompress(k, worker);
	rzs_worker_put(k->store, worker);
}

/* A part of all kills: so many percent. */
static uint64_t kills(unsigned percent)
{
	const char *s = getenv("RZS_KILLS");
	uint64_t all = s ? strtoull(s, NULL, 0) : instrumented() ? 100 : 1000;

	return all * percent / 100;
}

static void kill_and_adopt(bool merging, bool recompressing, uint64_t n)
{
	struct killing k = {.rng = {t_seed()}, .merging = merging, .recompressing = recompressing};

	if (recompressing && !zstd_name())
		T_SKIP("zstd is not built in");
	open_store(&k);
	for (uint64_t i = 0; i < n; i++) {
		kill_one(&k);
		adopt(&k);
		look_at_all(&k);
	}
	t_note("%llu kills: %llu pages being changed, %llu lost, %llu words locked; %llu blocks "
	       "busy, %llu objects dropped; generation %llu; %llu pages recompressed, %llu "
	       "in units",
	       (unsigned long long)n, (unsigned long long)k.changing, (unsigned long long)k.lost,
	       (unsigned long long)k.sum.pages_locked, (unsigned long long)k.sum.blocks_busy,
	       (unsigned long long)k.sum.objects_dropped, (unsigned long long)k.generation,
	       (unsigned long long)k.recompressed, (unsigned long long)k.in_units);
	T_EQ(k.sum.pages_lost, k.lost);
	if (recompressing && n >= ENOUGH)
		T_GT(k.in_units, 0);
	rzs_store_destroy(k.store);
	kill_port_close(&k.port);
	munmap(k.model, NR * sizeof(*k.model));
}

#endif
