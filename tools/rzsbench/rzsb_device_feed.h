/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages of the corpus to a target and back, for the cases and --pattern copy; and the table of what
 * targets hold, for every pattern.
 */
#ifndef RZSB_DEVICE_FEED_H
#define RZSB_DEVICE_FEED_H

#include "rzsb_device.h"

#define RZSB_MAX_SAMPLES (1u << 20) /* times of requests that are kept */

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
	uint64_t seed, left, end; /* requests or time left, whichever runs out first */
	uint64_t position;	  /* of a load in address order */
	size_t step;		  /* from one such request to the next; 0: one request */
	const uint32_t *order;	  /* of the slots, for requests of a page; NULL: by address */
	bool in_order, compare;
	uint8_t *busy; /* by unit: a request is under way */
	double *us;
	size_t nr_us;
	uint64_t requests, wrong;
};

/* What a visit to a target has measured.  Most patterns have one sort of request, in us. */
struct rzsb_visit {
	struct rzsb_rates rates;
	struct rzsb_latency us, out_us;
};

/* The medians of the rounds; the longest time of all.  out_spread: that of rates.clock. */
struct rzsb_visit rzsb_visit_median(const struct rzsb_visit *v, unsigned rounds,
				    double *out_spread);

/*
 * Run it.  Writes note in the target's page[] which page of the corpus is where, with compare each
 * page read is held against that.  Exits with a message when a request fails.
 */
void rzsb_feed_run(struct feed *f);

void rzsb_ram_heading(void);
/*
 * A line of that table, and one of JSON of this name: the target holds so many pages now.  Nothing
 * of one that does not tell its memory.
 */
void rzsb_ram_report(struct nbd_bench *b, const struct target *t, const char *bench,
		     const char *after, size_t pages);

#endif
