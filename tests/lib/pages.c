/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page generator.  See pages.h.
 */
#include "pages.h"

#include <stddef.h>
#include <string.h>

uint64_t pages_next(struct pages_rng *rng)
{
	uint64_t z = rng->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* The upper half of a product, without a type of 128 bits, which not every machine has. */
uint64_t pages_below(struct pages_rng *rng, uint64_t n)
{
	uint64_t r = pages_next(rng), r_low = (uint32_t)r, r_high = r >> 32;
	uint64_t n_low = (uint32_t)n, n_high = n >> 32;
	uint64_t middle = r_high * n_low + (r_low * n_low >> 32);
	uint64_t middle2 = r_low * n_high + (uint32_t)middle;

	return r_high * n_high + (middle >> 32) + (middle2 >> 32);
}

uint64_t pages_hash(uint64_t a, uint64_t b)
{
	struct pages_rng rng = {a};

	rng.state = pages_next(&rng) ^ b;
	return pages_next(&rng);
}

const char *pages_kind_name(enum pages_kind kind)
{
	static const char *const names[PAGES_NR] = {
		"zero",	  "same32", "same64", "text",	   "pointers",
		"sparse", "random", "edge",   "near-same", "near-text",
	};

	return (unsigned)kind < PAGES_NR ? names[kind] : "?";
}

static void fill_words(uint8_t *page, size_t from, size_t to, struct pages_rng *rng)
{
	for (size_t at = from; at < to; at += sizeof(uint64_t)) {
		uint64_t word = pages_next(rng);
		size_t n = to - at < sizeof(word) ? to - at : sizeof(word);

		memcpy(page + at, &word, n);
	}
}

static void fill_same(uint8_t *page, uint64_t word)
{
	for (size_t at = 0; at < PAGES_SIZE; at += sizeof(word))
		memcpy(page + at, &word, sizeof(word));
}

static uint64_t word32_twice(struct pages_rng *rng)
{
	uint64_t half = (pages_next(rng) & 0xffffffffu) | 1; /* never zero */

	return half << 32 | half;
}

static uint64_t word64(struct pages_rng *rng)
{
	/* Shifted with the sign, so that small, negative and full words all come up. */
	int64_t word = (int64_t)pages_next(rng) >> pages_below(rng, 60);

	/* Halves that differ, or it would be a 32-bit pattern. */
	return (uint64_t)word >> 32 == ((uint64_t)word & 0xffffffffu) ? 0x100 : (uint64_t)word;
}

static void fill_text(uint8_t *page, struct pages_rng *rng)
{
	static const char *const words[] = {
		"page ",    "swapped ", "out ",	     "read ",	  "the ",     "worker ",  "block=",
		"slot=",    "done ",	"warning: ", "limit ",	  "reached ", "in ",	  "after ",
		"seconds ", "client ",	"retry ",    "state=",	  "idle ",    "busy ",	  "bytes ",
		"of ",	    "cache ",	"\n",	     "\n[info] ", "0x",	      "request ", "reply ",
		"queue ",   "empty ",	"full ",     "error ",
	};
	size_t at = 0;

	while (at < PAGES_SIZE) {
		uint64_t r = pages_next(rng);
		char number[8];
		const char *piece = words[r % 32];
		size_t n = strlen(piece);

		if (r >> 62 == 0) { /* a quarter are numbers */
			n = 1 + (r >> 8) % 6;
			for (size_t i = 0; i < n; i++)
				number[i] = (char)('0' + (r >> (12 + 4 * i)) % 10);
			number[n++] = ' ';
			piece = number;
		}
		if (n > PAGES_SIZE - at)
			n = PAGES_SIZE - at;
		memcpy(page + at, piece, n);
		at += n;
	}
}

static void fill_pointers(uint8_t *page, struct pages_rng *rng)
{
	uint64_t heap = 0x550000000000ull + ((pages_next(rng) & 0xffffffu) << 12);
	uint64_t lib = 0x7f0000000000ull + ((pages_next(rng) & 0xffffffu) << 12);

	for (size_t at = 0; at < PAGES_SIZE; at += sizeof(uint64_t)) {
		uint64_t r = pages_next(rng), word = 0;

		switch (r & 7) {
		case 0:
		case 1:
			word = heap + ((r >> 8) & 0x1fff0);
			break;
		case 2:
			word = lib + ((r >> 8) & 0x7f8);
			break;
		case 3:
			word = ((r >> 8) & 0x70) | 1; /* an allocator's size field */
			break;
		case 4:
			word = (r >> 8) & 0xff;
			break;
		default:
			break; /* zero */
		}
		memcpy(page + at, &word, sizeof(word));
	}
}

static void fill_sparse(uint8_t *page, struct pages_rng *rng)
{
	unsigned n = 1 + (unsigned)pages_below(rng, 40);

	memset(page, 0, PAGES_SIZE);
	while (n-- > 0)
		page[pages_below(rng, PAGES_SIZE)] = (uint8_t)(1 + pages_below(rng, 255));
}

static void fill_edge(uint8_t *page, struct pages_rng *rng)
{
	/* Half of them within 300 bytes of a whole page, where the codecs' own overhead decides. */
	size_t n = pages_below(rng, 2) ? PAGES_SIZE - pages_below(rng, 300)
				       : 2048 + pages_below(rng, 2048);

	memset(page, 0, PAGES_SIZE);
	fill_words(page, 0, n, rng);
}

static void change_byte(uint8_t *page, struct pages_rng *rng)
{
	/* The ends are where a comparison that stops early goes wrong. */
	static const unsigned ends[] = {0, 7, 8, PAGES_SIZE - 9, PAGES_SIZE - 8, PAGES_SIZE - 1};
	uint64_t r = pages_next(rng);
	unsigned at = (r & 1) ? ends[(r >> 1) % 6] : (unsigned)((r >> 1) % PAGES_SIZE);

	page[at] ^= (uint8_t)(1 + (r >> 32) % 255);
}

void pages_make(void *out, enum pages_kind kind, uint64_t seed)
{
	uint8_t *page = out;
	struct pages_rng rng = {pages_hash(seed, kind)};
	struct pages_rng few = {pages_hash(seed % 7, kind)};

	switch (kind) {
	case PAGES_SAME32:
		fill_same(page, word32_twice(&rng));
		break;
	case PAGES_SAME64:
		fill_same(page, word64(&rng));
		break;
	case PAGES_TEXT:
		fill_text(page, &rng);
		break;
	case PAGES_POINTERS:
		fill_pointers(page, &rng);
		break;
	case PAGES_SPARSE:
		fill_sparse(page, &rng);
		break;
	case PAGES_RANDOM:
		fill_words(page, 0, PAGES_SIZE, &rng);
		break;
	case PAGES_EDGE:
		fill_edge(page, &rng);
		break;
	case PAGES_NEAR_SAME:
		fill_same(page, seed % 3 ? word64(&few) : 0);
		change_byte(page, &rng);
		break;
	case PAGES_NEAR_TEXT:
		fill_text(page, &few);
		change_byte(page, &rng);
		break;
	case PAGES_ZERO:
	default:
		memset(page, 0, PAGES_SIZE);
		break;
	}
}

void pages_make_any(void *page, uint64_t seed)
{
	pages_make(page, (enum pages_kind)(pages_hash(seed, 77) % PAGES_NR), seed);
}

unsigned pages_diff(const void *a, const void *b)
{
	const uint8_t *x = a, *y = b;
	unsigned i = 0;

	if (memcmp(x, y, PAGES_SIZE) == 0)
		return PAGES_SIZE;
	while (x[i] == y[i])
		i++;
	return i;
}
