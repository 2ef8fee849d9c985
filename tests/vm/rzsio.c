/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Uses the ramzswap driver directly: each ioctl, also as a 32-bit program calls it, and reads and
 * writes of shapes that no file system makes.
 *
 *   rzsio DEVICE [-32 | -nobody] disksize KB | memlimit KB | backing PATH
 *   rzsio DEVICE [-32 | -nobody] init | reset | stats | nonsense
 *   rzsio DEVICE shapes SEED
 *   rzsio DEVICE fill SEED    writes until a page is refused, and checks the pages before it
 *   rzsio DEVICE torn SEED    the same, then pages in two segments: a refused page must not change
 *
 * -32 calls as a 32-bit program, -nobody as a process without capabilities.
 *
 * Exit status: 0, or the errno of the ioctl; 200 wrong bytes, 201 usage.
 *
 * Threading: one thread.  Static and not position-independent, so that 32-bit pointers reach its
 * data.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ramzswap_ioctl.h"

enum { EXIT_WRONG = 200, EXIT_USAGE = 201 };

#define NOBODY 65534
#define SECTOR 512u
#define PAGE   4096u

#define BALLAST (8u << 20)

/* Linux's number of ioctl for programs of 32 bits on x86. */
#define IOCTL_32 54

/* The two whose number depends on the size of size_t. */
#define SET_DISKSIZE_KB_32 _IOW('z', 0, uint32_t)
#define SET_MEMLIMIT_KB_32 _IOW('z', 1, uint32_t)

static struct ramzswap_ioctl_stats stats;
static uint64_t number;
static unsigned char name[RZS_MAX_BACKING_NAME];

/* Returns 0 or an errno. */
static int call(int fd, bool narrow, unsigned long cmd, void *arg)
{
	long ret;

	if (!narrow)
		return ioctl(fd, cmd, arg) ? errno : 0;
	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "a"((long)IOCTL_32), "b"((long)fd), "c"(cmd), "d"(arg)
			 : "memory", "r8", "r9", "r10", "r11");
	return ret < 0 ? (int)-ret : 0;
}

static int show(int fd, bool narrow)
{
	int err = call(fd, narrow, RZSIO_GET_STATS, &stats);

	if (err)
		return err;
	printf("disksize=%llu\nmemlimit=%llu\n", stats.disksize, stats.memlimit);
	printf("num_reads=%llu\nnum_writes=%llu\n", stats.num_reads, stats.num_writes);
	printf("failed_reads=%llu\nfailed_writes=%llu\n", stats.failed_reads, stats.failed_writes);
	printf("invalid_io=%llu\nnotify_free=%llu\n", stats.invalid_io, stats.notify_free);
	printf("pages_zero=%u\ngood_compress_pct=%u\n", stats.pages_zero, stats.good_compress_pct);
	printf("pages_expand_pct=%u\npages_stored=%u\n", stats.pages_expand_pct,
	       stats.pages_stored);
	printf("pages_used=%u\norig_data_size=%llu\n", stats.pages_used, stats.orig_data_size);
	printf("compr_data_size=%llu\nmem_used_total=%llu\n", stats.compr_data_size,
	       stats.mem_used_total);
	return 0;
}

static void fill(uint8_t *to, size_t n, uint64_t *state)
{
	size_t i;

	/* Runs, so that most of it compresses and none of it is alike. */
	for (i = 0; i < n; i++) {
		if (i % 7 == 0)
			*state = *state * 6364136223846793005ull + 1442695040888963407ull;
		to[i] = (uint8_t)(*state >> 56);
	}
}

/*
 * Blocks of the device from and to memory at any multiple of a sector, so that the pieces that the
 * driver sees are parts of pages.  `mirror` knows what must be there.
 */
