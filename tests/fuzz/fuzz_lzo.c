/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: our decoder of LZO1X beside liblzo2's, on any bytes and any room for the output; and
 * LZO-RLE, which no library of user space reads, by itself.
 *
 * The first byte's lowest bit chooses the fence that the buffers lie at, the next two bytes are the
 * room.  The rest is the stream.
 *
 * Threading: none.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "lzo_decode.h"
#include "lzo_diff.h"
#include "lzo_made.h"
#include "pages.h"

#define HEAD	   3u
#define ROOM_MAX   8192u
#define STREAM_MAX 32768u

static void fail(const char *what)
{
	fprintf(stderr, "fuzz_lzo: %s\n", what);
	abort();
}

/* On buffers of exactly the size, so that a sanitizer sees the first byte beyond. */
static void decode_rle(const uint8_t *data, size_t n, size_t room)
{
	uint8_t *src = malloc(n ? n : 1), *dst = malloc(room ? room : 1);
	size_t len = room + 1;
	int err;

	if (src == NULL || dst == NULL)
		exit(99);
	memcpy(src, data, n);
	err = rzs_lzo1x_rle_decode(src, n, dst, room, &len);
	if ((err != 0 && err != -EIO) || len > room || (err && len))
		fail("LZO-RLE: an answer that cannot be");
	free(src);
	free(dst);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *differs;
	size_t room, n;

	if (size < HEAD)
		return 0;
	room = (data[1] | (size_t)data[2] << 8) % (ROOM_MAX + 1);
	n = size - HEAD < STREAM_MAX ? size - HEAD : STREAM_MAX;
	differs = lzo_diff(data + HEAD, n, room, data[0] & 1, NULL);
	if (differs)
		fail(differs);
	decode_rle(data + HEAD, n, room);
	return 0;
}

/* What liblzo2 makes of pages, and made streams of both kinds; some with bytes changed. */
size_t fuzz_seed(uint64_t seed, uint8_t *buf, size_t size)
{
	static uint8_t in[2 * ROOM_MAX + 64], out[ROOM_MAX], page[PAGES_SIZE];
	struct pages_rng rng = {seed};
	struct lzo_made made = {.in = in, .out = out, .in_cap = sizeof(in), .out_cap = sizeof(out)};
	size_t len = PAGES_SIZE, n;

	if (size < HEAD)
		return 0;
	if (seed % 4 < 2) {
		pages_make_any(page, pages_next(&rng));
		n = lzo_diff_compress(seed % 4 ? 9 : 1, page, len, in);
	} else {
		lzo_make(&made, &rng, (size_t)pages_below(&rng, 1000), seed % 4 == 3);
		len = made.out_len;
		n = made.in_len;
	}
	n = n < size - HEAD ? n : size - HEAD;
	for (uint64_t changes = seed / 4 % 4; changes && n; changes--)
		in[pages_below(&rng, n)] ^= (uint8_t)(1u << pages_below(&rng, 8));
	buf[0] = (uint8_t)seed;
	buf[1] = (uint8_t)len;
	buf[2] = (uint8_t)(len >> 8);
	memcpy(buf + HEAD, in, n);
	return n + HEAD;
}
