/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A store in shared memory, whose process is killed at a random moment with threads in it.  Another
 * process looks at what is left, and takes no lock: each word of a slot must name an object that is
 * complete, and the page must be what a model in the same memory says.  A page that was being
 * written may be the old or the new one; if it was being stored in the place of its old one, it may
 * fail its checksum.  It is never anything else.
 *
 * RZS_KILLS: how many kills; by default 1000, or 100 where a sanitizer makes each dearer.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "hash.h"
#include "pages.h"
#include "pool_internal.h"
#include "port_test.h"
#include "samefill.h"
#include "sanitized.h"
#include "store.h"
#include "t.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define PAGE	RZS_PAGE_SIZE
#define NR	400u
#define THREADS 2u
#define MEMORY	((size_t)64 << 20)
#define LATEST	4000000u /* ns of processor time that a process may have */

/* What a page is made of: a seed; 0: nothing is stored.  The two differ while it is changed. */
struct page_seeds {
	uint64_t now, next;
};

struct killing {
	struct rzs_store *store;
	struct page_seeds *model; /* NR */
	void *codec_ctx;	  /* of the process that looks */
	struct pages_rng rng;
	uint64_t changing, torn, locked; /* pages found so */
};

struct writer {
	struct killing *k;
	unsigned index;
	uint64_t seed;
};

/* ---- the process that is killed */

