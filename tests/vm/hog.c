/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program that needs more memory than the guest has, and checks every byte of it.
 *
 * The contents of a page are a function of the seed, the page and the pass that wrote it last, and
 * that pass is a function of the seed, the page and the current pass.  So nothing about a page is
 * stored outside the page, and there is no second copy that could get the same fault.  The first
 * pass fills all pages.  Each later pass walks over them in another order and visits a share of
 * them (-v, percent; chosen by seed, page and pass).  It verifies the pages that it visits and
 * rewrites about half of them.  The others are swapped in unchanged, which takes another path in
 * the kernel.
 *
 * With -a PERCENT so many of the pages have, until they are rewritten, the same contents for every
 * seed: several programs have them in common.  With -o it has the kernel swap out all pages after
 * the last pass; with -M it lets KSM merge them where they are.
 *
 * With -t SECONDS it dies of SIGALRM when it has not done a MiB in that time: it gets nowhere.  The
 * signal ends it wherever in the kernel it waits for memory.
 *
 * With -k MIB it frees all but the first MIB after the last pass, and waits for a line on stdin;
 * meanwhile the scenario runs swapoff.  Then it verifies all pages that it kept.
 *
 * Prints lines for the scenario on stdout.  Exit status: 0 success, 1 wrong byte, 2 usage, 3 no
 * memory.
 *
 * Threading: one thread.  Static, needs tests/lib/pages.c only.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "pages.h"

enum { EXIT_WRONG = 1, EXIT_USAGE = 2, EXIT_MEMORY = 3 };

#define PAGES_PER_MIB 256u

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
#define PAGE_OUT_TRIES 20u /* pages on their way to the disk are left alone */

struct hog {
	uint8_t *base;
	uint64_t nr_pages;
	uint64_t keep_pages; /* UINT64_MAX: do not wait after the last pass */
	uint64_t seed;
	uint64_t corrupt_page; /* UINT64_MAX: none; for checking that a wrong byte is seen */
	unsigned passes;
	unsigned share; /* percent of the pages that a pass after the first visits */
	unsigned alike; /* percent of the pages that do not depend on the seed at first */
	unsigned patience; /* seconds for a MiB; 0: any time */
	bool page_out;
	bool mergeable; /* by KSM */
	unsigned mix[5];    /* percent of zero, same-filled, text, pointers, random; sums to 100 */
	uint64_t *progress; /* pages done so far, in a file the hang watcher looks at */
};

