/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench/store: the store in this process, on captured pages.  It measures time beside the bare
 * codec call, with several threads and sizes, and the memory that the store holds.  Tables go to
 * standard output, JSON lines to the file named by -o.  Exit codes: those of rzsbench, in
 * rzsb_cmd.h.
 */
#define _GNU_SOURCE
#include "store_cases.h"
#include "codec.h"
#include "rzsb_args.h"
#include "rzsb_cmd.h"
#include "rzsb_files.h"
#include "std_fds.h"

#include <getopt.h>
#include <string.h>
#include <sys/mman.h>

struct rzs_store *bench_store_make(const struct bench_store_options *o, uint64_t nr,
				   unsigned threads, uint64_t reserve)
{
	struct rzs_config cfg = {
		.nr_pages = nr,
		.codec = o->codec,
		.level = o->level,
		.reserve_bytes = reserve,
		.nr_workers = threads,
		.no_checksum = o->no_checksum,
	};
	struct rzs_store *s;
	int err = rzs_store_create(&cfg, &s);

	if (err < 0)
		rzst_die(RZSB_FAILED, "cannot create a store of %llu pages: %s",
			 (unsigned long long)nr, strerror(-err));
	return s;
}

bool bench_store_is_page(const struct bench_store_options *o, uint32_t page, const void *buf)
{
	static const uint8_t zeros[RZS_PAGE_SIZE];

	return memcmp(buf, page == BENCH_EMPTY ? zeros : rzsb_page(o->corpus, page),
		      RZS_PAGE_SIZE) == 0;
}

void bench_store_compare(const struct bench_store_options *o, struct rzs_store *s,
			 struct rzs_worker *w, const uint32_t *page, uint64_t nr)
{
	uint8_t buf[RZS_PAGE_SIZE];

	for (uint64_t slot = 0; slot < nr; slot++) {
		int err = rzs_store_read(s, w, slot, buf);

		if (err < 0)
			rzst_die(RZSB_FAILED, "reading slot %llu failed: %s",
				 (unsigned long long)slot, strerror(-err));
		if (!bench_store_is_page(o, page[slot], buf))
			rzst_die(RZSB_FAILED, "slot %llu holds wrong bytes",
				 (unsigned long long)slot);
	}
}

void *bench_codec_context(const struct bench_store_options *o, size_t *out_size)
{
	const struct rzs_codec *codec = rzs_codec_lookup(o->codec);
	int level = o->level ? o->level : codec->level_default;
	void *ctx = NULL;

	*out_size = codec->ctx_size(level);
	if (*out_size)
		ctx = rzsb_alloc(*out_size);
	if (!ctx || codec->ctx_init(ctx, *out_size, level))
		rzst_die(RZSB_USAGE, "the codec refuses level %d", level);
	return ctx;
}

uint16_t *bench_codec_sizes(const struct bench_store_options *o, uint8_t *objects)
{
	const struct rzs_codec *codec = rzs_codec_lookup(o->codec);
	uint16_t *size = rzsb_alloc(o->corpus->nr * sizeof(*size));
	uint8_t out[RZS_CODEC_OUT_SIZE];
	size_t ctx_size;
	void *ctx = bench_codec_context(o, &ctx_size);

	for (size_t b = 0; b < o->corpus->nr_busy; b++) {
		uint32_t p = o->corpus->busy[b];
		int n = codec->compress(ctx, rzsb_page(o->corpus, p), out);

		size[p] = (uint16_t)(n > 0 && n < (int)RZS_PAGE_SIZE ? (uint32_t)n : RZS_PAGE_SIZE);
		if (objects)
			memcpy(objects + (size_t)p * RZS_PAGE_SIZE, out, size[p]);
	}
	munmap(ctx, ctx_size);
	return size;
}

static const struct rzsb_option options[] = {
	{'a', "algorithm", "CODEC", "compressor (default: the store's)"},
	{'l', "level", "N", "its level"},
	{'c', "cases", "WHICH", "time, density, both (default), merge, idle or latency"},
	{'s', "size", "MIB,...", "sizes of the store (default 512; idle: the corpus once)"},
	{'t', "threads", "N,...", "numbers of threads (default 1,2)"},
	{'r', "rounds", "N", "each time is the median of N (default 5)"},
	{'S', "sequential", NULL, "also with the slots in order"},
	{'x', "churn", "TIMES", "overwrites, in times of the size (default 5)"},
	{'b', "batch", "OBJECTS", "most that a call of compaction moves (default 512)"},
	{'w', "twins", "PERCENT,...", "of the pages, where merging is measured (default 0,50)"},
	{'u', "units", "PAGES,...", "that idle pages are recompressed in (default 1,2,4,8)"},
	{'z', "zram", "ALGORITHM", "beside idle pages also this machine's /dev/zram0"},
	{'n', "no-checksum", NULL, "no checksums"},
	{'R', "reserve", "KIB", "of the store while density is measured (default 512)"},
	RZSB_RECORD_OPTIONS,
	{0},
};

/* What was asked for. */
struct request {
	struct bench_store_options o;
	struct rzsb_record record;
	struct rzsb_list sizes, threads, twins, units;
	const char *dir;
	bool in_order, time, density, merge, idle, latency;
	bool sized; /* sizes were asked for */
};

