/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store in this process, on captured pages: time beside the bare codec call, scaling over
 * threads and sizes, and memory held.  A table for people goes to stdout, JSON lines to the file
 * named with -o.
 */
#define _GNU_SOURCE
#include "codec.h"
#include "rzsb_args.h"
#include "rzsb_cmd.h"
#include "rzsb_store.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_NS 20000000000ull /* for an empty reserve */

struct rzs_store *rzsb_store_make(const struct store_options *o, uint64_t nr, unsigned threads,
				  uint64_t reserve)
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
		rzst_die(99, "cannot create a store of %llu pages: %s", (unsigned long long)nr,
			 strerror(-err));
	return s;
}

void rzsb_store_put(struct rzs_store *s, struct rzs_worker *w, uint32_t slot, const void *page,
		    uint64_t *retries)
{
	uint64_t deadline = 0;
	int err;

	while ((err = rzs_store_write(s, w, slot, page)) == -ENOMEM) {
		uint64_t now = rzst_now();

		++*retries;
		if (deadline == 0)
			deadline = now + PATIENCE_NS;
		if (now > deadline)
			break;
		sched_yield();
	}
	if (err < 0)
		rzst_die(99, "writing slot %u failed: %s", slot, strerror(-err));
}

bool rzsb_store_is_page(const struct store_options *o, uint32_t page, const void *buf)
{
	static const uint8_t zeros[RZS_PAGE_SIZE];

	return memcmp(buf, page == STORE_EMPTY ? zeros : rzsb_page(o->corpus, page),
		      RZS_PAGE_SIZE) == 0;
}

void rzsb_store_compare(const struct store_options *o, struct rzs_store *s, struct rzs_worker *w,
			const uint32_t *page, uint64_t nr)
{
	uint8_t buf[RZS_PAGE_SIZE];

	for (uint64_t slot = 0; slot < nr; slot++) {
		int err = rzs_store_read(s, w, slot, buf);

		if (err < 0)
			rzst_die(99, "reading slot %llu failed: %s", (unsigned long long)slot,
				 strerror(-err));
		if (!rzsb_store_is_page(o, page[slot], buf))
			rzst_die(99, "slot %llu holds wrong bytes", (unsigned long long)slot);
	}
}

static void run_all(const struct store_options *o, const struct rzsb_list *sizes,
		    const struct rzsb_list *threads, bool in_order, bool time, bool density)
{
	if (time)
		rzsb_store_time_heading();
	for (unsigned i = 0; time && i < sizes->nr; i++)
		for (unsigned k = 0; k < threads->nr; k++)
			for (unsigned seq = 0; seq <= in_order; seq++) {
				struct store_time_case c = {
					.nr = sizes->v[i] * 256,
					.threads = (unsigned)threads->v[k],
					.sequential = seq,
				};

				rzsb_store_time_run(o, &c);
			}
	if (density)
		rzsb_store_density_heading();
	for (unsigned i = 0; density && i < sizes->nr; i++)
		rzsb_store_density_run(o, sizes->v[i] * 256);
}

static const struct rzsb_option options[] = {
	{'a', "algorithm", "CODEC", "compressor (default: the store's)"},
	{'l', "level", "N", "its level"},
	{'c', "cases", "WHICH", "time, density or both (default)"},
	{'s', "size", "MIB,...", "sizes of the store (default 512)"},
	{'t', "threads", "N,...", "threads (default 1,2)"},
	{'r', "rounds", "N", "medians are taken over them (default 5)"},
	{'S', "sequential", NULL, "slots in order as well"},
	{'x', "churn", "TIMES", "overwrites, times the size (default 5)"},
	{'b', "batch", "OBJECTS", "for each call of compaction (default 512)"},
	{'n', "no-checksum", NULL, "no checksums"},
	{'R', "reserve", "KIB", "kept ready by the store, for the density (default 512)"},
	{'e', "seed", "N", "of the orders (default 1)"},
	{'o', "output", "FILE", "JSON lines, appended; - is standard output"},
	{'V', "versions", "TEXT", "of libraries, for the JSON line about the machine"},
	{0},
};

/* What was asked for. */
struct store_request {
	struct store_options o;
	struct rzsb_list sizes, threads;
	const char *out, *versions, *dir;
	bool in_order, time, density;
};

static void parse_one(struct store_request *q, struct rzsb_args *a, int id)
{
	static const char *const which[] = {"both", "time", "density", NULL};
	unsigned chosen;

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
		q->time = chosen != 2;
		q->density = chosen != 1;
		break;
	case 's':
		rzsb_numbers(a, &q->sizes, 1, 1 << 20);
		break;
	case 't':
		rzsb_numbers(a, &q->threads, 1, STORE_MAX_THREADS);
		break;
	case 'r':
		q->o.rounds = (unsigned)rzsb_number(a, 1, 100);
		break;
	case 'R':
		q->o.reserve = rzsb_number(a, 32, UINT32_MAX) * 1024;
		break;
	case 'x':
		q->o.churn = (unsigned)rzsb_number(a, 0, 1000);
		break;
	case 'b':
		q->o.batch = rzsb_number(a, 1, UINT32_MAX);
		break;
	case 'e':
		q->o.seed = rzsb_number(a, 0, UINT64_MAX);
		break;
	case 'o':
		q->out = optarg;
		break;
	case 'V':
		q->versions = optarg;
		break;
	case 'S':
		q->in_order = true;
		break;
	case 'n':
		q->o.no_checksum = true;
		break;
	}
}

static void parse(struct store_request *q, int argc, char **argv)
{
	struct rzsb_args a = {.command = "store", .words = "CORPUS_DIR", .options = options};
	int id;

	while ((id = rzsb_next_option(&a, argc, argv)) != -1)
		parse_one(q, &a, id);
	if (argc - optind != 1)
		rzsb_complain(&a, "one folder of captured pages is needed");
	q->dir = argv[optind];
}

int rzsb_cmd_store(int argc, char **argv)
{
	struct rzsb_corpus corpus;
	struct rzsb_json json;
	struct store_request q = {
		.o = {.corpus = &corpus,
		      .json = &json,
		      .rounds = 5,
		      .churn = 5,
		      .batch = 512,
		      .seed = 1,
		      .reserve = 512 * 1024},
		.sizes = {{512}, 1},
		.threads = {{1, 2}, 2},
		.time = true,
		.density = true,
	};

	parse(&q, argc, argv);
	if (rzsb_corpus_load(&corpus, q.dir, 0) < 0)
		return RZSB_FAILED;
	if (rzsb_json_open(&json, q.out, "rzsbench store", q.versions, &corpus, q.o.seed) < 0)
		return RZSB_FAILED;
	printf("%zu pages (%.1f MiB) of %u programs, %.1f %% of them one repeated word; seed "
	       "%llu\n",
	       corpus.nr, (double)corpus.nr / 256, corpus.nr_parts,
	       100.0 * (double)(corpus.nr - corpus.nr_busy) / (double)corpus.nr,
	       (unsigned long long)q.o.seed);
	run_all(&q.o, &q.sizes, &q.threads, q.in_order, q.time, q.density);
	rzsb_corpus_free(&corpus);
	return rzsb_json_close(&json) < 0 ? RZSB_FAILED : RZSB_OK;
}
