/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory of the test environment.
 *
 * Before every allocation and every block is a header that says what it is.  With guards, a page
 * that cannot be accessed is between the header of a block and the block.  Blocks come from the
 * heap, without a thread and without mlock().  Returned blocks wait in a queue (first in, first
 * out), so that a write through a stale pointer is likely to hit one that is still in it.  A table
 * has their addresses by number.  It grows in leaves that stay until the source is closed, so it is
 * read without a lock.
 *
 * Threading: functions of rzs_port.h from any thread; settings (port_test.h) while nothing else
 * runs.
 * Invariants, under a source's lock: taken + ready <= max; ready <= keep; ready blocks are queued.
 */
#include "rzs_port.h"
#include "port_test.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define TEST_ALIGN	  64u
#define TEST_BLOCK_ALIGN  4096u
#define TEST_KEEP_DEFAULT 16u
#define TEST_LEAF	  1024u /* numbers in a leaf of the table; a small store has one */
#define TEST_LEAVES	  256u
#define TEST_MAGIC_ALLOC  0x616c6c6f63a110c1ull
#define TEST_MAGIC_TAKEN  0x7461e1b10c7a4e01ull
#define TEST_MAGIC_READY  0x4ead1b10c4ead102ull

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

static struct test_shared {
	char *base; /* NULL: memory is from the heap */
	uint64_t bytes, used;
} test_shared;

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

/* The header of a block. */
struct test_block {
	uint64_t magic;
	uint32_t number;
	struct test_block *next; /* in the queue of ready ones */
	struct test_block *prev_all, *next_all;
};

/* What the table has of a number. */
struct test_entry {
	struct test_block *block;
	uint32_t unused; /* if there is no block: the next number without one, or 0 */
};

struct rzs_blocks {
	rzs_lock_t lock;
	bool guard;
	uint64_t max, keep;
	uint64_t taken, ready, peak;
	struct test_block *head, **tail;
	struct test_block all; /* ring of all blocks */
	struct test_entry *leaves[TEST_LEAVES];
	uint32_t next;	 /* numbers below have been used, and 0 */
	uint32_t unused; /* the first number that has no block any more, or 0 */
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

static void test_damaged(const char *what, const void *where)
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

static void test_at(enum rzs_test_place place, const void *p, size_t n)
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

