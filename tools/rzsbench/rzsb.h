/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the benchmark programs share: clocks, a seeded generator, medians, the corpus of captured
 * pages, and JSON lines.  Nothing here is thread-safe unless it says so.
 */
#ifndef RZSB_H
#define RZSB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "rzst.h"
#include "rzst_json.h"

#define RZSB_PAGE 4096u

/* Clocks in nanoseconds, see also rzst_now(); any thread. */
uint64_t rzsb_cpu_thread(void);
uint64_t rzsb_cpu_process(void);

/* Random numbers: any thread with a state of its own. */
uint64_t rzsb_rand(uint64_t *state);
/* 0 .. n - 1, n > 0. */
uint64_t rzsb_rand_below(uint64_t *state, uint64_t n);
void rzsb_shuffle(uint32_t *v, size_t n, uint64_t *state);

/* part of whole, of n: n * part / whole, rounded down.  whole: 1 to 2^32, part: up to whole. */
size_t rzsb_share(size_t n, size_t part, size_t whole);

/* Sort v and return its median; 0 when n is 0. */
double rzsb_median(double *v, size_t n);
/* Of the times of nr requests, in any unit; sorts them. */
struct rzsb_latency {
	double p50, p90, p99, p999, most;
};
struct rzsb_latency rzsb_latency_of(double *times, size_t nr);
#define RZSB_MAX_ROUNDS 50u

/*
 * Of nr rounds, a structure of stride bytes each: the median of the member that v is in the first.
 * out_spread, if not NULL: (largest - least) / median; NAN when that is 0.
 */
double rzsb_over_rounds(const double *v, size_t stride, unsigned nr, double *out_spread);
/*
 * Between which two of nr rounds the median of all rounds there could be lies, with a probability
 * of 15/16 at least, whatever their distribution; the least and the largest when they are fewer
 * than 5.  Sorts them.
 */
void rzsb_median_range(double *v, unsigned nr, double *out_least, double *out_most);
/* The medians of such a member, and the longest of all. */
struct rzsb_latency rzsb_latency_median(const struct rzsb_latency *v, size_t stride, unsigned nr);

static inline double rzsb_mib(double bytes)
{
	return bytes / 1048576;
}

static inline double rzsb_pages_mib(size_t pages)
{
	return (double)pages / 256;
}

/* A number for people in a table, and what follows it; "-" for NAN. */
void rzsb_cell(int width, int decimals, double value, const char *then);

/* Bytes resident in process pid, 0 when it cannot be read. */
uint64_t rzsb_rss(pid_t pid);

/* Memory that must be there: exits with a message when it is not. */
void *rzsb_alloc(size_t n);

/*
 * What is in this process's memory gets to no disk by the system's doing either: no core file, and
 * no swap if the memory may be locked; stderr says when it may not.
 */
void rzsb_stay_private(void);

/* Captured pages, loaded and touched. */
#define RZSB_MAX_PARTS 64
#define RZSB_NAME_MAX  32

struct rzsb_part {
	char name[RZSB_NAME_MAX];
	size_t first, nr; /* pages */
};

struct rzsb_corpus {
	uint8_t *pages;
	size_t nr, room; /* pages loaded; pages that there is memory for */
	size_t whole;	 /* pages that there are, of which those are a sample */
	uint32_t *busy;	 /* numbers of the pages that are not one repeated word */
	size_t nr_busy;
	struct rzsb_part parts[RZSB_MAX_PARTS];
	unsigned nr_parts;
};

/*
 * Load dir/index and the files it names, at most max_pages (0: all) with every program keeping its
 * share. 0 or a negative errno; *c is all zero then and stderr has a message.
 */
int rzsb_corpus_load(struct rzsb_corpus *c, const char *dir, size_t max_pages);
void rzsb_corpus_free(struct rzsb_corpus *c);
/* Fill busy[] when all pages are there. */
void rzsb_corpus_sort_out(struct rzsb_corpus *c);

static inline const void *rzsb_page(const struct rzsb_corpus *c, uint32_t nr)
{
	return c->pages + (size_t)nr * RZSB_PAGE;
}

/* Whether these bytes, at least 8, are one repeated 64-bit word; whether that is 0, too. */
bool rzsb_one_word(const void *data, size_t bytes);
bool rzsb_zeros(const void *data, size_t bytes);

/* Sleep for about so long. */
void rzsb_nap(unsigned ms);

/*
 * A file of JSON lines.  Each object opens with the run's id; the first line of a run says which
 * machine it was on.  All calls do nothing when no file was opened.  Texts may be of any bytes.
 */
struct rzsb_json {
	FILE *f;
	struct rzst_json line;
	const char *path; /* the caller's */
	char run[24];
	bool failed; /* something could not be written, and that was said */
};

/* Where a run's JSON lines go, and what its machine line repeats.  The caller's strings. */
struct rzsb_record {
	const char *path;     /* lines are appended; "-": standard output, NULL: nowhere */
	const char *versions; /* of libraries; may be NULL */
	uint64_t seed;
};

/* Open the file and write the machine line.  0 or a negative errno, with a message. */
int rzsb_json_open(struct rzsb_json *j, const struct rzsb_record *r, const char *program,
		   const struct rzsb_corpus *c);
void rzsb_json_begin(struct rzsb_json *j, const char *bench);
void rzsb_json_str(struct rzsb_json *j, const char *key, const char *value);
void rzsb_json_int(struct rzsb_json *j, const char *key, uint64_t value);
/* Not a number becomes null. */
void rzsb_json_num(struct rzsb_json *j, const char *key, double value);
/* Microseconds, as PREFIXp50_us, PREFIXp90_us, ... PREFIXmax_us. */
void rzsb_json_latency(struct rzsb_json *j, const char *prefix, const struct rzsb_latency *l);
void rzsb_json_list(struct rzsb_json *j, const char *key, const double *v, size_t n);
void rzsb_json_end(struct rzsb_json *j);
/* 0; -EIO when a line could not be written, which was said when it was found. */
int rzsb_json_close(struct rzsb_json *j);

/* What figures were got on; texts for people, of any bytes. */
struct rzsb_machine {
	char cpu[128], kernel[80];
	unsigned cpus;
};

void rzsb_machine_read(struct rzsb_machine *m);

#endif
