/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mixio DEVICE MIB THREADS CALLS SEED: random reads and writes of all sizes; every byte is checked.
 *
 * Each thread has its own part of the device's first MIB, and a copy of what must be there.  It
 * writes and reads with O_DIRECT (whole blocks, with buffers at any sector) and through the page
 * cache (any byte), discards, zeroes blocks, syncs, and empties its part of the page cache, CALLS
 * times in all.  Then everything is written out and read again with O_DIRECT.  A line reports what
 * was done.
 *
 * Exit status: 0; 1 a wrong byte or a failed call, which is printed; 2 usage.
 *
 * Threading: the given number; each has its own files, memory and random numbers.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pages.h"

#define PAGE	    PAGES_SIZE
#define SECTOR	    512u
#define MOST	    (64 * PAGE) /* in one call */
#define MAX_THREADS 16u
/* What the page cache keeps together lies in one thread's piece. */
#define PIECE_ALIGN (2u << 20)

enum op {
	DIRECT_WRITE,
	BUFFERED_WRITE,
	DIRECT_READ,
	BUFFERED_READ,
	DISCARD,
	ZERO,
	SYNC,
	EMPTY_CACHE,
	NR_OPS
};

/* Of 100 calls, and the names in the report. */
static const struct {
	unsigned share;
	const char *name;
} ops[NR_OPS] = {
	{25, "direct_writes"},	{20, "buffered_writes"}, {17, "direct_reads"},
	{15, "buffered_reads"}, {10, "discards"},	 {8, "zeroed"},
	{3, "syncs"},		{2, "caches_emptied"},
};

struct piece {
	const char *device;
	int direct, buffered;
	uint64_t start, bytes, calls;
	uint8_t *mirror, *mem; /* mem: MOST bytes and a page */
	struct pages_rng rng;
	uint64_t done[NR_OPS];
	pthread_t thread;
};

__attribute__((noreturn)) static void die(const char *what, uint64_t at, uint64_t n)
{
	printf("mixio: %s of %llu bytes at %llu: %s\n", what, (unsigned long long)n,
	       (unsigned long long)at, strerror(errno));
	exit(1);
}

static void *memory(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("memory", 0, n);
	return p;
}

static void compare(const struct piece *p, const char *what, const uint8_t *got, uint64_t at,
		    uint64_t n)
{
	uint64_t i = 0;

	if (!memcmp(got, p->mirror + at, n))
		return;
	while (got[i] == p->mirror[at + i])
		i++;
	printf("mixio: wrong byte at %llu: %02x, not %02x (%s of %llu bytes at %llu)\n",
	       (unsigned long long)(p->start + at + i), got[i], p->mirror[at + i], what,
	       (unsigned long long)n, (unsigned long long)(p->start + at));
	exit(1);
}

static void do_write(struct piece *p, int fd, uint8_t *mem, uint64_t at, uint64_t n)
{
	for (uint64_t i = 0; i < n; i += PAGE) {
		uint8_t page[PAGE];

		pages_make_any(page, pages_next(&p->rng));
		memcpy(mem + i, page, n - i < PAGE ? n - i : PAGE);
	}
	memcpy(p->mirror + at, mem, n);
	if (pwrite(fd, mem, n, (off_t)(p->start + at)) != (ssize_t)n)
		die("write", p->start + at, n);
}

static void do_read(struct piece *p, int fd, uint8_t *mem, uint64_t at, uint64_t n)
{
	memset(mem, 0x5a, n);
	if (pread(fd, mem, n, (off_t)(p->start + at)) != (ssize_t)n)
		die("read", p->start + at, n);
	compare(p, fd == p->direct ? "direct read" : "buffered read", mem, at, n);
}

static void do_drop(struct piece *p, unsigned long how, uint64_t at, uint64_t n)
{
	uint64_t range[2] = {p->start + at, n};

	if (ioctl(p->direct, how, range))
		die(how == BLKDISCARD ? "discard" : "zeroing", p->start + at, n);
	memset(p->mirror + at, 0, n);
}

