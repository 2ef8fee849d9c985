/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sorts of measurement of bench/store: time (store_time.c), density (store_density.c), merging
 * (store_merge.c), recompression of idle pages (store_idle.c, with store_zram.c) and how it delays
 * reads (store_latency.c).
 * All functions may sleep, and end the program with a message when a page is wrong or a call fails.
 */
#ifndef BENCH_STORE_CASES_H
#define BENCH_STORE_CASES_H

#include "rzs_store.h"
#include "rzsb.h"
#include "rzsb_args.h"

#define BENCH_MAX_THREADS 16u
#define BENCH_EMPTY	  UINT32_MAX /* as the number of a page: nothing is stored */

struct bench_store_options {
	const struct rzsb_corpus *corpus;
	struct rzsb_json *json;
	const char *codec; /* NULL: the store's default */
	int level;	   /* 0: the codec's default */
	uint64_t seed;
	unsigned rounds;
	unsigned churn; /* overwrites, in times of the pages stored */
	uint64_t batch; /* max_objects of each rzs_store_compact() */
	bool no_checksum;
	uint64_t reserve; /* bytes that the store keeps ready while its density is measured */
	const char *zram; /* algorithm of a zram to measure, too; NULL: none */
};

struct bench_time_case {
	uint64_t nr;	  /* pages */
	unsigned threads; /* 1 .. BENCH_MAX_THREADS */
	bool sequential;  /* slots in order instead of at random */
};

/* Headings of the tables; one case prints its lines and appends as many JSON lines. */
void bench_time_heading(void);
void bench_time_run(const struct bench_store_options *o, const struct bench_time_case *c);
void bench_density_heading(void);
void bench_density_run(const struct bench_store_options *o, uint64_t nr_pages);
void bench_merge_heading(void);
/* twins: % of all pages that equal another one, above what the corpus has; 0 .. 99. */
void bench_merge_run(const struct bench_store_options *o, unsigned twins);

/* Where each page of the corpus is, and an order to read them in. */
struct bench_pages {
	uint64_t nr;
	uint32_t *page;	 /* page[slot] is of the corpus */
	uint32_t *order; /* all slots, at random */
};

struct bench_read {
	double cpu_ns;	/* of the thread, for a page */
	double clock_s; /* for all pages */
};

struct bench_zram {
	double held, write_ns; /* bytes; CPU time for a page */
	struct bench_read empty, in_order, random;
};

/* Whether zram was asked for and could be measured; else *out is all zero. */
bool bench_zram_run(const struct bench_store_options *o, const struct bench_pages *p,
		    struct bench_zram *out);

void bench_idle_heading(void);
/* nr pages: the corpus in its order, over and over.  units: pages in a unit, at most; 1: none. */
void bench_idle_run(const struct bench_store_options *o, uint64_t nr,
		    const struct rzsb_list *units);

void bench_latency_heading(void);
/* nr pages, of which a part is read, while the others are recompressed in units of so many. */
void bench_latency_run(const struct bench_store_options *o, uint64_t nr, unsigned unit);

/* A store of nr pages; reserve in bytes, 0: the default. */
struct rzs_store *bench_store_make(const struct bench_store_options *o, uint64_t nr,
				   unsigned threads, uint64_t reserve);
/* Whether these 4096 bytes are that page of the corpus, or zeros for BENCH_EMPTY. */
bool bench_store_is_page(const struct bench_store_options *o, uint32_t page, const void *buf);
/* Reads slots 0 to nr - 1 and compares each with the page of the corpus that page[slot] names. */
void bench_store_compare(const struct bench_store_options *o, struct rzs_store *s,
			 struct rzs_worker *w, const uint32_t *page, uint64_t nr);

/* A context of the codec of o, for its compress() and decompress(); munmap() frees it. */
void *bench_codec_context(const struct bench_store_options *o, size_t *out_size);
/*
 * By page of the corpus: bytes after compression, 4096 if the page does not shrink, 0 if it is one
 * repeated word.  objects: NULL, or 4096 bytes for each page, which get its compressed bytes.
 * corpus->nr elements, which munmap() frees.
 */
uint16_t *bench_codec_sizes(const struct bench_store_options *o, uint8_t *objects);

#endif
