/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What "rzsbench pages" found out (rzsb_pages.c), and how it is told (rzsb_pages_show.c).
 */
#ifndef RZSB_PAGES_H
#define RZSB_PAGES_H

#include "rzsb_advice.h"
#include "rzsb_measure.h"
#include "rzsb_source.h"

#define RZSB_MAX_METHODS 16u

struct rzsb_pages {
	struct rzsb_corpus corpus;	   /* of all pages there are, or of a sample */
	size_t denied, gone, lost, images; /* as in struct rzsb_sources */
	size_t zero, same; /* of the sample: zeros; one repeated word, zeros among them */
	size_t duplicates; /* of another page of the sample, not counting those of one word */
	unsigned rounds;
	uint64_t seed;

	struct rzsb_method method[RZSB_MAX_METHODS];
	struct rzsb_result result[RZSB_MAX_METHODS];
	unsigned nr;

	/* For all pages found, in bytes; NAN where it does not apply. */
	double store_bytes[RZSB_MAX_METHODS];	 /* ramzswap: measured in its store */
	double store_itself[RZSB_MAX_METHODS];	 /* ... and, once, of a store that holds nothing */
	double zsmalloc_bytes[RZSB_MAX_METHODS]; /* zram: worked out */
	double zswap_bytes[RZSB_MAX_METHODS];	 /* zswap's pool: worked out */
	double nbdkit_bytes;			 /* nbdkit memory allocator=zstd: worked out */
};

#define RZSB_NOISY 0.10 /* rounds whose times differ by more are reported as such */

/* How sure the results are: a machine with other work, methods measured on a part of the pages. */
struct rzsb_doubts {
	bool noisy, part;
	double error; /* the largest of the results */
};

struct rzsb_doubts rzsb_pages_doubts(const struct rzsb_pages *p);

/* Units by size, each counted as `each`, in nr ranges of the same length; nr divides the unit. */
void rzsb_size_ranges(const struct rzsb_result *r, unsigned nr, double each, double *out);
/* For percent. */
static inline double rzsb_percent_of_used(const struct rzsb_result *r)
{
	return r->used ? 100 / (double)r->used : 0;
}

/* Bytes as they were over bytes as they are kept; NAN when there are none. */
double rzsb_ratio(const struct rzsb_result *r);
/* How much of all is kept in RAM no more, where that is more than it takes; else 0. */
double rzsb_gain(const struct rzsb_pages *p, unsigned method);
/* choice: room for p->nr of them, filled. */
struct rzsb_advice rzsb_pages_advise(const struct rzsb_pages *p, struct rzsb_choice *choice);
/* The method to tell figures of: the best, or any of the store's; -1: there is none. */
int rzsb_pages_example(const struct rzsb_pages *p, const struct rzsb_advice *a);

/* A table and a summary for people. */
void rzsb_pages_show(const struct rzsb_pages *p, bool histogram);
/* A line for the pages, one for each method, one for what to choose. */
void rzsb_pages_json(const struct rzsb_pages *p, struct rzsb_json *j);

#endif
