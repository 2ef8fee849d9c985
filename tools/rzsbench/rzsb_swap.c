/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "rzsbench swap": measures this machine's swap with the pages of a corpus.
 *
 * The pages are loaded into memory.  The kernel is asked to swap out these and no others, however
 * much memory is free (MADV_PAGEOUT).  Then each is touched, one at a time, in a random order, and
 * compared with the files, as a copy in memory could be swapped out, too.
 *
 * A page that was written to a slow area stays in memory, in the swap cache, until its place is
 * needed.  Touching it would not read from the area.  mincore() finds such pages.  They are mapped
 * and swapped out again (drop_cached()), which does not write them again.
 *
 * Threading: one thread.
 */
#define _GNU_SOURCE
#include "rzsb.h"
#include "rzsb_args.h"
#include "rzsb_cmd.h"
#include "rzst.h"
#include "rzst_swaps.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

#define SWAPPED	    (1ull << 62) /* of a pagemap entry */
#define PATIENCE_NS 30000000000ull
#define MAX_TRIES   5u /* to get more pages out of the swap cache */

struct swap {
	const char *dir;
	struct rzsb_record record;
	size_t max_pages;
	bool wait;

	struct rzsb_corpus corpus;
	int file[RZSB_MAX_PARTS];
	struct rzsb_json json;
	uint64_t page_cluster;
	bool zswap;
	struct rzst_swap_area before[RZST_SWAPS_MAX], after[RZST_SWAPS_MAX];
	unsigned nr_before, nr_after;
	double out_s, in_s;  /* in_s: to touch pages that were out, without comparing them */
	size_t gone, cached; /* pages that are out; those of them that are also in memory */
	size_t faults_read, faults_cached, faults_zero, wrong;
	double *us; /* times of the faults that read */
};

static const struct rzsb_option options[] = {
	{'m', "pages", "MIB", "taken from the corpus (default: all)"},
	{'w', "wait", NULL, "wait for a line on standard input before swapping in"},
	RZSB_RECORD_OPTIONS,
	{0},
};

static const char about[] =
	"Loads captured pages into memory, has the kernel swap them out, swaps them in one at a\n"
	"time, and compares every byte with the files.  Swap must be on; its settings are not\n"
	"changed.\n";

static void parse(struct swap *s, int argc, char **argv)
{
	struct rzsb_args a = {
		.command = "swap", .words = "CORPUS_DIR", .about = about, .options = options};
	int id;

	while ((id = rzsb_next_option(&a, argc, argv)) != -1)
		if (id == 'm')
			s->max_pages = rzsb_number(&a, 1, 1 << 20) * 256;
		else if (id == 'w')
			s->wait = true;
		else
			rzsb_record_option(&s->record, &a, id);
	s->dir = rzsb_corpus_argument(&a, argc, argv);
}

/* The pages, and the files to compare them with. */
static void load(struct swap *s)
{
	char path[4096];

	if (rzsb_corpus_load(&s->corpus, s->dir, s->max_pages) < 0)
		exit(RZSB_FAILED);
	for (unsigned i = 0; i < s->corpus.nr_parts; i++) {
		snprintf(path, sizeof(path), "%s/%s.pages", s->dir, s->corpus.parts[i].name);
		s->file[i] = open(path, O_RDONLY | O_CLOEXEC);
		if (s->file[i] < 0)
			rzst_die(RZSB_FAILED, "%s: %s", path, strerror(errno));
	}
	/* A huge page would come back as a whole.  A kernel without huge pages refuses this. */
	madvise(s->corpus.pages, s->corpus.nr * RZSB_PAGE, MADV_NOHUGEPAGE);
}

static void swap_out(struct swap *s)
{
	if (madvise(s->corpus.pages, s->corpus.nr * RZSB_PAGE, MADV_PAGEOUT) < 0)
		rzst_die(RZSB_FAILED,
			 "this kernel cannot swap out on request (MADV_PAGEOUT, "
			 "Linux 5.4): %s",
			 strerror(errno));
}

