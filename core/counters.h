/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counters, one set in each worker, so that threads do not share cache lines; a snapshot is their
 * sum. What goes up and down (objects stored) may be negative in one worker and right in the sum,
 * modulo 2^64. Only the thread that holds the worker changes them, so load + store is enough.
 */
#ifndef RZS_COUNTERS_H
#define RZS_COUNTERS_H

#include "rzs_port.h"

/* RZS_C_name for each statistic that is counted; rzs_stats.def says which, and what they are. */
#define RZS_COUNTER_SUM(name)	  RZS_C_##name,
#define RZS_COUNTER_BOUNDED(name) RZS_C_##name,
#define RZS_COUNTER_DERIVED(name)
enum rzs_counter {
#define RZS_STAT(name, kind, source, depends, help) RZS_COUNTER_##source(name)
#include "rzs_stats.def"
	RZS_C_NR,
};
#undef RZS_COUNTER_SUM
#undef RZS_COUNTER_BOUNDED
#undef RZS_COUNTER_DERIVED

struct rzs_counters {
	/* Aligned, which 32-bit machines would not: each is read while another thread writes it. */
	uint64_t v[RZS_C_NR] __attribute__((aligned(8)));
};

static inline void rzs_count(struct rzs_counters *c, enum rzs_counter which, uint64_t delta)
{
	rzs_set(&c->v[which], rzs_load_relaxed(&c->v[which]) + delta);
}

#endif
