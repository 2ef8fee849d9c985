/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages that move between a device's memory and its backing swap.  Writes compressible and
 * incompressible pages and checks them.  All I/O is with O_DIRECT.
 *
 *   spill DEVICE write KIND SEED FIRST NR    writes one page after the other, until one fails
 *   spill DEVICE check KIND SEED FIRST NR    checks that they are there
 *   spill DEVICE model SEED ROUNDS           writes, overwrites, discards and zeroes 1 to 24 pages
 *                                            at a time, with buffers at any multiple of a sector
 *   spill DEVICE race SEED SECONDS           reads during writes of the same pages: a read must
 *                                            return one version, not older than the last that was
 *                                            complete when the read began, and not newer than the
 *                                            last that had begun when it ended
 * KIND: noise (does not compress), text, zero
 *
 * Exit status: 0, or an errno; 200 wrong bytes, 201 usage.
 *
 * Threading: race has two threads that write, each its own pages, and two that read.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "pages.h"

enum { EXIT_WRONG = 200, EXIT_USAGE = 201 };

#define PAGE	    4096u
#define SECTOR	    512u
#define FIRST	    1u /* page 0 has the swap header */
#define MODEL_PAGES 256u
#define MOST_PAGES  24u
#define RACE_PAGES  12u
#define RACE_RUN    4u
#define WRITERS	    2u
#define READERS	    2u

static uint8_t *map(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("spill: mmap");
		exit(errno);
	}
	return p;
}

static int open_direct(const char *device)
{
	int fd = open(device, O_RDWR | O_DIRECT);

	if (fd < 0) {
		perror(device);
		exit(errno);
	}
	return fd;
}

static int kind_of(const char *name)
{
	if (!strcmp(name, "noise"))
		return PAGES_RANDOM;
	if (!strcmp(name, "text"))
		return PAGES_TEXT;
	return strcmp(name, "zero") ? -1 : PAGES_ZERO;
}

/* ---- write, check ---- */

static int each_page(int fd, bool write, enum pages_kind kind, uint64_t seed, uint64_t first,
		     uint64_t nr)
{
	uint8_t *page = map(PAGE), want[PAGE];
	uint64_t i;

	for (i = 0; i < nr; i++) {
		off_t at = (off_t)((first + i) * PAGE);

		pages_make(want, kind, pages_hash(seed, first + i));
		if (write)
			memcpy(page, want, PAGE);
		if ((write ? pwrite(fd, page, PAGE, at) : pread(fd, page, PAGE, at)) != PAGE)
			break;
		if (!write && memcmp(page, want, PAGE)) {
			fprintf(stderr, "spill: page %llu, byte %u is wrong\n",
				(unsigned long long)(first + i), pages_diff(page, want));
			return EXIT_WRONG;
		}
	}
	printf("done=%llu\n", (unsigned long long)i);
	return i < nr ? errno : 0;
}

/* ---- model ---- */

static int verify(int fd, const uint8_t *mirror, uint8_t *mem, size_t at, size_t n)
{
	unsigned diff;
	size_t i;

	memset(mem, 0x5a, n * PAGE);
	if (pread(fd, mem, n * PAGE, (off_t)((FIRST + at) * PAGE)) != (ssize_t)(n * PAGE))
		return errno;
	for (i = 0; i < n; i++) {
		diff = pages_diff(mem + i * PAGE, mirror + (at + i) * PAGE);
		if (diff == PAGE)
			continue;
		fprintf(stderr, "spill: page %zu, byte %u is %02x, should be %02x\n",
			FIRST + at + i, diff, mem[i * PAGE + diff], mirror[(at + i) * PAGE + diff]);
		return EXIT_WRONG;
	}
	return 0;
}

static int drop(int fd, uint8_t *mirror, size_t at, size_t n, bool zero)
{
	uint64_t range[2] = {(FIRST + at) * PAGE, n * PAGE};

	memset(mirror + at * PAGE, 0, n * PAGE);
	return ioctl(fd, zero ? BLKZEROOUT : BLKDISCARD, range) ? errno : 0;
}

