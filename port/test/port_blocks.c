/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Blocks of the test environment.
 *
 * Before every block is a header that says what it is.  With guards, a page that cannot be accessed
 * is between the two.  Blocks come from the heap, without a thread and without mlock().  Returned
 * blocks wait in a queue (first in, first out), so that a write through a stale pointer is likely
 * to hit one that is still in it.  A table has their addresses by number.  It grows in leaves that
 * stay until the source is closed, so it is read without a lock.
 *
 * A source in an arena (port_test.h) has its blocks there, by their numbers, and their headers on
 * the heap, which is the process's own.
 *
 * Threading: any thread.
 * Invariants, under a source's lock: taken + ready <= max; ready <= keep; ready blocks are queued.
 */
#include "port_test_private.h"

#include <stdlib.h>
#include <sys/mman.h>

#define TEST_KEEP_DEFAULT 16u
#define TEST_LEAF	  1024u /* numbers in a leaf of the table; a small store has one */
#define TEST_LEAVES	  256u
#define TEST_MAGIC_TAKEN  0x7461e1b10c7a4e01ull
#define TEST_MAGIC_READY  0x4ead1b10c4ead102ull

/* The header of a block. */
struct test_block {
	uint64_t magic;
	uint32_t number;
	char *body;
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
	struct rzs_test_arena *arena; /* constant; NULL: from the heap */
	void *root;
	uint64_t root_bytes;
	uint64_t taken, ready, peak;
	struct test_block *head, **tail;
	struct test_block all; /* ring of all blocks */
	struct test_entry *leaves[TEST_LEAVES];
	uint32_t next;	 /* numbers below have been used, and 0 */
	uint32_t unused; /* the first number that has no block any more, or 0 */
};

/* Bytes from a header to its block; with guards, one page of them cannot be accessed. */
static size_t test_head_len(const struct rzs_blocks *b)
{
	return b->guard ? 2 * rzs_tport_page() : RZS_TPORT_BLOCK_ALIGN;
}

static struct test_entry *test_entry(const struct rzs_blocks *b, uint32_t number)
{
	return __atomic_load_n(&b->leaves[number / TEST_LEAF], __ATOMIC_ACQUIRE) +
	       number % TEST_LEAF;
}

/* The highest number there can be. */
static uint32_t test_most(const struct rzs_blocks *b)
{
	size_t most = TEST_LEAF * TEST_LEAVES - 1;

	if (b->arena && (b->arena->bytes - b->arena->root_bytes) / RZS_BLOCK_SIZE < most)
		most = (b->arena->bytes - b->arena->root_bytes) / RZS_BLOCK_SIZE;
	return (uint32_t)most;
}

/* Make the leaf of a number, if there is none.  false: no memory. */
static bool test_leaf(struct rzs_blocks *b, uint32_t number)
{
	struct test_entry *leaf;

	if (b->leaves[number / TEST_LEAF])
		return true;
	leaf = rzs_tport_heap(RZS_TPORT_ALIGN, TEST_LEAF * sizeof(*leaf));
	if (!leaf)
		return false;
	memset(leaf, 0, TEST_LEAF * sizeof(*leaf));
	__atomic_store_n(&b->leaves[number / TEST_LEAF], leaf, __ATOMIC_RELEASE);
	return true;
}

static void test_set_number(struct rzs_blocks *b, struct test_block *t, uint32_t number)
{
	t->number = number;
	if (b->arena)
		t->body = b->arena->base + b->arena->root_bytes +
			  (size_t)(number - 1) * RZS_BLOCK_SIZE;
	__atomic_store_n(&test_entry(b, number)->block, t, __ATOMIC_RELEASE);
}

/* Give a block a number.  false: no memory for the table. */
static bool test_number(struct rzs_blocks *b, struct test_block *t)
{
	uint32_t number = b->unused ? b->unused : b->next;

	if (number > test_most(b) || !test_leaf(b, number))
		return false;
	if (b->unused)
		b->unused = test_entry(b, number)->unused;
	else
		__atomic_store_n(&b->next, number + 1, __ATOMIC_RELAXED);
	test_set_number(b, t, number);
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
		munmap(t, test_head_len(b) + RZS_BLOCK_SIZE + rzs_tport_page());
	else
		free(t);
}

static void test_list(struct rzs_blocks *b, struct test_block *t)
{
	t->next_all = b->all.next_all;
	t->prev_all = &b->all;
	t->next_all->prev_all = t;
	b->all.next_all = t;
}

static struct test_block *test_block_new(struct rzs_blocks *b)
{
	size_t len = test_head_len(b) + RZS_BLOCK_SIZE;
	struct test_block *t;

	if (b->guard) {
		t = rzs_tport_map(len + rzs_tport_page());
		if (!t)
			return NULL;
		rzs_tport_fence((char *)t + rzs_tport_page());
		rzs_tport_fence((char *)t + len);
		t->body = (char *)t + test_head_len(b);
	} else {
		t = rzs_tport_heap(RZS_TPORT_BLOCK_ALIGN, b->arena ? sizeof(*t) : len);
		if (!t)
			return NULL;
		t->body = (char *)t + test_head_len(b);
	}
	if (!test_number(b, t)) {
		test_block_unmap(b, t);
		return NULL;
	}
	test_list(b, t);
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
	const unsigned char *p = (unsigned char *)t->body;