static const enum pages_kind mix_kinds[5] = {
	PAGES_ZERO, PAGES_SAME64, PAGES_TEXT, PAGES_POINTERS, PAGES_RANDOM,
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static bool visited_in(const struct hog *hog, uint64_t page, unsigned pass)
{
	return pass == 0 || pages_hash(hog->seed ^ pass, page) / 2 % 100 < hog->share;
}

static bool rewritten_in(const struct hog *hog, uint64_t page, unsigned pass)
{
	if (pass == 0)
		return true;
	return visited_in(hog, page, pass) && (pages_hash(hog->seed ^ pass, page) & 1);
}

/* The last pass up to and including pass that wrote the page. */
static unsigned last_writer(const struct hog *hog, uint64_t page, unsigned pass)
{
	while (!rewritten_in(hog, page, pass))
		pass--;
	return pass;
}

static void make_page(const struct hog *hog, uint64_t page, unsigned writer, void *out)
{
	bool alike = writer == 0 && pages_hash(UINT64_MAX, page) % 100 < hog->alike;
	uint64_t seed = pages_hash(alike ? 0 : hog->seed + writer, page);
	unsigned draw = (unsigned)(seed >> 32) % 100;
	unsigned kind = 0;

	while (kind < 4 && draw >= hog->mix[kind]) {
		draw -= hog->mix[kind];
		kind++;
	}
	pages_make(out, mix_kinds[kind], seed);
}

static int check_page(const struct hog *hog, uint64_t page, unsigned pass)
{
	static uint8_t want[PAGES_SIZE];
	const uint8_t *got = hog->base + page * PAGES_SIZE;
	unsigned writer = last_writer(hog, page, pass);
	unsigned at;

	make_page(hog, page, writer, want);
	if (memcmp(want, got, PAGES_SIZE) == 0)
		return 0;
	at = pages_diff(want, got);
	printf("wrong page=%llu offset=%u want=%02x got=%02x pass=%u written-in=%u\n",
	       (unsigned long long)page, at, want[at % PAGES_SIZE], got[at % PAGES_SIZE], pass,
	       writer);
	return -EIO;
}

/* The last of several passes is always forwards: what is kept was then not touched for longest. */
static bool ends_forwards(const struct hog *hog, unsigned pass)
{
	return pass == hog->passes && pass > 1;
}

/* The i-th page of a pass: forwards, scattered, backwards, in strides. */
static uint64_t page_in_order(const struct hog *hog, unsigned pass, uint64_t i)
{
	uint64_t n = hog->nr_pages;
	/* Larger than any n in use, prime, so that i * stride % n meets every page once. */
	static const uint64_t scattered = 2654435761u, strided = 4099;

	if (ends_forwards(hog, pass))
		return i;
	switch (pass % 4) {
	case 1:
		return i * scattered % n;
	case 2:
		return n - 1 - i;
	case 3:
		return n % strided ? i * strided % n : i;
	default:
		return i;
	}
}

static const char *order_name(const struct hog *hog, unsigned pass)
{
	static const char *const names[4] = {"forwards", "scattered", "backwards", "strided"};

	return ends_forwards(hog, pass) ? names[0] : names[pass % 4];
}

static int run_pass(const struct hog *hog, unsigned pass)
{
	uint64_t start = now_ms(), visited = 0, rewritten = 0;

	for (uint64_t i = 0; i < hog->nr_pages; i++) {
		uint64_t page = page_in_order(hog, pass, i);

		if (!visited_in(hog, page, pass))
			continue;
		if (visited++ % PAGES_PER_MIB == 0)
			alarm(hog->patience);
		if (pass > 0 && check_page(hog, page, pass - 1))
			return -EIO;
		if (rewritten_in(hog, page, pass)) {
			make_page(hog, page, last_writer(hog, page, pass),
				  hog->base + page * PAGES_SIZE);
			rewritten++;
		}
		if (pass == 0 && page == hog->corrupt_page)
			hog->base[page * PAGES_SIZE + 1234] ^= 1;
		__atomic_fetch_add(hog->progress, 1, __ATOMIC_RELAXED);
	}
	alarm(0);
	printf("pass number=%u order=%s pages=%llu rewritten=%llu ms=%llu\n", pass,
	       order_name(hog, pass), (unsigned long long)visited, (unsigned long long)rewritten,
	       (unsigned long long)(now_ms() - start));
	return 0;
}

/* Pages that are in memory, of the first nr. */
static uint64_t count_present(const struct hog *hog, uint64_t nr)
{
	static unsigned char in_memory[PAGES_PER_MIB];
	uint64_t present = 0;

	for (uint64_t page = 0; page < nr; page += PAGES_PER_MIB) {
		if (mincore(hog->base + page * PAGES_SIZE, sizeof(in_memory) * PAGES_SIZE,
			    in_memory))
			return nr;
		for (unsigned i = 0; i < PAGES_PER_MIB; i++)
			present += in_memory[i] & 1;
	}
	return present;
}

static int page_out(const struct hog *hog)
{
	const struct timespec pause = {.tv_nsec = 50000000};
	uint64_t left = hog->nr_pages;

	for (unsigned i = 0; i < PAGE_OUT_TRIES && left; i++) {
		if (i)
			nanosleep(&pause, NULL);
		if (madvise(hog->base, hog->nr_pages * PAGES_SIZE, MADV_PAGEOUT))
			return -errno;
		left = count_present(hog, hog->nr_pages);
	}
	printf("out pages=%llu\n", (unsigned long long)(hog->nr_pages - left));
	return 0;
}

/* Keep the first pages through the time in which the scenario does its swapoff. */
static int hold(const struct hog *hog)
{
	uint64_t keep = hog->keep_pages * PAGES_SIZE, all = hog->nr_pages * PAGES_SIZE;
	char go;

	if (keep < all && munmap(hog->base + keep, all - keep))
		return -errno;
	printf("hold pages=%llu\n", (unsigned long long)hog->keep_pages);
	if (read(STDIN_FILENO, &go, 1) != 1)
		return -EINVAL;
	for (uint64_t page = 0; page < hog->keep_pages; page++) {
		if (check_page(hog, page, hog->passes))
			return -EIO;
		__atomic_fetch_add(hog->progress, 1, __ATOMIC_RELAXED);
	}
	printf("kept pages=%llu\n", (unsigned long long)hog->keep_pages);
	return 0;
}

static int parse_mix(struct hog *hog, const char *text)
{
	unsigned sum = 0;

	if (sscanf(text, "%u:%u:%u:%u:%u", &hog->mix[0], &hog->mix[1], &hog->mix[2], &hog->mix[3],
		   &hog->mix[4]) != 5)
		return -EINVAL;
	for (unsigned i = 0; i < 5; i++)
		sum += hog->mix[i];
	return sum == 100 ? 0 : -EINVAL;
}

/* The file may not exist when nobody watches: then progress goes to memory of our own. */
static uint64_t *map_progress(const char *path)
{
	static uint64_t nobody;
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *map;

	if (fd < 0)
		return &nobody;
	map = mmap(NULL, PAGES_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return map == MAP_FAILED ? &nobody : map;
}

/* What an option sets that has a small number; otherwise NULL. */
static unsigned *number_of(struct hog *hog, int option)
{
	switch (option) {
	case 'a':
		return &hog->alike;
	case 'p':
		return &hog->passes;
	case 't':
		return &hog->patience;
	case 'v':
		return &hog->share;
	default:
		return NULL;
	}
}

static int parse(int argc, char **argv, struct hog *hog)
{
	const char *progress = NULL;
	uint64_t mib = 0, keep = UINT64_MAX;
	unsigned *number;
	int c;

	while ((c = getopt(argc, argv, "a:Mom:p:s:t:v:x:k:c:w:")) != -1) {
		switch (c) {
		case 'M':
			hog->mergeable = true;
			break;
		case 'o':
			hog->page_out = true;
			break;
		case 'm':
			mib = strtoull(optarg, NULL, 10);
			break;
		case 's':
			hog->seed = strtoull(optarg, NULL, 10);
			break;
		case 'k':
			keep = strtoull(optarg, NULL, 10);
			break;
		case 'c':
			progress = optarg;
			break;
		case 'w':
			hog->corrupt_page = strtoull(optarg, NULL, 10);
			break;
		case 'x':
			if (parse_mix(hog, optarg))
				return -EINVAL;
			break;
		default:
			number = number_of(hog, c);
			if (!number)
				return -EINVAL;
			*number = (unsigned)strtoul(optarg, NULL, 10);
		}
	}
	if (mib == 0 || mib > 1u << 20 || (keep != UINT64_MAX && keep > mib))
		return -EINVAL;
	hog->nr_pages = mib * PAGES_PER_MIB;
	hog->keep_pages = keep == UINT64_MAX ? keep : keep * PAGES_PER_MIB;
	hog->progress = map_progress(progress);
	return 0;
}

int main(int argc, char **argv)
{
	struct hog hog = {
		.passes = 3,
		.share = 100,
		.seed = 1,
		.corrupt_page = UINT64_MAX,
		.mix = {8, 7, 40, 30, 15},
	};

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (parse(argc, argv, &hog)) {
		fprintf(stderr, "usage: hog -m MIB [-p passes] [-v percent-visited] [-s seed]\n"
				"           [-a percent-alike] [-M] [-o] [-k keep-MIB]\n"
				"           [-x zero:same:text:pointers:random (percent)]\n"
				"           [-t seconds] [-c progress-file] [-w page]\n");
		return EXIT_USAGE;
	}
	hog.base = mmap(NULL, hog.nr_pages * PAGES_SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (hog.base == MAP_FAILED) {
		perror("hog: mmap");
		return EXIT_MEMORY;
	}
	/* Of huge pages only whole ones go out, or are merged. */
	if ((hog.page_out || hog.mergeable) &&
	    madvise(hog.base, hog.nr_pages * PAGES_SIZE, MADV_NOHUGEPAGE))
		return EXIT_MEMORY;
	if (hog.mergeable && madvise(hog.base, hog.nr_pages * PAGES_SIZE, MADV_MERGEABLE))
		return EXIT_MEMORY;
	for (unsigned pass = 0; pass <= hog.passes; pass++) {
		if (run_pass(&hog, pass))
			return EXIT_WRONG;
	}
	if (hog.page_out && page_out(&hog))
		return EXIT_MEMORY;
	if (hog.keep_pages == UINT64_MAX)
		return 0;
	return hold(&hog) ? EXIT_WRONG : 0;
}
