/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What merging saves and costs: on the pages of the corpus as they are, and on the same pages with
 * copies, so that a share of all pages are twins of another.
 *
 * Three stores get the same pages in the same order: one with merging closed, one that a scan
 * merges afterwards, and one whose writes merge.  A round makes all three; which comes first
 * changes with each round.  The memory held includes merging's index and tables, and is taken
 * after compaction.  Every page is compared at the end.
 */
#include "codec.h"
#include "store_cases.h"
#include "rzsb_cmd.h"
#include "rzsb_store.h"

#include <string.h>
#include <sys/mman.h>

enum { MERGE_OFF, MERGE_SCAN, MERGE_WRITES, MERGE_WAYS };

static const char *const way_name[] = {"off", "scan", "writes"};

/* Of one store in one round; CPU time of the thread. */
struct outcome {
	double write_ns, scan_ns, read_ns; /* for each page written, scanned and read */
	double held;			   /* bytes, without the reserve */
	double passes;			   /* scans of all pages until one finds nothing */
	struct rzs_stats st;
};

struct merge_run {
	const struct bench_store_options *o;
	unsigned twins; /* % */
	uint64_t nr;
	uint32_t *page, *order;
	struct outcome *out[MERGE_WAYS]; /* o->rounds each */
};

static void must(int err, const char *what)
{
	if (err < 0)
		rzst_die(RZSB_FAILED, "%s failed: %s", what, strerror(-err));
}

static struct rzs_store *make(const struct merge_run *m, int way)
{
	struct rzs_store *s = bench_store_make(m->o, m->nr, 1, m->o->reserve);
	struct rzs_stats st;

	rzs_store_stats(s, &st);
	if (way != MERGE_OFF)
		must(rzs_store_merge_open(s, rzs_merge_index_bytes(&st, 0)), "making the index");
	if (way == MERGE_WRITES)
		must(rzs_store_merge_writes(s, RZS_MERGE_SHARING_DEFAULT), "merging writes");
	return s;
}

static double fill(const struct merge_run *m, struct rzs_store *s, struct rzs_worker *w)
{
	uint64_t start = rzsb_cpu_thread(), retries = 0;

	for (uint64_t k = 0; k < m->nr; k++)
		rzsb_store_put(s, w, m->order[k], rzsb_page(m->o->corpus, m->page[m->order[k]]),
			       &retries);
	return (double)(rzsb_cpu_thread() - start) / (double)m->nr;
}

/* Scans until a pass merges nothing more.  The first pass only fills the index. */
static void scan(const struct merge_run *m, struct rzs_store *s, struct rzs_worker *w,
		 struct outcome *out)
{
	const struct rzs_merge_params params = {.max_sharing = RZS_MERGE_SHARING_DEFAULT};
	uint64_t start = rzsb_cpu_thread(), found, merged, ended;

	do {
		found = 0;
		do {
			must(rzs_store_merge(s, w, &params, 1024, &merged, &ended), "a scan");
			found += merged;
		} while (ended == 0);
		out->passes++;
	} while (found > 0 || out->passes < 2);
	out->scan_ns = (double)(rzsb_cpu_thread() - start) / ((double)m->nr * out->passes);
}

static void compact(struct rzs_store *s, struct rzs_worker *w)
{
	uint64_t blocks;
	bool more = true;

	while (more)
		must(rzs_store_compact(s, w, UINT64_MAX, &blocks, &more), "compaction");
}

static double read_all(const struct merge_run *m, struct rzs_store *s, struct rzs_worker *w)
{
	uint8_t buf[RZS_PAGE_SIZE];
	uint64_t start = rzsb_cpu_thread();

	for (uint64_t k = 0; k < m->nr; k++)
		must(rzs_store_read(s, w, m->order[k], buf), "a read");
	return (double)(rzsb_cpu_thread() - start) / (double)m->nr;
}

static void run_one(const struct merge_run *m, int way, struct outcome *out)
{
	struct rzs_store *s = make(m, way);
	struct rzs_worker *w = rzs_worker_get(s, 0);

	out->write_ns = fill(m, s, w);
	if (way == MERGE_SCAN)
		scan(m, s, w, out);
	compact(s, w);
	out->read_ns = read_all(m, s, w);
	rzs_store_stats(s, &out->st);
	out->held = (double)(out->st.mem_bytes - out->st.reserve_bytes);
	bench_store_compare(m->o, s, w, m->page, m->nr);
	rzs_worker_put(s, w);
	rzs_store_destroy(s);
}