	test_at(RZS_TEST_AT_YIELD, NULL, 0);
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

static bool test_fails(enum rzs_test_call call)
{
	struct test_fail *f = &test_fail[call];
	uint64_t n = __atomic_add_fetch(&f->calls, 1, __ATOMIC_RELAXED);

	if (f->nth == 0 || n < f->nth || n - f->nth >= f->count)
		return false;
	test_count(&f->failed, 1);
	return true;
}

void rzs_test_share(size_t bytes)
{
	void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (map == MAP_FAILED)
		abort();
	test_shared = (struct test_shared){map, bytes, 0};
}

void *rzs_test_shared(size_t *out_bytes)
{
	*out_bytes = test_get(&test_shared.used);
	return test_shared.base;
}

/* align is at most TEST_BLOCK_ALIGN. */
static void *test_heap(size_t align, size_t size)
{
	size_t all = (size + TEST_BLOCK_ALIGN - 1) & ~(size_t)(TEST_BLOCK_ALIGN - 1);
	uint64_t at;
	void *p;

	if (!test_shared.base)
		return posix_memalign(&p, align, size) ? NULL : p;
	at = __atomic_fetch_add(&test_shared.used, all, __ATOMIC_RELAXED);
	return at + all <= test_shared.bytes ? test_shared.base + at : NULL;
}

static void test_heap_free(void *p)
{
	if (!test_shared.base)
		free(p);
}

/* The size of a page that mprotect() can protect. */
static size_t test_page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static void test_fence(void *p)
{
	if (mprotect(p, test_page(), PROT_NONE))
		test_damaged("no guard", p);
}

/* Allocations */

static void *test_map(size_t len)
{
	void *map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return map == MAP_FAILED ? NULL : map;
}

void *rzs_port_alloc(size_t n)
{
	size_t body = (n + TEST_ALIGN - 1) & ~(size_t)(TEST_ALIGN - 1);
	size_t map_len = 0, page = test_page();
	struct test_alloc *a;
	void *map = NULL;
	char *p;

	if (test_fails(RZS_TEST_ALLOC) || n > SIZE_MAX / 2)
		return NULL;
	if (test_guard) {
		map_len = ((TEST_ALIGN + body + page - 1) / page + 1) * page;
		map = test_map(map_len);
		if (!map)
			return NULL;
		test_fence((char *)map + map_len - page);
		p = (char *)map + map_len - page - body;
	} else {
		map = test_heap(TEST_ALIGN, TEST_ALIGN + n);
		if (!map)
			return NULL;
		p = (char *)map + TEST_ALIGN;
	}
	a = (struct test_alloc *)(void *)(p - TEST_ALIGN);
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
	a = (struct test_alloc *)(void *)((char *)p - TEST_ALIGN);
	if (a->magic != TEST_MAGIC_ALLOC) {
		test_damaged("free of memory not allocated, or with its header overwritten", p);
		return;
	}
	if (a->size != n)
		test_damaged("free with a size other than that allocated", p);
	test_at(RZS_TEST_AT_RETURN, p, a->size);
	test_count(&test_live_bytes, -a->size);
	test_count(&test_live_allocs, -(uint64_t)1);
	map = a->map;
	map_len = a->map_len;
	memset(p, RZS_TEST_POISON, a->size);
	a->magic = 0;
	if (map_len)
		munmap(map, map_len);
	else
		test_heap_free(map);
}

void rzs_port_wipe(void *p, size_t n)
{
	memset(p, 0, n); /* not removed by the compiler: the caller is in another file */
}

/* Blocks */

/* Bytes from a header to its block; with guards, one page of them cannot be accessed. */
static size_t test_head_len(const struct rzs_blocks *b)
{
	return b->guard ? 2 * test_page() : TEST_BLOCK_ALIGN;
}

static char *test_body(const struct rzs_blocks *b, struct test_block *t)
{
	return (char *)t + test_head_len(b);
}

static struct test_entry *test_entry(const struct rzs_blocks *b, uint32_t number)
{
	return __atomic_load_n(&b->leaves[number / TEST_LEAF], __ATOMIC_ACQUIRE) +
	       number % TEST_LEAF;
}

/* Give a block a number.  false: no memory for the table. */
static bool test_number(struct rzs_blocks *b, struct test_block *t)
{
	uint32_t number = b->unused ? b->unused : b->next;
	struct test_entry *leaf;

	if (number / TEST_LEAF >= TEST_LEAVES)
		return false;
	if (!b->leaves[number / TEST_LEAF]) {
		leaf = test_heap(TEST_ALIGN, TEST_LEAF * sizeof(*leaf));
		if (!leaf)
			return false;
		memset(leaf, 0, TEST_LEAF * sizeof(*leaf));
		__atomic_store_n(&b->leaves[number / TEST_LEAF], leaf, __ATOMIC_RELEASE);
	}
	if (b->unused)
		b->unused = test_entry(b, number)->unused;
	else
		__atomic_store_n(&b->next, number + 1, __ATOMIC_RELAXED);
	t->number = number;
	__atomic_store_n(&test_entry(b, number)->block, t, __ATOMIC_RELEASE);
	return true;
}

static void test_unnumber(struct rzs_blocks *b, struct test_block *t)
{
	__atomic_store_n(&test_entry(b, t->number)->block, NULL, __ATOMIC_RELEASE);
	test_entry(b, t->number)->unused = b->unused;
	b->unused = t->number;
}

static void test_block_unmap(const struct rzs_blocks *b, struct test_block *t)
{
	if (b->guard)
		munmap(t, test_head_len(b) + RZS_BLOCK_SIZE + test_page());
	else
		test_heap_free(t);
}

static struct test_block *test_block_new(struct rzs_blocks *b)
{
	size_t len = test_head_len(b) + RZS_BLOCK_SIZE;
	struct test_block *t;

	if (b->guard) {
		t = test_map(len + test_page());
		if (!t)
			return NULL;
		test_fence((char *)t + test_page());
		test_fence((char *)t + len);
	} else {
		t = test_heap(TEST_BLOCK_ALIGN, len);
		if (!t)
			return NULL;
	}
	if (!test_number(b, t)) {
		test_block_unmap(b, t);
		return NULL;
	}
	t->next_all = b->all.next_all;
	t->prev_all = &b->all;
	t->next_all->prev_all = t;
	b->all.next_all = t;
	return t;
}

static void test_block_delete(struct rzs_blocks *b, struct test_block *t)
{
	t->prev_all->next_all = t->next_all;
	t->next_all->prev_all = t->prev_all;
	t->magic = 0;
	test_unnumber(b, t);
	test_block_unmap(b, t);
}

/* Remove the oldest block from the queue. */
static struct test_block *test_queue_pop(struct rzs_blocks *b)
{
	struct test_block *t = b->head;
	const unsigned char *p = (unsigned char *)test_body(b, t);

