/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the benchmark programs share: clocks, a seeded generator, medians, the corpus of captured
 * pages, and JSON lines.  Nothing here is thread-safe unless it says so.
 */
#ifndef RZS_BENCH_H
#define RZS_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define BENCH_PAGE 4096u

/* Clocks in nanoseconds; any thread. */
uint64_t bench_now(void);
uint64_t bench_cpu_thread(void);
uint64_t bench_cpu_process(void);

/* Random numbers: any thread with a state of its own. */
uint64_t bench_rand(uint64_t *state);
/* 0 .. n - 1, n > 0. */
uint64_t bench_rand_below(uint64_t *state, uint64_t n);
void bench_shuffle(uint32_t *v, size_t n, uint64_t *state);

/*
 * Sort v and give its median, or the value below which the share q (0..1) of it lies; 0 when n is
 * 0.
 */
double bench_median(double *v, size_t n);
double bench_quantile(double *v, size_t n, double q);

/* Bytes resident in process pid, 0 when it cannot be read. */
uint64_t bench_rss(pid_t pid);

/* Memory that must be there: exits with a message when it is not. */
void *bench_alloc(size_t n);

/* Print "NAME: message" to stderr and exit with code. */
void bench_die(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3), noreturn));

/* Captured pages, loaded and touched. */
#define BENCH_MAX_PARTS 64
#define BENCH_NAME_MAX	32

struct bench_part {
	char name[BENCH_NAME_MAX];
	size_t first, nr; /* pages */
};

struct bench_corpus {
	uint8_t *pages;
	size_t nr;
	uint32_t *busy; /* numbers of the pages that are not one repeated word */
	size_t nr_busy;
	struct bench_part parts[BENCH_MAX_PARTS];
	unsigned nr_parts;
};

/*
 * Load dir/index and the files it names, at most max_pages (0: all) with every program keeping its
 * share. 0 or a negative errno; *c is all zero then and stderr has a message.
 */
int bench_corpus_load(struct bench_corpus *c, const char *dir, size_t max_pages);
void bench_corpus_free(struct bench_corpus *c);

static inline const void *bench_page(const struct bench_corpus *c, uint32_t nr)
{
	return c->pages + (size_t)nr * BENCH_PAGE;
}

/* Whether the page is one repeated 64-bit word. */
bool bench_same_filled(const void *page);

/*
 * A file of JSON lines.  Each object opens with the run's id; the first line of a run says which
 * machine it was on.  All calls do nothing when no file was opened.
 */
struct bench_json {
	FILE *f;
	char run[24];
};

/*
 * Append to path ("-": stdout, NULL: none).  versions: text put in the machine's line, may be NULL.
 */
int bench_json_open(struct bench_json *j, const char *path, const char *program,
		    const char *versions, const struct bench_corpus *c, uint64_t seed);
void bench_json_begin(struct bench_json *j, const char *bench);
void bench_json_str(struct bench_json *j, const char *key, const char *value);
void bench_json_int(struct bench_json *j, const char *key, uint64_t value);
/* Not a number becomes null. */
void bench_json_num(struct bench_json *j, const char *key, double value);
void bench_json_list(struct bench_json *j, const char *key, const double *v, size_t n);
void bench_json_end(struct bench_json *j);
int bench_json_close(struct bench_json *j);

#endif
