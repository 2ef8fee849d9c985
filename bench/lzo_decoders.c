/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decoders side by side on the same pages: ours, liblzo2's, LZ4's, memcpy(), and those of a library
 * of bench/kernel-lzo.  Every page of the corpus that is not one repeated word is compressed first.
 * In each round the decoders take turns to decode all pages in random order.  All bytes are
 * compared before.  Threading: one thread.
 */
#include "lzo_cases.h"
#include "lzo_decode.h"
#include "rzsb_cmd.h"

#include <lzo/lzo1x.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#if RZS_HAVE_LZ4
#include <lz4.h>
#endif

struct packed {
	const void *page;
	uint8_t *lzo, *lz4;
	uint16_t lzo_len, lz4_len;
};

struct bench {
	struct bench_lzo *lzo;
	struct packed *packed; /* one for each page of corpus.busy, in its order */
	struct packed *visit;  /* some of them, in the order of decoding */
	uint32_t *order;
};

struct decoder {
	const char *name;
	bool (*decode)(const struct packed *p, uint8_t *out);
	double *ns; /* per page: of a part, by round */
};

static const struct bench_lzo_kernel *kernel;

static bool by_memcpy(const struct packed *p, uint8_t *out)
{
	memcpy(out, p->page, RZSB_PAGE);
	return true;
}

static bool by_library(const struct packed *p, uint8_t *out)
{
	lzo_uint len = RZSB_PAGE;

	return lzo1x_decompress_safe(p->lzo, p->lzo_len, out, &len, NULL) == LZO_E_OK &&
	       len == RZSB_PAGE;
}

static bool by_own(const struct packed *p, uint8_t *out)
{
	size_t len;

	return rzs_lzo1x_decode(p->lzo, p->lzo_len, out, RZSB_PAGE, &len) == 0 && len == RZSB_PAGE;
}

#if RZS_HAVE_LZ4
static bool by_lz4(const struct packed *p, uint8_t *out)
{
	return LZ4_decompress_safe((const char *)p->lz4, (char *)out, p->lz4_len, RZSB_PAGE) ==
	       (int)RZSB_PAGE;
}
#endif

static bool by_kernel(const struct packed *p, uint8_t *out)
{
	size_t len = RZSB_PAGE;

	return kernel->decode(p->lzo, p->lzo_len, out, &len) == 0 && len == RZSB_PAGE;
}

static bool by_own_kernel_flags(const struct packed *p, uint8_t *out)
{
	size_t len;

	return kernel->own_decode(p->lzo, p->lzo_len, out, RZSB_PAGE, &len) == 0 &&
	       len == RZSB_PAGE;
}

static struct decoder decoders[] = {
	{"memcpy", by_memcpy, NULL}, {"liblzo2", by_library, NULL},
	{"own", by_own, NULL},
#if RZS_HAVE_LZ4
	{"lz4", by_lz4, NULL},
#endif
	{"kernel", by_kernel, NULL}, {"own/kernel flags", by_own_kernel_flags, NULL},
};

#define NR_DECODERS (sizeof(decoders) / sizeof(decoders[0]))

static bool wanted(const struct bench *b, const struct decoder *d)
{
	if ((d->decode == by_kernel || d->decode == by_own_kernel_flags) && !kernel->decode)
		return false;
	return !b->lzo->only || strcmp(b->lzo->only, d->name) == 0;
}

static uint8_t *kept(const uint8_t *data, size_t n)
{
	uint8_t *copy = malloc(n);

	if (!copy)
		rzst_die(RZSB_FAILED, "no memory for compressed pages");
	return memcpy(copy, data, n);
}

static void compress_all(struct bench *b)
{
	static uint8_t out[2 * RZSB_PAGE];
	static lzo_align_t work[LZO1X_1_12_MEM_COMPRESS / sizeof(lzo_align_t)];

	b->packed = rzsb_alloc(b->lzo->corpus.nr_busy * sizeof(*b->packed));
	for (size_t i = 0; i < b->lzo->corpus.nr_busy; i++) {
		const void *page = rzsb_page(&b->lzo->corpus, b->lzo->corpus.busy[i]);
		lzo_uint len = 0;

		if (lzo1x_1_12_compress(page, RZSB_PAGE, out, &len, work) != LZO_E_OK)
			rzst_die(RZSB_FAILED, "liblzo2 does not compress");
		b->packed[i].page = page;
		b->packed[i].lzo = kept(out, len);
		b->packed[i].lzo_len = (uint16_t)len;
#if RZS_HAVE_LZ4
		len = (lzo_uint)LZ4_compress_default(page, (char *)out, RZSB_PAGE, sizeof(out));
		b->packed[i].lz4 = kept(out, len);
		b->packed[i].lz4_len = (uint16_t)len;
#endif
	}
}

