/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our encoder of LZO1X beside two or three decoders; see lzo_enc.h. */
#include "lzo_enc.h"

#include <dlfcn.h>
#include <errno.h>
#include <lzo/lzo1x.h>
#include <stdlib.h>
#include <string.h>

#include "lzo_decode.h"
#include "lzo_diff.h"
#include "lzo_encode.h"

#define IN_ROOM	 65536u
#define OUT_ROOM 65536u
#define NO_LIMIT (2 * RZS_LZO_PAGE)

static uint8_t *in_room[LZO_ENC_MAX], *out_room[LZO_ENC_MAX], *stream_room;
static struct rzs_lzo_encoder *encoder; /* ends at a fence */
static uint8_t kept[LZO_ENC_MAX][RZS_LZO_OUT_SIZE];
static int kept_sizes[LZO_ENC_MAX];
static size_t last_alone, last_batch;
static int (*kernel_decode)(const uint8_t *, size_t, uint8_t *, size_t *);

static void make_rooms(void)
{
	for (unsigned i = 0; i < LZO_ENC_MAX; i++) {
		in_room[i] = lzo_diff_fenced(IN_ROOM);
		out_room[i] = lzo_diff_fenced(OUT_ROOM);
	}
	stream_room = lzo_diff_fenced(OUT_ROOM);
	encoder = (void *)(lzo_diff_fenced(IN_ROOM) + IN_ROOM - sizeof(*encoder));
	memset(encoder->tables, 0xff, sizeof(encoder->tables)); /* what the last page has left */
}

size_t lzo_enc_alone(void)
{
	return last_alone;
}

size_t lzo_enc_batch(void)
{
	return last_batch;
}

int lzo_enc_with_kernel(const char *path)
{
	void *library = dlopen(path, RTLD_NOW);

	if (library)
		*(void **)&kernel_decode = dlsym(library, "bench_kernel_decode");
	return kernel_decode ? 0 : -ENOENT;
}

/* Whether all decoders make page of the n bytes at stream, which they see at a fence. */
static const char *decodes(const uint8_t *stream, int n, const uint8_t *page)
{
	static uint8_t back[PAGES_SIZE];
	uint8_t *at = stream_room + OUT_ROOM - n;
	lzo_uint library_len = PAGES_SIZE;
	size_t len = 0;

	memcpy(at, stream, (size_t)n);
	memset(back, 0xa5, sizeof(back));
	if (rzs_lzo1x_decode(at, (size_t)n, back, PAGES_SIZE, &len) || len != PAGES_SIZE)
		return "our decoder refuses a stream";
	if (memcmp(back, page, PAGES_SIZE) != 0)
		return "our decoder makes other bytes";
	memset(back, 0xa5, sizeof(back));
	if (lzo1x_decompress_safe(at, (lzo_uint)n, back, &library_len, NULL) != LZO_E_OK ||
	    library_len != PAGES_SIZE)
		return "liblzo2 refuses a stream";
	if (memcmp(back, page, PAGES_SIZE) != 0)
		return "liblzo2 makes other bytes";
	if (!kernel_decode)
		return NULL;
	memset(back, 0xa5, sizeof(back));
	len = PAGES_SIZE;
	if (kernel_decode(at, (size_t)n, back, &len) || len != PAGES_SIZE)
		return "the kernel's decoder refuses a stream";
	if (memcmp(back, page, PAGES_SIZE) != 0)
		return "the kernel's decoder makes other bytes";
	return NULL;
}

/* Place the pages and call the encoder.  batch: all at once. */
static const char *encode(const uint8_t (*pages)[PAGES_SIZE], unsigned n, int batch, int at_end,
			  enum rzs_lzo_compare compare, uint32_t limit, void **out, int *sizes)
{
	const size_t room = batch ? limit + RZS_LZO_SPARE : RZS_LZO_OUT_SIZE;
	const void *in[LZO_ENC_MAX];

	if (!stream_room)
		make_rooms();
	rzs_lzo_encoder_init(encoder, compare);
	for (unsigned i = 0; i < n; i++) {
		uint8_t *to = at_end ? in_room[i] + IN_ROOM - PAGES_SIZE : in_room[i];

		in[i] = memcpy(to, pages[i], PAGES_SIZE);
		out[i] = at_end ? out_room[i] + OUT_ROOM - room : out_room[i];
	}
	if (batch)
		rzs_lzo1x_encode_many(encoder, n, in, out, limit, sizes);
	for (unsigned i = 0; i < n; i++) {
		if (!batch)
			sizes[i] = rzs_lzo1x_encode(encoder, in[i], out[i], limit);
		if (memcmp(in[i], pages[i], PAGES_SIZE) != 0)
			return "the encoder changed its source";
	}
	return NULL;
}

