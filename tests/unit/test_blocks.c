/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The user port's blocks: accounting, the reserve kept ahead of demand, threads.  Each test is red
 * when the sentence above it stops being true.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "blocks_rig.h"

#include "rzs_store.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/resource.h>

/*
 * Open returns with the reserve in place and nothing taken; the default is a quarter of a small
 * max.
 */
T_TEST(open_fills_the_reserve)
{
	struct rzs_blocks *b = source(1000, 40);

	T_EQ(taken(b), 0);
	T_EQ(ready(b), 40);
	T_EQ(peak(b), 40);
	rzs_blocks_close(b);

	b = source(1600, RZS_RESERVE_DEFAULT);
	T_EQ(ready(b), 400);
	rzs_blocks_close(b);

	b = source(5, RZS_RESERVE_DEFAULT);
	T_EQ(ready(b), 5);
	rzs_blocks_close(b);
	rzs_blocks_close(NULL);
}

/* Red when a small machine gives a quarter of a small device away that it needs for programs. */
T_TEST(the_default_reserve_is_a_share_of_little_memory)
{
	const uint64_t mib = 1u << 20, large = 1u << 20;

	T_EQ(rzs_blocks_default_reserve(large, 80 * mib), 64);
	T_EQ(rzs_blocks_default_reserve(large, 192 * mib), 64);
	T_EQ(rzs_blocks_default_reserve(large, 256 * mib), 176);
	T_EQ(rzs_blocks_default_reserve(large, 336 * mib), 336);
	T_EQ(rzs_blocks_default_reserve(large, 400 * mib), 400);
	T_EQ(rzs_blocks_default_reserve(large, 640 * mib), 512);
	T_EQ(rzs_blocks_default_reserve(large, 64 * 1024 * mib), 512);
	T_EQ(rzs_blocks_default_reserve(40, 80 * mib), 10);
	T_EQ(rzs_blocks_default_reserve(large, mib), 64);
	T_EQ(rzs_blocks_default_reserve(1, 0), 8);
}

T_TEST(open_refuses_a_max_of_none)
{
	struct rzs_blocks *b = (struct rzs_blocks *)&b;

	T_EQ(rzs_blocks_open(&b, 0, RZS_RESERVE_DEFAULT, 0, NULL, 0), -EINVAL);
	T_EQ(b, NULL);
}

/* Blocks are aligned and do not overlap: each keeps its own pattern. */
T_TEST(blocks_are_distinct_memory)
{
	struct rzs_blocks *b = source(300, 64);

	take(b, held, 300);
	for (unsigned i = 0; i < 300; i++) {
		T_EQ((uintptr_t)rzs_blocks_at(b, held[i]) % PAGE, 0);
		memset(rzs_blocks_at(b, held[i]), (int)i % 251, RZS_BLOCK_SIZE);
	}
	for (unsigned i = 0; i < 300; i++) {
		const unsigned char *p = rzs_blocks_at(b, held[i]);

		T_EQ(p[0], i % 251);
		T_EQ(memcmp(p, p + 1, RZS_BLOCK_SIZE - 1), 0);
	}
	rzs_blocks_close(b);
}

/* Exactly max blocks can be taken, and the failure after that says that it is the limit. */
T_TEST(max_is_exact_and_told_apart_from_an_empty_reserve)
{
	struct rzs_blocks *b = source(100, 10);
	bool limit = false;

	take(b, held, 100);
	T_EQ(rzs_blocks_take(b, &limit), 0);
	T_EQ(limit, true);
	T_EQ(taken(b), 100);
	T_EQ(ready(b), 0);
	T_EQ(peak(b), 100);
	rzs_blocks_give(b, held[99]);
	T_NE(rzs_blocks_take(b, &limit), 0);
	T_EQ(limit, false);
	rzs_blocks_close(b);
}