/* The first n of b->visit; a function of its own, for callgrind. */
static __attribute__((noinline)) bool decode_all(const struct bench *b, const struct decoder *d,
						 size_t n, uint8_t *out)
{
	bool good = true;

	for (size_t i = 0; i < n; i++)
		good &= d->decode(&b->visit[i], out);
	return good;
}

static void compare_all(const struct bench *b, const struct decoder *d)
{
	uint8_t out[RZSB_PAGE];

	for (size_t i = 0; i < b->lzo->corpus.nr_busy; i++) {
		const struct packed *p = &b->packed[i];

		memset(out, 0xa5, sizeof(out));
		if (!d->decode(p, out) || memcmp(out, p->page, RZSB_PAGE) != 0)
			rzst_die(RZSB_WRONG, "%s: wrong bytes for page %u", d->name,
				 b->lzo->corpus.busy[i]);
	}
}

static void measure(struct bench *b, size_t first, size_t n)
{
	static uint8_t out[RZSB_PAGE];
	uint64_t seed = b->lzo->seed;

	for (size_t i = 0; i < n; i++)
		b->order[i] = (uint32_t)(first + i);
	rzsb_shuffle(b->order, n, &seed);
	for (size_t i = 0; i < n; i++)
		b->visit[i] = b->packed[b->order[i]];
	for (unsigned round = 0; round < b->lzo->rounds; round++)
		for (size_t i = 0; i < NR_DECODERS; i++) {
			struct decoder *d = &decoders[i];
			uint64_t t;

			if (!wanted(b, d))
				continue;
			t = rzsb_cpu_thread();
			if (!decode_all(b, d, n, out))
				rzst_die(RZSB_WRONG, "%s: a page is refused", d->name);
			d->ns[round] = (double)(rzsb_cpu_thread() - t) / (double)n;
		}
}

static void show(struct bench *b, const char *name, size_t n)
{
	struct rzsb_json *json = &b->lzo->json;
	double median[NR_DECODERS] = {0}, library = 0;

	for (size_t i = 0; i < NR_DECODERS; i++) {
		if (!wanted(b, &decoders[i]))
			continue;
		median[i] = rzsb_median(decoders[i].ns, b->lzo->rounds);
		if (decoders[i].decode == by_library)
			library = median[i];
	}
	printf("%-12s %8zu", name, n);
	for (size_t i = 0; i < NR_DECODERS; i++) {
		if (!wanted(b, &decoders[i]))
			continue;
		printf("  %7.0f", median[i]);
		if (library > 0)
			printf(" (%.3f)", median[i] / library);
		rzsb_json_begin(json, "decoders");
		rzsb_json_str(json, "part", name);
		rzsb_json_int(json, "pages", n);
		rzsb_json_str(json, "decoder", decoders[i].name);
		rzsb_json_num(json, "ns_per_page", median[i]);
		rzsb_json_list(json, "ns", decoders[i].ns, b->lzo->rounds);
		rzsb_json_end(json);
	}
	putchar('\n');
}

static void decode_parts(struct bench *b)
{
	const struct rzsb_corpus *c = &b->lzo->corpus;

	for (unsigned i = 0; i < c->nr_parts && !b->lzo->only; i++) {
		size_t first, n = bench_lzo_part(c, &c->parts[i], &first);

		if (n == 0)
			continue;
		measure(b, first, n);
		show(b, c->parts[i].name, n);
	}
	measure(b, 0, c->nr_busy);
	show(b, "all", c->nr_busy);
}

static void release(struct bench *b)
{
	for (size_t i = 0; i < b->lzo->corpus.nr_busy; i++) {
		free(b->packed[i].lzo);
		free(b->packed[i].lz4);
	}
	munmap(b->packed, b->lzo->corpus.nr_busy * sizeof(*b->packed));
}

bool bench_lzo_decoders(struct bench_lzo *lzo)
{
	struct bench b = {.lzo = lzo};
	unsigned nr = 0;

	kernel = &lzo->kernel;
	for (size_t i = 0; i < NR_DECODERS; i++)
		nr += wanted(&b, &decoders[i]);
	if (nr == 0)
		return false;
	b.order = rzsb_alloc(lzo->corpus.nr_busy * sizeof(*b.order));
	b.visit = rzsb_alloc(lzo->corpus.nr_busy * sizeof(*b.visit));
	compress_all(&b);
	printf("Decoders: ns per page, and in times of liblzo2; medians of %u rounds\n%-12s %8s",
	       lzo->rounds, "", "pages");
	for (size_t i = 0; i < NR_DECODERS; i++) {
		struct decoder *d = &decoders[i];

		d->ns = rzsb_alloc(lzo->rounds * sizeof(*d->ns));
		if (!wanted(&b, d))
			continue;
		printf("  %15s", d->name);
		compare_all(&b, d);
	}
	putchar('\n');
	decode_parts(&b);
	release(&b);
	return true;
}
