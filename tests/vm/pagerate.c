/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pagerate DEVICE PAGES SEED CORPUS [SKIP]: measures the cost of pages on a block device.
 *
 *   write   all pages, in order, into the empty device
 *   churn   as many pages again, each to a random place
 *   read    as many, from random places; each is compared
 *
 * One page at a time, with O_DIRECT.  CORPUS is a file of pages, of which PAGES are taken at equal
 * distances (repeatedly, if it has fewer).  "-" means pages of five kinds, made from SEED.  The
 * same arguments give the same calls.  The first SKIP pages of the device are not used, so that
 * several of these programs can share one device.  It prints "ready", and after each phase "PHASE
 * NS CLOCK": processor time (the system call, the block layer and the driver) and elapsed time for
 * one page, in nanoseconds.  Each time it waits for a line on standard input, so that the scenario
 * can read the device's statistics.
 *
 * Exit status: 0; 1 a wrong byte or a failed call, which is printed; 2 usage.
 *
 * Threading: one thread.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "pages.h"

#define PAGE PAGES_SIZE
#define HEAD 1u /* the device's first page, where a swap header may be, is left alone */

/* As guest.sh's mix "mixed": percent of zero, same-filled, text, pointers, random. */
static const struct {
	enum pages_kind kind;
	unsigned percent;
} mix[] = {
	{PAGES_ZERO, 8},      {PAGES_SAME64, 7},  {PAGES_TEXT, 40},
	{PAGES_POINTERS, 30}, {PAGES_RANDOM, 15},
};

struct rate {
	int fd;
	uint64_t nr, skip;
	uint8_t *pages; /* the set */
	uint8_t *page;	/* for reading */
	uint32_t *is;	/* which page of the set each place holds */
	struct pages_rng rng;
};

__attribute__((noreturn)) static void die(const char *what)
{
	printf("pagerate: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *memory(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
		       -1, 0);

	if (p == MAP_FAILED)
		die("memory");
	return p;
}

static void make_pages(struct rate *r, uint64_t seed)
{
	for (uint64_t i = 0; i < r->nr; i++) {
		uint64_t left = pages_below(&r->rng, 100);
		unsigned k = 0;

		while (left >= mix[k].percent)
			left -= mix[k++].percent;
		pages_make(r->pages + i * PAGE, mix[k].kind, pages_hash(seed, i));
	}
}

static void load_pages(struct rate *r, const char *corpus)
{
	int fd = open(corpus, O_RDONLY | O_CLOEXEC);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	uint64_t have = size > 0 ? (uint64_t)size / PAGE : 0, i, at;

	for (i = 0; i < r->nr; i++) {
		if (!have)
			die(corpus);
		at = have < r->nr ? i % have : i * have / r->nr;
		if (pread(fd, r->pages + i * PAGE, PAGE, (off_t)(at * PAGE)) != PAGE)
			die(corpus);
	}
	close(fd);
}

static uint64_t cpu_ns(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return 1000 * (1000000ull * (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
		       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec));
}

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static off_t offset_of(const struct rate *r, uint64_t place)
{
	return (off_t)((r->skip + place + HEAD) * PAGE);
}

static void put(struct rate *r, uint64_t place, uint64_t which)
{
	r->is[place] = (uint32_t)which;
	if (pwrite(r->fd, r->pages + which * PAGE, PAGE, offset_of(r, place)) != PAGE)
		die("write");
}

static void get(struct rate *r, uint64_t place)
{
	if (pread(r->fd, r->page, PAGE, offset_of(r, place)) != PAGE)
		die("read");
	if (memcmp(r->page, r->pages + (uint64_t)r->is[place] * PAGE, PAGE)) {
		printf("pagerate: wrong byte: page %llu\n", (unsigned long long)place);
		exit(1);
	}
}

static void wait_for_line(void)
{
	fflush(stdout);
	(void)getchar();
}

static void write_all(struct rate *r)
{
	for (uint64_t i = 0; i < r->nr; i++)
		put(r, i, i);
}

static void churn(struct rate *r)
{
	for (uint64_t i = 0; i < r->nr; i++)
		put(r, pages_below(&r->rng, r->nr), pages_below(&r->rng, r->nr));
}

static void read_some(struct rate *r)
{
	for (uint64_t i = 0; i < r->nr; i++)
		get(r, pages_below(&r->rng, r->nr));
}

/* One phase; prints its cost, and waits. */
static void phase(struct rate *r, const char *name, void (*work)(struct rate *))
{
	uint64_t cpu = cpu_ns(), clock = clock_ns();

	work(r);
	cpu = cpu_ns() - cpu;
	clock = clock_ns() - clock;
	printf("%s %llu %llu\n", name, (unsigned long long)(cpu / r->nr),
	       (unsigned long long)(clock / r->nr));
	wait_for_line();
}

static void run(struct rate *r)
{
	puts("ready");
	wait_for_line();
	phase(r, "write", write_all);
	phase(r, "churn", churn);
	phase(r, "read", read_some);
	for (uint64_t i = 0; i < r->nr; i++)
		get(r, i);
}

int main(int argc, char **argv)
{
	struct rate r = {0};
	uint64_t seed;

	if (argc != 5 && argc != 6)
		return 2;
	r.nr = strtoull(argv[2], NULL, 10);
	seed = strtoull(argv[3], NULL, 10);
	r.skip = argc == 6 ? strtoull(argv[5], NULL, 10) : 0;
	if (!r.nr || r.nr > UINT32_MAX)
		return 2;
	r.rng.state = seed;
	r.fd = open(argv[1], O_RDWR | O_DIRECT | O_CLOEXEC);
	if (r.fd < 0)
		die(argv[1]);
	r.pages = memory(r.nr * PAGE);
	r.page = memory(PAGE);
	r.is = memory(r.nr * sizeof(*r.is));
	if (strcmp(argv[4], "-"))
		load_pages(&r, argv[4]);
	else
		make_pages(&r, seed);
	run(&r);
	return 0;
}