static uint64_t pages_in_writing(void)
{
	return rzst_number_in("/proc/vmstat", "nr_writeback ");
}

static void touch(const struct swap *s, size_t page)
{
	(void)*(const volatile uint8_t *)(s->corpus.pages + page * RZSB_PAGE);
}

/* How many pages are in memory, mapped or not.  map: map them. */
static size_t pages_in_memory(struct swap *s, bool map)
{
	unsigned char *in = rzsb_alloc(s->corpus.nr);
	size_t nr = 0;

	if (mincore(s->corpus.pages, s->corpus.nr * RZSB_PAGE, in) < 0)
		rzst_die(RZSB_FAILED, "mincore: %s", strerror(errno));
	for (size_t i = 0; i < s->corpus.nr; i++)
		if (in[i] & 1) {
			nr++;
			if (map)
				touch(s, i);
		}
	munmap(in, s->corpus.nr);
	return nr;
}

/*
 * Until that has no more effect: if swap is more than half full, the kernel writes such a page
 * again, and it stays.
 */
static void drop_cached(struct swap *s)
{
	size_t least = SIZE_MAX, nr;

	for (unsigned tries = 0; tries < MAX_TRIES; tries++) {
		nr = pages_in_memory(s, true);
		if (nr == 0)
			return;
		if (nr < least)
			tries = 0;
		least = nr < least ? nr : least;
		swap_out(s);
		rzsb_nap(1);
	}
}

static size_t pages_swapped(const struct swap *s)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	size_t bytes = s->corpus.nr * sizeof(uint64_t), nr = 0;
	uint64_t *entry = rzsb_alloc(bytes);

	if (pread(fd, entry, bytes, (off_t)((uintptr_t)s->corpus.pages / RZSB_PAGE * 8)) !=
	    (ssize_t)bytes)
		rzst_die(RZSB_FAILED, "/proc/self/pagemap: %s", strerror(errno));
	for (size_t i = 0; i < s->corpus.nr; i++)
		nr += (entry[i] & SWAPPED) != 0;
	munmap(entry, bytes);
	close(fd);
	return nr;
}

static void page_out(struct swap *s)
{
	uint64_t others = pages_in_writing(), start = rzst_now();
	size_t mapped, in_memory;

	s->nr_before = rzst_swaps_read(s->before);
	swap_out(s);
	while (pages_in_writing() > others && rzst_now() - start < PATIENCE_NS)
		rzsb_nap(1);
	s->out_s = (double)(rzst_now() - start) / 1e9;
	drop_cached(s);
	s->gone = pages_swapped(s);
	/* Pages that are mapped are in memory, and not out. */
	mapped = s->corpus.nr - s->gone;
	in_memory = pages_in_memory(s, false);
	s->cached = in_memory > mapped ? in_memory - mapped : 0;
	s->nr_after = rzst_swaps_read(s->after);
}

static void await_line(void)
{
	int c;

	puts("waiting: a line on standard input swaps the pages in");
	fflush(stdout);
	while ((c = getchar()) != '\n' && c != EOF)
		;
}

/*
 * A major fault has read from an area, except of a page of zeros, which Linux keeps itself since
 * 6.12.
 */
static void bring_in(struct swap *s, uint32_t page)
{
	struct rusage before, after;
	uint64_t start, ns;

	getrusage(RUSAGE_THREAD, &before);
	start = rzst_now();
	touch(s, page);
	ns = rzst_now() - start;
	getrusage(RUSAGE_THREAD, &after);
	if (after.ru_majflt > before.ru_majflt &&
	    rzsb_zeros(rzsb_page(&s->corpus, page), RZSB_PAGE))
		s->faults_zero++;
	else if (after.ru_majflt > before.ru_majflt)
		s->us[s->faults_read++] = (double)ns / 1000;
	else if (after.ru_minflt > before.ru_minflt)
		s->faults_cached++;
	else
		return; /* it was never out */
	s->in_s += (double)ns / 1e9;
}

