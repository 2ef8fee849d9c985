/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What recompression of idle pages saves and costs.  A store gets the corpus in its order, which is
 * that of addresses.  Then all pages count as old and are recompressed.  The memory held is taken
 * after compaction, with everything that it needs.  A read of every page, at random, is what a
 * refault costs.  Every page is compared at the end.
 *
 * zram is computed for the same pages: as a fill leaves it, and after its own recompression of all
 * pages with zstd at its default level, where that makes an object smaller.
 */
#include "codec.h"
#include "store_cases.h"
#include "rzsb_cmd.h"
#include "rzsb_models.h"
#include "rzsb_store.h"

#include <string.h>
#include <sys/mman.h>

#define SECOND	   "zstd"
#define ZRAM_LEVEL 3
#define ZRAM_CHAIN 8 /* pages of a zspage, at most */

/* Of one round; CPU time of the thread, before and after. */
struct outcome {
	double read_ns[2], held[2]; /* of a page; bytes, without the reserve */
	double write_ns, try_ns;    /* of a page */
	struct rzs_stats st;
};

struct idle_run {
	const struct bench_store_options *o;
	uint64_t nr;
	uint32_t *page, *order; /* page[i] is i; order is random */
	struct outcome *out;	/* o->rounds */
};

static void must(int err, const char *what)
{
	if (err < 0)
		rzst_die(RZSB_FAILED, "%s failed: %s", what, strerror(-err));
}

static double fill(const struct idle_run *m, struct rzs_store *s, struct rzs_worker *w)
{
	uint64_t start = rzsb_cpu_thread(), retries = 0;

	for (uint64_t i = 0; i < m->nr; i++)
		rzsb_store_put(s, w, i, rzsb_page(m->o->corpus, (uint32_t)i), &retries);
	return (double)(rzsb_cpu_thread() - start) / (double)m->nr;
}

/* How much it holds after compaction, and what a read takes; in place `after` of the outcome. */
static void look(const struct idle_run *m, struct rzs_store *s, struct rzs_worker *w,
		 struct outcome *out, unsigned after)
{
	uint8_t buf[RZS_PAGE_SIZE];
	uint64_t blocks, start;
	bool more = true;

	while (more)
		must(rzs_store_compact(s, w, UINT64_MAX, &blocks, &more), "compaction");
	rzs_store_stats(s, &out->st);
	out->held[after] = (double)(out->st.mem_bytes - out->st.reserve_bytes);
	start = rzsb_cpu_thread();
	for (uint64_t k = 0; k < m->nr; k++)
		must(rzs_store_read(s, w, m->order[k], buf), "a read");
	out->read_ns[after] = (double)(rzsb_cpu_thread() - start) / (double)m->nr;
}

/* Recompress all pages.  Nobody waits for memory here, so the reserve may be used up. */
static double recompress(const struct idle_run *m, struct rzs_store *s, struct rzs_worker *w)
{
	const struct rzs_recompress_params params = {.min_age = 1};
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
	return (double)(rzsb_cpu_thread() - start) / (double)m->nr;
}

static void run_one(const struct idle_run *m, struct outcome *out)
{
	struct rzs_store *s = bench_store_make(m->o, m->nr, 1, m->o->reserve);
	struct rzs_worker *w = rzs_worker_get(s, 0);

	out->write_ns = fill(m, s, w);
	look(m, s, w, out, 0);
	rzs_worker_put(s, w);
	must(rzs_store_idle_open(s), "making ages");
	must(rzs_store_recompress_open(s, SECOND, 0), "making contexts");
	w = rzs_worker_get(s, 0);
	out->try_ns = recompress(m, s, w);
	look(m, s, w, out, 1);
	bench_store_compare(m->o, s, w, m->page, m->nr);
	rzs_worker_put(s, w);
	rzs_store_destroy(s);
}

/* ---- zram ---- */

/* Bytes that zram holds for pages of these sizes; second: NULL, or those of its recompression. */
static double zram_bytes(const struct idle_run *m, const uint16_t *first, const uint16_t *second)
{
	uint64_t *count = rzsb_alloc((RZS_PAGE_SIZE + 1) * sizeof(*count)), same;
	struct rzsb_zsmalloc z;
	double bytes;

	for (size_t b = 0; b < m->o->corpus->nr_busy; b++) {
		uint32_t p = m->o->corpus->busy[b];

		count[second && second[p] < first[p] ? second[p] : first[p]]++;
	}
	same = m->o->corpus->nr - m->o->corpus->nr_busy;
	rzsb_zsmalloc_init(&z, ZRAM_CHAIN);
	bytes = rzsb_zsmalloc_bytes(&z, count, 1, (double)same);
	munmap(count, (RZS_PAGE_SIZE + 1) * sizeof(*count));
	return bytes;
}