/* All compares; the streams of the last one are in kept. */
static const char *all_compares(const uint8_t (*pages)[PAGES_SIZE], unsigned n, int batch,
				int at_end)
{
	void *out[LZO_ENC_MAX];
	int sizes[LZO_ENC_MAX];
	const char *wrong;

	for (unsigned compare = RZS_LZO_WORDS; compare <= RZS_LZO_WIDE; compare++) {
		if (!rzs_lzo_compare_usable(compare))
			continue;
		wrong = encode(pages, n, batch, at_end, compare, NO_LIMIT, out, sizes);
		if (wrong)
			return wrong;
		for (unsigned i = 0; i < n; i++) {
			if (sizes[i] <= 0 || sizes[i] > (int)(RZS_LZO_PAGE + RZS_LZO_PAGE / 16))
				return "a size that cannot be";
			if (compare != RZS_LZO_WORDS &&
			    (sizes[i] != kept_sizes[i] ||
			     memcmp(out[i], kept[i], (size_t)sizes[i]) != 0))
				return "the compares give different streams";
			kept_sizes[i] = sizes[i];
			memcpy(kept[i], out[i], (size_t)sizes[i]);
		}
	}
	return NULL;
}

const char *lzo_enc_check(const uint8_t (*pages)[PAGES_SIZE], unsigned n, int at_end)
{
	const char *wrong;

	for (int batch = 0; batch < 2; batch++) {
		size_t total = 0;

		wrong = all_compares(pages, n, batch, at_end);
		for (unsigned i = 0; !wrong && i < n; i++) {
			wrong = decodes(kept[i], kept_sizes[i], pages[i]);
			total += (size_t)kept_sizes[i];
		}
		if (wrong)
			return wrong;
		*(batch ? &last_batch : &last_alone) = total;
	}
	return NULL;
}

const char *lzo_enc_limit(const uint8_t *page, uint32_t limit, int at_end)
{
	const uint8_t(*pages)[PAGES_SIZE] = (const void *)page;
	uint8_t two[2][PAGES_SIZE];
	void *out[2];
	int full[2], got[2];
	const char *wrong = NULL;

	memcpy(two[0], page, PAGES_SIZE);
	memcpy(two[1], page, PAGES_SIZE);
	for (int batch = 0; !wrong && batch < 2; batch++) {
		if (batch)
			pages = (const void *)two;
		wrong = encode(pages, 1 + (unsigned)batch, batch, at_end, RZS_LZO_WORDS, NO_LIMIT,
			       out, full);
		if (wrong)
			return wrong;
		memcpy(kept[0], out[0], (size_t)full[0]);
		wrong = encode(pages, 1 + (unsigned)batch, batch, at_end, RZS_LZO_WORDS, limit, out,
			       got);
		if (!wrong && got[batch] != (full[batch] > (int)limit ? -ENOSPC : full[batch]))
			wrong = "it does not give up just at the limit";
		if (!wrong && got[0] > 0 && memcmp(out[0], kept[0], (size_t)got[0]) != 0)
			wrong = "another stream with a limit";
	}
	last_alone = last_batch = (size_t)full[0];
	return wrong;
}

/* Random bytes, of an alphabet that is small, middling, or all. */
static void put_random(uint8_t *to, size_t n, struct pages_rng *rng, unsigned alphabet)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)pages_below(rng, alphabet);
}

void lzo_enc_make(uint8_t *page, uint64_t seed)
{
	static const unsigned alphabets[] = {2, 5, 256, 256, 256}, most[] = {4, 9, 40, 300, 3000};
	struct pages_rng rng = {seed};
	unsigned alphabet = alphabets[pages_below(&rng, 5)], literals = most[pages_below(&rng, 5)];
	unsigned matches = most[pages_below(&rng, 5)], at = 0;
	int longest = pages_below(&rng, 8) == 0, near = pages_below(&rng, 3) == 0;

	while (at < PAGES_SIZE) {
		unsigned n = longest ? 19 : (unsigned)pages_below(&rng, literals + 1), d;

		n = n < PAGES_SIZE - at ? n : PAGES_SIZE - at;
		put_random(page + at, n, &rng, longest ? 256 : alphabet);
		at += n;
		if (at < 2)
			continue;
		n = longest ? 4 : 3 + (unsigned)pages_below(&rng, matches);
		d = 1 + (unsigned)pages_below(&rng, near && at > 16 ? 16 : at - 1);
		if (longest && at > 2100)
			d = 2049 + (unsigned)pages_below(&rng, at - 2049);
		for (; n && at < PAGES_SIZE; n--, at++)
			page[at] = page[at - d];
	}
}
