/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The test environment: its settings, and allocations, each of which has a header that says what it
 * is.  port_blocks.c has the blocks.
 *
 * Threading: functions of rzs_port.h from any thread; settings (port_test.h) while nothing else
 * runs.
 */
#include "rzs_port.h"
#include "port_test_private.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define TEST_MAGIC_ALLOC  0x616c6c6f63a110c1ull

struct test_fail {
	uint64_t nth, count; /* nth 0: off */
	uint64_t calls, failed;
};

static struct test_fail test_fail[RZS_TEST_CALLS];
static bool test_guard;
static uint64_t test_damage;
static uint64_t test_live_bytes, test_live_allocs, test_live_blocks;
static uint32_t test_yield_n;
static uint64_t test_yield_seed;
static uint64_t test_yield_threads;

static struct test_hook {
	rzs_test_fn *fn;
	void *arg;
} test_hook[RZS_TEST_PLACES];

/* The header of an allocation. */
struct test_alloc {
	uint64_t magic;
	uint64_t size;
	void *map;	  /* what to free or unmap */
	uint64_t map_len; /* 0: from the heap */
};

/* Settings */

static void test_count(uint64_t *counter, uint64_t delta)
{
	__atomic_fetch_add(counter, delta, __ATOMIC_RELAXED);
}

static uint64_t test_get(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

void rzs_tport_damaged(const char *what, const void *where)
{
	test_count(&test_damage, 1);
	fprintf(stderr, "test environment: %s at %p\n", what, where);
}

void rzs_test_reset(void)
{
	memset(test_fail, 0, sizeof(test_fail));
	test_guard = false;
	test_damage = 0;
	test_yield_n = 0;
	memset(test_hook, 0, sizeof(test_hook));
}

void rzs_test_fail(enum rzs_test_call call, uint64_t nth, uint64_t count)
{
	test_fail[call] = (struct test_fail){.nth = nth, .count = count};
}

uint64_t rzs_test_calls(enum rzs_test_call call)
{
	return test_get(&test_fail[call].calls);
}

uint64_t rzs_test_failed(enum rzs_test_call call)
{
	return test_get(&test_fail[call].failed);
}

uint64_t rzs_test_live_bytes(void)
{
	return test_get(&test_live_bytes);
}

uint64_t rzs_test_live_allocs(void)
{
	return test_get(&test_live_allocs);
}

uint64_t rzs_test_live_blocks(void)
{
	return test_get(&test_live_blocks);
}

void rzs_test_guard(bool on)
{
	test_guard = on;
}

uint64_t rzs_test_damage(void)
{
	return test_get(&test_damage);
}

void rzs_test_set_yield(uint32_t n, uint64_t seed)
{
	test_yield_n = n;
	test_yield_seed = seed;
}

void rzs_test_call_at(enum rzs_test_place place, rzs_test_fn *fn, void *arg)
{
	test_hook[place] = (struct test_hook){fn, arg};
}

void rzs_tport_at(enum rzs_test_place place, const void *p, size_t n)
{
	static __thread bool inside;

	if (!test_hook[place].fn || inside)
		return;
	inside = true;
	test_hook[place].fn(test_hook[place].arg, p, n);
	inside = false;
}

void rzs_test_yield(void)
{
	static __thread uint64_t state;

	rzs_tport_at(RZS_TEST_AT_YIELD, NULL, 0);
	if (test_yield_n == 0)
		return;
	if (state == 0)
		state = (test_yield_seed +
			 __atomic_add_fetch(&test_yield_threads, 1, __ATOMIC_RELAXED)) *
				0x9e3779b97f4a7c15ull |
			1;
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	if ((state >> 32) % test_yield_n == 0)
		sched_yield();
}

bool rzs_tport_fails(enum rzs_test_call call)
{
	struct test_fail *f = &test_fail[call];
	uint64_t n = __atomic_add_fetch(&f->calls, 1, __ATOMIC_RELAXED);

	if (f->nth == 0 || n < f->nth || n - f->nth >= f->count)
		return false;
	test_count(&f->failed, 1);
	return true;
}

void *rzs_tport_heap(size_t align, size_t size)
{
	void *p;

	return posix_memalign(&p, align, size) ? NULL : p;
}

void rzs_tport_fence(void *p)
{
	if (mprotect(p, rzs_tport_page(), PROT_NONE))
		rzs_tport_damaged("no guard", p);
}

bool rzs_tport_guards(void)
{
	return test_guard;
}

void rzs_tport_count_blocks(uint64_t delta)
{
	test_count(&test_live_bytes, delta * RZS_BLOCK_SIZE);
	test_count(&test_live_blocks, delta);
}

/* Allocations */

void *rzs_tport_map(size_t len)
{
	void *map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return map == MAP_FAILED ? NULL : map;
}

void *rzs_port_alloc(size_t n)
{
	size_t body = (n + RZS_TPORT_ALIGN - 1) & ~(size_t)(RZS_TPORT_ALIGN - 1);
	size_t map_len = 0, page = rzs_tport_page();
	struct test_alloc *a;
	void *map = NULL;
	char *p;

	if (rzs_tport_fails(RZS_TEST_ALLOC) || n > SIZE_MAX / 2)
		return NULL;
	if (test_guard) {
		map_len = ((RZS_TPORT_ALIGN + body + page - 1) / page + 1) * page;
		map = rzs_tport_map(map_len);
		if (!map)
			return NULL;
		rzs_tport_fence((char *)map + map_len - page);
		p = (char *)map + map_len - page - body;
	} else {
		map = rzs_tport_heap(RZS_TPORT_ALIGN, RZS_TPORT_ALIGN + n);
		if (!map)
			return NULL;
		p = (char *)map + RZS_TPORT_ALIGN;
	}
	a = (struct test_alloc *)(void *)(p - RZS_TPORT_ALIGN);
	*a = (struct test_alloc){TEST_MAGIC_ALLOC, n, map, map_len};
	memset(p, 0, n);
	test_count(&test_live_bytes, n);
	test_count(&test_live_allocs, 1);
	return p;
}

void rzs_port_free(void *p, size_t n)
{
	struct test_alloc *a;
	uint64_t map_len;
	void *map;

	if (!p)
		return;
	a = (struct test_alloc *)(void *)((char *)p - RZS_TPORT_ALIGN);
	if (a->magic != TEST_MAGIC_ALLOC) {
		rzs_tport_damaged("free of memory not allocated, or its header overwritten",
				  p);
		return;
	}
	if (a->size != n)
		rzs_tport_damaged("free with a size other than that allocated", p);
	rzs_tport_at(RZS_TEST_AT_RETURN, p, a->size);
	test_count(&test_live_bytes, -a->size);
	test_count(&test_live_allocs, -(uint64_t)1);
	map = a->map;
	map_len = a->map_len;
	memset(p, RZS_TEST_POISON, a->size);
	a->magic = 0;
	if (map_len)
		munmap(map, map_len);
	else
		free(map);
}

void rzs_port_wipe(void *p, size_t n)
{
	memset(p, 0, n); /* not removed by the compiler: the caller is in another file */
}

