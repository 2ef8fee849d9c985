/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How recompression delays reads.  One thread reads hot pages at random; another one recompresses
 * the others, within a share of the processor, as a server's does.  Both run on one processor, the
 * reader with real-time priority if it may, as a protected server's I/O threads.
 *
 * Requests arrive at random moments, one or 16 at a time, whatever became of those before.  The
 * time of each is from that moment to the end of its read.  So the delay until the reader runs is
 * in it.  Slices of time with recompression and without take turns, so that a busy machine disturbs
 * both.
 */
#define _GNU_SOURCE
#include "codec.h"
#include "store_cases.h"
#include "rzsb_cmd.h"
#include "rzsb_store.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define SECOND	      "zstd"
#define HOT_SHARE     16u  /* one page of so many is read */
#define CPU_PERCENT   10u  /* of a processor, for recompression */
#define SLICES	      16u  /* of a round */
#define ARRIVALS      400u /* of a slice */
#define GAP_LEAST_NS  100000u
#define GAP_RANDOM_NS 300000u

static const unsigned depths[] = {1, 16};
#define NR_DEPTHS (sizeof(depths) / sizeof(depths[0]))

/* Times of reads, in microseconds. */
struct times {
	double *us;
	size_t nr;
};

struct latency_run {
	const struct bench_store_options *o;
	uint64_t nr, seed;
	unsigned unit;
	struct rzs_store *s;
	pthread_mutex_t
		idle_calls; /* one thread at a time makes the store's calls for idle pages */
	struct times times[2][NR_DEPTHS]; /* without and with recompression */
	bool on, end; /* what the other thread is to do; changed by the reader */
	bool real_time;
	uint64_t tried; /* pages */
};

static void must(int err, const char *what)
{
	if (err < 0)
		rzst_die(RZSB_FAILED, "%s failed: %s", what, strerror(-err));
}

static void mark_all(struct latency_run *m)
{
	bool done;

	pthread_mutex_lock(&m->idle_calls);
	do {
		must(rzs_store_idle_mark(m->s, UINT64_MAX, &done), "a mark");
	} while (!done);
	pthread_mutex_unlock(&m->idle_calls);
}

/* ---- the thread that recompresses */

/* One try.  Returns CPU time. */
static uint64_t try_one(struct latency_run *m, struct rzs_worker *w)
{
	const struct rzs_recompress_params params = {.min_age = 1, .unit = m->unit};
	uint64_t start = rzsb_cpu_thread();
	bool done;

	pthread_mutex_lock(&m->idle_calls);
	must(rzs_store_recompress(m->s, w, &params, 1024, 1, &done), "a try");
	pthread_mutex_unlock(&m->idle_calls);
	return rzsb_cpu_thread() - start;
}

static void *recompress(void *arg)
{
	struct latency_run *m = arg;
	struct rzs_worker *w = rzs_worker_get_own(m->s, 1);
	uint64_t owed = 0;

	while (!__atomic_load_n(&m->end, __ATOMIC_RELAXED)) {
		if (__atomic_load_n(&m->on, __ATOMIC_RELAXED))
			owed += try_one(m, w) * (100 - CPU_PERCENT) / CPU_PERCENT;
		else
			owed += 1000000;
		rzsb_nap((unsigned)(owed / 1000000));
		owed %= 1000000;
	}
	rzs_worker_put(m->s, w);
	return NULL;
}

/* ---- the reader */