static int model(int fd, uint64_t seed, unsigned rounds)
{
	static const enum pages_kind kinds[] = {PAGES_RANDOM,  PAGES_RANDOM, PAGES_TEXT,
						PAGES_EDGE,    PAGES_ZERO,   PAGES_SAME64,
						PAGES_POINTERS};
	uint8_t *mirror = map(MODEL_PAGES * PAGE), *buf = map((MODEL_PAGES + 1) * PAGE), *mem;
	struct pages_rng rng = {seed};
	int err = drop(fd, mirror, 0, MODEL_PAGES, false);
	size_t at, n, i;

	while (!err && rounds--) {
		n = 1 + pages_below(&rng, MOST_PAGES);
		at = pages_below(&rng, MODEL_PAGES - n + 1);
		mem = buf + pages_below(&rng, 3) % 2 * SECTOR * (1 + pages_below(&rng, 7));
		if (pages_below(&rng, 8) == 0) {
			err = drop(fd, mirror, at, n, pages_below(&rng, 2));
		} else {
			bool alike = pages_below(&rng, 2);
			size_t kind = pages_below(&rng, 7);

			for (i = 0; i < n; i++) {
				if (!alike)
					kind = pages_below(&rng, 7);
				pages_make(mirror + (at + i) * PAGE, kinds[kind], pages_next(&rng));
			}
			memcpy(mem, mirror + at * PAGE, n * PAGE);
			if (pwrite(fd, mem, n * PAGE, (off_t)((FIRST + at) * PAGE)) !=
			    (ssize_t)(n * PAGE))
				err = errno;
		}
		if (!err)
			err = verify(fd, mirror, mem, at, n);
		if (!err && rounds % 16 == 0)
			err = verify(fd, mirror, buf, 0, MODEL_PAGES);
	}
	return err;
}

/* ---- race ---- */

/* Version v of a page says so at both ends; 0 is zeros. */
static struct {
	uint64_t begun, done;
} versions[RACE_PAGES];

static struct {
	const char *device;
	uint64_t seed;
	time_t end;
	int err;
	uint64_t reads, writes;
} race;

/* Every fifth version is a discard. */
static bool is_discard(uint64_t version)
{
	return version % 5 == 0;
}

static void make_version(uint8_t *page, uint64_t slot, uint64_t version)
{
	uint64_t mix = pages_hash(race.seed + slot, version);

	pages_make(page, mix % 3 ? PAGES_RANDOM : PAGES_TEXT, mix);
	memcpy(page, &version, sizeof(version));
}

static bool race_goes_on(void)
{
	return time(NULL) < race.end && !__atomic_load_n(&race.err, __ATOMIC_RELAXED);
}

static void race_ends(int err)
{
	__atomic_store_n(&race.err, err, __ATOMIC_RELAXED);
}

/* Pages from i on that may be written at once: none whose next version is a discard. */
static unsigned race_run(struct pages_rng *rng, unsigned i, unsigned end)
{
	unsigned most = 1 + (unsigned)pages_below(rng, RACE_RUN), n = 1;

	if (is_discard(versions[i].begun + 1))
		return 1;
	while (n < most && i + n < end && !is_discard(versions[i + n].begun + 1))
		n++;
	return n;
}

static void *race_write(void *arg)
{
	unsigned self = (unsigned)(uintptr_t)arg, own = RACE_PAGES / WRITERS, i, n, k;
	struct pages_rng rng = {race.seed + self};
	int fd = open_direct(race.device);
	uint8_t *pages = map(RACE_RUN * PAGE);

	while (race_goes_on()) {
		i = self * own + (unsigned)pages_below(&rng, own);
		n = race_run(&rng, i, (self + 1) * own);
		uint64_t range[2] = {(FIRST + i) * PAGE, n * PAGE};
		bool ok, discard = is_discard(versions[i].begun + 1);

		for (k = 0; k < n; k++) {
			make_version(pages + k * PAGE, i + k, versions[i + k].begun + 1);
			__atomic_add_fetch(&versions[i + k].begun, 1, __ATOMIC_SEQ_CST);
		}
		if (discard)
			ok = !ioctl(fd, BLKDISCARD, range);
		else
			ok = pwrite(fd, pages, range[1], (off_t)range[0]) == (ssize_t)range[1];
		if (!ok) {
			race_ends(errno);
			break;
		}
		for (k = 0; k < n; k++)
			__atomic_add_fetch(&versions[i + k].done, 1, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&race.writes, n, __ATOMIC_RELAXED);
	}
	close(fd);
	return NULL;
}

