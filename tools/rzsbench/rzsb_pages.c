/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "rzsbench pages": what would swapping these pages out save, with which algorithm, at what cost?
 * Only statistics are written anywhere, nothing of the pages.
 */
#define _GNU_SOURCE
#include "rzsb_pages.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "codec.h"
#include "hash.h"
#include "rzsb_args.h"
#include "rzsb_cmd.h"
#include "rzsb_models.h"
#include "rzsb_report.h"
#include "rzsb_store.h"

#define MIB	      (1024u * 1024u)
#define SAMPLE_MOST   (128u * MIB)
#define SAMPLE_OF_RAM 32u /* a sample and its objects must not make the machine swap */
#define TRAIN_BYTES   (4u * MIB)
#define NBDKIT_UNIT   "zstd:3@32" /* what its allocator=zstd does */
#define L2_ENTRY      16u	  /* and its table's entry */
#define PATIENCE_NS   1000000000ull
#define FILL_LEAST    8192u /* pages: the store's table grows by as many at a time */

enum { OPT_REPORT = 256, OPT_STATS_ONLY };

static const struct rzsb_option options[] = {
	RZSB_SOURCE_OPTIONS,
	{'m', "methods", "LIST", "separated by commas (default: lzo,lz4,zstd:1,zstd:3)"},
	{'s', "sample", "MIB", "examine at most this much (default 128, or a 32nd of RAM)"},
	{'r', "rounds", "N", "each time is the median of N (default 5)"},
	{'w', "patience", "SECONDS", "about this long for each method (default 1)"},
	{'H', "histogram", NULL, "also sizes after compression"},
	{OPT_STATS_ONLY, "anonymous-stats-only", NULL, "no page to a disk, no names of programs"},
	{OPT_REPORT, "report", "FILE", "an HTML page with plots (needs gnuplot)"},
	RZSB_RECORD_OPTIONS,
	{0},
};

static const char about[] =
	"FILE is a directory of \"rzsbench capture\", an ELF core file, or any file or device as "
	"an\n"
	"image of memory.  A method is NAME[:LEVEL][+dict][@KIB], such as zstd:3+dict or lz4@16.\n";

struct request {
	struct rzsb_sources sources;
	char methods[256];
	size_t sample; /* pages */
	unsigned rounds;
	uint64_t patience_ns;
	struct rzsb_record record;
	bool histogram, stats_only;
	const char *report;
	int err;
};

static void parse_one(struct request *q, const struct rzsb_args *a, int id)
{
	if (rzsb_sources_option(&q->sources, a, id, &q->err) ||
	    rzsb_record_option(&q->record, a, id))
		return;
	switch (id) {
	case 'm':
		if (strlen(optarg) >= sizeof(q->methods))
			rzsb_complain(a, "--methods: too long");
		strcpy(q->methods, optarg);
		break;
	case 's':
		q->sample = rzsb_number(a, 1, 1 << 20) * (MIB / RZSB_PAGE);
		break;
	case 'r':
		q->rounds = (unsigned)rzsb_number(a, 1, RZSB_MAX_ROUNDS);
		break;
	case 'w':
		q->patience_ns = rzsb_number(a, 1, 10000) * 1000000000u;
		break;
	case 'H':
		q->histogram = true;
		break;
	case OPT_STATS_ONLY:
		q->stats_only = true;
		break;
	case OPT_REPORT:
		q->report = optarg;
		break;
	}
}

