/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counters.  Each worker has its own set, so that threads do not share cache lines; a statistic is
 * their sum.  A gauge (pages stored) may be negative in one worker, modulo 2^64, and is right in
 * the sum.  Only the thread that has the worker changes them, so a load and a store are enough.
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
	/* Other threads read them meanwhile, so they are aligned on 32-bit machines as well. */
	uint64_t v[RZS_C_NR] __attribute__((aligned(8)));
};

/* Add delta to a counter; to subtract, add the negative number modulo 2^64. */
static inline void rzs_count(struct rzs_counters *c, enum rzs_counter which, uint64_t delta)
{
	rzs_set(&c->v[which], rzs_load_relaxed(&c->v[which]) + delta);
}

#endif
