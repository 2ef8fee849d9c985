/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The RAM that the store holds for each byte of compressed data.  It is measured after a fill;
 * after random slots were overwritten with other pages, for a multiple of the size; and after
 * compaction.  Then half of the pages are discarded, which gives compaction the most to do, and it
 * is measured before and after compaction again.
 *
 * "Ideal" is computed here, not taken from the store.  It is the sum of the bare codec's sizes of
 * the pages stored now: at most 4096 bytes for a page, nothing for one repeated word.
 */
#define _GNU_SOURCE
#include "codec.h"
#include "store_cases.h"
#include "rzsb_cmd.h"
#include "rzsb_store.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#define PROBES (1u << 20) /* read times kept at most */

struct density {
	const struct bench_store_options *o;
	struct rzs_store *store;
	struct rzs_worker *worker;
	uint64_t nr;
	uint32_t *page; /* corpus page in each slot */
	uint16_t *size; /* compressed size of each corpus page */
	uint64_t rss_before, retries;
	double compact_ms, longest_call_ms, longest_call_cpu_ms;
	uint64_t compact_calls, compact_blocks;
};

static const char *codec_name(const struct density *d)
{
	return rzs_codec_lookup(d->o->codec)->name;
}

static uint64_t ideal_bytes(const struct density *d)
{
	uint64_t sum = 0;

	for (uint64_t slot = 0; slot < d->nr; slot++)
		if (d->page[slot] != BENCH_EMPTY)
			sum += d->size[d->page[slot]];
	return sum;
}

void bench_density_heading(void)
{
	printf("\nRAM held, in times of the compressed bytes (ideal: their sum; all: with the "
	       "reserve;\n"
	       "rest in %% of the compressed bytes)\n"
	       "%-5s %6s %-11s | %9s %7s %7s %7s | %6s %6s %6s %7s | %7s\n",
	       "codec", "MiB", "after", "ideal MiB", "all", "held", "of orig", "direct.", "slack",
	       "tables", "reserve", "RSS");
}

static void report(struct density *d, const char *after)
{
	struct rzsb_json *j = d->o->json;
	uint64_t rss = rzsb_rss(getpid()) - d->rss_before;
	struct rzs_stats st;
	double ideal = (double)ideal_bytes(d), held;

	rzs_store_stats(d->store, &st);
	held = (double)(st.mem_bytes - st.reserve_bytes);
	printf("%-5s %6llu %-11s | %9.1f %7.4f %7.4f %7.4f | %6.2f %6.2f %6.2f %7.2f | %7.4f\n",
	       codec_name(d), (unsigned long long)d->nr / 256, after, rzsb_mib(ideal),
	       (double)st.mem_bytes / ideal, held / ideal, held / (double)(d->nr * RZS_PAGE_SIZE),
	       100.0 * (double)st.object_meta_bytes / ideal, 100.0 * (double)st.slack_bytes / ideal,
	       100.0 * (double)(st.table_bytes + st.fixed_bytes) / ideal,
	       100.0 * (double)st.reserve_bytes / ideal, (double)rss / ideal);
	rzsb_json_begin(j, "store_density");
	rzsb_json_str(j, "codec", codec_name(d));
	rzsb_json_str(j, "after", after);
	rzsb_json_int(j, "size_bytes", d->nr * RZS_PAGE_SIZE);
	rzsb_json_num(j, "ideal_bytes", ideal);
	rzsb_json_num(j, "held_per_ideal", held / ideal);
	rzsb_json_num(j, "held_with_reserve_per_ideal", (double)st.mem_bytes / ideal);
	rzsb_json_num(j, "held_per_object_byte", held / (double)st.object_bytes);
	rzsb_json_int(j, "object_bytes", st.object_bytes);
	rzsb_json_int(j, "mem_bytes", st.mem_bytes);
	rzsb_json_int(j, "block_bytes", st.block_bytes);
	rzsb_json_int(j, "object_meta_bytes", st.object_meta_bytes);
	rzsb_json_int(j, "slack_bytes", st.slack_bytes);
	rzsb_json_int(j, "table_bytes", st.table_bytes);
	rzsb_json_int(j, "fixed_bytes", st.fixed_bytes);
	rzsb_json_int(j, "reserve_bytes", st.reserve_bytes);
	rzsb_json_int(j, "rss_growth_bytes", rss);
	rzsb_json_int(j, "pages_same", st.pages_same);
	rzsb_json_int(j, "pages_compressed", st.pages_compressed);
	rzsb_json_int(j, "pages_raw", st.pages_raw);
	rzsb_json_int(j, "slides", st.slides);
	rzsb_json_int(j, "slide_bytes", st.slide_bytes);
	rzsb_json_int(j, "moved_objects", st.moved_objects);
	rzsb_json_int(j, "reserve_empty_retries", d->retries);
	rzsb_json_end(j);
	fflush(stdout);
}