static void parse_methods(struct rzsb_pages *p, struct rzsb_args *a, char *list)
{
	char *save = NULL;
	const char *why;

	a->now = "methods";
	for (char *s = strtok_r(list, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
		if (p->nr == RZSB_MAX_METHODS)
			rzsb_complain(a, "--methods: at most %u", RZSB_MAX_METHODS);
		if (rzsb_method_parse(&p->method[p->nr++], s, &why) < 0)
			rzsb_complain(a, "--methods %s: %s", s, why);
	}
	if (p->nr == 0)
		rzsb_complain(a, "--methods: none is named");
}

/* Those of this build. */
static void default_methods(struct rzsb_pages *p)
{
	static const char *const usual[] = {"lzo", "lz4", "zstd:1", "zstd:3"};
	const char *why;

	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (rzsb_method_parse(&p->method[p->nr], usual[i], &why) == 0)
			p->nr++;
}

static void parse(struct request *q, struct rzsb_pages *p, int argc, char **argv)
{
	struct rzsb_args a = {
		.command = "pages", .words = "[FILE...]", .about = about, .options = options};
	int id;

	while (!q->err && (id = rzsb_next_option(&a, argc, argv)) != -1)
		parse_one(q, &a, id);
	for (; !q->err && optind < argc; optind++)
		q->err = rzsb_sources_add_path(&q->sources, argv[optind]);
	if (q->err)
		return;
	if (q->sources.nr == 0 && q->sources.denied == 0)
		rzsb_complain(&a, "no pages: give --pid, --all, --cgroup or a file");
	if (q->methods[0])
		parse_methods(p, &a, q->methods);
	else
		default_methods(p);
}

/* ---- the pages themselves ---- */

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Pages count as equal if their 64-bit hashes are. */
static void count_pages(struct rzsb_pages *p)
{
	const struct rzsb_corpus *c = &p->corpus;
	uint64_t *hash = rzsb_alloc((c->nr_busy + 1) * sizeof(*hash));

	p->same = c->nr - c->nr_busy;
	for (size_t i = 0; i < c->nr; i++)
		p->zero += rzsb_zeros(rzsb_page(c, (uint32_t)i), RZSB_PAGE);
	for (size_t i = 0; i < c->nr_busy; i++)
		hash[i] = rzs_hash64(rzsb_page(c, c->busy[i]), RZSB_PAGE, 0);
	qsort(hash, c->nr_busy, sizeof(*hash), by_number);
	for (size_t i = 1; i < c->nr_busy; i++)
		p->duplicates += hash[i] == hash[i - 1];
	munmap(hash, (c->nr_busy + 1) * sizeof(*hash));
}

static int open_methods(struct rzsb_pages *p)
{
	for (unsigned i = 0; i < p->nr; i++) {
		struct rzsb_method *m = &p->method[i];
		uint8_t *samples = NULL;
		size_t nr = 0;
		int err;

		if (m->dictionary)
			samples = rzsb_samples(&p->corpus, m->unit, TRAIN_BYTES, p->seed, &nr);
		err = rzsb_method_open(m, samples, nr);
		free(samples);
		if (err) {
			rzst_say("%s: %s", m->text,
				 m->dictionary && err == -EINVAL
					 ? "no dictionary can be trained on these pages"
					 : strerror(-err));
			return err;
		}
	}
	return 0;
}

/* ---- RAM ---- */

static size_t default_sample(void)
{
	uint64_t ram = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t bytes = ram / SAMPLE_OF_RAM;

	return (bytes > SAMPLE_MOST ? SAMPLE_MOST : bytes) / RZSB_PAGE;
}

/* How many pages each page of the sample stands for. */
static double scale_of(const struct rzsb_pages *p)
{
	return (double)p->corpus.whole / (double)p->corpus.nr;
}

static void fill_store(struct rzs_store *s, const struct rzsb_corpus *c, uint64_t nr)
{
	struct rzs_worker *w = rzs_worker_get(s, 0);
	uint64_t retries = 0;

	for (uint32_t i = 0; i < nr; i++)
		rzsb_store_put(s, w, i, rzsb_page(c, i % (uint32_t)c->nr), &retries);
	rzs_worker_put(s, w);
}

/*
 * The RAM that these pages add to ramzswap's store, and what the store itself takes; NAN: it does
 * not have the method.  A small sample is stored several times.  Otherwise blocks and parts of
 * tables would be nearly empty, unlike those of a device that is swapped to.
 */
static void store_ram(struct rzsb_pages *p, unsigned i)
{
	const struct rzsb_method *m = &p->method[i];
	const struct rzsb_corpus *c = &p->corpus;
	size_t least = default_sample() < FILL_LEAST ? default_sample() : FILL_LEAST;
	uint64_t nr = c->nr * ((least + c->nr - 1) / c->nr);
	const char *name = rzsb_method_algorithm(m);
	struct rzs_config cfg = {.nr_pages = nr, .codec = name, .level = m->level, .nr_workers = 1};
	struct rzs_stats st;
	struct rzs_store *s;

	p->store_bytes[i] = p->store_itself[i] = NAN;
	if (m->dictionary || m->unit != RZSB_PAGE || !rzs_codec_lookup(name) ||
	    rzs_store_create(&cfg, &s) < 0)
		return;
	fill_store(s, c, nr);
	rzs_store_stats(s, &st);
	p->store_bytes[i] = (double)(st.mem_bytes - st.reserve_bytes - st.fixed_bytes) /
			    (double)nr * (double)c->whole;
	p->store_itself[i] = (double)st.fixed_bytes;
	rzs_store_destroy(s);
}

/* The RAM that the kernel would take, by one of the models. */
static double kernel_ram(const struct rzsb_pages *p, const struct rzsb_result *r,
			 double (*model)(const struct rzsb_zsmalloc *, const uint64_t *, double,
					 double))
{
	static struct rzsb_zsmalloc z;
	double scale = scale_of(p);
	double part = r->used ? (double)r->units / (double)r->used : 0;

	if (r->method->unit != RZSB_PAGE)
		return NAN;
	if (!z.huge)
		rzsb_zsmalloc_init(&z, 8);
	return model(&z, r->count, part * scale, (double)p->same * scale);
}

/* A unit of zeros takes nothing. */
static double nbdkit_ram(const struct rzsb_pages *p)
{
	struct rzsb_result r;
	struct rzsb_method m;
	const char *why;
	double bytes = 0;

	if (rzsb_method_parse(&m, NBDKIT_UNIT, &why) < 0 || rzsb_method_open(&m, NULL, 0) < 0)
		return NAN;
	rzsb_measure(&p->corpus, &m, 1, 1, PATIENCE_NS, p->seed, NULL, &r);
	for (unsigned n = 1; n <= m.unit; n++)
		bytes += (double)r.count[n] * (double)(rzsb_malloc_bytes(n) + L2_ENTRY);
	bytes *= r.used ? (double)r.units / (double)r.used : 0;
	free(r.count);
	rzsb_method_close(&m);
	return r.units ? bytes * scale_of(p) : NAN;
}

/* ---- the command ---- */

/* On a terminal, if it takes more than a second. */
static void progress(double done)
{
	static uint64_t start;
	uint64_t now = rzst_now();
	double s;

	start = start ? start : now;
	s = (double)(now - start) / 1e9;
	if (!isatty(STDERR_FILENO))
		return;
	if (done >= 1)
		fputs("\r\033[K", stderr);
	else if (done > 0 && s > 1)
		fprintf(stderr, "\r%3.0f %%, about %.0f s left\033[K", 100 * done,
			s / done * (1 - done) + 0.5);
}

static void work(struct rzsb_pages *p, const struct request *q)
{
	progress(0);
	count_pages(p);
	rzsb_measure(&p->corpus, p->method, p->nr, p->rounds, q->patience_ns, p->seed, progress,
		     p->result);
	for (unsigned i = 0; i < p->nr; i++) {
		store_ram(p, i);
		p->zsmalloc_bytes[i] = kernel_ram(p, &p->result[i], rzsb_zsmalloc_bytes);
		p->zswap_bytes[i] = kernel_ram(p, &p->result[i], rzsb_zswap_bytes);
	}
	p->nbdkit_bytes = nbdkit_ram(p);
}

static int report(const struct rzsb_pages *p, const struct request *q)
{
	struct rzsb_json json;
	bool failed;

	if (!q->record.path || strcmp(q->record.path, "-") != 0)
		rzsb_pages_show(p, q->histogram);
	failed = rzsb_json_open(&json, &q->record, "rzsbench pages", &p->corpus) < 0;
	rzsb_pages_json(p, &json);
	failed |= rzsb_json_close(&json) < 0;
	if (q->report)
		failed |= rzsb_report_write(p, q->report) < 0;
	return failed ? RZSB_FAILED : RZSB_OK;
}

static int load_pages(struct rzsb_pages *p, struct request *q)
{
	int err = q->err;

	if (q->stats_only)
		rzsb_stay_private();
	if (!err)
		err = rzsb_sources_keep_cold(&q->sources);
	if (!err)
		err = rzsb_sources_load(&q->sources, q->sample, &p->corpus);
	p->denied = q->sources.denied;
	p->gone = q->sources.gone;
	p->lost = q->sources.lost;
	p->images = q->sources.images;
	rzsb_sources_free(&q->sources);
	for (unsigned i = 0; q->stats_only && i < p->corpus.nr_parts; i++)
		snprintf(p->corpus.parts[i].name, RZSB_NAME_MAX, "source-%u", i + 1);
	return err;
}

int rzsb_cmd_pages(int argc, char **argv)
{
	struct request q = {.sample = default_sample(),
			    .rounds = 5,
			    .patience_ns = PATIENCE_NS,
			    .record.seed = 1};
	static struct rzsb_pages p;
	int status;

	parse(&q, &p, argc, argv);
	if (!q.err && q.report && rzsb_report_check(q.report) < 0) {
		rzsb_sources_free(&q.sources);
		return RZSB_FAILED;
	}
	if (load_pages(&p, &q) < 0)
		return RZSB_NOTHING;
	p.rounds = q.rounds;
	p.seed = q.record.seed;
	if (open_methods(&p) < 0)
		return RZSB_FAILED;
	work(&p, &q);
	status = report(&p, &q);
	for (unsigned i = 0; i < p.nr; i++) {
		free(p.result[i].count);
		rzsb_method_close(&p.method[i]);
	}
	rzsb_corpus_free(&p.corpus);
	return status;
}
