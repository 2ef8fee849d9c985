/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: decoders on arbitrary bytes, and round trips of arbitrary pages.
 *
 * The first byte chooses codec and direction.  A decoder must say 0 or -EIO and stay within its
 * page and its input; what was compressed must come back.  Buffers are allocated to size, so that
 * a sanitizer sees the first byte beyond.
 *
 * Threading: none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "fuzz.h"
#include "pages.h"

#define PAGE	   RZS_PAGE_SIZE
#define GUARD	   64u
#define MAX_CODECS 8u

static struct {
	const struct rzs_codec *codec;
	void *ctx;
} known[MAX_CODECS];
static unsigned nr_known;

static void fail(const struct rzs_codec *codec, const char *what)
{
	fprintf(stderr, "fuzz_codec: %s: %s\n", codec->name, what);
	abort();
}

static void init(void)
{
	const char *name;

	while (nr_known < MAX_CODECS && (name = rzs_codec_name(nr_known)) != NULL) {
		const struct rzs_codec *codec = rzs_codec_lookup(name);
		size_t size = codec->ctx_size(codec->level_default);
		void *ctx = NULL;

		if (size == 0 || posix_memalign(&ctx, 64, size))
			fail(codec, "no context");
		memset(ctx, 0, size);
		if (codec->ctx_init(ctx, size, codec->level_default))
			fail(codec, "ctx_init");
		known[nr_known].codec = codec;
		known[nr_known].ctx = ctx;
		nr_known++;
	}
}

static void decode(unsigned which, const uint8_t *data, size_t size)
{
	const struct rzs_codec *codec = known[which].codec;
	uint8_t *src = malloc(size), *dst = malloc(PAGE);
	int err;

	if (src == NULL || dst == NULL)
		exit(99);
	memcpy(src, data, size);
	memset(dst, 0xa5, PAGE);
	err = codec->decompress(known[which].ctx, src, size, dst);
	if (err != 0 && err != -EIO)
		fail(codec, "an error other than -EIO");
	if (memcmp(src, data, size) != 0)
		fail(codec, "the decoder changed its source");
	free(src);
	free(dst);
}

static void round_trip(unsigned which, const uint8_t *page)
{
	const struct rzs_codec *codec = known[which].codec;
	uint8_t *src = malloc(PAGE), *out = malloc(RZS_CODEC_OUT_SIZE), *back = malloc(PAGE),
		*exact;
	int n;

	if (src == NULL || out == NULL || back == NULL)
		exit(99);
	memcpy(src, page, PAGE);
	n = codec->compress(known[which].ctx, src, out);
	if (n == 0 || (n < 0 && n != -ENOSPC) || n > (int)RZS_CODEC_OUT_SIZE)
		fail(codec, "compress: a size that cannot be");
	if (memcmp(src, page, PAGE) != 0)
		fail(codec, "compress changed its source");
	if (n > 0) {
		exact = malloc((size_t)n);
		if (exact == NULL)
			exit(99);
		memcpy(exact, out, (size_t)n);
		if (codec->decompress(known[which].ctx, exact, (size_t)n, back))
			fail(codec, "what was compressed does not decompress");
		if (memcmp(back, page, PAGE) != 0)
			fail(codec, "what was compressed comes back different");
		/* A byte short or changed: any answer but a crash, and never more than a page. */
		decode(which, exact, (size_t)n - 1);
		exact[pages_hash((uint64_t)n, page[0]) % (uint64_t)n] ^= 0x10;
		decode(which, exact, (size_t)n);
		free(exact);
	}
	free(src);
	free(out);
	free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t page[PAGE];
	unsigned which;

	if (nr_known == 0)
		init();
	if (size < 2)
		return 0;
	which = data[0] / 4 % nr_known;
	switch (data[0] % 4) {
	case 0:
		memset(page, data[1], PAGE);
		memcpy(page, data + 1, size - 1 < PAGE ? size - 1 : PAGE);
		round_trip(which, page);
		break;
	case 1: /* short inputs make whole pages as well */
		for (size_t at = 0; at < PAGE; at++)
			page[at] = data[1 + at % (size - 1)];
		round_trip(which, page);
		break;
	default:
		decode(which, data + 1, size - 1 < 2 * PAGE ? size - 1 : 2 * PAGE);
		break;
	}
	return 0;
}

/*
 * Half of the inputs are pages, half what the codec makes of pages, some of these with bytes
 * changed.
 */
size_t fuzz_seed(uint64_t seed, uint8_t *buf, size_t size)
{
	struct pages_rng rng = {seed};
	uint8_t page[PAGE], *out;
	unsigned which;
	size_t len;
	int n;

	if (nr_known == 0)
		init();
	if (size < 2)
		return 0;
	which = (unsigned)pages_below(&rng, nr_known);
	pages_make_any(page, pages_next(&rng));
	buf[0] = (uint8_t)(4 * which + seed % 4);
	len = 1 + pages_below(&rng, PAGE);
	if (seed % 4 >= 2) {
		out = malloc(RZS_CODEC_OUT_SIZE);
		if (out == NULL)
			exit(99);
		n = known[which].codec->compress(known[which].ctx, page, out);
		len = n > 0 ? (size_t)n : 1;
		len = len < size ? len : size - 1;
		memcpy(buf + 1, out, n > 0 ? len : 0);
		for (seed /= 4; seed % 4; seed /= 4)
			buf[1 + pages_below(&rng, len)] ^= (uint8_t)(1u << pages_below(&rng, 8));
		free(out);
		return len + 1;
	}
	len = len < size ? len : size - 1;
	memcpy(buf + 1, page, len);
	return len + 1;
}
