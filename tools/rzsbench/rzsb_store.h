/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two sorts of case of "rzsbench store": time (rzsb_store_time.c) and density
 * (rzsb_store_density.c).
 */
#ifndef RZSB_STORE_H
#define RZSB_STORE_H

#include "rzsb.h"
#include "rzs_store.h"

struct store_options {
	const struct rzsb_corpus *corpus;
	struct rzsb_json *json;
	const char *codec;
	int level;
	uint64_t seed;
	unsigned rounds;
	unsigned churn; /* overwrites, in times of the pages stored */
	uint64_t batch; /* max_objects of each rzs_store_compact() */
	bool no_checksum;
	uint64_t reserve; /* bytes the store keeps ready while its density is measured */
};

struct store_time_case {
	uint64_t nr;	  /* pages */
	unsigned threads; /* 1 .. STORE_MAX_THREADS */
	bool sequential;  /* slots in order instead of at random */
};

#define STORE_MAX_THREADS 16u

/*
 * Each prints a line of the table and appends a JSON line; exits with a message on any wrong byte.
 */
void rzsb_store_time_heading(void);
void rzsb_store_time_run(const struct store_options *o, const struct store_time_case *c);
void rzsb_store_density_heading(void);
void rzsb_store_density_run(const struct store_options *o, uint64_t nr);

/* A store of nr pages for this many threads and with this reserve (0: the default), or exit. */
struct rzs_store *rzsb_store_make(const struct store_options *o, uint64_t nr, unsigned threads,
				  uint64_t reserve);

/*
 * Writes until it is done, however often the reserve is empty; counts those times.  Exits on other
 * errors.
 */
void rzsb_store_put(struct rzs_store *s, struct rzs_worker *w, uint32_t slot, const void *page,
		    uint64_t *retries);
#define STORE_EMPTY UINT32_MAX /* as a page: nothing is stored */

/* Whether buf is the corpus page, or zeros if that is STORE_EMPTY. */
bool rzsb_store_is_page(const struct store_options *o, uint32_t page, const void *buf);
/* Reads every slot and compares with the corpus page that page[slot] names. */
void rzsb_store_compare(const struct store_options *o, struct rzs_store *s, struct rzs_worker *w,
			const uint32_t *page, uint64_t nr);

#endif