static bool is_right(const struct swap *s, uint32_t page)
{
	const struct rzsb_part *p = s->corpus.parts;
	uint8_t bytes[RZSB_PAGE];
	ssize_t n;

	while (page >= p->first + p->nr)
		p++;
	n = pread(s->file[p - s->corpus.parts], bytes, RZSB_PAGE,
		  (off_t)((page - p->first) * RZSB_PAGE));
	if (n != RZSB_PAGE)
		rzst_die(RZSB_FAILED, "%s/%s.pages: %s", s->dir, p->name,
			 n < 0 ? strerror(errno) : "the file has become shorter");
	return memcmp(bytes, rzsb_page(&s->corpus, page), RZSB_PAGE) == 0;
}

static void read_again(struct swap *s)
{
	size_t nr = s->corpus.nr;
	uint32_t *order = rzsb_alloc(nr * sizeof(*order));
	uint64_t seed = s->record.seed;

	s->us = rzsb_alloc(nr * sizeof(*s->us));
	for (size_t i = 0; i < nr; i++)
		order[i] = (uint32_t)i;
	rzsb_shuffle(order, nr, &seed);
	for (size_t i = 0; i < nr; i++) {
		bring_in(s, order[i]);
		s->wrong += !is_right(s, order[i]);
	}
	munmap(order, nr * sizeof(*order));
}

static double mb_per_s(size_t pages, double seconds)
{
	return seconds > 0 ? (double)(pages * RZSB_PAGE) / 1e6 / seconds : 0;
}

static bool zswap_is_on(void)
{
	char line[8];

	rzst_first_line("/sys/module/zswap/parameters/enabled", line, sizeof(line));
	return line[0] == 'Y';
}

static void show_settings(struct swap *s)
{
	s->page_cluster = rzst_number_in("/proc/sys/vm/page-cluster", "");
	s->zswap = zswap_is_on();
	printf("%zu pages (%.0f MiB); vm.page-cluster %llu: a read is of up to %llu KiB; seed "
	       "%llu\n",
	       s->corpus.nr, rzsb_pages_mib(s->corpus.nr), (unsigned long long)s->page_cluster,
	       4ull << (s->page_cluster & 31), (unsigned long long)s->record.seed);
	if (s->zswap)
		printf("zswap is on: it takes the pages, and the areas what it does not keep\n");
	fflush(stdout);
}

/* 0 if the area was not there. */
static uint64_t used_before(const struct swap *s, const struct rzst_swap_area *area)
{
	for (unsigned i = 0; i < s->nr_before; i++)
		if (strcmp(s->before[i].name, area->name) == 0)
			return s->before[i].used;
	return 0;
}

static void show_areas(struct swap *s)
{
	printf("%-24s %8s | %10s %10s %10s\n", "area", "priority", "MiB before", "after", "taken");
	for (unsigned i = 0; i < s->nr_after; i++) {
		const struct rzst_swap_area *a = &s->after[i];
		uint64_t before = used_before(s, a);
		char name[sizeof(a->name)];

		rzst_tame(strcpy(name, a->name));
		printf("%-24s %8d | %10.1f %10.1f %10.1f\n", name, a->priority,
		       rzsb_mib((double)before), rzsb_mib((double)a->used),
		       rzsb_mib((double)a->used - (double)before));
		rzsb_json_begin(&s->json, "swap_area");
		rzsb_json_str(&s->json, "area", a->name);
		rzsb_json_num(&s->json, "priority", a->priority);
		rzsb_json_int(&s->json, "size_bytes", a->size);
		rzsb_json_int(&s->json, "used_before_bytes", before);
		rzsb_json_int(&s->json, "used_after_bytes", a->used);
		rzsb_json_end(&s->json);
	}
}

static void show_out(struct swap *s)
{
	printf("out: %.1f of %.1f MiB in %.2f s, %.0f MB/s\n", rzsb_pages_mib(s->gone),
	       rzsb_pages_mib(s->corpus.nr), s->out_s, mb_per_s(s->gone, s->out_s));
	if (s->cached)
		printf("     %.1f MiB of it are also in memory: reading them takes no area\n",
		       rzsb_pages_mib(s->cached));
	show_areas(s);
	fflush(stdout);
}