static void model_zram(const struct idle_run *m, double out[2])
{
	struct bench_store_options o = *m->o;
	size_t bytes = m->o->corpus->nr * sizeof(uint16_t);
	uint16_t *first = bench_codec_sizes(&o, NULL), *second;

	o.codec = SECOND;
	o.level = ZRAM_LEVEL;
	second = bench_codec_sizes(&o, NULL);
	out[0] = zram_bytes(m, first, NULL);
	out[1] = zram_bytes(m, first, second);
	munmap(first, bytes);
	munmap(second, bytes);
}

/* ---- the report ---- */

static void report(const struct idle_run *m)
{
#define OVER_ROUNDS(member) rzsb_over_rounds(&m->out->member, sizeof(*m->out), m->o->rounds, NULL)
	const char *codec = rzs_codec_lookup(m->o->codec)->name;
	const struct rzs_stats *st = &m->out->st;
	double held[2] = {OVER_ROUNDS(held[0]), OVER_ROUNDS(held[1])}, zram[2];
	double read_ns[2] = {OVER_ROUNDS(read_ns[0]), OVER_ROUNDS(read_ns[1])};
	double try_ns = OVER_ROUNDS(try_ns);
	struct rzsb_json *j = m->o->json;

	model_zram(m, zram);
	printf("%-5s %6.1f %-9s | %8.2f %7.4f %7.4f | %8.2f %8.2f | %7.0f %7.0f\n", codec,
	       rzsb_pages_mib(m->nr), "not", rzsb_mib(held[0]), 1.0, held[0] / zram[0],
	       rzsb_mib(zram[0]), rzsb_mib(zram[1]), read_ns[0], OVER_ROUNDS(write_ns));
	printf("%-5s %6.1f %-9s | %8.2f %7.4f %7.4f | %8.2f %8.2f | %7.0f %7.0f\n", codec,
	       rzsb_pages_mib(m->nr), "all", rzsb_mib(held[1]), held[1] / held[0],
	       held[1] / zram[0], rzsb_mib(zram[0]), rzsb_mib(zram[1]), read_ns[1], try_ns);
	rzsb_json_begin(j, "store_idle");
	rzsb_json_str(j, "codec", codec);
	rzsb_json_int(j, "size_bytes", m->nr * RZS_PAGE_SIZE);
	rzsb_json_int(j, "pages_recompressed", st->pages_recompressed);
	rzsb_json_int(j, "recompress_bytes", st->recompress_bytes);
	rzsb_json_num(j, "held_bytes", held[0]);
	rzsb_json_num(j, "held_recompressed_bytes", held[1]);
	rzsb_json_num(j, "zram_model_bytes", zram[0]);
	rzsb_json_num(j, "zram_model_recompressed_bytes", zram[1]);
	rzsb_json_num(j, "read_ns_per_page", read_ns[0]);
	rzsb_json_num(j, "read_recompressed_ns_per_page", read_ns[1]);
	rzsb_json_num(j, "recompress_ns_per_page", try_ns);
	rzsb_json_end(j);
	fflush(stdout);
#undef OVER_ROUNDS
}

void bench_idle_heading(void)
{
	printf("\nIdle pages, recompressed with %s: RAM held (of that before; of zram's), zram as "
	       "computed\n"
	       "without and with its own recompression, ns of CPU for a read, and for a write or a "
	       "try\n"
	       "%-5s %6s %-9s | %8s %7s %7s | %8s %8s | %7s %7s\n",
	       SECOND, "codec", "MiB", "recompr.", "held MiB", "of not", "of zram", "zram MiB",
	       "recompr.", "read", "write");
}

void bench_idle_run(const struct bench_store_options *o)
{
	struct idle_run m = {.o = o, .nr = o->corpus->nr};
	uint64_t seed = o->seed;

	if (!rzs_codec_lookup(SECOND))
		rzst_die(RZSB_NOTHING, "this build has no " SECOND " to recompress with");
	m.page = rzsb_alloc(m.nr * sizeof(*m.page));
	m.order = rzsb_alloc(m.nr * sizeof(*m.order));
	for (uint64_t i = 0; i < m.nr; i++)
		m.order[i] = m.page[i] = (uint32_t)i;
	rzsb_shuffle(m.order, m.nr, &seed);
	m.out = rzsb_alloc(o->rounds * sizeof(*m.out));
	for (unsigned r = 0; r < o->rounds; r++)
		run_one(&m, &m.out[r]);
	report(&m);
	munmap(m.out, o->rounds * sizeof(*m.out));
	munmap(m.page, m.nr * sizeof(*m.page));
	munmap(m.order, m.nr * sizeof(*m.order));
}
