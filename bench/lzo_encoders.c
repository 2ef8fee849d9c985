/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Encoders side by side on the same pages: two of liblzo2, ours by every way of comparing and for
 * one page, two and a batch, the store's codec as it was built, and those of a library of
 * bench/kernel-lzo.  They take turns at every batch of pages, and each is first in turn, so that
 * none alone pays for fetching the pages.  Before, each page is encoded by each, decoded by two or
 * three decoders, and compared.  Threading: one thread.
 */
#include "codec.h"
#include "lzo_cases.h"
#include "lzo_decode.h"
#include "rzsb_cmd.h"
#include "rzs_store.h"

#include <lzo/lzo1x.h>
#include <math.h>
#include <string.h>

#define BATCH 16u

/* Ours gives up at no page here, as liblzo2's do not. */
#define NO_LIMIT (RZS_LZO_PAGE + RZS_LZO_PAGE / 16)

_Static_assert(NO_LIMIT + RZS_LZO_SPARE <= RZS_CODEC_OUT_SIZE &&
		       RZS_LZO_OUT_SIZE <= RZS_CODEC_OUT_SIZE,
	       "buffers of streams");

/* Pages of one program, and where their streams go. */
struct group {
	unsigned nr;
	const void *src[BATCH];
	void *out[BATCH];
	int size[BATCH]; /* -ENOSPC: given up, which only the store's codec does */
};

struct encoder {
	const char *name;
	unsigned at_once; /* pages that a call gets */
	void (*encode)(const struct encoder *e, struct group *g);
	enum rzs_lzo_compare compare;
	const struct bench_lzo_own *own;
	void *context;
	double *ns, *ns_all; /* by round: of a part, of all */
	uint64_t bytes, bytes_all;
};

static lzo_align_t work[LZO1X_1_MEM_COMPRESS / sizeof(lzo_align_t)];

static const struct bench_lzo_own own_here = {
	.init = rzs_lzo_encoder_init,
	.one = rzs_lzo1x_encode,
	.many = rzs_lzo1x_encode_many,
};
static const struct bench_lzo_kernel *kernel;

static void by_1_12(const struct encoder *e, struct group *g)
{
	(void)e;
	for (unsigned i = 0; i < g->nr; i++) {
		lzo_uint n = 0;

		lzo1x_1_12_compress(g->src[i], RZSB_PAGE, g->out[i], &n, work);
		g->size[i] = (int)n;
	}
}

static void by_1(const struct encoder *e, struct group *g)
{
	(void)e;
	for (unsigned i = 0; i < g->nr; i++) {
		lzo_uint n = 0;

		lzo1x_1_compress(g->src[i], RZSB_PAGE, g->out[i], &n, work);
		g->size[i] = (int)n;
	}
}

static void by_kernel(const struct encoder *e, struct group *g)
{
	(void)e;
	for (unsigned i = 0; i < g->nr; i++) {
		size_t n = RZS_CODEC_OUT_SIZE;

		kernel->encode(g->src[i], RZSB_PAGE, g->out[i], &n, work);
		g->size[i] = (int)n;
	}
}

static void by_own(const struct encoder *e, struct group *g)
{
	for (unsigned i = 0; i < g->nr; i += e->at_once) {
		unsigned n = g->nr - i < e->at_once ? g->nr - i : e->at_once;

		if (e->at_once == 1)
			g->size[i] = e->own->one(e->context, g->src[i], g->out[i], NO_LIMIT);
		else
			e->own->many(e->context, n, g->src + i, g->out + i, NO_LIMIT, g->size + i);
	}
}

static void by_store(const struct encoder *e, struct group *g)
{
	const struct rzs_codec *codec = &rzs_codec_lzo;

	for (unsigned i = 0; i < g->nr; i += e->at_once) {
		unsigned n = g->nr - i < e->at_once ? g->nr - i : e->at_once;

		if (e->at_once == 1)
			g->size[i] = codec->compress(e->context, g->src[i], g->out[i]);
		else
			codec->compress_pages(e->context, n, g->src + i, g->out + i, g->size + i);
	}
}

/* The first is what the others are compared with. */
static struct encoder encoders[] = {
	{.name = "lzo1x_1_12", .at_once = 1, .encode = by_1_12},
	{.name = "lzo1x_1", .at_once = 1, .encode = by_1},
	{.name = "store", .at_once = 1, .encode = by_store},
	{.name = "store", .at_once = 2, .encode = by_store},
	{.name = "store", .at_once = BATCH, .encode = by_store},
	{.name = "words", .at_once = 1, .encode = by_own, .compare = RZS_LZO_WORDS},
	{.name = "words", .at_once = 2, .encode = by_own, .compare = RZS_LZO_WORDS},
	{.name = "words", .at_once = BATCH, .encode = by_own, .compare = RZS_LZO_WORDS},
	{.name = "wide", .at_once = 1, .encode = by_own, .compare = RZS_LZO_WIDE},
	{.name = "wide", .at_once = 2, .encode = by_own, .compare = RZS_LZO_WIDE},
	{.name = "wide", .at_once = BATCH, .encode = by_own, .compare = RZS_LZO_WIDE},
	{.name = "kernel", .at_once = 1, .encode = by_kernel},
	{.name = "own/kernel", .at_once = 1, .encode = by_own},
	{.name = "own/kernel", .at_once = 2, .encode = by_own},
	{.name = "own/kernel", .at_once = BATCH, .encode = by_own},
};