static void change(struct writer *w, struct rzs_worker *worker, uint64_t slot, uint64_t seed)
{
	struct page_seeds *s = &w->k->model[slot];
	uint8_t page[PAGE];
	int err;

	__atomic_store_n(&s->next, seed, __ATOMIC_RELEASE);
	if (seed) {
		pages_make_any(page, seed);
		err = rzs_store_write(w->k->store, worker, slot, page);
	} else {
		err = rzs_store_discard(w->k->store, worker, slot, 1);
	}
	if (err && err != -ENOSPC)
		_exit(1);
	if (err)
		__atomic_store_n(&s->next, s->now, __ATOMIC_RELEASE);
	else
		__atomic_store_n(&s->now, seed, __ATOMIC_RELEASE);
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
			change(w, worker, slot, pages_next(&rng) | 1);
		else if (r >> 60)
			change(w, worker, slot, 0);
		else if (rzs_store_read(w->k->store, worker, (r >> 32) % NR, page))
			_exit(2);
		if (r >> 58 == 1 && rzs_store_compact(w->k->store, worker, 64, &blocks, &more))
			_exit(3);
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

/* ---- the process that looks */

/* -EIO: the checksum is wrong, or the decoder refuses it. */
static int look_at_packed(struct killing *k, uint64_t slot, uint64_t word, uint8_t *page)
{
	struct rzs_block *b = rzs_pool_block(&k->store->pool, rzs_word_block(word));
	uint8_t *mem = rzs_block_mem(&k->store->pool, b);
	struct rzs_entry *e = rzs_packed_lookup(&b->packed, mem, rzs_word_index(word));
	uint32_t size;

	T_EQ(b->type, RZS_BLOCK_PACKED);
	T_NE(e, NULL);
	size = rzs_entry_size(e);
	T_EQ(rzs_entry_owner(e), slot);
	/* A page stored in the place of itself: the block is the new one, the word the old one. */
	if (word & RZS_SLOT_LOCK)
		T_LE(size, rzs_word_size(word));
	else
		T_EQ(size, rzs_word_size(word));
	mem += rzs_entry_offset(e);
	if ((uint32_t)rzs_hash64(mem, size, 0) != e->sum)
		return -EIO;
	return k->store->codec->decompress(k->codec_ctx, mem, size, page) ? -EIO : 0;
}

static int look_at_raw(struct killing *k, uint64_t slot, uint64_t word, uint8_t *page)
{
	struct rzs_block *b = rzs_pool_block(&k->store->pool, rzs_word_block(word));
	uint32_t index = rzs_word_index(word);

	T_EQ(b->type, RZS_BLOCK_PAGES);
	T_EQ(rzs_block_owner(b, index), slot);
	memcpy(page, rzs_block_mem(&k->store->pool, b) + index * PAGE, PAGE);
	if (((uint32_t)rzs_hash64(page, PAGE, 0) ^ rzs_word_sum24(word)) & RZS_SUM24_MASK)
		return -EIO;
	return 0;
}

static int look_at(struct killing *k, uint64_t slot, uint8_t *page)
{
	uint64_t *p = rzs_slots_lookup(&k->store->slots, slot), word = p ? *p : 0;

	k->locked += (word & RZS_SLOT_LOCK) != 0;
	switch (rzs_word_kind(word)) {
	case RZS_KIND_EMPTY:
		memset(page, 0, PAGE);
		return 0;
	case RZS_KIND_SAME:
	case RZS_KIND_SAME32:
		rzs_page_fill(page, rzs_word_same_value(word));
		return 0;
	default:
		break;
	}
	T_OK(rzs_word_is_object(word));
	T_OK(rzs_word_block(word) && rzs_word_block(word) < k->store->pool.next_id);
	if (rzs_word_kind(word) == RZS_KIND_RAW)
		return look_at_raw(k, slot, word, page);
	return look_at_packed(k, slot, word, page);
}

static bool is_made_of(const uint8_t *page, uint64_t seed)
{
	uint8_t want[PAGE] = {0};

	if (seed)
		pages_make_any(want, seed);
	return memcmp(page, want, PAGE) == 0;
}

static void look_at_all(struct killing *k)
{
	uint8_t page[PAGE];

	for (uint64_t slot = 0; slot < NR; slot++) {
		const struct page_seeds *s = &k->model[slot];
		bool changing = s->now != s->next;
		int err = look_at(k, slot, page);

		k->changing += changing;
		k->torn += err != 0;
		if (err && !changing)
			T_FAIL("page %llu is damaged", (unsigned long long)slot);
		if (!err && !is_made_of(page, s->now) && !(changing && is_made_of(page, s->next)))
			T_FAIL("page %llu has other bytes", (unsigned long long)slot);
	}
}

/* ---- the test */

/* A store that is almost full, so that all ways to store a page are used. */
static void open_store(struct killing *k)
{
	struct rzs_config cfg = {.nr_pages = NR, .nr_workers = THREADS, .reserve_bytes = MEMORY};
	struct writer w = {.k = k};
	struct rzs_worker *worker;

	rzs_test_share(MEMORY);
	k->model = rzs_port_alloc(NR * sizeof(*k->model));
	T_EQ(rzs_store_min_limit(&cfg, &cfg.limit_bytes), 0);
	cfg.limit_bytes += 4 * RZS_BLOCK_SIZE;
	T_EQ(rzs_store_create(&cfg, &k->store), 0);
	k->codec_ctx = malloc(k->store->codec->ctx_size(k->store->workers[0]->level));
	T_NE(k->codec_ctx, NULL);
	T_EQ(k->store->codec->ctx_init(k->codec_ctx,
				       k->store->codec->ctx_size(k->store->workers[0]->level),
				       k->store->workers[0]->level),
	     0);
	worker = rzs_worker_get_own(k->store, 0);
	for (unsigned i = 0; i < 3 * NR; i++)
		change(&w, worker, pages_next(&k->rng) % NR, pages_next(&k->rng) | 1);
	rzs_worker_put(k->store, worker);
}

static uint64_t kills(void)
{
	const char *s = getenv("RZS_KILLS");

	if (s)
		return strtoull(s, NULL, 0);
	return instrumented() ? 100 : 1000;
}

/* Red when a slide is made in place, or a page is written over the one that it replaces. */
T_TEST(a_kill_leaves_every_page_that_was_not_being_written)
{
	struct killing k = {.rng = {t_seed()}};
	uint64_t n = kills();
	uint8_t *memory, *before;
	size_t bytes;

	open_store(&k);
	memory = rzs_test_shared(&bytes);
	before = malloc(bytes);
	T_NE(before, NULL);
	memcpy(before, memory, bytes);
	for (uint64_t i = 0; i < n; i++) {
		uint64_t seed = pages_next(&k.rng);
		long ns = 1 + (long)pages_below(&k.rng, LATEST);
		int status;
		pid_t pid;

		memcpy(memory, before, bytes);
		pid = fork();
		T_GE(pid, 0);
		if (pid == 0)
			run_until_killed(&k, seed, ns);
		T_EQ(waitpid(pid, &status, 0), pid);
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
			T_FAIL("the process ended by itself: status 0x%x", (unsigned)status);
		look_at_all(&k);
	}
	t_note("%llu kills: %llu pages being written, %llu of them torn, %llu words locked",
	       (unsigned long long)n, (unsigned long long)k.changing, (unsigned long long)k.torn,
	       (unsigned long long)k.locked);
	free(before);
	free(k.codec_ctx);
}
