/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What recompression of idle pages saves and costs, alone and in units.  A store gets the corpus in
 * its order, which is that of addresses.  Then all pages count as old and are recompressed.  The
 * memory held is taken after compaction, with everything that it needs.  Reads of every page, in
 * order and at random, are what a refault costs.  Every page is compared at the end.
 *
 * zram is computed for the same pages: as a fill leaves it, and after its own recompression of all
 * pages with zstd at its default level, where that makes an object smaller.  The kernel's own can
 * be measured beside it (store_zram.c).
 */
#include "codec.h"
#include "store_cases.h"
#include "rzsb_cmd.h"
#include "rzsb_models.h"
#include "rzsb_store.h"

#include <math.h>
#include <string.h>
#include <sys/mman.h>

#define SECOND	   "zstd"
#define ZRAM_LEVEL 3
#define ZRAM_CHAIN 8 /* pages of a zspage, at most */

/* Of one round, at one moment. */
struct outcome {
	double held; /* bytes, without the reserve */
	struct bench_read in_order, random;
	double work_ns; /* CPU time of the write, or the try, of a page */
	struct rzs_stats st;
};

struct idle_run {
	const struct bench_store_options *o;
	struct bench_pages p;
	unsigned unit;
	struct outcome *out[2]; /* o->rounds: after the fill, and recompressed */
	bool measured;		/* zram was, not only computed */
	struct bench_zram zram;
	double model[2]; /* bytes of zram: filled, and recompressed by itself */
};

static void must(int err, const char *what)
{
	if (err < 0)
		rzst_die(RZSB_FAILED, "%s failed: %s", what, strerror(-err));
}

static double fill(const struct idle_run *m, struct rzs_store *s, struct rzs_worker *w)
{
	uint64_t start = rzsb_cpu_thread(), retries = 0;

	for (uint64_t i = 0; i < m->p.nr; i++)
		rzsb_store_put(s, w, (uint32_t)i, rzsb_page(m->o->corpus, m->p.page[i]), &retries);
	return (double)(rzsb_cpu_thread() - start) / (double)m->p.nr;
}

/* order: NULL: that of addresses. */
static struct bench_read read_all(const struct idle_run *m, struct rzs_store *s,
				  struct rzs_worker *w, const uint32_t *order)
{
	uint64_t start = rzsb_cpu_thread(), clock = rzst_now();
	uint8_t buf[RZS_PAGE_SIZE];
	struct bench_read r;

	for (uint64_t k = 0; k < m->p.nr; k++)
		must(rzs_store_read(s, w, order ? order[k] : k, buf), "a read");
	r.clock_s = (double)(rzst_now() - clock) / 1e9;
	r.cpu_ns = (double)(rzsb_cpu_thread() - start) / (double)m->p.nr;
	return r;
}

/* How much it holds after compaction, and what reads take. */
static void look(const struct idle_run *m, struct rzs_store *s, struct rzs_worker *w,
		 struct outcome *out)
{
	uint64_t blocks;
	bool more = true;

	while (more)
		must(rzs_store_compact(s, w, UINT64_MAX, &blocks, &more), "compaction");
	rzs_store_stats(s, &out->st);
	out->held = (double)(out->st.mem_bytes - out->st.reserve_bytes);
	out->in_order = read_all(m, s, w, NULL);
	out->random = read_all(m, s, w, m->p.order);
}

/* Recompress all pages.  Nobody waits for memory here, so the reserve may be used up. */
static double recompress(const struct idle_run *m, struct rzs_store *s, struct rzs_worker *w)
{
	const struct rzs_recompress_params params = {.min_age = 1, .unit = m->unit};
	uint64_t start = rzsb_cpu_thread(), before;
	struct rzs_stats st = {0};
	bool done;

	do {
		must(rzs_store_idle_mark(s, UINT64_MAX, &done), "a mark");
	} while (!done);
	/* A page for whose object there was no block is tried again. */
	do {
		before = st.recompress_kept;
		do {
			must(rzs_store_recompress(s, w, &params, 1024, 1024, &done), "a try");
		} while (!done);
		rzs_store_stats(s, &st);
	} while (st.recompress_kept > before);
	return (double)(rzsb_cpu_thread() - start) / (double)m->p.nr;
}

static void run_one(const struct idle_run *m, struct outcome *before, struct outcome *after)
{
	struct rzs_store *s = bench_store_make(m->o, m->p.nr, 1, m->o->reserve);
	struct rzs_worker *w = rzs_worker_get(s, 0);

	before->work_ns = fill(m, s, w);
	look(m, s, w, before);
	rzs_worker_put(s, w);
	must(rzs_store_idle_open(s), "making ages");
	must(rzs_store_recompress_open(s, SECOND, 0), "making contexts");
	w = rzs_worker_get(s, 0);
	after->work_ns = recompress(m, s, w);
	look(m, s, w, after);
	bench_store_compare(m->o, s, w, m->p.page, m->p.nr);
	rzs_worker_put(s, w);
	rzs_store_destroy(s);
}