static int shapes(const char *device, uint64_t seed)
{
	static uint8_t mirror[64 * PAGE];
	const size_t all = sizeof(mirror);
	int fd = open(device, O_RDWR | O_DIRECT);
	uint8_t *buf = mmap(NULL, all + PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t state = seed;
	unsigned round;

	if (fd < 0 || buf == MAP_FAILED)
		return errno;
	for (round = 0; round < 200; round++) {
		size_t at = round ? state >> 20 & 31 : 0, n = round ? 1 + (state >> 30 & 31) : 64;
		uint8_t *mem = buf + (state >> 40 & 7) * SECTOR;

		fill(mem, n * PAGE, &state);
		memcpy(mirror + at * PAGE, mem, n * PAGE);
		if (pwrite(fd, mem, n * PAGE, (off_t)(at * PAGE)) != (ssize_t)(n * PAGE))
			return errno;
		mem = buf + (state >> 43 & 7) * SECTOR;
		memset(mem, 0x5a, all);
		if (pread(fd, mem, all, 0) != (ssize_t)all)
			return errno;
		if (memcmp(mem, mirror, all))
			return EXIT_WRONG;
	}
	return close(fd) ? errno : 0;
}

static void fill_random(uint64_t *page, uint64_t seed, uint64_t index)
{
	uint64_t state = seed ^ index * 0x9e3779b97f4a7c15ull;
	unsigned i;

	for (i = 0; i < PAGE / 8; i++) {
		state = state * 6364136223846793005ull + 1442695040888963407ull;
		page[i] = state ^ state >> 29;
	}
}

/* Pages that do not compress, to the end of the device (0) or of what it takes (an errno). */
static int fill_up(const char *device, uint64_t seed)
{
	static uint64_t page[PAGE / 8] __attribute__((aligned(PAGE)));
	static uint64_t back[PAGE / 8] __attribute__((aligned(PAGE)));
	int fd = open(device, O_RDWR | O_DIRECT), err = fd < 0 ? errno : 0;
	off_t end = fd < 0 ? 0 : lseek(fd, 0, SEEK_END), n = 0, i;
	/* Given back after a refusal: there may be no memory for anybody else then. */
	void *ballast = mmap(NULL, BALLAST, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (ballast == MAP_FAILED)
		return errno;
	for (; !err && n * PAGE < end; n++) {
		fill_random(page, seed, (uint64_t)n);
		if (pwrite(fd, page, PAGE, n * PAGE) != PAGE) {
			err = errno;
			break;
		}
	}
	/* Not munmap(), which may want memory for the record of what is left. */
	madvise(ballast, BALLAST, MADV_DONTNEED);
	printf("filled=%lld\n", (long long)n);
	for (i = 0; i < n; i++) {
		fill_random(page, seed, (uint64_t)i);
		if (pread(fd, back, PAGE, i * PAGE) != PAGE || memcmp(page, back, PAGE))
			return EXIT_WRONG;
	}
	return err;
}

/*
 * A device that is filled but for gaps in which a part of a page has room.  Pages of zeros are
 * overwritten by ones that do not compress, from memory where only the first sector of each lies in
 * the first piece: with that alone the page would still be small.
 */
static int torn(const char *device, uint64_t seed)
{
	enum { SMALL = 40, FIRST = 64, TORN = 32, NOISE = 128 };
	static uint8_t page[PAGE] __attribute__((aligned(PAGE)));
	static uint8_t two[2 * PAGE] __attribute__((aligned(PAGE)));
	static const uint8_t zeros[PAGE];
	int fd = open(device, O_RDWR | O_DIRECT), err = 0;
	unsigned refused = 0;
	uint64_t state = seed;
	off_t n;

	if (fd < 0)
		return errno;
	for (n = 0; n < SMALL; n++) {
		fill(page, PAGE, &state);
		if (pwrite(fd, page, PAGE, n * PAGE) != PAGE)
			return errno;
	}
	for (n = NOISE; !err; n++) {
		fill_random((uint64_t *)page, seed, (uint64_t)n);
		if (pwrite(fd, page, PAGE, n * PAGE) != PAGE)
			err = errno;
	}
	if (err != ENOSPC)
		return err;
	for (n = FIRST; n < FIRST + TORN; n++) {
		fill_random((uint64_t *)page, seed + 1, (uint64_t)n);
		memcpy(two + PAGE - SECTOR, page, PAGE);
		if (pwrite(fd, two + PAGE - SECTOR, PAGE, n * PAGE) == PAGE)
			continue;
		refused++;
		if (pread(fd, page, PAGE, n * PAGE) != PAGE || memcmp(page, zeros, PAGE))
			return EXIT_WRONG;
	}
	printf("refused=%u\n", refused);
	return refused ? 0 : EXIT_WRONG;
}

static int run(int fd, bool narrow, const char *what, const char *value)
{
	if (!strcmp(what, "init"))
		return call(fd, narrow, RZSIO_INIT, NULL);
	if (!strcmp(what, "reset"))
		return call(fd, narrow, RZSIO_RESET, NULL);
	if (!strcmp(what, "stats"))
		return show(fd, narrow);
	if (!strcmp(what, "nonsense"))
		return call(fd, narrow, _IO('z', 99), NULL);
	if (!value)
		return EXIT_USAGE;
	number = strtoull(value, NULL, 10);
	if (!strcmp(what, "disksize"))
		return call(fd, narrow, narrow ? SET_DISKSIZE_KB_32 : RZSIO_SET_DISKSIZE_KB,
			    &number);
	if (!strcmp(what, "memlimit"))
		return call(fd, narrow, narrow ? SET_MEMLIMIT_KB_32 : RZSIO_SET_MEMLIMIT_KB,
			    &number);
	if (strcmp(what, "backing"))
		return EXIT_USAGE;
	strncpy((char *)name, value, sizeof(name) - 1);
	return call(fd, narrow, RZSIO_SET_BACKING_SWAP, name);
}

int main(int argc, char **argv)
{
	bool narrow = argc > 2 && !strcmp(argv[2], "-32");
	bool nobody = argc > 2 && !strcmp(argv[2], "-nobody");
	int at = narrow || nobody ? 3 : 2, fd, err;
	const char *value;

	if (argc <= at)
		return EXIT_USAGE;
	if (!strcmp(argv[at], "shapes") && argc > at + 1) {
		err = shapes(argv[1], strtoull(argv[at + 1], NULL, 10));
	} else if (!strcmp(argv[at], "fill") && argc > at + 1) {
		err = fill_up(argv[1], strtoull(argv[at + 1], NULL, 10));
	} else if (!strcmp(argv[at], "torn") && argc > at + 1) {
		err = torn(argv[1], strtoull(argv[at + 1], NULL, 10));
	} else {
		fd = open(argv[1], O_RDONLY | O_NONBLOCK);
		value = argc > at + 1 ? argv[at + 1] : NULL;
		if (fd < 0 || (nobody && setuid(NOBODY)))
			err = errno;
		else
			err = run(fd, narrow, argv[at], value);
	}
	if (err)
		fprintf(stderr, "rzsio: %s: %s\n", argv[at],
			err < EXIT_WRONG ? strerror(err) : "wrong");
	return err;
}