/* Near max the reserve shrinks instead of going beyond it. */
T_TEST(reserve_stays_within_max)
{
	struct rzs_blocks *b = source(20, 10);
	uint64_t t, r, p;

	for (uint64_t i = 1; i <= 20; i++) {
		take(b, held, 1);
		T_WAIT(ready(b) >= (20 - i < 8 ? 20 - i : 8), 10);
		rzs_blocks_count(b, &t, &r, &p);
		T_EQ(t, i);
		T_LE(t + r, 20);
		T_LE(p, 20);
	}
	rzs_blocks_close(b);
}

/*
 * What is taken from the reserve comes back into it, to three quarters at least, without anybody
 * asking.
 */
T_TEST(reserve_is_refilled)
{
	struct rzs_blocks *b = source(MANY, 64);

	for (unsigned i = 0; i < 10; i++) {
		take(b, held + i * 60, 60);
		T_WAIT(ready(b) >= 48, 10);
		T_LE(ready(b), 64);
	}
	T_EQ(taken(b), 600);
	T_GE(peak(b), 648);
	T_LE(peak(b), 664);
	T_WAIT(info().refilled >= 584, 10);
	rzs_blocks_close(b);
}

/* Blocks given back beyond the high mark go to the system, and their memory is really gone. */
T_TEST(surplus_goes_back_to_the_system)
{
	struct rzs_blocks *b = source(MANY, 64);
	unsigned gone = 0;
	uint64_t rss;

	take(b, held, 2000);
	for (unsigned i = 0; i < 2000; i++)
		memset(rzs_blocks_at(b, held[i]), 1, RZS_BLOCK_SIZE);
	rss = status("VmRSS:");
	give(b, held, 2000);
	T_WAIT(ready(b) <= 64 + 32 + 8, 10);
	T_EQ(taken(b), 0);
	T_GE(info().returned, 1900);
	for (unsigned i = 0; i < 2000; i++)
		gone += resident_pages(b, held[i]) == 0;
	T_GE(gone, 1800);
	if (!instrumented())
		T_LE(status("VmRSS:"), rss - 1800 * 32);
	/* And all of it can be had again. */
	take(b, held, 2000);
	for (unsigned i = 0; i < 2000; i++)
		memset(rzs_blocks_at(b, held[i]), 2, RZS_BLOCK_SIZE);
	T_EQ(taken(b), 2000);
	rzs_blocks_close(b);
}

/* Mappings merge: filling and emptying in any order does not cut the address space into pieces. */
T_TEST(mappings_stay_few)
{
	struct rzs_blocks *b = source(MANY, 64);
	uint64_t seed = t_seed();
	unsigned before = mappings(), n = 0;

	for (unsigned i = 0; i < 20000; i++) {
		if (n && (n == MANY / 2 || t_rand(&seed) % 2)) {
			unsigned k = (unsigned)(t_rand(&seed) % n);

			rzs_blocks_give(b, held[k]);
			held[k] = held[--n];
		} else {
			take(b, held + n++, 1);
		}
	}
	T_LE(mappings(), before + 16);
	rzs_blocks_close(b);
}

/* The data path faults in nothing: not in taking, not in using, not in giving back. */
T_TEST(data_path_takes_no_page_fault)
{
	struct rzs_blocks *b = source(MANY, 1024);
	struct rusage before, after;
	bool limit;

	if (instrumented())
		T_SKIP("the memory of a sanitizer or of valgrind faults");
	T_NE((held[0] = rzs_blocks_take(b, &limit)), 0);
	memset(held, 1, sizeof(held));
	T_EQ(getrusage(RUSAGE_THREAD, &before), 0);
	for (unsigned i = 0; i < 500; i++) {
		held[i] = rzs_blocks_take(b, &limit);
		if (held[i])
			memset(rzs_blocks_at(b, held[i]), 3, RZS_BLOCK_SIZE);
	}
	give(b, held, 500);
	T_EQ(getrusage(RUSAGE_THREAD, &after), 0);
	T_EQ(after.ru_minflt - before.ru_minflt, 0);
	T_EQ(after.ru_majflt - before.ru_majflt, 0);
	rzs_blocks_close(b);
}

