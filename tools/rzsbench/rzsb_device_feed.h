/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages of the corpus to a target and back, for the patterns cases and copy; and for every pattern,
 * medians of visits and the table of memory.  Threading: one thread.
 */
#ifndef RZSB_DEVICE_FEED_H
#define RZSB_DEVICE_FEED_H

#include "rzsb_device.h"

#define RZSB_MAX_SAMPLES (1u << 20) /* times of requests, at most */

struct nbd_case {
	enum client_op op;
	const char *when;
	unsigned kib, depth, conns;
};

/* The state of a load in progress. */
struct feed {
	struct nbd_bench *b;
	struct target *t;
	const struct nbd_case *c;
	uint64_t seed, left, end; /* ends after `left` requests or at the time `end`, unless 0 */
	uint64_t position;	  /* of a load in order */
	size_t step;		  /* pages from one such request to the next; 0: those of one */
	const uint32_t *order;	  /* slots, for requests of one page; NULL: by address */
	bool in_order, compare;
	uint8_t *busy; /* by unit: a request is in flight */
	double *us;
	size_t nr_us;
	uint64_t requests, wrong;
};

/* What a visit to a target has measured.  Most patterns have one sort of request, in us. */
struct rzsb_visit {
	struct rzsb_rates rates;
	struct rzsb_latency us, out_us;
	uint64_t discarded; /* pages, with --pattern swap */
};

/* The medians of the rounds; the longest time of all.  out_spread: that of rates.clock. */
struct rzsb_visit rzsb_visit_median(const struct rzsb_visit *v, unsigned rounds,
				    double *out_spread);

/*
 * Run it.  Writes record in the target's page[] which page of the corpus is in which slot.  With
 * compare, each page read is compared with that one.  Ends the program if a request fails.
 */
void rzsb_feed_run(struct feed *f);

void rzsb_ram_heading(void);
/*
 * A line of that table and a JSON line of kind `bench`: the target holds so many pages now.
 * Neither, if its memory is unknown.
 */
void rzsb_ram_report(struct nbd_bench *b, const struct target *t, const char *bench,
		     const char *after, size_t pages);

#endif
