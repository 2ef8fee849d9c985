/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Control of the test environment (port/test): make calls fail, count and guard memory, switch
 * threads.
 *
 * Settings are for the whole process.  Change them while no other thread uses a store; the counters
 * may be read at any time.  Damage that a guard detects is counted and reported on stderr.  Nothing
 * aborts: the test decides, and rzs_test_damage() != 0 is a failure.
 */
#ifndef RZS_PORT_TEST_H
#define RZS_PORT_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rzs_blocks;

enum rzs_test_call {
	RZS_TEST_ALLOC, /* rzs_port_alloc() */
	RZS_TEST_TAKE,	/* rzs_blocks_take(): fails as if the reserve were empty */
	RZS_TEST_CALLS,
};

/*
 * Reset all settings and counters: nothing fails, there are no guards and no yields, and the
 * numbers of calls and of damage are 0.
 */
void rzs_test_reset(void);

/*
 * Make calls of this kind fail: numbers nth .. nth + count - 1, where the next call is number 1.
 * count UINT64_MAX: all from nth on.  nth 0: none.  The counts of calls start from 0 again.
 */
void rzs_test_fail(enum rzs_test_call call, uint64_t nth, uint64_t count);

/* Calls of this kind since rzs_test_reset() or rzs_test_fail(), failed ones included. */
uint64_t rzs_test_calls(enum rzs_test_call call);

/* How many of these failed.  In a loop over nth, 0 means that nth is past the last call. */
uint64_t rzs_test_failed(enum rzs_test_call call);

/*
 * What the core has at the moment: bytes of allocations and taken blocks, and the number of either.
 * All are 0 when every store is destroyed.
 */
uint64_t rzs_test_live_bytes(void);
uint64_t rzs_test_live_allocs(void);
uint64_t rzs_test_live_blocks(void);

/* Whether a call of this source would not wait now: for a function that is called in between. */
bool rzs_test_source_is_free(struct rzs_blocks *b);

#define RZS_TEST_POISON 0xdb /* fills memory that was returned */
#define RZS_TEST_FRESH	0xc7 /* fills blocks just taken: their contents are unspecified */

/*
 * Switch guards on or off for memory allocated from now on.  With guards, a page that cannot be
 * accessed follows each block and allocation, and one precedes each block.  Freed memory is filled
 * with RZS_TEST_POISON.  A returned block is checked for writes before it is taken again.
 */
void rzs_test_guard(bool on);

/*
 * Damage detected so far: a wrong size at a free, a block returned twice or never taken, a write to
 * a returned block or to the memory before one.
 */
uint64_t rzs_test_damage(void);

/*
 * An arena: the memory of one source of blocks, root and blocks, which processes share.  It stays
 * when the source is closed or its process killed, and has no guards.
 */
struct rzs_test_arena {
	int fd;
	size_t bytes;
	size_t root_bytes; /* of the source that was opened in it, rounded up to blocks; 0: none */
	char *base;
};

/* Make one.  Aborts if there is no memory. */
void rzs_test_arena_open(struct rzs_test_arena *a, size_t bytes);
/* Map it once more, at other addresses. */
void rzs_test_arena_map(struct rzs_test_arena *a, const struct rzs_test_arena *same);
void rzs_test_arena_close(struct rzs_test_arena *a);

/* The next source that is opened gets its memory from here.  NULL: from the heap, as at first. */
void rzs_test_use_arena(struct rzs_test_arena *a);

/*
 * Open a source on what another one has left in an arena, for rzs_store_adopt().  NULL: no memory.
 */
struct rzs_blocks *rzs_test_adopt(struct rzs_test_arena *a, uint64_t max_blocks);

/* Yield the CPU at one of n yield points (locks, atomic stores and exchanges); n 0: never. */
void rzs_test_set_yield(uint32_t n, uint64_t seed);

/* Places where a test can have a function called, by the thread that gets there. */
enum rzs_test_place {
	RZS_TEST_AT_YIELD,  /* a yield point; p is NULL */
	RZS_TEST_AT_TAKE,   /* a block is about to be taken; p is NULL */
	RZS_TEST_AT_RETURN, /* n bytes at p are freed, returned, or in a source being closed */
	RZS_TEST_PLACES,
};

typedef void rzs_test_fn(void *arg, const void *p, size_t n);

/*
 * Call fn at this place from now on; NULL: nothing.  It may use the store if it knows that the
 * locks it needs are free.  Places reached within fn call nothing.
 */
void rzs_test_call_at(enum rzs_test_place place, rzs_test_fn *fn, void *arg);

#endif