/* Whether page is a version of slot's from the first to the last. */
static bool is_version(const uint8_t *page, uint64_t slot, uint64_t first, uint64_t last)
{
	static const uint8_t zeros[PAGE];
	uint8_t want[PAGE];
	uint64_t version;

	memcpy(&version, page, sizeof(version));
	if (!version) {
		/* A discard among them, or the time before the first write. */
		for (version = first; version <= last; version++)
			if (is_discard(version))
				return !memcmp(page, zeros, PAGE);
		return false;
	}
	if (version < first || version > last || is_discard(version))
		return false;
	make_version(want, slot, version);
	return !memcmp(page, want, PAGE);
}

static void *race_read(void *arg)
{
	struct pages_rng rng = {race.seed + WRITERS + (uintptr_t)arg};
	int fd = open_direct(race.device);
	uint8_t *pages = map(RACE_RUN * PAGE);
	uint64_t first[RACE_RUN], last, is;

	while (race_goes_on()) {
		unsigned n = 1 + (unsigned)pages_below(&rng, RACE_RUN), k;
		unsigned i = (unsigned)pages_below(&rng, RACE_PAGES - n + 1);

		for (k = 0; k < n; k++)
			first[k] = __atomic_load_n(&versions[i + k].done, __ATOMIC_SEQ_CST);
		if (pread(fd, pages, n * PAGE, (off_t)((FIRST + i) * PAGE)) != (ssize_t)(n * PAGE))
			race_ends(errno);
		for (k = 0; k < n && race_goes_on(); k++) {
			last = __atomic_load_n(&versions[i + k].begun, __ATOMIC_SEQ_CST);
			if (is_version(pages + k * PAGE, i + k, first[k], last))
				continue;
			memcpy(&is, pages + k * PAGE, sizeof(is));
			fprintf(stderr, "spill: page %u says version %llu, expected %llu to %llu\n",
				FIRST + i + k, (unsigned long long)is, (unsigned long long)first[k],
				(unsigned long long)last);
			race_ends(EXIT_WRONG);
		}
		__atomic_add_fetch(&race.reads, n, __ATOMIC_RELAXED);
	}
	close(fd);
	return NULL;
}

static int run_race(const char *device, uint64_t seed, unsigned seconds)
{
	pthread_t threads[WRITERS + READERS];
	uint64_t range[2] = {FIRST * PAGE, RACE_PAGES * PAGE};
	int fd = open_direct(device);
	unsigned i;

	if (ioctl(fd, BLKDISCARD, range))
		return errno;
	close(fd);
	race.device = device;
	race.seed = seed;
	race.end = time(NULL) + seconds;
	for (i = 0; i < WRITERS + READERS; i++)
		if (pthread_create(&threads[i], NULL, i < WRITERS ? race_write : race_read,
				   (void *)(uintptr_t)(i < WRITERS ? i : i - WRITERS)))
			return EAGAIN;
	for (i = 0; i < WRITERS + READERS; i++)
		pthread_join(threads[i], NULL);
	printf("race_reads=%llu race_writes=%llu\n", (unsigned long long)race.reads,
	       (unsigned long long)race.writes);
	return race.err;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[2] : "";
	uint64_t n[4] = {0};
	int err = EXIT_USAGE, kind, i;

	for (i = 3; i < argc && i < 7; i++)
		n[i - 3] = strtoull(argv[i], NULL, 10);
	if (argc == 5 && !strcmp(what, "race")) {
		err = run_race(argv[1], n[0], (unsigned)n[1]);
	} else if (argc == 5 && !strcmp(what, "model")) {
		err = model(open_direct(argv[1]), n[0], (unsigned)n[1]);
	} else if (argc == 7 && (!strcmp(what, "write") || !strcmp(what, "check"))) {
		kind = kind_of(argv[3]);
		if (kind >= 0)
			err = each_page(open_direct(argv[1]), *what == 'w', (enum pages_kind)kind,
					n[1], n[2], n[3]);
	}
	if (err)
		fprintf(stderr, "spill: %s: %s\n", what,
			err < EXIT_WRONG ? strerror(err) : "wrong");
	return err;
}