	b->head = t->next;
	if (!b->head)
		b->tail = &b->head;
	b->ready--;
	if (t->magic != TEST_MAGIC_READY)
		rzs_tport_damaged("header of a returned block overwritten", p);
	if (b->guard && (p[0] != RZS_TEST_POISON || memcmp(p, p + 1, RZS_BLOCK_SIZE - 1)))
		rzs_tport_damaged("returned block written to", p);
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
	rzs_tport_count_blocks(-b->taken);
	while (b->all.next_all != &b->all) {
		rzs_tport_at(RZS_TEST_AT_RETURN, b->all.next_all->body, RZS_BLOCK_SIZE);
		test_block_delete(b, b->all.next_all);
	}
	for (unsigned i = 0; i < TEST_LEAVES; i++)
		free(b->leaves[i]);
	rzs_port_free(b->root, b->root_bytes);
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
	rzs_tport_count_blocks(1);
	memset(t->body, RZS_TEST_FRESH, RZS_BLOCK_SIZE);
	return t->number;
}

/* A source without blocks.  NULL: no memory. */
static struct rzs_blocks *test_open(struct rzs_test_arena *arena, uint64_t max, uint64_t reserve)
{
	struct rzs_blocks *b = rzs_port_alloc(sizeof(*b));

	if (!b)
		return NULL;
	b->next = 1;
	rzs_lock_init(&b->lock);
	b->arena = arena;
	b->guard = rzs_tport_guards() && !arena;
	b->max = max;
	b->keep = test_keep(reserve);
	b->tail = &b->head;
	b->all.next_all = b->all.prev_all = &b->all;
	return b;
}

int rzs_blocks_open(struct rzs_blocks **out, uint64_t max_blocks, uint64_t reserve_blocks,
		    uint64_t root_bytes, uint32_t *taken, unsigned nr_taken)
{
	struct rzs_test_arena *arena = rzs_tport_take_arena((size_t)root_bytes);
	struct rzs_blocks *b = test_open(arena, max_blocks, reserve_blocks);
	bool limit, ok;

	*out = NULL;
	if (!b)
		return -ENOMEM;
	if (!arena) {
		b->root_bytes = root_bytes;
		b->root = rzs_port_alloc(root_bytes);
	}
	for (ok = arena || b->root; ok && nr_taken--; ok = taken[nr_taken] != 0)
		taken[nr_taken] = test_take(b, &limit);
	if (!ok) {
		rzs_blocks_close(b);
		return -ENOMEM;
	}
	*out = b;
	return 0;
}

struct rzs_blocks *rzs_test_adopt(struct rzs_test_arena *a, uint64_t max_blocks)
{
	return test_open(a, max_blocks, RZS_RESERVE_DEFAULT);
}

bool rzs_blocks_claim(struct rzs_blocks *b, uint32_t block)
{
	struct test_block *t;

	if (!block || block > test_most(b) || !test_leaf(b, block) || test_entry(b, block)->block)
		return false;
	t = rzs_tport_heap(RZS_TPORT_BLOCK_ALIGN, sizeof(*t));
	if (!t)
		return false;
	test_set_number(b, t, block);
	test_list(b, t);
	t->magic = TEST_MAGIC_TAKEN;
	if (b->next <= block)
		b->next = block + 1;
	b->taken++;
	if (b->peak < b->taken)
		b->peak = b->taken;
	rzs_tport_count_blocks(1);
	return true;
}

void rzs_blocks_settle(struct rzs_blocks *b)
{
	for (uint32_t i = test_most(b); i > 0; i--) {
		if (i < b->next && test_leaf(b, i) && test_entry(b, i)->block)
			continue;
		memset(b->arena->base + b->arena->root_bytes + (size_t)(i - 1) * RZS_BLOCK_SIZE,
		       RZS_TEST_FRESH, RZS_BLOCK_SIZE);
		if (i >= b->next)
			continue;
		test_entry(b, i)->unused = b->unused;
		b->unused = i;
	}
}

uint32_t rzs_blocks_take(struct rzs_blocks *b, bool *out_limit)
{
	*out_limit = false;
	rzs_tport_at(RZS_TEST_AT_TAKE, NULL, 0);
	return rzs_tport_fails(RZS_TEST_TAKE) ? 0 : test_take(b, out_limit);
}

void *rzs_blocks_at(const struct rzs_blocks *b, uint32_t block)
{
	static char nowhere[RZS_BLOCK_SIZE]; /* to prefetch when the block is gone */
	struct test_block *t = __atomic_load_n(&test_entry(b, block)->block, __ATOMIC_ACQUIRE);

	return t ? t->body : nowhere;
}

void *rzs_blocks_root(const struct rzs_blocks *b)
{
	return b->arena ? b->arena->base : b->root;
}

void rzs_blocks_give(struct rzs_blocks *b, uint32_t block)
{
	struct test_block *t = NULL;

	if (block && block < __atomic_load_n(&b->next, __ATOMIC_RELAXED))
		t = __atomic_load_n(&test_entry(b, block)->block, __ATOMIC_ACQUIRE);
	if (!t) {
		rzs_tport_damaged("return of a number that is no block", b);
		return;
	}
	rzs_tport_at(RZS_TEST_AT_RETURN, t->body, RZS_BLOCK_SIZE);
	rzs_lock(&b->lock);
	if (t->magic != TEST_MAGIC_TAKEN) {
		rzs_unlock(&b->lock);
		rzs_tport_damaged("return of a block that is not taken", t->body);
		return;
	}
	if (b->guard)
		memset(t->body, RZS_TEST_POISON, RZS_BLOCK_SIZE);
	t->magic = TEST_MAGIC_READY;
	t->next = NULL;
	*b->tail = t;
	b->tail = &t->next;
	b->taken--;
	b->ready++;
	test_queue_trim(b);
	rzs_unlock(&b->lock);
	rzs_tport_count_blocks(-(uint64_t)1);
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