static void sync_piece(struct piece *p, bool and_empty)
{
	if (fsync(p->buffered))
		die("sync", p->start, p->bytes);
	if (and_empty)
		(void)posix_fadvise(p->buffered, (off_t)p->start, (off_t)p->bytes,
				    POSIX_FADV_DONTNEED);
}

static enum op choose(struct pages_rng *rng)
{
	uint64_t left = pages_below(rng, 100);
	unsigned op = 0;

	while (op < NR_OPS - 1 && left >= ops[op].share)
		left -= ops[op++].share;
	return (enum op)op;
}

static void do_one(struct piece *p)
{
	enum op op = choose(&p->rng);
	bool bytes = op == BUFFERED_WRITE || op == BUFFERED_READ;
	uint64_t unit = bytes ? 1 : PAGE, units = p->bytes / unit, most = MOST / unit;
	uint64_t at = pages_below(&p->rng, units), n, dice = pages_below(&p->rng, 8);
	/* Most are small; one in eight may be as large as it can be. */
	uint64_t limit = dice ? (bytes ? 2 * PAGE : 4) : most;
	uint8_t *mem = p->mem + (dice & 3 ? 0 : SECTOR * pages_below(&p->rng, PAGE / SECTOR));

	n = 1 + pages_below(&p->rng, limit);
	n = unit * (n < units - at ? n : units - at);
	at *= unit;
	p->done[op]++;
	switch (op) {
	case DIRECT_WRITE:
	case BUFFERED_WRITE:
		do_write(p, bytes ? p->buffered : p->direct, mem, at, n);
		break;
	case DIRECT_READ:
	case BUFFERED_READ:
		do_read(p, bytes ? p->buffered : p->direct, mem, at, n);
		break;
	case DISCARD:
		do_drop(p, BLKDISCARD, at, n);
		break;
	case ZERO:
		do_drop(p, BLKZEROOUT, at, n);
		break;
	default:
		sync_piece(p, op == EMPTY_CACHE);
	}
}

static void *work(void *arg)
{
	struct piece *p = arg;

	do_drop(p, BLKZEROOUT, 0, p->bytes);
	for (uint64_t i = 0; i < p->calls; i++)
		do_one(p);
	sync_piece(p, true);
	for (uint64_t at = 0; at < p->bytes; at += MOST)
		do_read(p, p->direct, p->mem, at, p->bytes - at < MOST ? p->bytes - at : MOST);
	return NULL;
}

static void begin(struct piece *p)
{
	p->direct = open(p->device, O_RDWR | O_DIRECT | O_CLOEXEC);
	p->buffered = open(p->device, O_RDWR | O_CLOEXEC);
	if (p->direct < 0 || p->buffered < 0)
		die(p->device, 0, 0);
	p->mirror = memory(p->bytes);
	p->mem = memory(MOST + PAGE);
	errno = pthread_create(&p->thread, NULL, work, p);
	if (errno)
		die("thread", 0, 0);
}

int main(int argc, char **argv)
{
	static struct piece pieces[MAX_THREADS];
	uint64_t mib, threads, calls, seed, bytes, sum, i;
	unsigned op;

	if (argc != 6)
		return 2;
	mib = strtoull(argv[2], NULL, 10);
	threads = strtoull(argv[3], NULL, 10);
	calls = strtoull(argv[4], NULL, 10);
	seed = strtoull(argv[5], NULL, 10);
	if (!threads || threads > MAX_THREADS)
		return 2;
	bytes = (mib << 20) / threads / PIECE_ALIGN * PIECE_ALIGN;
	if (!bytes)
		return 2;
	for (i = 0; i < threads; i++) {
		pieces[i] = (struct piece){.device = argv[1], .start = i * bytes, .bytes = bytes};
		pieces[i].calls = calls / threads;
		pieces[i].rng.state = pages_hash(seed, i);
		begin(&pieces[i]);
	}
	for (i = 0; i < threads; i++)
		(void)pthread_join(pieces[i].thread, NULL);
	for (op = 0; op < NR_OPS; op++) {
		for (sum = 0, i = 0; i < threads; i++)
			sum += pieces[i].done[op];
		printf("%s%s=%llu", op ? " " : "", ops[op].name, (unsigned long long)sum);
	}
	printf("\n");
	return 0;
}
