/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long requests took: histograms of fixed size, by kind of request.
 *
 * Buckets are as in HdrHistogram (hdrhistogram.github.io): powers of two of nanoseconds, each cut
 * into RZS_LATENCY_SUB equal parts, so that a value is known to one part in that many.
 * Everything is counted in lanes, which threads that serve I/O spread over, and summed up when
 * asked.
 *
 * Threading: any; counting is an addition in memory that the thread's lane seldom shares.
 * Allocates only in create.
 */
#ifndef RZS_LATENCY_H
#define RZS_LATENCY_H

#include <stdint.h>

enum rzs_latency_op {
	RZS_LATENCY_READ,
	RZS_LATENCY_WRITE,
	RZS_LATENCY_DISCARD, /* trims and zeroes */
	RZS_LATENCY_OPS,
};

#define RZS_LATENCY_SUB_BITS 4u
#define RZS_LATENCY_SUB	     (1u << RZS_LATENCY_SUB_BITS)
#define RZS_LATENCY_TOP_BITS 34u /* 17 s and more share the last bucket */
#define RZS_LATENCY_BUCKETS  ((RZS_LATENCY_TOP_BITS - RZS_LATENCY_SUB_BITS + 1) * RZS_LATENCY_SUB)

struct rzs_latency;

/* -ENOMEM.  lanes: 1 or more. */
int rzs_latency_create(unsigned lanes, struct rzs_latency **out);
void rzs_latency_destroy(struct rzs_latency *l);

/* One request of bytes has taken ns.  lane: any number, taken modulo the lanes. */
void rzs_latency_add(struct rzs_latency *l, unsigned lane, enum rzs_latency_op op, uint64_t ns,
		     uint32_t bytes);

struct rzs_latency_sum {
	uint64_t count;	 /* requests */
	uint64_t bytes;	 /* of data in them */
	uint64_t ns;	 /* their times added up */
	uint64_t max_ns; /* the longest, as its bucket's upper end */
	uint64_t bucket[RZS_LATENCY_BUCKETS];
};

/* All lanes' counts of one kind.  Numbers may be a few requests apart. */
void rzs_latency_read(const struct rzs_latency *l, enum rzs_latency_op op,
		      struct rzs_latency_sum *out);

/* The time that per_mille of the requests did not exceed, ns, a bucket's upper end; 0: none. */
uint64_t rzs_latency_percentile(const struct rzs_latency_sum *sum, unsigned per_mille);

/* The longest time in bucket i, ns. */
uint64_t rzs_latency_upper(unsigned i);

#endif