static void run_idle(const struct request *q)
{
	bench_idle_heading();
	if (!q->sized)
		bench_idle_run(&q->o, q->o.corpus->nr, &q->units);
	for (unsigned i = 0; q->sized && i < q->sizes.nr; i++)
		bench_idle_run(&q->o, q->sizes.v[i] * 256, &q->units);
}

static void run_latency(const struct request *q)
{
	bench_latency_heading();
	for (unsigned i = 0; i < q->sizes.nr; i++)
		for (unsigned k = 0; k < q->units.nr; k++)
			bench_latency_run(&q->o, q->sizes.v[i] * 256, (unsigned)q->units.v[k]);
}

static void run_all(const struct request *q)
{
	if (q->time)
		bench_time_heading();
	for (unsigned i = 0; q->time && i < q->sizes.nr; i++)
		for (unsigned k = 0; k < q->threads.nr; k++)
			for (unsigned seq = 0; seq <= q->in_order; seq++) {
				struct bench_time_case c = {
					.nr = q->sizes.v[i] * 256,
					.threads = (unsigned)q->threads.v[k],
					.sequential = seq,
				};

				bench_time_run(&q->o, &c);
			}
	if (q->density)
		bench_density_heading();
	for (unsigned i = 0; q->density && i < q->sizes.nr; i++)
		bench_density_run(&q->o, q->sizes.v[i] * 256);
	if (q->merge)
		bench_merge_heading();
	for (unsigned i = 0; q->merge && i < q->twins.nr; i++)
		bench_merge_run(&q->o, (unsigned)q->twins.v[i]);
	if (q->idle)
		run_idle(q);
	if (q->latency)
		run_latency(q);
}

static void parse_one(struct request *q, struct rzsb_args *a, int id)
{
	static const char *const which[] = {"both", "time",    "density", "merge",
					    "idle", "latency", NULL};
	unsigned chosen;

	if (rzsb_record_option(&q->record, a, id))
		return;
	switch (id) {
	case 'a':
		q->o.codec = optarg;
		if (!rzs_codec_lookup(optarg))
			rzsb_complain(a, "--algorithm %s: no such compressor in this build",
				      optarg);
		break;
	case 'l':
		q->o.level = (int)rzsb_number(a, 0, 1000);
		break;
	case 'c':
		chosen = rzsb_choice(a, which);
		q->time = chosen <= 1;
		q->density = chosen == 0 || chosen == 2;
		q->merge = chosen == 3;
		q->idle = chosen == 4;
		q->latency = chosen == 5;
		break;
	case 's':
		rzsb_numbers(a, &q->sizes, 1, 1 << 20);
		q->sized = true;
		break;
	case 't':
		rzsb_numbers(a, &q->threads, 1, BENCH_MAX_THREADS);
		break;
	case 'r':
		q->o.rounds = (unsigned)rzsb_number(a, 1, RZSB_MAX_ROUNDS);
		break;
	case 'R':
		q->o.reserve = rzsb_number(a, 32, UINT32_MAX) * 1024;
		break;
	case 'w':
		rzsb_numbers(a, &q->twins, 0, 99);
		break;
	case 'u':
		rzsb_numbers(a, &q->units, 1, RZS_UNIT_MAX);
		break;
	case 'z':
		q->o.zram = optarg;
		break;
	case 'x':
		q->o.churn = (unsigned)rzsb_number(a, 0, 1000);
		break;
	case 'b':
		q->o.batch = rzsb_number(a, 1, UINT32_MAX);
		break;
	case 'S':
		q->in_order = true;
		break;
	case 'n':
		q->o.no_checksum = true;
		break;
	}
}

static void parse(struct request *q, int argc, char **argv)
{
	struct rzsb_args a = {.command = "", .words = "CORPUS_DIR", .options = options};
	int id;

	while ((id = rzsb_next_option(&a, argc, argv)) != -1)
		parse_one(q, &a, id);
	q->dir = rzsb_corpus_argument(&a, argc, argv);
	q->o.seed = q->record.seed;
}

int main(int argc, char **argv)
{
	struct rzsb_corpus corpus;
	struct rzsb_json json;
	struct request q = {
		.o = {.corpus = &corpus,
		      .json = &json,
		      .rounds = 5,
		      .churn = 5,
		      .batch = 512,
		      .reserve = 512 * 1024},
		.record = {.seed = 1},
		.sizes = {{512}, 1},
		.threads = {{1, 2}, 2},
		.twins = {{0, 50}, 2},
		.units = {{1, 2, 4, 8}, 4},
		.time = true,
		.density = true,
	};

	if (rzs_std_fds_fill() < 0)
		return RZSB_FAILED;
	parse(&q, argc, argv);
	if (rzsb_corpus_load(&corpus, q.dir, 0) < 0)
		return RZSB_FAILED;
	if (rzsb_json_open(&json, &q.record, "bench/store", &corpus) < 0)
		return RZSB_FAILED;
	printf("%zu pages (%.1f MiB) of %u programs, %.1f %% of them one repeated word; seed "
	       "%llu\n",
	       corpus.nr, rzsb_pages_mib(corpus.nr), corpus.nr_parts,
	       100.0 * (double)(corpus.nr - corpus.nr_busy) / (double)corpus.nr,
	       (unsigned long long)q.o.seed);
	run_all(&q);
	rzsb_corpus_free(&corpus);
	return rzsb_finish(rzsb_json_close(&json) < 0 ? RZSB_FAILED : RZSB_OK);
}