#define NR_ENCODERS (sizeof(encoders) / sizeof(encoders[0]))

/* Those of encoders[] that are measured, in its order. */
struct bench {
	struct bench_lzo *lzo;
	struct encoder *active[NR_ENCODERS];
	unsigned nr;
	uint32_t *order; /* numbers of pages, in the order of a part's groups */
	uint8_t streams[BATCH][RZS_CODEC_OUT_SIZE];
};

static bool with_kernel_flags(const struct encoder *e)
{
	return strcmp(e->name, "own/kernel") == 0;
}

static bool wanted(const struct bench_lzo *lzo, const struct encoder *e)
{
	if (lzo->only && strcmp(lzo->only, e->name) != 0)
		return false;
	if (e->encode == by_kernel || with_kernel_flags(e))
		return kernel->encode != NULL;
	if (e->encode == by_store && e->at_once > 1)
		return rzs_codec_lzo.compress_pages != NULL;
	return e->encode != by_own || rzs_lzo_compare_usable(e->compare);
}

static void prepare(struct encoder *e, unsigned rounds)
{
	size_t size = rzs_codec_lzo.ctx_size(0);

	if (e->encode == by_store) {
		e->context = rzsb_alloc(size);
		if (rzs_codec_lzo.ctx_init(e->context, size, 0))
			rzst_die(RZSB_FAILED, "the store's codec does not work here");
	} else if (e->encode == by_own) {
		e->own = with_kernel_flags(e) ? &kernel->own : &own_here;
		e->context = rzsb_alloc(sizeof(struct rzs_lzo_encoder));
		e->own->init(e->context, e->compare);
	}
	e->ns = rzsb_alloc(rounds * sizeof(*e->ns));
	e->ns_all = rzsb_alloc(rounds * sizeof(*e->ns_all));
}

/* Whether each of the decoders makes the page of the stream. */
static bool decodes(const void *page, const uint8_t *stream, size_t size)
{
	uint8_t back[RZSB_PAGE];
	size_t n = 0;
	lzo_uint len = RZSB_PAGE;

	memset(back, 0xa5, sizeof(back));
	if (rzs_lzo1x_decode(stream, size, back, RZSB_PAGE, &n) || n != RZSB_PAGE ||
	    memcmp(back, page, RZSB_PAGE) != 0)
		return false;
	memset(back, 0xa5, sizeof(back));
	if (lzo1x_decompress_safe(stream, size, back, &len, NULL) != LZO_E_OK || len != RZSB_PAGE ||
	    memcmp(back, page, RZSB_PAGE) != 0)
		return false;
	if (!kernel->decode)
		return true;
	n = RZSB_PAGE;
	memset(back, 0xa5, sizeof(back));
	return kernel->decode(stream, size, back, &n) == 0 && n == RZSB_PAGE &&
	       memcmp(back, page, RZSB_PAGE) == 0;
}

/* One turn of an encoder; a function of its own, for callgrind. */
static __attribute__((noinline)) void encode_group(const struct encoder *e, struct group *g)
{
	e->encode(e, g);
}

/* Compare what an encoder makes of a group, and add up what the store would hold. */
static void check_group(struct encoder *e, struct group *g)
{
	encode_group(e, g);
	for (unsigned i = 0; i < g->nr; i++) {
		bool raw = g->size[i] == -ENOSPC && e->encode == by_store;

		if (!raw && (g->size[i] <= 0 || !decodes(g->src[i], g->out[i], (size_t)g->size[i])))
			rzst_die(RZSB_WRONG, "%s, %u at once: a page's stream is wrong", e->name,
				 e->at_once);
		raw |= g->size[i] > (int)RZS_CODEC_WORTH;
		e->bytes += raw ? RZSB_PAGE : (unsigned)g->size[i];
	}
}

static void take_group(struct bench *b, struct group *g, const uint32_t *pages, size_t left)
{
	g->nr = left < BATCH ? (unsigned)left : BATCH;
	for (unsigned i = 0; i < g->nr; i++) {
		g->src[i] = rzsb_page(&b->lzo->corpus, pages[i]);
		g->out[i] = b->streams[i];
	}
}

/* Encode n pages, from the first-th busy one on. */
static void measure(struct bench *b, size_t first, size_t n)
{
	uint64_t seed = b->lzo->seed;
	struct group g;

	memcpy(b->order, b->lzo->corpus.busy + first, n * sizeof(*b->order));
	rzsb_shuffle(b->order, n, &seed);
	for (unsigned k = 0; k < b->nr; k++) {
		b->active[k]->bytes = 0;
		memset(b->active[k]->ns, 0, b->lzo->rounds * sizeof(double));
	}
	for (size_t at = 0; at < n; at += BATCH) {
		take_group(b, &g, b->order + at, n - at);
		for (unsigned k = 0; k < b->nr; k++)
			check_group(b->active[k], &g);
	}
	for (unsigned round = 0; round < b->lzo->rounds; round++)
		for (size_t at = 0; at < n; at += BATCH) {
			take_group(b, &g, b->order + at, n - at);
			for (unsigned k = 0; k < b->nr; k++) {
				struct encoder *e = b->active[(k + at / BATCH + round) % b->nr];
				uint64_t t = rzsb_cpu_thread();

				encode_group(e, &g);
				e->ns[round] += (double)(rzsb_cpu_thread() - t);
			}
		}
}

