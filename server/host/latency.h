/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long requests took: histograms of fixed size, one for each kind of request.
 *
 * Buckets are as in HdrHistogram (hdrhistogram.github.io): powers of two of nanoseconds, each
 * divided into RZS_LATENCY_SUB equal parts.  So a value is known to one part in that many.  Threads
 * that serve I/O count in different lanes, which are summed up when somebody asks.
 *
 * Threading: any thread.  Counting is an addition to memory that the thread's lane seldom shares.
 * Only rzs_latency_create() allocates.
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

/* lanes: 1 or more.  0; -ENOMEM, and NULL in *out. */
int rzs_latency_create(unsigned lanes, struct rzs_latency **out);
void rzs_latency_destroy(struct rzs_latency *l);

/*
 * Count a request of so many bytes that took ns.  lane: any number; it is taken modulo the number
 * of lanes.  For the data path; never waits.
 */
void rzs_latency_add(struct rzs_latency *l, unsigned lane, enum rzs_latency_op op, uint64_t ns,
		     uint32_t bytes);

struct rzs_latency_sum {
	uint64_t count;	 /* requests */
	uint64_t bytes;	 /* of data in them */
	uint64_t ns;	 /* the sum of their times */
	uint64_t max_ns; /* the upper end of the longest one's bucket */
	uint64_t bucket[RZS_LATENCY_BUCKETS];
};

/* Sum up the lanes of one kind of request.  The numbers may be a few requests apart. */
void rzs_latency_read(const struct rzs_latency *l, enum rzs_latency_op op,
		      struct rzs_latency_sum *out);

/*
 * The time that per_mille of the requests did not exceed: the upper end of a bucket, in ns.  0: no
 * requests.
 */
uint64_t rzs_latency_percentile(const struct rzs_latency_sum *sum, unsigned per_mille);

/* The longest time in bucket i (below RZS_LATENCY_BUCKETS), in ns. */
uint64_t rzs_latency_upper(unsigned i);

#endif
