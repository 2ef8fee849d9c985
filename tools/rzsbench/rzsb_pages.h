/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The results of "rzsbench pages" (rzsb_pages.c) and how they are shown (rzsb_pages_show.c).
 * Threading: one thread.
 */
#ifndef RZSB_PAGES_H
#define RZSB_PAGES_H

#include "rzsb_advice.h"
#include "rzsb_measure.h"
#include "rzsb_source.h"

#define RZSB_MAX_METHODS 16u

struct rzsb_pages {
	struct rzsb_corpus corpus;	   /* all pages, or a sample of them */
	size_t denied, gone, lost, images; /* as in struct rzsb_sources */
	size_t zero, same; /* of the sample: zeros; one repeated word, including zeros */
	size_t duplicates; /* of another page of the sample, except those of one word */
	unsigned rounds;
	uint64_t seed;

	struct rzsb_method method[RZSB_MAX_METHODS];
	struct rzsb_result result[RZSB_MAX_METHODS];
	unsigned nr;

	/* Bytes for all pages, not only for the sample; NAN where it does not apply. */
	double store_bytes[RZSB_MAX_METHODS];	 /* in ramzswap's store, measured */
	double store_itself[RZSB_MAX_METHODS];	 /* that an empty store takes */
	double zsmalloc_bytes[RZSB_MAX_METHODS]; /* in zram, computed */
	double zswap_bytes[RZSB_MAX_METHODS];	 /* in zswap, computed */
	double nbdkit_bytes;			 /* in nbdkit memory allocator=zstd, computed */
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

/* Bytes before compression per byte after it; NAN without any. */
double rzsb_ratio(const struct rzsb_result *r);
/* Bytes of RAM that would be saved; 0 if none. */
double rzsb_gain(const struct rzsb_pages *p, unsigned method);
/* choice: p->nr elements, which are filled in. */
struct rzsb_advice rzsb_pages_advise(const struct rzsb_pages *p, struct rzsb_choice *choice);
/* The method whose results are named first: the best, or any of the store's; -1: none. */
int rzsb_pages_example(const struct rzsb_pages *p, const struct rzsb_advice *a);

/* Tables and a summary on standard output. */
void rzsb_pages_show(const struct rzsb_pages *p, bool histogram);
/* A line for the pages, one for each method, one for the recommendation. */
void rzsb_pages_json(const struct rzsb_pages *p, struct rzsb_json *j);

#endif