static void json_all(struct swap *s, size_t in, const struct rzsb_latency *us)
{
	struct rzsb_json *j = &s->json;

	rzsb_json_begin(j, "swap");
	rzsb_json_int(j, "pages", s->corpus.nr);
	rzsb_json_int(j, "page_cluster", s->page_cluster);
	rzsb_json_int(j, "zswap", s->zswap);
	rzsb_json_int(j, "out_bytes", s->gone * RZSB_PAGE);
	rzsb_json_int(j, "out_still_in_memory_bytes", s->cached * RZSB_PAGE);
	rzsb_json_num(j, "out_s", s->out_s);
	rzsb_json_num(j, "out_mb_per_s", mb_per_s(s->gone, s->out_s));
	rzsb_json_int(j, "in_bytes", in * RZSB_PAGE);
	rzsb_json_num(j, "in_s", s->in_s);
	rzsb_json_num(j, "in_mb_per_s", mb_per_s(in, s->in_s));
	rzsb_json_int(j, "faults_read", s->faults_read);
	rzsb_json_int(j, "faults_cached", s->faults_cached);
	rzsb_json_int(j, "faults_zero", s->faults_zero);
	rzsb_json_latency(j, "fault_", us);
	rzsb_json_int(j, "wrong_pages", s->wrong);
	rzsb_json_end(j);
}

static void show_in(struct swap *s)
{
	size_t in = s->faults_read + s->faults_cached + s->faults_zero;
	struct rzsb_latency us = rzsb_latency_of(s->us, s->faults_read);
	const double none = (double)NAN;

	printf("in:  %.1f MiB, a page at a time, at random, in %.2f s, %.0f MB/s\n"
	       "page faults: %zu read from an area, %zu found the page in memory, "
	       "%zu were of pages of zeros\n",
	       rzsb_pages_mib(in), s->in_s, mb_per_s(in, s->in_s), s->faults_read, s->faults_cached,
	       s->faults_zero);
	if (s->faults_read)
		printf("time of a fault that read, us: p50 %.1f  p90 %.1f  p99 %.1f  p99.9 %.1f  "
		       "max %.1f\n",
		       us.p50, us.p90, us.p99, us.p999, us.most);
	else
		us = (struct rzsb_latency){none, none, none, none, none};
	if (s->wrong)
		printf("%zu of %zu pages came back with WRONG bytes\n", s->wrong, s->corpus.nr);
	else
		printf("every byte is right\n");
	json_all(s, in, &us);
}

static uint64_t free_swap(const struct swap *s)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < s->nr_after; i++)
		bytes += s->after[i].size - s->after[i].used;
	return bytes;
}

int rzsb_cmd_swap(int argc, char **argv)
{
	static struct swap swap = {.record.seed = 1};
	struct swap *s = &swap;
	int err;

	parse(s, argc, argv);
	if (rzst_swaps_read(s->before) == 0)
		rzst_die(RZSB_NOTHING, "swap: no swap is on: see swapon(8), or attach in "
				       "rzscontrol(8)");
	load(s);
	if (rzsb_json_open(&s->json, &s->record, "rzsbench swap", &s->corpus) < 0)
		return RZSB_FAILED;
	show_settings(s);
	page_out(s);
	if (s->gone == 0)
		rzst_die(
			RZSB_NOTHING,
			"swap: nothing of %.1f MiB was swapped out, with %.1f MiB of swap free: is "
			"there a limit (memory.swap.max of the cgroup)?",
			rzsb_pages_mib(s->corpus.nr), rzsb_mib((double)free_swap(s)));
	show_out(s);
	if (s->wait)
		await_line();
	read_again(s);
	show_in(s);
	err = rzsb_json_close(&s->json);
	return s->wrong ? RZSB_WRONG : err < 0 ? RZSB_FAILED : RZSB_OK;
}