static void report_one(const struct merge_run *m, int way, const struct outcome *out, double off)
{
#define OVER_ROUNDS(member) rzsb_over_rounds(&out->member, sizeof(*out), m->o->rounds, NULL)
	struct rzsb_json *j = m->o->json;
	const struct rzs_stats *st = &out->st;
	const char *codec = rzs_codec_lookup(m->o->codec)->name;
	double held = OVER_ROUNDS(held), write_ns = OVER_ROUNDS(write_ns);
	double read_ns = OVER_ROUNDS(read_ns), scan_ns = OVER_ROUNDS(scan_ns);

	printf("%-5s %6.1f %5u %-7s | %9llu %9llu | %8.2f %6.4f %7.3f | %7.0f %7.0f %7.0f %6.0f\n",
	       codec, rzsb_pages_mib(m->nr), m->twins, way_name[way],
	       (unsigned long long)st->pages_shared, (unsigned long long)st->pages_sharing,
	       rzsb_mib(held), held / off, 100 * (double)st->merge_bytes / held, write_ns, read_ns,
	       scan_ns, out->passes);
	rzsb_json_begin(j, "store_merge");
	rzsb_json_str(j, "codec", codec);
	rzsb_json_str(j, "merging", way_name[way]);
	rzsb_json_int(j, "twins_percent", m->twins);
	rzsb_json_int(j, "size_bytes", m->nr * RZS_PAGE_SIZE);
	rzsb_json_int(j, "pages_shared", st->pages_shared);
	rzsb_json_int(j, "pages_sharing", st->pages_sharing);
	rzsb_json_int(j, "merge_bytes", st->merge_bytes);
	rzsb_json_num(j, "held_bytes", held);
	rzsb_json_num(j, "held_per_off", held / off);
	rzsb_json_num(j, "write_ns_per_page", write_ns);
	rzsb_json_num(j, "read_ns_per_page", read_ns);
	rzsb_json_num(j, "scan_ns_per_page", scan_ns);
	rzsb_json_num(j, "scan_passes", out->passes);
	rzsb_json_end(j);
	fflush(stdout);
#undef OVER_ROUNDS
}

void bench_merge_heading(void)
{
	printf("\nMerging: pages that share an object, RAM held (of merging off; index and tables "
	       "in %% of it),\n"
	       "ns of CPU for each page\n"
	       "%-5s %6s %5s %-7s | %9s %9s | %8s %6s %7s | %7s %7s %7s %6s\n",
	       "codec", "MiB", "twins", "merging", "shared", "sharing", "held MiB", "of off",
	       "index", "write", "read", "scan", "scans");
}

void bench_merge_run(const struct bench_store_options *o, unsigned twins)
{
	uint64_t unique = o->corpus->nr, seed = o->seed;
	struct merge_run m = {.o = o, .twins = twins, .nr = unique * 100 / (100 - twins)};

	m.page = rzsb_alloc(m.nr * sizeof(*m.page));
	m.order = rzsb_alloc(m.nr * sizeof(*m.order));
	for (uint64_t i = 0; i < m.nr; i++) {
		m.order[i] = (uint32_t)i;
		m.page[i] = (uint32_t)(i % unique);
	}
	rzsb_shuffle(m.order, m.nr, &seed);
	for (int way = 0; way < MERGE_WAYS; way++)
		m.out[way] = rzsb_alloc(o->rounds * sizeof(*m.out[way]));
	for (unsigned r = 0; r < o->rounds; r++)
		for (unsigned k = 0; k < MERGE_WAYS; k++)
			run_one(&m, (int)((r + k) % MERGE_WAYS), &m.out[(r + k) % MERGE_WAYS][r]);
	for (int way = 0; way < MERGE_WAYS; way++)
		report_one(&m, way, m.out[way],
			   rzsb_over_rounds(&m.out[MERGE_OFF]->held, sizeof(struct outcome),
					    o->rounds, NULL));
	for (int way = 0; way < MERGE_WAYS; way++)
		munmap(m.out[way], o->rounds * sizeof(*m.out[way]));
	munmap(m.page, m.nr * sizeof(*m.page));
	munmap(m.order, m.nr * sizeof(*m.order));
}
