/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long requests took; see latency.h. */
#include "latency.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct lane_op {
	uint64_t ns, bytes;
	uint64_t bucket[RZS_LATENCY_BUCKETS];
};

struct lane {
	struct lane_op op[RZS_LATENCY_OPS];
	char apart[64]; /* no cache line belongs to two lanes */
};

struct rzs_latency {
	unsigned lanes;
	struct lane lane[];
};

int rzs_latency_create(unsigned lanes, struct rzs_latency **out)
{
	*out = calloc(1, sizeof(**out) + lanes * sizeof(struct lane));
	if (!*out)
		return -ENOMEM;
	(*out)->lanes = lanes;
	return 0;
}

void rzs_latency_destroy(struct rzs_latency *l)
{
	free(l);
}

/* Times below SUB have a bucket each.  From there on each power of two has SUB buckets. */
static unsigned bucket_of(uint64_t ns)
{
	unsigned top;

	if (ns < RZS_LATENCY_SUB)
		return (unsigned)ns;
	top = 63u - (unsigned)__builtin_clzll(ns);
	if (top >= RZS_LATENCY_TOP_BITS)
		return RZS_LATENCY_BUCKETS - 1;
	return ((top - RZS_LATENCY_SUB_BITS + 1) << RZS_LATENCY_SUB_BITS) +
	       (unsigned)((ns >> (top - RZS_LATENCY_SUB_BITS)) & (RZS_LATENCY_SUB - 1));
}

uint64_t rzs_latency_upper(unsigned i)
{
	unsigned group = i >> RZS_LATENCY_SUB_BITS, part = i & (RZS_LATENCY_SUB - 1);

	if (group == 0)
		return part;
	return ((uint64_t)(RZS_LATENCY_SUB + part + 1) << (group - 1)) - 1;
}

static void count(uint64_t *at, uint64_t n)
{
	__atomic_fetch_add(at, n, __ATOMIC_RELAXED);
}

void rzs_latency_add(struct rzs_latency *l, unsigned lane, enum rzs_latency_op op, uint64_t ns,
		     uint32_t bytes)
{
	struct lane_op *o = &l->lane[lane % l->lanes].op[op];

	count(&o->bucket[bucket_of(ns)], 1);
	count(&o->ns, ns);
	count(&o->bytes, bytes);
}

void rzs_latency_read(const struct rzs_latency *l, enum rzs_latency_op op,
		      struct rzs_latency_sum *out)
{
	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < l->lanes; i++) {
		const struct lane_op *o = &l->lane[i].op[op];

		out->ns += __atomic_load_n(&o->ns, __ATOMIC_RELAXED);
		out->bytes += __atomic_load_n(&o->bytes, __ATOMIC_RELAXED);
		for (unsigned b = 0; b < RZS_LATENCY_BUCKETS; b++)
			out->bucket[b] += __atomic_load_n(&o->bucket[b], __ATOMIC_RELAXED);
	}
	for (unsigned b = 0; b < RZS_LATENCY_BUCKETS; b++) {
		if (!out->bucket[b])
			continue;
		out->count += out->bucket[b];
		out->max_ns = rzs_latency_upper(b);
	}
}

uint64_t rzs_latency_percentile(const struct rzs_latency_sum *sum, unsigned per_mille)
{
	/* The rank of the request whose time is asked for, from 1. */
	uint64_t rank = (sum->count * per_mille + 999) / 1000, before = 0;

	if (sum->count == 0)
		return 0;
	if (rank == 0)
		rank = 1;
	for (unsigned b = 0; b < RZS_LATENCY_BUCKETS; b++) {
		before += sum->bucket[b];
		if (before >= rank)
			return rzs_latency_upper(b);
	}
	return sum->max_ns;
}