static void churn(struct density *d, uint64_t *seed)
{
	for (uint64_t i = 0; i < d->nr * d->o->churn; i++) {
		uint32_t slot = (uint32_t)rzsb_rand_below(seed, d->nr);
		uint32_t page = (uint32_t)rzsb_rand_below(seed, d->o->corpus->nr);

		rzsb_store_put(d->store, d->worker, slot, rzsb_page(d->o->corpus, page),
			       &d->retries);
		d->page[slot] = page;
	}
}

/* Each slot with a chance of one half. */
static void discard_half(struct density *d, uint64_t *seed)
{
	for (uint64_t slot = 0; slot < d->nr; slot++) {
		if (rzsb_rand(seed) & 1)
			continue;
		if (rzs_store_discard(d->store, d->worker, slot, 1) < 0)
			rzst_die(RZSB_FAILED, "discarding slot %llu failed",
				 (unsigned long long)slot);
		d->page[slot] = BENCH_EMPTY;
	}
}

/* Reads random slots until stop is set, and records how long each took. */
struct prober {
	struct density *d;
	pthread_t tid;
	bool stop;
	double *us;
	size_t nr;
};

static void *probe(void *arg)
{
	struct prober *p = arg;
	struct rzs_worker *w = rzs_worker_get(p->d->store, 1);
	uint64_t seed = p->d->o->seed ^ 0xabcdef;
	uint8_t page[RZS_PAGE_SIZE];

	while (!__atomic_load_n(&p->stop, __ATOMIC_ACQUIRE) && p->nr < PROBES) {
		uint64_t slot = rzsb_rand_below(&seed, p->d->nr), t = rzst_now();
		uint32_t expected = p->d->page[slot];

		if (expected == BENCH_EMPTY)
			continue;
		if (rzs_store_read(p->d->store, w, slot, page) < 0)
			rzst_die(RZSB_FAILED, "reading slot %llu during compaction failed",
				 (unsigned long long)slot);
		p->us[p->nr] = (double)(rzst_now() - t) / 1000;
		__atomic_store_n(&p->nr, p->nr + 1, __ATOMIC_RELEASE);
		if (!bench_store_is_page(p->d->o, expected, page))
			rzst_die(RZSB_FAILED, "slot %llu is wrong during compaction",
				 (unsigned long long)slot);
	}
	rzs_worker_put(p->d->store, w);
	return NULL;
}

/* Returns after the first 1000 reads, or 10 seconds. */
static void probe_start(struct prober *p)
{
	uint64_t deadline = rzst_now() + 10000000000u;

	p->stop = false;
	p->nr = 0;
	if (pthread_create(&p->tid, NULL, probe, p) != 0)
		rzst_die(RZSB_FAILED, "cannot start a thread");
	while (__atomic_load_n(&p->nr, __ATOMIC_ACQUIRE) < 1000 && rzst_now() < deadline)
		sched_yield();
}

static void probe_stop(struct prober *p)
{
	__atomic_store_n(&p->stop, true, __ATOMIC_RELEASE);
	pthread_join(p->tid, NULL);
}

static void compact(struct density *d)
{
	uint64_t start = rzst_now();
	bool more = true;

	d->compact_calls = d->compact_blocks = 0;
	d->longest_call_ms = d->longest_call_cpu_ms = 0;
	while (more) {
		uint64_t t = rzst_now(), cpu = rzsb_cpu_thread(), blocks;
		double ms, cpu_ms;

		if (rzs_store_compact(d->store, d->worker, d->o->batch, &blocks, &more) < 0)
			rzst_die(RZSB_FAILED, "compaction failed");
		cpu_ms = (double)(rzsb_cpu_thread() - cpu) / 1e6;
		ms = (double)(rzst_now() - t) / 1e6;
		d->longest_call_ms = ms > d->longest_call_ms ? ms : d->longest_call_ms;
		d->longest_call_cpu_ms =
			cpu_ms > d->longest_call_cpu_ms ? cpu_ms : d->longest_call_cpu_ms;
		d->compact_blocks += blocks;
		d->compact_calls++;
	}
	d->compact_ms = (double)(rzst_now() - start) / 1e6;
}

