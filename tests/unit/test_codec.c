/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every codec compiled in, at its levels: pages come back as they were, damaged input never reads
 * or writes out of bounds (all buffers end at pages that cannot be touched), and no call allocates.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "t.h"

#include "codec.h"
#include "pages.h"
#include "port_test.h"
#include "sanitized.h"

#include <malloc.h>
#include <sys/mman.h>

static uint64_t mallocs;

#if !SANITIZED && defined(__GLIBC__)
#define COUNTS_MALLOC true
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t align, size_t n);

/* In place of libc's for this program and every library in it. */
void *malloc(size_t n)
{
	mallocs++;
	return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	mallocs++;
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	mallocs++;
	return __libc_realloc(p, n);
}

int posix_memalign(void **out, size_t align, size_t n)
{
	mallocs++;
	*out = __libc_memalign(align, n);
	return *out ? 0 : ENOMEM;
}
#else
#define COUNTS_MALLOC false
#endif

#define ROOM 16384u /* bytes before a fence */

/* ROOM bytes between two fences. */
static uint8_t *fenced(void)
{
	uint8_t *p =
		mmap(NULL, ROOM + 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	T_NE(p, MAP_FAILED);
	T_EQ(mprotect(p, 4096, PROT_NONE), 0);
	T_EQ(mprotect(p + 4096 + ROOM, 4096, PROT_NONE), 0);
	return p + 4096;
}

struct rig {
	const struct rzs_codec *codec;
	void *ctx;
	size_t ctx_size;
	uint8_t *page_room, *page; /* the page ends at a fence */
	uint8_t *packed_room;	   /* compressed bytes, moved to end at a fence */
	uint8_t *dst_room,
		*dst_page; /* output of compression and of decompression, each ending at a fence */
};

static void rig_level(struct rig *r, const struct rzs_codec *codec, int level)
{
	rzs_port_free(r->ctx, r->ctx_size);
	r->codec = codec;
	r->ctx_size = codec->ctx_size(level);
	T_GT(r->ctx_size, 0);
	r->ctx = rzs_port_alloc(r->ctx_size);
	T_NE(r->ctx, NULL);
	T_EQ(codec->ctx_init(r->ctx, r->ctx_size, level), 0);
}

static void rig_make(struct rig *r)
{
	memset(r, 0, sizeof(*r));
	rzs_test_guard(true); /* contexts end at a fence, too */
	r->page_room = fenced();
	r->page = r->page_room + ROOM - RZS_PAGE_SIZE;
	r->packed_room = fenced();
	r->dst_room = fenced();
	r->dst_page = r->dst_room + ROOM - RZS_PAGE_SIZE;
}

static void rig_end(struct rig *r)
{
	rzs_port_free(r->ctx, r->ctx_size);
	T_EQ(rzs_test_live_bytes(), 0);
	T_EQ(rzs_test_damage(), 0);
}

/* Compress r->page; the bytes end up at the returned place, right before a fence. */
static uint8_t *rig_compress(struct rig *r, int *out_n)
{
	uint8_t *out = r->dst_room + ROOM - RZS_CODEC_OUT_SIZE;
	int n = r->codec->compress(r->ctx, r->page, out);

	*out_n = n;
	if (n == -ENOSPC)
		return NULL;
	if (n <= 0 || n > (int)RZS_CODEC_OUT_SIZE)
		T_FAIL("%s: compress gives %d", r->codec->name, n);
	return memcpy(r->packed_room + ROOM - n, out, (size_t)n);
}

static int rig_decompress(struct rig *r, const void *src, size_t n)
{
	int err = r->codec->decompress(r->ctx, src, n, r->dst_page);

	if (err && err != -EIO)
		T_FAIL("%s: decompress gives %d", r->codec->name, err);
	return err;
}

/* Returns the compressed size, 0 when the codec gave up. */
static int round_trip(struct rig *r)
{
	uint8_t *packed;
	int n;

	packed = rig_compress(r, &n);
	if (!packed)
		return 0;
	memset(r->dst_page, 0x5a, RZS_PAGE_SIZE);
	T_EQ(rig_decompress(r, packed, (size_t)n), 0);
	T_MEM_EQ(r->dst_page, r->page, RZS_PAGE_SIZE);
	return n;
}

/* The i-th codec, or NULL. */
static const struct rzs_codec *codec_at(unsigned i)
{
	const char *name = rzs_codec_name(i);

	return name ? rzs_codec_lookup(name) : NULL;
}

T_TEST(codecs_are_found_by_name)
{
	T_STR_EQ(rzs_codec_name(0), "lzo");
	T_EQ(rzs_codec_lookup(NULL), rzs_codec_lookup("lzo"));
	T_EQ(rzs_codec_lookup("lzo"), &rzs_codec_lzo);
	T_EQ(rzs_codec_lookup("none"), NULL);
	T_EQ(rzs_codec_lookup(""), NULL);
	T_EQ(rzs_codec_lookup("LZO"), NULL);
	for (unsigned i = 0; rzs_codec_name(i); i++) {
		T_NE(codec_at(i), NULL);
		T_STR_EQ(codec_at(i)->name, rzs_codec_name(i));
		T_LT(i, 16);
	}
	T_EQ(rzs_codec_name(1000), NULL);
}

/* Levels out of range have no size, and a context too small is refused instead of overrun. */
T_TEST(bad_contexts_are_refused)
{
	const struct rzs_codec *c;
	size_t size;
	void *mem;

	for (unsigned i = 0; (c = codec_at(i)); i++) {
		T_LE(c->level_min, c->level_default);
		T_LE(c->level_default, c->level_max);
		T_EQ(c->ctx_size(c->level_max + 1), 0);
		T_EQ(c->ctx_size(c->level_min - 1), 0);
		T_EQ(c->ctx_size(INT32_MAX), 0);
		T_EQ(c->ctx_size(INT32_MIN), 0);
		size = c->ctx_size(c->level_default);
		T_GT(size, 0);
		mem = rzs_port_alloc(size);
		T_NE(mem, NULL);
		T_EQ(c->ctx_init(mem, size - 1, c->level_default), -EINVAL);
		T_EQ(c->ctx_init(mem, size, c->level_max + 1), -EINVAL);
		T_EQ(c->ctx_init(mem, size, c->level_default), 0);
		rzs_port_free(mem, size);
	}
	T_EQ(rzs_test_live_bytes(), 0);
}

/* Every kind of page, every level (of which zstd's top ones are slow: fewer pages there). */
T_TEST_TIMEOUT(round_trip_at_every_level, 240)
{
	const struct rzs_codec *c;
	uint64_t seed = t_seed();
	struct rig r;

	rig_make(&r);
	for (unsigned i = 0; (c = codec_at(i)); i++) {
		for (int level = c->level_min; level <= c->level_max; level++) {
			if (c->ctx_size(level) == 0) {
				T_EQ(level,
				     0); /* 0 stands for the default where there are levels */
				T_NE(c->level_min, 0);
				continue;
			}
			rig_level(&r, c, level);
			for (int kind = 0; kind < PAGES_NR; kind++) {
				pages_make(r.page, (enum pages_kind)kind, t_rand(&seed));
				round_trip(&r);
			}
		}
	}
	rig_end(&r);
}

/*
 * A context serves any number of pages, good ones and hopeless ones mixed, and compresses the good
 * ones.
 */
T_TEST_TIMEOUT(one_context_serves_many_pages, 120)
{
	const struct rzs_codec *c;
	uint64_t seed = t_seed(), text, raw;
	struct rig r;

	rig_make(&r);
	for (unsigned i = 0; (c = codec_at(i)); i++) {
		rig_level(&r, c, c->level_default);
		text = raw = 0;
		for (unsigned k = 0; k < 2000; k++) {
			bool hopeless = k % 10 == 9;
			int n;

			pages_make(r.page, hopeless ? PAGES_RANDOM : PAGES_TEXT, t_rand(&seed));
			n = round_trip(&r);
			if (hopeless)
				raw += n == 0 || n > (int)RZS_PAGE_SIZE - 64;
			else
				text += (uint64_t)n;
		}
		T_EQ(raw, 200);
		T_LT(text / 1800, 2600);
		pages_make(r.page, PAGES_ZERO, 0);
		T_LT(round_trip(&r), 100);
	}
	rig_end(&r);
}

/* Sources and destinations may sit at any address. */
T_TEST(pages_may_be_unaligned)
{
	const struct rzs_codec *c;
	uint64_t seed = t_seed();
	struct rig r;

	rig_make(&r);
	for (unsigned i = 0; (c = codec_at(i)); i++) {
		rig_level(&r, c, c->level_default);
		for (unsigned shift = 0; shift < 17; shift++) {
			r.page = r.page_room + ROOM - RZS_PAGE_SIZE - shift;
			r.dst_page = r.dst_room + ROOM - RZS_PAGE_SIZE - shift;
			pages_make(r.page, PAGES_POINTERS, t_rand(&seed));
			round_trip(&r);
			r.page = r.page_room + shift;
			r.dst_page = r.dst_room + shift;
			pages_make(r.page, PAGES_TEXT, t_rand(&seed));
			round_trip(&r);
		}
		r.page = r.page_room + ROOM - RZS_PAGE_SIZE;
		r.dst_page = r.dst_room + ROOM - RZS_PAGE_SIZE;
	}
	rig_end(&r);
}

/* What is cut off anywhere, or goes on behind its end, is refused. */
static void cut_and_extend(struct rig *r, const uint8_t *packed, int n, uint64_t *seed)
{
	uint8_t *src, *end = r->packed_room + ROOM;
	uint8_t keep[RZS_CODEC_OUT_SIZE];

	memcpy(keep, packed, (size_t)n);
	for (int len = 0; len<n; len += n> 400 ? 1 + (int)(t_rand(seed) % 8) : 1) {
		src = memcpy(end - len, keep, (size_t)len);
		T_EQ(rig_decompress(r, src, (size_t)len), -EIO);
	}
	for (int more = 1; more < 40; more++) {
		src = end - n - more;
		memcpy(src, keep, (size_t)n);
		for (int k = 0; k < more; k++)
			src[n + k] = (uint8_t)t_rand(seed);
		T_EQ(rig_decompress(r, src, (size_t)(n + more)), -EIO);
	}
	memcpy(end - n, keep, (size_t)n);
}

static void flip_bits(struct rig *r, uint8_t *packed, int n, uint64_t *seed)
{
	uint8_t keep[RZS_CODEC_OUT_SIZE];

	memcpy(keep, packed, (size_t)n);
	for (unsigned i = 0; i < 600; i++) {
		unsigned flips = 1 + (unsigned)(t_rand(seed) % 4);

		/* The start steers the decoder most. */
		while (flips--) {
			uint64_t at = t_rand(seed) % (uint64_t)(i % 2 ? n : (n < 32 ? n : 32));

			packed[at] ^= (uint8_t)(1u << (t_rand(seed) % 8));
		}
		(void)rig_decompress(r, packed, (size_t)n);
		memcpy(packed, keep, (size_t)n);
	}
}

T_TEST_TIMEOUT(damaged_input_is_harmless, 240)
{
	const struct rzs_codec *c;
	uint64_t seed = t_seed();
	uint8_t *packed;
	struct rig r;
	int n;

	rig_make(&r);
	for (unsigned i = 0; (c = codec_at(i)); i++) {
		rig_level(&r, c, c->level_default);
		for (int kind = 0; kind < PAGES_NR; kind++) {
			pages_make(r.page, (enum pages_kind)kind, t_rand(&seed));
			packed = rig_compress(&r, &n);
			if (!packed)
				continue;
			cut_and_extend(&r, packed, n, &seed);
			flip_bits(&r, packed, n, &seed);
			T_EQ(rig_decompress(&r, packed, (size_t)n),
			     0); /* and the context still works */
			T_MEM_EQ(r.dst_page, r.page, RZS_PAGE_SIZE);
		}
	}
	rig_end(&r);
}

/* Nothing that a compressor ever made: random bytes of random lengths. */
T_TEST_TIMEOUT(garbage_is_harmless, 120)
{
	const struct rzs_codec *c;
	uint64_t seed = t_seed();
	struct rig r;

	rig_make(&r);
	for (unsigned i = 0; (c = codec_at(i)); i++) {
		rig_level(&r, c, c->level_default);
		for (unsigned k = 0; k < 5000; k++) {
			size_t n = t_rand(&seed) % (k % 2 ? 64 : 4200);
			uint8_t *src = r.packed_room + ROOM - n;

			for (size_t j = 0; j < n; j++)
				src[j] = (uint8_t)(t_rand(&seed) >> (k % 3 * 8) &
						   (k % 5 ? 0xff : 0x1f));
			(void)rig_decompress(&r, src, n);
		}
		pages_make(r.page, PAGES_TEXT, 1);
		round_trip(&r);
	}
	rig_end(&r);
}

/*
 * All memory of a codec is its context: neither its making nor any call, also with bad input,
 * allocates.
 */
T_TEST(no_call_allocates)
{
	const struct rzs_codec *c;
	uint64_t seed = t_seed(), before;
	struct rig r;

	if (!COUNTS_MALLOC)
		T_SKIP("malloc() cannot be replaced in this build");
	free(malloc(1));
	T_GT(mallocs, 0); /* the counter counts */
	rig_make(&r);
	for (unsigned i = 0; (c = codec_at(i)); i++) {
		for (int level = c->level_min; level <= c->level_max;
		     level += level < -8 || level > 22 ? 7 : 1) {
			if (c->ctx_size(level) == 0)
				continue;
			before = mallocs;
			rig_level(&r, c, level);
			for (int kind = 0; kind < PAGES_NR; kind++) {
				pages_make(r.page, (enum pages_kind)kind, t_rand(&seed));
				round_trip(&r);
				(void)rig_decompress(&r, r.page, 100);
			}
			T_EQ(mallocs, before);
		}
	}
	rig_end(&r);
}
