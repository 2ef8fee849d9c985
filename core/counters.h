/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counters, one set in each worker, so that threads do not share cache lines; a snapshot is their
 * sum. What goes up and down (objects stored) may be negative in one worker and right in the sum,
 * modulo 2^64. Only the thread that holds the worker changes them, so load + store is enough.
 */
#ifndef RZS_COUNTERS_H
#define RZS_COUNTERS_H

#include "rzs_port.h"

enum rzs_counter {
	RZS_C_SAME, /* pages stored, by kind */
	RZS_C_ZERO,
	RZS_C_COMPRESSED,
	RZS_C_RAW,
	RZS_C_GOOD,
	RZS_C_OBJECT_BYTES,
	RZS_C_DIR_BYTES,
	RZS_C_READS,
	RZS_C_WRITES,
	RZS_C_DISCARDS,
	RZS_C_FAILED_READS,
	RZS_C_FAILED_WRITES,
	RZS_C_REFUSED_LIMIT,
	RZS_C_REFUSED_RESERVE,
	RZS_C_CORRUPT,
	RZS_C_IMPOSSIBLE,
	RZS_C_SLIDES,
	RZS_C_SLIDE_BYTES,
	RZS_C_MOVED,
	RZS_C_COMPACTED,
	RZS_C_NR,
};

struct rzs_counters {
	/* Aligned, which 32-bit machines would not: each is read while another thread writes it. */
	uint64_t v[RZS_C_NR] __attribute__((aligned(8)));
};

static inline void rzs_count(struct rzs_counters *c, enum rzs_counter which, uint64_t delta)
{
	rzs_set(&c->v[which], rzs_load_relaxed(&c->v[which]) + delta);
}

#endif