/* ---- zram */

/* Bytes that zram holds for pages of these sizes; second: NULL, or those of its recompression. */
static double zram_bytes(const struct idle_run *m, const uint16_t *first, const uint16_t *second)
{
	uint64_t *count = rzsb_alloc((RZS_PAGE_SIZE + 1) * sizeof(*count)), same = 0;
	struct rzsb_zsmalloc z;
	double bytes;

	for (uint64_t i = 0; i < m->p.nr; i++) {
		uint32_t p = m->p.page[i];

		if (first[p])
			count[second && second[p] < first[p] ? second[p] : first[p]]++;
		else
			same++;
	}
	rzsb_zsmalloc_init(&z, ZRAM_CHAIN);
	bytes = rzsb_zsmalloc_bytes(&z, count, 1, (double)same);
	munmap(count, (RZS_PAGE_SIZE + 1) * sizeof(*count));
	return bytes;
}

static void model_zram(struct idle_run *m)
{
	struct bench_store_options o = *m->o;
	size_t bytes = m->o->corpus->nr * sizeof(uint16_t);
	uint16_t *first = bench_codec_sizes(&o, NULL), *second;

	o.codec = SECOND;
	o.level = ZRAM_LEVEL;
	second = bench_codec_sizes(&o, NULL);
	m->model[0] = zram_bytes(m, first, NULL);
	m->model[1] = zram_bytes(m, first, second);
	munmap(first, bytes);
	munmap(second, bytes);
}

/* ---- the report */

/* Medians of the rounds. */
static struct outcome median(const struct idle_run *m, unsigned after)
{
#define OVER(member) rzsb_over_rounds(&v->member, sizeof(*v), m->o->rounds, NULL)
	const struct outcome *v = m->out[after];
	struct outcome x = {
		.held = OVER(held),
		.in_order = {OVER(in_order.cpu_ns), OVER(in_order.clock_s)},
		.random = {OVER(random.cpu_ns), OVER(random.clock_s)},
		.work_ns = OVER(work_ns),
		.st = v->st,
	};

	return x;
#undef OVER
}

/* What zram holds: measured, if it was. */
static double zram_held(const struct idle_run *m)
{
	return m->measured ? m->zram.held : m->model[0];
}

static void show(const struct idle_run *m, const char *who, const char *unit, double held,
		 const struct bench_read *in_order, const struct bench_read *random, double work_ns)
{
	printf("%-8s %-8s | %8.2f %7.4f %7.4f | ", who, unit, rzsb_mib(held),
	       held / ((double)m->p.nr * RZS_PAGE_SIZE), held / zram_held(m));
	rzsb_cell(7, 0, in_order->cpu_ns, " ");
	rzsb_cell(7, 0, random->cpu_ns, " ");
	rzsb_cell(7, 2, in_order->clock_s, " | ");
	rzsb_cell(7, 0, work_ns, "\n");
}

static void json(const struct idle_run *m, const struct outcome *before,
		 const struct outcome *after)
{
	struct rzsb_json *j = m->o->json;

	rzsb_json_begin(j, "store_idle");
	rzsb_json_str(j, "codec", rzs_codec_lookup(m->o->codec)->name);
	rzsb_json_int(j, "size_bytes", m->p.nr * RZS_PAGE_SIZE);
	rzsb_json_int(j, "unit", m->unit);
	rzsb_json_int(j, "pages_recompressed", after->st.pages_recompressed);
	rzsb_json_int(j, "units", after->st.units);
	rzsb_json_int(j, "unit_pages", after->st.unit_pages);
	rzsb_json_int(j, "recompress_bytes", after->st.recompress_bytes);
	rzsb_json_num(j, "held_bytes", before->held);
	rzsb_json_num(j, "held_recompressed_bytes", after->held);
	rzsb_json_num(j, "zram_model_bytes", m->model[0]);
	rzsb_json_num(j, "zram_model_recompressed_bytes", m->model[1]);
	rzsb_json_num(j, "read_ns_per_page", before->random.cpu_ns);
	rzsb_json_num(j, "read_in_order_ns_per_page", before->in_order.cpu_ns);
	rzsb_json_num(j, "read_in_order_s", before->in_order.clock_s);
	rzsb_json_num(j, "read_recompressed_ns_per_page", after->random.cpu_ns);
	rzsb_json_num(j, "read_recompressed_in_order_ns_per_page", after->in_order.cpu_ns);
	rzsb_json_num(j, "read_recompressed_in_order_s", after->in_order.clock_s);
	rzsb_json_num(j, "recompress_ns_per_page", after->work_ns);
	rzsb_json_end(j);
}