static void sleep_until(uint64_t ns)
{
	struct timespec t = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

static void read_slice(struct latency_run *m, struct rzs_worker *w, struct times *t, unsigned depth)
{
	uint64_t hot = (m->nr + HOT_SHARE - 1) / HOT_SHARE, arrival = rzst_now();
	uint8_t buf[RZS_PAGE_SIZE];

	for (unsigned i = 0; i < ARRIVALS; i++) {
		arrival += GAP_LEAST_NS + rzsb_rand_below(&m->seed, GAP_RANDOM_NS);
		sleep_until(arrival);
		for (unsigned k = 0; k < depth; k++) {
			must(rzs_store_read(m->s, w, rzsb_rand_below(&m->seed, hot) * HOT_SHARE,
					    buf),
			     "a read");
			t->us[t->nr++] = (double)(rzst_now() - arrival) / 1e3;
		}
	}
}

/* Real-time priority, the lowest, or none again.  Returns whether that could be had. */
static bool set_real_time(bool on)
{
	const struct sched_param p = {.sched_priority = on ? sched_get_priority_min(SCHED_RR) : 0};

	return sched_setscheduler(0, on ? SCHED_RR : SCHED_OTHER, &p) == 0;
}

static uint64_t tried(struct latency_run *m)
{
	struct rzs_stats st;

	rzs_store_stats(m->s, &st);
	return st.recompress_tried;
}

/* One round: all pages are written and marked; then slices. */
static void run_round(struct latency_run *m, struct rzs_worker *w)
{
	uint64_t retries = 0, before = tried(m);

	for (uint64_t i = 0; i < m->nr; i++)
		rzsb_store_put(m->s, w, (uint32_t)i,
			       rzsb_page(m->o->corpus, (uint32_t)(i % m->o->corpus->nr)), &retries);
	mark_all(m);
	m->real_time = set_real_time(true);
	for (unsigned s = 0; s < SLICES; s++) {
		unsigned on = s % 2, d = s / 2 % NR_DEPTHS;

		__atomic_store_n(&m->on, on, __ATOMIC_RELAXED);
		read_slice(m, w, &m->times[on][d], depths[d]);
	}
	(void)set_real_time(false);
	__atomic_store_n(&m->on, false, __ATOMIC_RELAXED);
	m->tried += tried(m) - before;
}

/* ---- the report */

static void report_depth(const struct latency_run *m, unsigned d)
{
	const struct times *off = &m->times[0][d], *on = &m->times[1][d];
	struct rzsb_latency l[2] = {rzsb_latency_of(off->us, off->nr),
				    rzsb_latency_of(on->us, on->nr)};
	struct rzsb_json *j = m->o->json;

	printf("%7.0f %4u %5u | %7.1f %7.1f | %7.1f %7.1f %6.2f | %7.1f %7.1f | %7llu %s\n",
	       rzsb_pages_mib(m->nr), m->unit, depths[d], l[0].p50, l[1].p50, l[0].p99, l[1].p99,
	       l[1].p99 / l[0].p99, l[0].p999, l[1].p999, (unsigned long long)m->tried,
	       m->real_time ? "yes" : "no");
	rzsb_json_begin(j, "store_latency");
	rzsb_json_str(j, "codec", rzs_codec_lookup(m->o->codec)->name);
	rzsb_json_int(j, "size_bytes", m->nr * RZS_PAGE_SIZE);
	rzsb_json_int(j, "unit", m->unit);
	rzsb_json_int(j, "depth", depths[d]);
	rzsb_json_int(j, "real_time", m->real_time);
	rzsb_json_int(j, "tried", m->tried);
	rzsb_json_num(j, "read_us_p50", l[0].p50);
	rzsb_json_num(j, "read_us_p99", l[0].p99);
	rzsb_json_num(j, "read_us_p999", l[0].p999);
	rzsb_json_num(j, "recompressing_read_us_p50", l[1].p50);
	rzsb_json_num(j, "recompressing_read_us_p99", l[1].p99);
	rzsb_json_num(j, "recompressing_read_us_p999", l[1].p999);
	rzsb_json_end(j);
	fflush(stdout);
}

void bench_latency_heading(void)
{
	printf("\nReads of 1/%u of the pages while the others are recompressed with %u %% of the "
	       "processor (+), and\nmeanwhile not (-).  Microseconds from the arrival of 1 or 16 "
	       "requests.  tried: pages\n"
	       "%7s %4s %5s | %7s %7s | %7s %7s %6s | %7s %7s | %7s %s\n",
	       HOT_SHARE, CPU_PERCENT, "MiB", "unit", "depth", "p50 -", "p50 +", "p99 -", "p99 +",
	       "+/-", "p99.9 -", "p99.9 +", "tried", "real-time");
}

/* Both threads, this one too, on the first processor that this one may use. */
static cpu_set_t stay_on_one(void)
{
	cpu_set_t before, one;
	int cpu = 0;

	if (sched_getaffinity(0, sizeof(before), &before))
		rzst_die(RZSB_FAILED, "cannot see which processors there are");
	while (!CPU_ISSET(cpu, &before))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		rzst_die(RZSB_FAILED, "cannot stay on one processor");
	return before;
}

static size_t times_bytes(const struct latency_run *m, unsigned d)
{
	return (size_t)m->o->rounds * SLICES * ARRIVALS * depths[d] * sizeof(double);
}

static void times_make(struct latency_run *m)
{
	for (unsigned on = 0; on < 2; on++)
		for (unsigned d = 0; d < NR_DEPTHS; d++)
			m->times[on][d].us = rzsb_alloc(times_bytes(m, d));
}

static void times_free(struct latency_run *m)
{
	for (unsigned on = 0; on < 2; on++)
		for (unsigned d = 0; d < NR_DEPTHS; d++)
			munmap(m->times[on][d].us, times_bytes(m, d));
}

void bench_latency_run(const struct bench_store_options *o, uint64_t nr, unsigned unit)
{
	struct latency_run m = {.o = o, .nr = nr, .seed = o->seed, .unit = unit};
	cpu_set_t before;
	struct rzs_worker *w;
	pthread_t thread;

	if (!rzs_codec_lookup(SECOND))
		rzst_die(RZSB_NOTHING, "this build has no " SECOND " to recompress with");
	pthread_mutex_init(&m.idle_calls, NULL);
	times_make(&m);
	m.s = bench_store_make(o, nr, 2, 0);
	must(rzs_store_idle_open(m.s), "making ages");
	must(rzs_store_recompress_open(m.s, SECOND, 0), "making contexts");
	before = stay_on_one(); /* not the store's own thread */
	if (pthread_create(&thread, NULL, recompress, &m) != 0)
		rzst_die(RZSB_FAILED, "cannot start a thread");
	w = rzs_worker_get_own(m.s, 0);
	for (unsigned i = 0; i < o->rounds; i++)
		run_round(&m, w);
	__atomic_store_n(&m.end, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	rzs_worker_put(m.s, w);
	for (unsigned d = 0; d < NR_DEPTHS; d++)
		report_depth(&m, d);
	rzs_store_destroy(m.s);
	times_free(&m);
	sched_setaffinity(0, sizeof(before), &before);
}
