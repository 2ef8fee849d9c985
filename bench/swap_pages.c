/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Puts the captured pages of a corpus into memory, has the kernel swap them out (MADV_PAGEOUT:
 * these pages and no others, however much memory is free), and reads them back, comparing with the
 * files. With -w it waits between the two for a line on its standard input, so that somebody may
 * look meanwhile. Exit codes: 0, 1 wrong bytes, 2 wrong usage, 77 nothing was swapped out, 99 an
 * error.
 */
#define _GNU_SOURCE
#include "rzsb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

static void __attribute__((noreturn)) usage(int code)
{
	fprintf(code ? stderr : stdout, "usage: swap_pages [-w] CORPUS_DIR\n");
	exit(code);
}

static double swapped_mib(void)
{
	unsigned long kib = 0;
	char line[256];
	FILE *f = fopen("/proc/self/status", "re");

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "VmSwap: %lu", &kib) == 1)
			break;
	fclose(f);
	return (double)kib / 1024;
}

static size_t compare_part(const struct rzsb_corpus *c, const struct rzsb_part *p, const char *dir)
{
	uint8_t page[RZSB_PAGE];
	char path[4096];
	size_t wrong = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.pages", dir, p->name);
	f = fopen(path, "re");
	if (!f)
		rzsb_die(99, "%s: %s", path, strerror(errno));
	for (size_t i = 0; i < p->nr; i++) {
		if (fread(page, RZSB_PAGE, 1, f) != 1)
			rzsb_die(99, "%s: too short", path);
		wrong += memcmp(page, rzsb_page(c, (uint32_t)(p->first + i)), RZSB_PAGE) != 0;
	}
	fclose(f);
	return wrong;
}

int main(int argc, char **argv)
{
	struct rzsb_corpus c;
	bool pause = false;
	double before, out, seconds;
	size_t wrong = 0;
	uint64_t t;
	int opt;

	while ((opt = getopt(argc, argv, "hw")) != -1) {
		if (opt == 'h')
			usage(0);
		if (opt != 'w')
			usage(2);
		pause = true;
	}
	if (argc - optind != 1)
		usage(2);
	if (rzsb_corpus_load(&c, argv[optind], 0) < 0)
		return 99;
	before = swapped_mib();
	t = rzsb_now();
	if (madvise(c.pages, c.nr * RZSB_PAGE, MADV_PAGEOUT) < 0)
		rzsb_die(99, "this kernel cannot swap out on request: %s", strerror(errno));
	seconds = (double)(rzsb_now() - t) / 1e9;
	out = swapped_mib() - before;
	if (out < 1) {
		printf("nothing was swapped out\n");
		return 77;
	}
	printf("%.1f of %.1f MiB swapped out in %.2f s\n", out, (double)c.nr / 256, seconds);
	fflush(stdout);
	if (pause)
		while ((opt = getchar()) != '\n' && opt != EOF)
			;
	t = rzsb_now();
	for (unsigned i = 0; i < c.nr_parts; i++)
		wrong += compare_part(&c, &c.parts[i], argv[optind]);
	seconds = (double)(rzsb_now() - t) / 1e9;
	if (wrong) {
		printf("%zu of %zu pages came back with wrong bytes\n", wrong, c.nr);
		return 1;
	}
	printf("swapped in again in %.2f s, every byte as it was\n", seconds);
	return 0;
}