/*
 * Lowering max gives ready blocks back at once, never below what is taken; raising it goes beyond
 * the old one.
 */
T_TEST(set_max_lowers_and_raises)
{
	struct rzs_blocks *b = source(1000, 100);
	bool limit;

	take(b, held, 50);
	T_WAIT(ready(b) >= 75, 10);
	T_EQ(rzs_blocks_set_max(b, 49, 100), -ENOSPC);
	T_EQ(info().max, 1000);
	T_EQ(rzs_blocks_set_max(b, 60, 100), 0);
	T_EQ(taken(b), 50);
	T_EQ(ready(b), 10);
	T_EQ(rzs_blocks_set_max(b, 50, 100), 0);
	T_EQ(ready(b), 0);
	T_EQ(rzs_blocks_take(b, &limit), 0);
	T_EQ(limit, true);
	T_EQ(rzs_blocks_set_max(b, 2000, 100), 0);
	take(b, held + 50, 1500);
	T_EQ(taken(b), 1550);
	T_EQ(rzs_blocks_set_max(b, UINT64_MAX, 100), 0);
	T_WAIT(ready(b) >= 75, 10);
	rzs_blocks_close(b);
}

/* The reserve is that of a source opened with the same numbers, and refused ones leave it. */
T_TEST(set_max_sets_the_reserve)
{
	struct rzs_blocks *b = source(64, 8);

	take(b, held, 20);
	T_EQ(rzs_blocks_set_max(b, 19, 30), -ENOSPC);
	T_EQ(info().reserve, 8);
	T_EQ(rzs_blocks_set_max(b, 1600, RZS_RESERVE_DEFAULT), 0);
	T_EQ(info().reserve, 400);
	T_WAIT(ready(b) >= 400, 10);
	T_EQ(rzs_blocks_set_max(b, 100, 8), 0);
	T_EQ(info().reserve, 8);
	T_WAIT(ready(b) == 8, 10);
	rzs_blocks_close(b);
}

static uint64_t reserve_after(uint64_t asked, uint64_t limit, uint64_t new_limit)
{
	struct rzs_config cfg = {.nr_pages = 1u << 18,
				 .nr_workers = 1,
				 .limit_bytes = limit,
				 .reserve_bytes = asked};
	struct rzs_store *store;
	uint64_t reserve;

	T_EQ(rzs_store_create(&cfg, &store), 0);
	T_EQ(rzs_store_set_limit(store, new_limit), 0);
	reserve = info().reserve;
	T_WAIT(info().ready + info().taken >= reserve - reserve / 4, 10);
	rzs_store_destroy(store);
	return reserve;
}

/* Red when a store keeps the reserve of the limit it was made with, which was found too little. */
T_TEST(a_limit_that_is_lifted_lifts_the_reserve)
{
	const uint64_t mib = 1u << 20, without = reserve_after(0, 0, 0);

	T_EQ(reserve_after(0, 20 * mib, 20 * mib), 160);
	T_EQ(reserve_after(0, 20 * mib, 0), without);
	T_EQ(reserve_after(0, 0, 20 * mib), 160);
	T_EQ(reserve_after(2 * mib, 20 * mib, 0), 64);
	T_EQ(reserve_after(2 * mib, 0, 20 * mib), 64);
	T_GT(without, 160);
}

static pthread_t hook_thread;
static int hook_calls;