static void json_zram(const struct idle_run *m)
{
	const struct bench_zram *z = &m->zram;
	struct rzsb_json *j = m->o->json;

	rzsb_json_begin(j, "store_idle_zram");
	rzsb_json_str(j, "codec", m->o->zram);
	rzsb_json_int(j, "size_bytes", m->p.nr * RZS_PAGE_SIZE);
	rzsb_json_num(j, "held_bytes", z->held);
	rzsb_json_num(j, "write_ns_per_page", z->write_ns);
	rzsb_json_num(j, "read_ns_per_page", z->random.cpu_ns);
	rzsb_json_num(j, "read_in_order_ns_per_page", z->in_order.cpu_ns);
	rzsb_json_num(j, "read_in_order_s", z->in_order.clock_s);
	rzsb_json_num(j, "read_empty_ns_per_page", z->empty.cpu_ns);
	rzsb_json_num(j, "read_empty_s", z->empty.clock_s);
	rzsb_json_end(j);
}

void bench_idle_heading(void)
{
	printf("\nIdle pages, recompressed with %s: RAM held (of the pages; of zram's).  ns of CPU "
	       "for a read\n"
	       "of each page, in order and at random; seconds by the clock for all in order; ns "
	       "for a write\n"
	       "or a try\n"
	       "%-8s %-8s | %8s %7s %7s | %7s %7s %7s | %7s\n",
	       SECOND, "codec", "unit", "held MiB", "of raw", "of zram", "order", "random",
	       "order s", "write");
}

static void show_zram(const struct idle_run *m)
{
	const struct bench_read unknown = {(double)NAN, (double)NAN};
	const struct bench_zram *z = &m->zram;

	printf("%.1f MiB\n", rzsb_pages_mib(m->p.nr));
	show(m, "zram", "computed", m->model[0], &unknown, &unknown, (double)NAN);
	show(m, "zram", "recompr.", m->model[1], &unknown, &unknown, (double)NAN);
	if (!m->measured)
		return;
	show(m, m->o->zram, "empty", 0, &z->empty, &z->empty, (double)NAN);
	show(m, m->o->zram, "device", z->held, &z->in_order, &z->random, z->write_ns);
	json_zram(m);
}

static void run_unit(struct idle_run *m, bool first)
{
	const char *codec = rzs_codec_lookup(m->o->codec)->name;
	struct outcome before, after;
	char unit[16];

	for (unsigned r = 0; r < m->o->rounds; r++)
		run_one(m, &m->out[0][r], &m->out[1][r]);
	before = median(m, 0);
	after = median(m, 1);
	if (first)
		show(m, codec, "not", before.held, &before.in_order, &before.random,
		     before.work_ns);
	snprintf(unit, sizeof(unit), "%u", m->unit);
	show(m, codec, unit, after.held, &after.in_order, &after.random, after.work_ns);
	json(m, &before, &after);
	fflush(stdout);
}

void bench_idle_run(const struct bench_store_options *o, uint64_t nr, const struct rzsb_list *units)
{
	struct idle_run m = {.o = o, .p = {.nr = nr}};
	size_t bytes = o->rounds * sizeof(*m.out[0]);
	uint64_t seed = o->seed;

	if (!rzs_codec_lookup(SECOND))
		rzst_die(RZSB_NOTHING, "this build has no " SECOND " to recompress with");
	m.p.page = rzsb_alloc(nr * sizeof(*m.p.page));
	m.p.order = rzsb_alloc(nr * sizeof(*m.p.order));
	for (uint64_t i = 0; i < nr; i++) {
		m.p.page[i] = (uint32_t)(i % o->corpus->nr);
		m.p.order[i] = (uint32_t)i;
	}
	rzsb_shuffle(m.p.order, nr, &seed);
	m.out[0] = rzsb_alloc(bytes);
	m.out[1] = rzsb_alloc(bytes);
	model_zram(&m);
	m.measured = bench_zram_run(o, &m.p, &m.zram);
	show_zram(&m);
	for (unsigned i = 0; i < units->nr; i++) {
		m.unit = (unsigned)units->v[i];
		run_unit(&m, i == 0);
	}
	munmap(m.out[0], bytes);
	munmap(m.out[1], bytes);
	munmap(m.p.page, nr * sizeof(*m.p.page));
	munmap(m.p.order, nr * sizeof(*m.p.order));
}