/* JSON: the three of them, in microseconds. */
static void json_reads(struct rzsb_json *j, const char *key, const struct rzsb_latency *us)
{
	const double v[] = {us->p50, us->p999, us->most};

	rzsb_json_list(j, key, v, 3);
}

static void report_compaction(const struct density *d, const char *after,
			      const struct rzsb_latency *with, const struct rzsb_latency *alone)
{
	struct rzsb_json *j = d->o->json;

	printf("      compaction: %.1f ms in %llu calls, longest %.2f ms (%.2f ms of CPU), %llu "
	       "blocks freed;\n"
	       "      reads meanwhile us p50 %.1f p99.9 %.1f max %.0f; without it %.1f %.1f %.0f\n",
	       d->compact_ms, (unsigned long long)d->compact_calls, d->longest_call_ms,
	       d->longest_call_cpu_ms, (unsigned long long)d->compact_blocks, with->p50, with->p999,
	       with->most, alone->p50, alone->p999, alone->most);
	rzsb_json_begin(j, "store_compaction");
	rzsb_json_str(j, "codec", codec_name(d));
	rzsb_json_int(j, "size_bytes", d->nr * RZS_PAGE_SIZE);
	rzsb_json_str(j, "after", after);
	rzsb_json_num(j, "total_ms", d->compact_ms);
	rzsb_json_num(j, "longest_call_ms", d->longest_call_ms);
	rzsb_json_num(j, "longest_call_cpu_ms", d->longest_call_cpu_ms);
	rzsb_json_int(j, "calls", d->compact_calls);
	rzsb_json_int(j, "blocks", d->compact_blocks);
	rzsb_json_int(j, "objects_per_call", d->o->batch);
	json_reads(j, "read_us_p50_p999_max", with);
	json_reads(j, "read_alone_us_p50_p999_max", alone);
	rzsb_json_end(j);
}

/* Compaction while a thread reads; then the same reader alone for as long. */
static void compact_with_reader(struct density *d, const char *after)
{
	struct prober p = {.d = d, .us = rzsb_alloc(PROBES * sizeof(double))};
	struct rzsb_latency with, alone;
	uint64_t end;

	probe_start(&p);
	compact(d);
	probe_stop(&p);
	with = rzsb_latency_of(p.us, p.nr);
	probe_start(&p);
	for (end = rzst_now() + (uint64_t)(d->compact_ms * 1e6); rzst_now() < end;)
		;
	probe_stop(&p);
	alone = rzsb_latency_of(p.us, p.nr);
	munmap(p.us, PROBES * sizeof(double));
	report_compaction(d, after, &with, &alone);
}

static void check(struct density *d)
{
	const char *what;

	bench_store_compare(d->o, d->store, d->worker, d->page, d->nr);
	if (rzs_store_verify(d->store, d->worker, true, &what) < 0)
		rzst_die(RZSB_FAILED, "the store is broken: %s", what ? what : "?");
}

void bench_density_run(const struct bench_store_options *o, uint64_t nr)
{
	struct density d = {.o = o, .nr = nr};
	uint32_t *order = rzsb_alloc(nr * sizeof(*order));
	uint64_t seed = o->seed;

	d.size = bench_codec_sizes(o, NULL);
	d.page = rzsb_alloc(nr * sizeof(*d.page));
	for (uint64_t i = 0; i < nr; i++) {
		order[i] = (uint32_t)i;
		d.page[i] = (uint32_t)(nr < o->corpus->nr ? rzsb_rand_below(&seed, o->corpus->nr)
							  : i % o->corpus->nr);
	}
	rzsb_shuffle(order, nr, &seed);
	d.rss_before = rzsb_rss(getpid());
	d.store = bench_store_make(o, nr, 2, o->reserve);
	d.worker = rzs_worker_get(d.store, 0);
	for (uint64_t k = 0; k < nr; k++)
		rzsb_store_put(d.store, d.worker, order[k], rzsb_page(o->corpus, d.page[order[k]]),
			       &d.retries);
	report(&d, "fill");
	check(&d);
	churn(&d, &seed);
	report(&d, "churn");
	compact_with_reader(&d, "churn");
	report(&d, "compaction");
	check(&d);
	discard_half(&d, &seed);
	report(&d, "discard");
	compact_with_reader(&d, "discard");
	report(&d, "compaction2");
	check(&d);
	rzs_worker_put(d.store, d.worker);
	rzs_store_destroy(d.store);
	munmap(d.size, o->corpus->nr * sizeof(*d.size));
	munmap(d.page, nr * sizeof(*d.page));
	munmap(order, nr * sizeof(*order));
}