	b->head = t->next;
	if (!b->head)
		b->tail = &b->head;
	b->ready--;
	if (t->magic != TEST_MAGIC_READY)
		test_damaged("header of a returned block overwritten", p);
	if (b->guard && (p[0] != RZS_TEST_POISON || memcmp(p, p + 1, RZS_BLOCK_SIZE - 1)))
		test_damaged("returned block written to", p);
	return t;
}

static void test_queue_trim(struct rzs_blocks *b)
{
	while (b->ready && (b->ready > b->keep || b->taken + b->ready > b->max))
		test_block_delete(b, test_queue_pop(b));
}

static uint64_t test_keep(uint64_t asked)
{
	return asked == RZS_RESERVE_DEFAULT ? TEST_KEEP_DEFAULT : asked;
}

void rzs_blocks_close(struct rzs_blocks *b)
{
	if (!b)
		return;
	while (b->ready)
		test_block_delete(b, test_queue_pop(b));
	test_count(&test_live_bytes, -(b->taken * RZS_BLOCK_SIZE));
	test_count(&test_live_blocks, -b->taken);
	while (b->all.next_all != &b->all) {
		test_at(RZS_TEST_AT_RETURN, test_body(b, b->all.next_all), RZS_BLOCK_SIZE);
		test_block_delete(b, b->all.next_all);
	}
	for (unsigned i = 0; i < TEST_LEAVES; i++)
		test_heap_free(b->leaves[i]);
	rzs_port_free(b, sizeof(*b));
}

bool rzs_test_source_is_free(struct rzs_blocks *b)
{
	bool is_free = rzs_trylock(&b->lock);

	if (is_free)
		rzs_unlock(&b->lock);
	return is_free;
}

static uint32_t test_take(struct rzs_blocks *b, bool *out_limit)
{
	struct test_block *t = NULL;

	*out_limit = false;
	rzs_lock(&b->lock);
	if (b->taken >= b->max)
		*out_limit = true;
	else
		t = b->ready ? test_queue_pop(b) : test_block_new(b);
	if (t) {
		t->magic = TEST_MAGIC_TAKEN;
		b->taken++;
		if (b->peak < b->taken + b->ready)
			b->peak = b->taken + b->ready;
	}
	rzs_unlock(&b->lock);
	if (!t)
		return 0;
	test_count(&test_live_bytes, RZS_BLOCK_SIZE);
	test_count(&test_live_blocks, 1);
	memset(test_body(b, t), RZS_TEST_FRESH, RZS_BLOCK_SIZE);
	return t->number;
}

int rzs_blocks_open(struct rzs_blocks **out, uint64_t max_blocks, uint64_t reserve_blocks,
		    uint32_t *taken, unsigned nr_taken)
{
	struct rzs_blocks *b = rzs_port_alloc(sizeof(*b));
	bool limit;

	*out = b;
	if (!b)
		return -ENOMEM;
	b->next = 1;
	rzs_lock_init(&b->lock);
	b->guard = test_guard;
	b->max = max_blocks;
	b->keep = test_keep(reserve_blocks);
	b->tail = &b->head;
	b->all.next_all = b->all.prev_all = &b->all;
	while (nr_taken--) {
		taken[nr_taken] = test_take(b, &limit);
		if (!taken[nr_taken]) {
			rzs_blocks_close(b);
			*out = NULL;
			return -ENOMEM;
		}
	}
	return 0;
}

uint32_t rzs_blocks_take(struct rzs_blocks *b, bool *out_limit)
{
	*out_limit = false;
	test_at(RZS_TEST_AT_TAKE, NULL, 0);
	return test_fails(RZS_TEST_TAKE) ? 0 : test_take(b, out_limit);
}

void *rzs_blocks_at(const struct rzs_blocks *b, uint32_t block)
{
	static char nowhere[RZS_BLOCK_SIZE]; /* to prefetch when the block is gone */
	struct test_block *t = __atomic_load_n(&test_entry(b, block)->block, __ATOMIC_ACQUIRE);

	return t ? test_body(b, t) : nowhere;
}

void rzs_blocks_give(struct rzs_blocks *b, uint32_t block)
{
	struct test_block *t = NULL;

	if (block && block < __atomic_load_n(&b->next, __ATOMIC_RELAXED))
		t = __atomic_load_n(&test_entry(b, block)->block, __ATOMIC_ACQUIRE);
	if (!t) {
		test_damaged("return of a number that is no block", b);
		return;
	}
	test_at(RZS_TEST_AT_RETURN, test_body(b, t), RZS_BLOCK_SIZE);
	rzs_lock(&b->lock);
	if (t->magic != TEST_MAGIC_TAKEN) {
		rzs_unlock(&b->lock);
		test_damaged("return of a block that is not taken", test_body(b, t));
		return;
	}
	if (b->guard)
		memset(test_body(b, t), RZS_TEST_POISON, RZS_BLOCK_SIZE);
	t->magic = TEST_MAGIC_READY;
	t->next = NULL;
	*b->tail = t;
	b->tail = &t->next;
	b->taken--;
	b->ready++;
	test_queue_trim(b);
	rzs_unlock(&b->lock);
	test_count(&test_live_bytes, -(uint64_t)RZS_BLOCK_SIZE);
	test_count(&test_live_blocks, -(uint64_t)1);
}

void rzs_blocks_count(struct rzs_blocks *b, uint64_t *out_taken, uint64_t *out_ready,
		      uint64_t *out_peak)
{
	rzs_lock(&b->lock);
	*out_taken = b->taken;
	*out_ready = b->ready;
	*out_peak = b->peak;
	rzs_unlock(&b->lock);
}

int rzs_blocks_set_max(struct rzs_blocks *b, uint64_t max_blocks, uint64_t reserve_blocks)
{
	int err = 0;

	rzs_lock(&b->lock);
	if (b->taken > max_blocks) {
		err = -ENOSPC;
	} else {
		b->max = max_blocks;
		b->keep = test_keep(reserve_blocks);
		test_queue_trim(b);
	}
	rzs_unlock(&b->lock);
	return err;
}
