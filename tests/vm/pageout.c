/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pageout text|noise PAGES SEED: fills PAGES pages of that kind, has the kernel swap them out at
 * once, prints how long that took (ms=), and reads them all again.
 *
 * Exit status: 0; 1 a wrong byte or a failed call, which is printed; 2 usage.
 *
 * Threading: one thread.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define PAGE 4096u

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

/* Each page from its own beginning; text repeats every byte seven times. */
static void make_page(uint8_t *page, bool text, uint64_t seed, uint64_t index)
{
	uint64_t state = (seed + 1) * 0x9e3779b97f4a7c15ull ^ index * 0xbf58476d1ce4e5b9ull;
	unsigned i;

	for (i = 0; i < PAGE; i++) {
		if (!text || i % 7 == 0)
			state = state * 6364136223846793005ull + 1442695040888963407ull;
		page[i] = (uint8_t)(state >> 56);
	}
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
	static uint8_t want[PAGE];
	bool text = argc > 1 && !strcmp(argv[1], "text");
	uint64_t pages = argc > 2 ? strtoull(argv[2], NULL, 10) : 0, i, start;
	uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
	uint8_t *mem;

	if (argc != 4 || !pages || (!text && strcmp(argv[1], "noise")))
		return 2;
	mem = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED || madvise(mem, pages * PAGE, MADV_NOHUGEPAGE)) {
		printf("pageout: memory: %s\n", strerror(errno));
		return 1;
	}
	for (i = 0; i < pages; i++)
		make_page(mem + i * PAGE, text, seed, i);
	start = now_ms();
	if (madvise(mem, pages * PAGE, MADV_PAGEOUT)) {
		printf("pageout: %s\n", strerror(errno));
		return 1;
	}
	printf("ms=%llu\n", (unsigned long long)(now_ms() - start));
	for (i = 0; i < pages; i++) {
		make_page(want, text, seed, i);
		if (memcmp(mem + i * PAGE, want, PAGE)) {
			printf("pageout: page %llu is wrong\n", (unsigned long long)i);
			return 1;
		}
	}
	return 0;
}