static struct rzs_thread *hook(void *arg)
{
	hook_thread = pthread_self();
	__atomic_add_fetch((int *)arg, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* The hook runs once, on the refill thread, before that does anything. */
T_TEST(thread_hook_runs_on_the_refill_thread)
{
	struct rzs_blocks *b;

	rzs_blocks_set_thread_hook(hook, &hook_calls);
	b = source(100, 10);
	rzs_blocks_set_thread_hook(NULL, NULL);
	take(b, held, 50);
	T_EQ(__atomic_load_n(&hook_calls, __ATOMIC_ACQUIRE), 1);
	T_EQ(pthread_equal(hook_thread, pthread_self()), 0);
	rzs_blocks_close(b);
}

static unsigned threads(void)
{
	DIR *d = opendir("/proc/self/task");
	unsigned n = 0;

	T_NE(d, NULL);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

/* Closing ends the thread and unmaps everything, also while the thread is busy. */
T_TEST(close_leaves_nothing)
{
	uint64_t size = 0;
	unsigned before = 0;

	for (unsigned i = 0; i < 50; i++) {
		struct rzs_blocks *b = source(MANY, 200);

		take(b, held, i);
		rzs_blocks_close(b);
		if (i == 0) { /* a tool may have started a thread of its own by now */
			size = status("VmSize:");
			before = threads();
		}
	}
	T_WAIT(threads() <= before, 10); /* a joined thread's entry may linger */
	if (!instrumented())
		T_LE(status("VmSize:"), size + 1024);
	T_EQ(info().sources, 0);
}

/* A stray give changes nothing but its counter. */
T_TEST(bad_give_is_ignored)
{
	struct rzs_blocks *b = source(100, 10);
	uint64_t n;

	take(b, held, 3);
	T_WAIT(ready(b) >= 7, 10);
	n = ready(b);
	rzs_blocks_give(b, 0);
	rzs_blocks_give(b, UINT32_MAX);
	T_EQ(info().bad_gives, 2);
	T_EQ(taken(b), 3);
	T_LE(ready(b), 10);
	T_GE(ready(b), n);
	rzs_blocks_close(b);
}

#define CHURNERS 4u

struct churn {
	struct rzs_blocks *b;
	pthread_t thread;
	uint64_t seed;
	unsigned id, torn;
	int *running;
};

static unsigned *owner_of(const struct rzs_blocks *b, uint32_t block)
{
	return rzs_blocks_at(b, block);
}

/* Take and give at random; every block carries its owner's mark while it is taken. */
static void *churn(void *arg)
{
	struct churn *c = arg;
	uint32_t mine[100];
	unsigned n = 0;
	bool limit;

	for (unsigned i = 0; i < 20000; i++) {
		if (n < 100 && (n == 0 || t_rand(&c->seed) % 2)) {
			mine[n] = rzs_blocks_take(c->b, &limit);
			if (mine[n])
				*owner_of(c->b, mine[n++]) = c->id;
		} else {
			c->torn += *owner_of(c->b, mine[--n]) != c->id;
			rzs_blocks_give(c->b, mine[n]);
		}
	}
	while (n)
		rzs_blocks_give(c->b, mine[--n]);
	__atomic_sub_fetch(c->running, 1, __ATOMIC_RELEASE);
	return NULL;
}

/*
 * With threads at it and the limit moving, no block has two owners and taken + ready never exceed
 * max.
 */
T_TEST(threads_share_a_source)
{
	struct rzs_blocks *b = source(300, 50);
	int running = CHURNERS;
	struct churn c[CHURNERS];
	uint64_t seed = t_seed(), t, r, p;

	for (unsigned i = 0; i < CHURNERS; i++) {
		c[i] = (struct churn){.b = b, .seed = seed + i, .id = i + 1, .running = &running};
		T_EQ(pthread_create(&c[i].thread, NULL, churn, &c[i]), 0);
	}
	while (__atomic_load_n(&running, __ATOMIC_ACQUIRE)) {
		uint64_t max = 150 + t_rand(&seed) % 150;

		if (rzs_blocks_set_max(b, max, 50))
			continue;
		rzs_blocks_count(b, &t, &r, &p);
		T_LE(t + r, max);
		T_LE(p, 300);
	}
	for (unsigned i = 0; i < CHURNERS; i++) {
		pthread_join(c[i].thread, NULL);
		T_EQ(c[i].torn, 0);
	}
	T_EQ(taken(b), 0);
	rzs_blocks_close(b);
}
