/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store in this process, on captured pages: time beside the bare codec call, scaling over
 * threads and sizes, and memory held.  A table for people goes to stdout, JSON lines to the file
 * named with -o. Exit codes: 0, 2 wrong usage, 99 an error or a wrong byte.
 */
#define _GNU_SOURCE
#include "codec.h"
#include "store_cases.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_LIST    16u
#define PATIENCE_NS 20000000000ull /* for an empty reserve */

struct store_list {
	uint64_t v[MAX_LIST];
	unsigned nr;
};

static void __attribute__((noreturn)) usage(int code)
{
	fprintf(code ? stderr : stdout,
		"usage: bench_store [options] CORPUS_DIR\n"
		"  -a CODEC    compressor (default: the store's)\n"
		"  -l LEVEL    its level\n"
		"  -c CASES    time, density or both (default)\n"
		"  -s MIB,...  sizes of the store (default 512)\n"
		"  -t N,...    threads (default 1,2)\n"
		"  -r ROUNDS   medians are taken over them (default 5)\n"
		"  -S          slots in order as well\n"
		"  -x TIMES    churn (default 5)\n"
		"  -b OBJECTS  for each call of compaction (default 512)\n"
		"  -n          no checksums\n"
		"  -R KIB       kept ready by the store, for the density (default 512)\n"
		"  -e SEED      of the orders (default 1)\n"
		"  -o FILE     JSON lines, appended\n"
		"  -V TEXT     versions of libraries, for the JSON line about the machine\n");
	exit(code);
}

static uint64_t number(const char *text, uint64_t least, uint64_t most)
{
	char *end;
	unsigned long long v = strtoull(text, &end, 0);

	if (!*text || *end || v < least || v > most)
		usage(2);
	return v;
}

static void parse_list(struct store_list *l, char *text, uint64_t most)
{
	char *save = NULL;

	l->nr = 0;
	for (char *s = strtok_r(text, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
		if (l->nr == MAX_LIST)
			usage(2);
		l->v[l->nr++] = number(s, 1, most);
	}
	if (l->nr == 0)
		usage(2);
}

struct rzs_store *store_make(const struct store_options *o, uint64_t nr, unsigned threads,
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
		bench_die(99, "cannot create a store of %llu pages: %s", (unsigned long long)nr,
			  strerror(-err));
	return s;
}

void store_put(struct rzs_store *s, struct rzs_worker *w, uint32_t slot, const void *page,
	       uint64_t *retries)
{
	uint64_t deadline = 0;
	int err;

	while ((err = rzs_store_write(s, w, slot, page)) == -ENOMEM) {
		uint64_t now = bench_now();

		++*retries;
		if (deadline == 0)
			deadline = now + PATIENCE_NS;
		if (now > deadline)
			break;
		sched_yield();
	}
	if (err < 0)
		bench_die(99, "writing slot %u failed: %s", slot, strerror(-err));
}

bool store_is_page(const struct store_options *o, uint32_t page, const void *buf)
{
	static const uint8_t zeros[RZS_PAGE_SIZE];

	return memcmp(buf, page == STORE_EMPTY ? zeros : bench_page(o->corpus, page),
		      RZS_PAGE_SIZE) == 0;
}

void store_compare(const struct store_options *o, struct rzs_store *s, struct rzs_worker *w,
		   const uint32_t *page, uint64_t nr)
{
	uint8_t buf[RZS_PAGE_SIZE];

	for (uint64_t slot = 0; slot < nr; slot++) {
		int err = rzs_store_read(s, w, slot, buf);

		if (err < 0)
			bench_die(99, "reading slot %llu failed: %s", (unsigned long long)slot,
				  strerror(-err));
		if (!store_is_page(o, page[slot], buf))
			bench_die(99, "slot %llu holds wrong bytes", (unsigned long long)slot);
	}
}

static void run_all(const struct store_options *o, const struct store_list *sizes,
		    const struct store_list *threads, bool in_order, bool time, bool density)
{
	if (time)
		store_time_heading();
	for (unsigned i = 0; time && i < sizes->nr; i++)
		for (unsigned k = 0; k < threads->nr; k++)
			for (unsigned seq = 0; seq <= in_order; seq++) {
				struct store_time_case c = {
					.nr = sizes->v[i] * 256,
					.threads = (unsigned)threads->v[k],
					.sequential = seq,
				};

				store_time_run(o, &c);
			}
	if (density)
		store_density_heading();
	for (unsigned i = 0; density && i < sizes->nr; i++)
		store_density_run(o, sizes->v[i] * 256);
}

int main(int argc, char **argv)
{
	struct bench_corpus corpus;
	struct bench_json json;
	struct store_options o = {
		.corpus = &corpus, .json = &json, .rounds = 5, .churn = 5, .batch = 512, .seed = 1,
		.reserve = 512 * 1024};
	struct store_list sizes = {{512}, 1}, threads = {{1, 2}, 2};
	const char *out = NULL, *versions = NULL, *what = "both";
	bool in_order = false;
	int c;

	while ((c = getopt(argc, argv, "ha:l:s:t:r:c:x:b:e:o:R:V:Sn")) != -1) {
		switch (c) {
		case 'a':
			o.codec = optarg;
			break;
		case 'l':
			o.level = (int)strtol(optarg, NULL, 10);
			break;
		case 's':
			parse_list(&sizes, optarg, 1 << 20);
			break;
		case 't':
			parse_list(&threads, optarg, STORE_MAX_THREADS);
			break;
		case 'r':
			o.rounds = (unsigned)number(optarg, 1, 100);
			break;
		case 'c':
			what = optarg;
			break;
		case 'R':
			o.reserve = number(optarg, 32, UINT32_MAX) * 1024;
			break;
		case 'x':
			o.churn = (unsigned)number(optarg, 0, 1000);
			break;
		case 'b':
			o.batch = number(optarg, 1, UINT32_MAX);
			break;
		case 'e':
			o.seed = number(optarg, 0, UINT64_MAX);
			break;
		case 'o':
			out = optarg;
			break;
		case 'V':
			versions = optarg;
			break;
		case 'S':
			in_order = true;
			break;
		case 'n':
			o.no_checksum = true;
			break;
		case 'h':
			usage(0);
		default:
			usage(2);
		}
	}
	if (argc - optind != 1 || !strstr("time density both", what))
		usage(2);
	if (!rzs_codec_find(o.codec))
		bench_die(2, "no such compressor: %s", o.codec);
	if (bench_corpus_load(&corpus, argv[optind], 0) < 0)
		return 99;
	if (bench_json_open(&json, out, "bench_store", versions, &corpus, o.seed) < 0)
		bench_die(99, "cannot write %s: %s", out, strerror(errno));
	printf("%zu pages (%.1f MiB) of %u programs, %.1f %% of them one repeated word; seed "
	       "%llu\n",
	       corpus.nr, (double)corpus.nr / 256, corpus.nr_parts,
	       100.0 * (double)(corpus.nr - corpus.nr_busy) / (double)corpus.nr,
	       (unsigned long long)o.seed);
	run_all(&o, &sizes, &threads, in_order, strcmp(what, "density") != 0,
		strcmp(what, "time") != 0);
	bench_corpus_free(&corpus);
	return bench_json_close(&json) < 0 ? 99 : 0;
}
