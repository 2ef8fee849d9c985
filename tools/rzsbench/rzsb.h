/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the programs that measure share: clocks, random numbers, medians, a corpus of captured
 * pages, and JSON lines.
 *
 * Threading: one thread, except where a comment says otherwise.
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

/* CPU time of the calling thread and of the process, in nanoseconds; any thread. */
uint64_t rzsb_cpu_thread(void);
uint64_t rzsb_cpu_process(void);

/* Sleep for about so long. */
void rzsb_nap(unsigned ms);

/* Random numbers; any thread that has a state of its own.  Any state is a good seed. */
uint64_t rzsb_rand(uint64_t *state);
/* 0 .. n - 1, n > 0. */
uint64_t rzsb_rand_below(uint64_t *state, uint64_t n);
void rzsb_shuffle(uint32_t *v, size_t n, uint64_t *state);

/* n * part / whole, rounded down, without overflow.  whole: 1 to 2^32; part: 0 to whole. */
size_t rzsb_share(size_t n, size_t part, size_t whole);

#define RZSB_MAX_ROUNDS 50u

/* Sort v and return its median; 0 when n is 0. */
double rzsb_median(double *v, size_t n);
/*
 * The median of a member of nr structures, which are stride bytes apart; v is that member of the
 * first.  nr: 1 to RZSB_MAX_ROUNDS.  out_spread, unless NULL: (largest - least) / median, NAN if
 * the median is 0.
 */
double rzsb_over_rounds(const double *v, size_t stride, unsigned nr, double *out_spread);
/*
 * Sort v, the results of nr rounds.  The median of all possible rounds lies between *out_least and
 * *out_most with a probability of at least 15/16, whatever the distribution.  With fewer than 5
 * rounds these are the least and the largest; NAN without any.
 */
void rzsb_median_range(double *v, unsigned nr, double *out_least, double *out_most);

/* Times of requests, in the unit of what they were made from. */
struct rzsb_latency {
	double p50, p90, p99, p999, most;
};
/* Sorts the times.  All 0 when nr is 0. */
struct rzsb_latency rzsb_latency_of(double *times, size_t nr);
/* As rzsb_over_rounds(): the medians of each, and the longest time of all rounds. */
struct rzsb_latency rzsb_latency_median(const struct rzsb_latency *v, size_t stride, unsigned nr);

static inline double rzsb_mib(double bytes)
{
	return bytes / 1048576;
}

static inline double rzsb_pages_mib(size_t pages)
{
	return (double)pages / 256;
}

/* Print a number in a table, "-" for NAN, and then a text. */
void rzsb_cell(int width, int decimals, double value, const char *then);

/* Bytes resident in process pid; 0 when they cannot be read. */
uint64_t rzsb_rss(pid_t pid);

/* Memory that is zero and present; munmap() frees it.  Ends the program when there is none. */
void *rzsb_alloc(size_t n);

/*
 * Keep this process's memory off every disk: no core file, and no swapping if the memory may be
 * locked.  A message says if it may not.
 */
void rzsb_stay_private(void);

/* Captured pages in memory. */
#define RZSB_MAX_PARTS 64
#define RZSB_NAME_MAX  32

struct rzsb_part {
	char name[RZSB_NAME_MAX]; /* of the program */
	size_t first, nr;	  /* pages */
};

struct rzsb_corpus {
	uint8_t *pages;
	size_t nr, room; /* pages loaded; pages that there is memory for */
	size_t whole;	 /* pages of which those are a sample */
	uint32_t *busy;	 /* numbers of the pages that are not one repeated word */
	size_t nr_busy;
	struct rzsb_part parts[RZSB_MAX_PARTS];
	unsigned nr_parts;
};

/*
 * Load dir/index and the files that it names, at most max_pages (0: all), each program in
 * proportion.  0 or a negative errno, with a message; *c is all zero then.
 */
int rzsb_corpus_load(struct rzsb_corpus *c, const char *dir, size_t max_pages);
void rzsb_corpus_free(struct rzsb_corpus *c);
/* Fill busy[], when all pages are loaded. */
void rzsb_corpus_sort_out(struct rzsb_corpus *c);

static inline const void *rzsb_page(const struct rzsb_corpus *c, uint32_t nr)
{
	return c->pages + (size_t)nr * RZSB_PAGE;
}

/* Whether at least 8 bytes are one repeated 64-bit word; whether that word is 0.  Any thread. */
bool rzsb_one_word(const void *data, size_t bytes);
bool rzsb_zeros(const void *data, size_t bytes);

/*
 * A file of JSON lines.  Each line begins with the id of the run.  The first line of a run
 * describes the machine.  If no file was opened, all calls do nothing.  Texts may be of any bytes.
 */
struct rzsb_json {
	FILE *f;
	struct rzst_json line;
	const char *path; /* the caller's */
	char run[24];
	bool failed; /* a write has failed, and a message said so */
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
/* Begin a line of this kind; add to it; end it, with a message if it cannot be written. */
void rzsb_json_begin(struct rzsb_json *j, const char *bench);
void rzsb_json_str(struct rzsb_json *j, const char *key, const char *value);
void rzsb_json_int(struct rzsb_json *j, const char *key, uint64_t value);
/* NAN becomes null, also in a list. */
void rzsb_json_num(struct rzsb_json *j, const char *key, double value);
void rzsb_json_list(struct rzsb_json *j, const char *key, const double *v, size_t n);
/* Microseconds, as PREFIXp50_us, PREFIXp90_us, ... PREFIXmax_us. */
void rzsb_json_latency(struct rzsb_json *j, const char *prefix, const struct rzsb_latency *l);
void rzsb_json_end(struct rzsb_json *j);
/* 0; -EIO if a line could not be written, of which there was a message. */
int rzsb_json_close(struct rzsb_json *j);

/* The machine; texts for people, of any bytes. */
struct rzsb_machine {
	char cpu[128], kernel[80];
	unsigned cpus;
};

void rzsb_machine_read(struct rzsb_machine *m);

#endif
