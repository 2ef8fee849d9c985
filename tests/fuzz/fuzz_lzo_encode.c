/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: our encoder of LZO1X on any pages, alone and in a batch, with all of its compares;
 * what it writes must come back through liblzo2's decoder and ours.
 *
 * The first byte's lowest bit chooses the fence that the buffers lie at, the next two the number of
 * pages.  The next two bytes are a limit.  The rest is repeated up to the end of the pages.
 *
 * Threading: none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "lzo_enc.h"
#include "pages.h"

#define HEAD	  3u
#define MAX_PAGES 4u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t pages[MAX_PAGES][PAGES_SIZE];
	const uint8_t(*view)[PAGES_SIZE] = (const void *)pages;
	const char *wrong;
	unsigned n;
	int at_end;

	if (size <= HEAD)
		return 0;
	n = 1 + data[0] / 2 % MAX_PAGES;
	at_end = data[0] & 1;
	for (size_t i = 0; i < n * PAGES_SIZE; i++)
		pages[i / PAGES_SIZE][i % PAGES_SIZE] = data[HEAD + i % (size - HEAD)];
	wrong = lzo_enc_check(view, n, at_end);
	if (!wrong)
		wrong = lzo_enc_limit(pages[0], (data[1] | (unsigned)data[2] << 8) % 4400, at_end);
	if (wrong) {
		fprintf(stderr, "fuzz_lzo_encode: %s\n", wrong);
		abort();
	}
	return 0;
}

/* Pages of each kind, and pages made to be hard, at a size that need not be that of a page. */
size_t fuzz_seed(uint64_t seed, uint8_t *buf, size_t size)
{
	static uint8_t page[PAGES_SIZE];
	struct pages_rng rng = {seed};
	uint64_t limit = pages_below(&rng, 4400);
	size_t n;

	if (size <= HEAD)
		return 0;
	if (seed % 2)
		pages_make_any(page, pages_next(&rng));
	else
		lzo_enc_make(page, pages_next(&rng));
	n = seed % 4 < 2 ? PAGES_SIZE : 1 + (size_t)pages_below(&rng, PAGES_SIZE);
	n = n < size - HEAD ? n : size - HEAD;
	buf[0] = (uint8_t)pages_next(&rng);
	buf[1] = (uint8_t)limit;
	buf[2] = (uint8_t)(limit >> 8);
	memcpy(buf + HEAD, page, n);
	return n + HEAD;
}
