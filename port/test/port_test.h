/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Steering the test world (port/test): failing calls, counting and guarding memory, stirring
 * threads.
 *
 * Settings are for the whole process.  Change them while no store is in use by another thread; the
 * counters may be read at any time.  A guard that finds damage counts it and says so on stderr; it
 * never aborts, so that the test decides (rzs_test_damage() != 0 is a failure).
 */
#ifndef RZS_PORT_TEST_H
#define RZS_PORT_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rzs_test_call {
	RZS_TEST_ALLOC, /* rzs_port_alloc() */
	RZS_TEST_TAKE,	/* rzs_blocks_take(): fails as with an empty reserve */
	RZS_TEST_CALLS,
};

/*
 * Everything back to the defaults: nothing fails, no guards, no yields; counters of calls and
 * damage to 0.
 */
void rzs_test_reset(void);

/*
 * Of the calls of this kind from now on, let calls number nth .. nth + count - 1 fail (nth from 1,
 * count UINT64_MAX: all from then on, nth 0: none), and count them anew.
 */
void rzs_test_fail(enum rzs_test_call call, uint64_t nth, uint64_t count);

/* Calls of this kind since rzs_test_reset() or rzs_test_fail(), failed ones included. */
uint64_t rzs_test_calls(enum rzs_test_call call);

/* Of those, how many were made to fail: 0 tells a loop over n that it has passed the last call. */
uint64_t rzs_test_failed(enum rzs_test_call call);

/*
 * Bytes in hands of the core: allocations, and blocks taken.  Zero again after everything is
 * destroyed.
 */
uint64_t rzs_test_live_bytes(void);
uint64_t rzs_test_live_allocs(void);
uint64_t rzs_test_live_blocks(void);

#define RZS_TEST_POISON 0xdb /* in memory that was given back */
#define RZS_TEST_FRESH	0xc7 /* in blocks just taken: their contents are unspecified */

/*
 * Guards for memory handed out from now on: a block or allocation ends at a page that cannot be
 * touched (a block begins after one, too), freed memory is filled with RZS_TEST_POISON, and blocks
 * given back are checked for later writes before they are handed out again.
 */
void rzs_test_guard(bool on);

/*
 * Damage found: wrong sizes at free, blocks given twice or never taken, writes to freed blocks,
 * bounds.
 */
uint64_t rzs_test_damage(void);

/* At a yield point (locks, atomic exchanges) give the CPU away one time in n, 0: never. */
void rzs_test_set_yield(uint32_t n, uint64_t seed);

/* Where a test may have something called, by the thread that gets there. */
enum rzs_test_place {
	RZS_TEST_AT_YIELD,  /* a yield point; p is NULL */
	RZS_TEST_AT_TAKE,   /* a block is about to be taken; p is NULL */
	RZS_TEST_AT_RETURN, /* n bytes at p come back: freed, given, or left in a source closed */
	RZS_TEST_PLACES,
};

typedef void rzs_test_fn(void *arg, const void *p, size_t n);

/*
 * Call fn there from now on, NULL: nothing.  It may use the store, as far as it knows that what it
 * needs is not locked; nothing is called from within it.
 */
void rzs_test_call_at(enum rzs_test_place place, rzs_test_fn *fn, void *arg);

#endif
