/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decoders side by side on the same pages: ours, liblzo2's, LZ4's, memcpy(), and with -k what
 * bench/kernel-decoders has built.  Every page of the corpus that is not one repeated word is
 * compressed first.  In each round the decoders take turns to decode all pages in random order.
 * All bytes are compared before.  Times are CPU time of the thread.
 *
 * To count instructions, which are the same each time:
 *	valgrind --tool=callgrind --toggle-collect=decode_all bench/decoders -r 1 -o own CORPUS
 *
 * Exit codes: those of rzsbench, in rzsb_cmd.h.
 */
#include "lzo_decode.h"
#include "rzsb_args.h"
#include "rzsb_cmd.h"
#include "std_fds.h"
#include "rzsb_files.h"

#include <dlfcn.h>
#include <getopt.h>
#include <lzo/lzo1x.h>
#include <stdlib.h>
#include <string.h>
#if RZS_HAVE_LZ4
#include <lz4.h>
#endif

struct packed {
	const void *page;
	uint8_t *lzo, *lz4;
	uint16_t lzo_len, lz4_len;
};

struct bench {
	struct rzsb_corpus corpus;
	struct packed *packed; /* one for each page of corpus.busy, in its order */
	struct packed *visit;  /* some of them, in the order of decoding */
	uint32_t *order;
	unsigned rounds;
	const char *dir, *only;
};

struct decoder {
	const char *name;
	bool (*decode)(const struct packed *p, uint8_t *out);
	double *ns; /* per page: of a part, by round */
};

static int (*kernel_decode)(const uint8_t *, size_t, uint8_t *, size_t *);
static int (*own_kernel_flags)(const void *, size_t, void *, size_t, size_t *);

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

	return kernel_decode(p->lzo, p->lzo_len, out, &len) == 0 && len == RZSB_PAGE;
}