static void add_to_all(struct bench *b)
{
	for (unsigned k = 0; k < b->nr; k++) {
		struct encoder *e = b->active[k];

		e->bytes_all += e->bytes;
		for (unsigned round = 0; round < b->lzo->rounds; round++)
			e->ns_all[round] += e->ns[round];
	}
}

static void headings(const struct bench *b)
{
	printf("\nEncoders: CPU time in times of lzo1x_1_12 (which has its ns per page), spread of "
	       "%u rounds; then bytes in\ntimes of its\n%-12s %8s",
	       b->lzo->rounds, "", "");
	for (unsigned k = 0; k < b->nr; k++)
		printf(" %10s", b->active[k]->name);
	printf("\n%-12s %8s", "", "pages");
	for (unsigned k = 0; k < b->nr; k++)
		printf(" %10u", b->active[k]->at_once);
	putchar('\n');
}

static void record(struct bench *b, const struct encoder *e, const char *part, size_t n,
		   double *ratios)
{
	struct rzsb_json *json = &b->lzo->json;
	const struct encoder *base = &encoders[0];

	rzsb_json_begin(json, "encoders");
	rzsb_json_str(json, "part", part);
	rzsb_json_int(json, "pages", n);
	rzsb_json_str(json, "encoder", e->name);
	rzsb_json_int(json, "pages_at_once", e->at_once);
	rzsb_json_num(json, "ns_per_page",
		      rzsb_over_rounds(e->ns, sizeof(*e->ns), b->lzo->rounds, NULL) / (double)n);
	rzsb_json_int(json, "bytes", e->bytes);
	rzsb_json_num(json, "bytes_ratio",
		      base->bytes ? (double)e->bytes / (double)base->bytes : NAN);
	rzsb_json_num(json, "ratio",
		      rzsb_over_rounds(ratios, sizeof(*ratios), b->lzo->rounds, NULL));
	rzsb_json_list(json, "ratio_rounds", ratios, b->lzo->rounds);
	rzsb_json_end(json);
}

/* Two lines of the table, for n pages: times, and bytes. */
static void show(struct bench *b, const char *part, size_t n)
{
	const struct encoder *base = &encoders[0];
	double ratios[RZSB_MAX_ROUNDS], spread;

	printf("%-12s %8zu", part, n);
	for (unsigned k = 0; k < b->nr; k++) {
		const struct encoder *e = b->active[k];
		double *ns = e->ns;

		for (unsigned i = 0; i < b->lzo->rounds; i++)
			ratios[i] = base->ns ? ns[i] / base->ns[i] : NAN;
		record(b, e, part, n, ratios);
		if (e == base || !base->ns)
			for (unsigned i = 0; i < b->lzo->rounds; i++)
				ratios[i] = ns[i] / (double)n;
		printf(e == base || !base->ns ? " %6.0f" : " %6.3f",
		       rzsb_over_rounds(ratios, sizeof(*ratios), b->lzo->rounds, &spread));
		printf(" %2.0f%%", 100 * spread);
	}
	printf("\n%-12s %8s", "", "bytes");
	for (unsigned k = 0; k < b->nr; k++)
		if (base->ns)
			printf(" %6.3f    ", (double)b->active[k]->bytes / (double)base->bytes);
		else
			printf(" %10llu", (unsigned long long)b->active[k]->bytes);
	putchar('\n');
}

bool bench_lzo_encoders(struct bench_lzo *lzo)
{
	static struct bench b;
	size_t total = 0;

	b.lzo = lzo;
	kernel = &lzo->kernel;
	for (size_t i = 0; i < NR_ENCODERS; i++)
		if (wanted(lzo, &encoders[i]))
			b.active[b.nr++] = &encoders[i];
	if (b.nr == 0)
		return false;
	b.order = rzsb_alloc(lzo->corpus.nr_busy * sizeof(*b.order));
	for (unsigned k = 0; k < b.nr; k++)
		prepare(b.active[k], lzo->rounds);
	headings(&b);
	for (unsigned i = 0; i < lzo->corpus.nr_parts; i++) {
		size_t first, n = bench_lzo_part(&lzo->corpus, &lzo->corpus.parts[i], &first);

		if (n == 0)
			continue;
		measure(&b, first, n);
		show(&b, lzo->corpus.parts[i].name, n);
		add_to_all(&b);
		total += n;
	}
	for (unsigned k = 0; k < b.nr; k++) {
		b.active[k]->ns = b.active[k]->ns_all;
		b.active[k]->bytes = b.active[k]->bytes_all;
	}
	show(&b, "all", total);
	return true;
}