static bool by_own_kernel_flags(const struct packed *p, uint8_t *out)
{
	size_t len;

	return own_kernel_flags(p->lzo, p->lzo_len, out, RZSB_PAGE, &len) == 0 && len == RZSB_PAGE;
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
	if ((d->decode == by_kernel || d->decode == by_own_kernel_flags) && !kernel_decode)
		return false;
	return !b->only || strcmp(b->only, d->name) == 0;
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

	b->packed = rzsb_alloc(b->corpus.nr_busy * sizeof(*b->packed));
	for (size_t i = 0; i < b->corpus.nr_busy; i++) {
		const void *page = rzsb_page(&b->corpus, b->corpus.busy[i]);
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

	for (size_t i = 0; i < b->corpus.nr_busy; i++) {
		const struct packed *p = &b->packed[i];

		memset(out, 0xa5, sizeof(out));
		if (!d->decode(p, out) || memcmp(out, p->page, RZSB_PAGE) != 0)
			rzst_die(RZSB_WRONG, "%s: wrong bytes for page %u", d->name,
				 b->corpus.busy[i]);
	}
}

/* Busy pages from the first-th page of the corpus on, nr of them: a range of packed[]. */
static size_t busy_before(const struct rzsb_corpus *c, size_t page)
{
	size_t n = 0;

	while (n < c->nr_busy && c->busy[n] < page)
		n++;
	return n;
}

static void measure(struct bench *b, size_t first, size_t n)
{
	static uint8_t out[RZSB_PAGE];
	uint64_t seed = 1;

	for (size_t i = 0; i < n; i++)
		b->order[i] = (uint32_t)(first + i);
	rzsb_shuffle(b->order, n, &seed);
	for (size_t i = 0; i < n; i++)
		b->visit[i] = b->packed[b->order[i]];
	for (unsigned round = 0; round < b->rounds; round++)
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

static void show(struct bench *b, struct rzsb_json *json, const char *name, size_t n)
{
	double median[NR_DECODERS] = {0}, library = 0;

	for (size_t i = 0; i < NR_DECODERS; i++) {
		if (!wanted(b, &decoders[i]))
			continue;
		median[i] = rzsb_median(decoders[i].ns, b->rounds);
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
		rzsb_json_list(json, "ns", decoders[i].ns, b->rounds);
		rzsb_json_end(json);
	}
	putchar('\n');
}

static void load_kernel(const char *path)
{
	void *library = dlopen(path, RTLD_NOW);

	if (!library)
		rzst_die(RZSB_USAGE, "-k %s: %s", path, dlerror());
	*(void **)&kernel_decode = dlsym(library, "bench_kernel_decode");
	*(void **)&own_kernel_flags = dlsym(library, "bench_own_decode");
	if (!kernel_decode || !own_kernel_flags)
		rzst_die(RZSB_USAGE, "-k %s: not made by bench/kernel-decoders", path);
}

static void run(struct bench *b, struct rzsb_json *json)
{
	printf("ns per page, and in times of liblzo2; medians of %u rounds\n%-12s %8s", b->rounds,
	       "", "pages");
	for (size_t i = 0; i < NR_DECODERS; i++) {
		struct decoder *d = &decoders[i];

		d->ns = rzsb_alloc(b->rounds * sizeof(*d->ns));
		if (!wanted(b, d))
			continue;
		printf("  %15s", d->name);
		compare_all(b, d);
	}
	putchar('\n');
	for (unsigned i = 0; i < b->corpus.nr_parts && !b->only; i++) {
		const struct rzsb_part *p = &b->corpus.parts[i];
		size_t first = busy_before(&b->corpus, p->first);
		size_t n = busy_before(&b->corpus, p->first + p->nr) - first;

		if (n == 0)
			continue;
		measure(b, first, n);
		show(b, json, p->name, n);
	}
	measure(b, 0, b->corpus.nr_busy);
	show(b, json, "all", b->corpus.nr_busy);
}

static const struct rzsb_option options[] = {
	{'r', "rounds", "N", "each time is the median of N (default 7)"},
	{'o', "only", "DECODER", "this one alone"},
	{'k', "kernel", "FILE.so", "the kernel's as well: made by bench/kernel-decoders"},
	{'j', "json", "FILE", "JSON lines, appended; - is standard output"},
	{0},
};

static void parse(struct bench *b, struct rzsb_record *record, int argc, char **argv)
{
	struct rzsb_args a = {.command = "", .words = "CORPUS_DIR", .options = options};
	int id;

	while ((id = rzsb_next_option(&a, argc, argv)) != -1)
		if (id == 'r')
			b->rounds = (unsigned)rzsb_number(&a, 1, RZSB_MAX_ROUNDS);
		else if (id == 'o')
			b->only = optarg;
		else if (id == 'k')
			load_kernel(optarg);
		else
			record->path = optarg;
	b->dir = rzsb_corpus_argument(&a, argc, argv);
}

int main(int argc, char **argv)
{
	struct rzsb_record record = {.seed = 1};
	struct bench b = {.rounds = 7};
	struct rzsb_json json;

	if (rzs_std_fds_fill() < 0)
		return RZSB_FAILED;
	parse(&b, &record, argc, argv);
	if (lzo_init() != LZO_E_OK)
		rzst_die(RZSB_FAILED, "liblzo2 does not work here");
	if (rzsb_corpus_load(&b.corpus, b.dir, 0))
		return RZSB_FAILED;
	if (b.corpus.nr_busy == 0)
		rzst_die(RZSB_USAGE, "%s: no page that is not one repeated word", b.dir);
	if (rzsb_json_open(&json, &record, "decoders", &b.corpus))
		return RZSB_FAILED;
	b.order = rzsb_alloc(b.corpus.nr_busy * sizeof(*b.order));
	b.visit = rzsb_alloc(b.corpus.nr_busy * sizeof(*b.visit));
	compress_all(&b);
	run(&b, &json);
	return rzsb_finish(rzsb_json_close(&json) ? RZSB_FAILED : RZSB_OK);
}
