/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rzsbench: sizes to the byte, the rules of the models, sources of pages. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "t.h"

#include "pages.h"
#include "rzsb_advice.h"
#include "rzsb_idle.h"
#include "rzsb_measure.h"
#include "rzsb_models.h"
#include "rzsb_source.h"
#include "rzst.h"
#include "sanitized.h"

#include <elf.h>
#include <fcntl.h>
#include <lzo/lzo1x.h>
#include <math.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define NR 512u

#define TEMPLATE "/tmp/test_rzsb.XXXXXX"

static char dir[] = TEMPLATE;

static struct rzsb_method method(const char *text)
{
	struct rzsb_method m;
	const char *why;

	if (rzsb_method_parse(&m, text, &why))
		T_FAIL("%s: %s", text, why);
	return m;
}

static void refuse(const char *text, const char *part)
{
	struct rzsb_method m;
	const char *why = NULL;

	T_EQ(rzsb_method_parse(&m, text, &why), -EINVAL);
	if (!strstr(why, part))
		T_FAIL("%s: \"%s\" does not say \"%s\"", text, why, part);
}

T_TEST(methods_as_they_are_written)
{
	struct rzsb_method m = method("lzo");

	T_EQ(m.level, 0);
	T_EQ(m.unit, 4096);
	T_STR_EQ(rzsb_method_algorithm(&m), "lzo");
	m = method("lzo-999:3@16");
	T_EQ(m.level, 3);
	T_EQ(m.unit, 16384);
	refuse("", "no such algorithm");
	refuse("lzip", "no such algorithm");
	refuse("lzo:1", "no levels");
	refuse("lzo-999:10", "no such level");
	refuse("lzo+dict", "dictionaries");
	refuse("lzo@5", "unit");
	refuse("lzo@128", "unit");
	refuse("lzo@", "NAME");
	refuse("lzo-999:", "NAME");
	refuse("lzo@4x", "NAME");
	refuse("lzo-999:3333333333333333333333@4", "NAME");
}

/* A corpus of two parts with pages of every kind. */
static void make_corpus(struct rzsb_corpus *c)
{
	uint64_t seed = t_seed();

	memset(c, 0, sizeof(*c));
	c->nr = c->room = c->whole = NR;
	c->pages = rzsb_alloc(NR * RZSB_PAGE);
	for (unsigned i = 0; i < NR; i++)
		pages_make_any(c->pages + (size_t)i * RZSB_PAGE, seed + i);
	c->nr_parts = 2;
	c->parts[0] = (struct rzsb_part){"one", 0, 100};
	c->parts[1] = (struct rzsb_part){"two", 100, NR - 100};
	rzsb_corpus_sort_out(c);
}

static void measure(const struct rzsb_corpus *c, struct rzsb_method *m, struct rzsb_result *r)
{
	uint8_t *samples;
	size_t nr;

	samples = rzsb_samples(c, m->unit, 1 << 20, 1, &nr);
	T_EQ(rzsb_method_open(m, samples, nr), 0);
	free(samples);
	rzsb_measure(c, m, 1, 2, 1000000000000u, 1, NULL, r);
	rzsb_method_close(m);
	T_EQ(r->used, r->units);
	T_OK(r->compress_ns > 0);
	T_OK(r->decompress_ns > 0);
}

/* The library itself, in a loop that shares nothing with what is tested. */
T_TEST(sizes_are_the_librarys_own)
{
	struct rzsb_method m = method("lzo");
	uint64_t bytes = 0, raw = 0, good = 0, count = 0;
	struct rzsb_corpus c;
	struct rzsb_result r;
	uint8_t out[8192];
	void *work = malloc(LZO1X_1_MEM_COMPRESS);

	make_corpus(&c);
	measure(&c, &m, &r);
	for (unsigned i = 0; i < NR; i++) {
		const uint8_t *page = c.pages + (size_t)i * RZSB_PAGE;
		lzo_uint n = 0; /* MemorySanitizer does not see that the library sets it */

		if (memcmp(page, page + 8, RZSB_PAGE - 8) == 0)
			continue;
		T_EQ(lzo1x_1_compress(page, RZSB_PAGE, out, &n, work), LZO_E_OK);
		n = n < RZSB_PAGE ? n : RZSB_PAGE;
		bytes += n;
		raw += n == RZSB_PAGE;
		good += n <= RZSB_PAGE / 2;
	}
	T_GT(raw, 0);
	T_GT(good, 0);
	T_EQ(r.units, c.nr_busy);
	T_EQ(r.bytes, bytes);
	T_EQ(r.raw, raw);
	T_EQ(r.good, good);
	for (unsigned n = 0; n <= RZSB_PAGE; n++)
		count += r.count[n];
	T_EQ(count, r.units);
	free(r.count);
	free(work);
	rzsb_corpus_free(&c);
}

/* Units lie within one part; every algorithm gives back what went in (rzsb_measure compares). */
T_TEST(every_algorithm_and_unit)
{
	static const char *const suffix[] = {"", "@8", "@64"};
	struct rzsb_corpus c;
	struct rzsb_result r;
	const char *name;

	make_corpus(&c);
	for (unsigned i = 0; (name = rzsb_algorithm_name(i)); i++)
		for (unsigned k = 0; k < 3; k++) {
			unsigned pages = k == 0 ? 1 : k == 1 ? 2 : 16;
			struct rzsb_method m;
			char text[40];

			snprintf(text, sizeof(text), "%s%s", name, suffix[k]);
			m = method(text);
			measure(&c, &m, &r);
			T_LE(r.units, 100 / pages + (NR - 100) / pages);
			T_GT(r.units, 0);
			T_LT(r.bytes, r.units * m.unit);
			free(r.count);
		}
	rzsb_corpus_free(&c);
}

/*
 * A sample of pages that are all alike has no error, one of very different ones has; and none has
 * all that there is.
 */
T_TEST(error_of_sampling)
{
	struct rzsb_method m = method("lzo");
	struct rzsb_corpus c;
	struct rzsb_result r;

	make_corpus(&c);
	c.whole = 8 * NR;
	for (unsigned i = 0; i < NR; i++)
		pages_make(c.pages + (size_t)i * RZSB_PAGE, PAGES_TEXT, 1);
	measure(&c, &m, &r);
	T_OK(r.error < 1e-9);
	free(r.count);
	for (unsigned i = 0; i < NR; i++)
		pages_make(c.pages + (size_t)i * RZSB_PAGE,
			   i / 64 % 2 ? PAGES_RANDOM : PAGES_TEXT, i);
	measure(&c, &m, &r);
	T_OK(r.error > 0.05 && r.error < 1);
	free(r.count);
	c.whole = NR;
	measure(&c, &m, &r);
	T_OK(r.error == 0);
	free(r.count);
	rzsb_corpus_free(&c);
}

/* Sizes that the kernel's zsmalloc is known to come to: the largest object that is not a whole page
 * is of 3624 bytes with chains of 8 pages, 3256 with 4; and some classes computed by hand. */
T_TEST(zsmalloc_classes)
{
	static struct rzsb_zsmalloc z;
	static uint64_t count[4097];

	rzsb_zsmalloc_init(&z, 4);
	T_EQ(z.huge, 3257);
	rzsb_zsmalloc_init(&z, 8);
	T_EQ(z.huge, 3625);
	/* 2040 bytes and their handle: two in a page; 2041 do not. */
	T_EQ(z.class[z.of_size[2040]].objects, 2);
	T_EQ(z.class[z.of_size[2040]].pages, 1);
	T_GT(z.class[z.of_size[2041]].size, 2048);
	/* 3264 bytes five times in four pages. */
	T_EQ(z.class[z.of_size[3256]].pages, 4);
	T_EQ(z.class[z.of_size[3256]].objects, 5);
	T_EQ(z.class[z.of_size[1]].size, 32);
	T_EQ(z.class[z.of_size[3625]].objects, 1);
	T_EQ(z.class[z.of_size[4096]].objects, 1);
	for (unsigned n = 1; n < z.huge; n++)
		T_GE(z.class[z.of_size[n]].size, n + 8);
	count[2040] = 10;
	T_EQ((uint64_t)rzsb_zsmalloc_bytes(&z, count, 3, 5), 3 * 10 * (2048 + 8 + 16) + 5 * 16);
	T_EQ((uint64_t)rzsb_zswap_bytes(&z, count, 3, 5),
	     3 * 10 * (2048 + 8 + 56 + 9) + 5 * (56 + 9));
	T_EQ(rzsb_malloc_bytes(1), 32);
	T_EQ(rzsb_malloc_bytes(24), 32);
	T_EQ(rzsb_malloc_bytes(25), 48);
}

/* Times are exactly those of a sorted list, without buckets. */
T_TEST(latency_is_that_of_a_sorted_list)
{
	static double times[1000];
	struct rzsb_latency l = rzsb_latency_of(times, 0);

	T_OK(l.p50 == 0 && l.p999 == 0 && l.most == 0);
	for (unsigned bit = 0; bit < 50; bit++) {
		double one = (double)(1ull << bit);

		/* 1 .. 1000 times this, in an order that is not that. */
		for (unsigned i = 0; i < 1000; i++)
			times[i] = one * (i * 371 % 1000 + 1);
		l = rzsb_latency_of(times, 1000);
		T_OK(l.p50 == 500 * one && l.p90 == 900 * one && l.p99 == 990 * one);
		T_OK(l.p999 == 999 * one && l.most == 1000 * one);
	}
	times[0] = 7;
	l = rzsb_latency_of(times, 1);
	T_OK(l.p50 == 7 && l.p90 == 7 && l.p99 == 7 && l.p999 == 7 && l.most == 7);
}

T_TEST(latency_of_rounds_is_their_median_and_the_longest_of_all)
{
	struct {
		double other;
		struct rzsb_latency us;
	} v[3] = {{0, {3, 30, 300, 3000, 1e4}},
		  {0, {1, 50, 100, 9000, 1e6}},
		  {0, {2, 40, 900, 1000, 1e5}}};
	struct rzsb_latency l = rzsb_latency_median(&v[0].us, sizeof(v[0]), 3);

	T_OK(l.p50 == 2 && l.p90 == 40 && l.p99 == 300 && l.p999 == 3000 && l.most == 1e6);
}

T_TEST(median_over_rounds_and_spread)
{
	struct {
		double other, rate;
	} v[4] = {{9, 40}, {9, 10}, {9, 30}, {9, 20}};
	double spread = 0;

	T_OK(rzsb_over_rounds(&v->rate, sizeof(*v), 4, &spread) == 25);
	T_OK(spread == 30. / 25);
	T_OK(rzsb_over_rounds(&v->rate, sizeof(*v), 3, &spread) == 30);
	T_OK(spread == 1);
	T_OK(v[1].rate == 10 && v[3].rate == 20); /* left as they were */
	v[0].rate = 0;
	T_OK(rzsb_over_rounds(&v->rate, sizeof(*v), 1, &spread) == 0);
	T_OK(isnan(spread));
}

static void write_file(const char *name, const void *data, size_t n)
{
	char path[200];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	T_GE(fd, 0);
	T_EQ(write(fd, data, n), (ssize_t)n);
	close(fd);
}

static void load(const char *name, size_t most, struct rzsb_sources *s, struct rzsb_corpus *c)
{
	char path[200];

	memset(s, 0, sizeof(*s));
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	T_EQ(rzsb_sources_add_path(s, path), 0);
	T_EQ(rzsb_sources_load(s, most, c), 0);
}

static void clean(const char *name)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
	rmdir(dir);
	strcpy(dir, TEMPLATE);
}

/* An image with half a page at its end, whole and as a sample of runs. */
T_TEST(files_are_images_of_memory)
{
	static uint8_t image[100 * RZSB_PAGE + 2000];
	struct rzsb_sources s;
	struct rzsb_corpus c;

	for (unsigned i = 0; i < 100; i++)
		memset(image + (size_t)i * RZSB_PAGE, (int)i, RZSB_PAGE);
	T_NE(mkdtemp(dir), NULL);
	write_file("image", image, sizeof(image));
	load("image", 0, &s, &c);
	T_EQ(s.pages, 100);
	T_EQ(c.nr, 100);
	T_EQ(c.nr_busy, 0);
	T_MEM_EQ(c.pages, image, 100 * RZSB_PAGE);
	rzsb_corpus_free(&c);
	rzsb_sources_free(&s);

	load("image", 48, &s, &c);
	T_EQ(s.pages, 100);
	T_GE(c.nr, 32);
	T_LE(c.nr, 48);
	for (size_t i = 0; i < c.nr; i += 16)
		for (size_t k = 1; k < 16 && i + k < c.nr; k++)
			T_EQ(c.pages[(i + k) * RZSB_PAGE], c.pages[i * RZSB_PAGE] + k);
	rzsb_corpus_free(&c);
	rzsb_sources_free(&s);
	clean("image");
}

/* Of a core file only its memory, by the headers of the ELF format. */
T_TEST(core_files)
{
	static uint8_t file[4 * RZSB_PAGE];
	Elf64_Ehdr *h = (Elf64_Ehdr *)file;
	Elf64_Phdr *p = (Elf64_Phdr *)(file + sizeof(*h));
	struct rzsb_sources s;
	struct rzsb_corpus c;

	memcpy(h->e_ident, ELFMAG, SELFMAG);
	h->e_ident[EI_CLASS] = ELFCLASS64;
	h->e_type = ET_CORE;
	h->e_phoff = sizeof(*h);
	h->e_phentsize = sizeof(*p);
	h->e_phnum = 2;
	p[0] = (Elf64_Phdr){.p_type = PT_NOTE, .p_offset = 0, .p_filesz = RZSB_PAGE};
	p[1] = (Elf64_Phdr){.p_type = PT_LOAD, .p_offset = 2 * RZSB_PAGE,
			    .p_filesz = 2 * RZSB_PAGE};
	memset(file + 2 * RZSB_PAGE, 'a', RZSB_PAGE);
	memset(file + 3 * RZSB_PAGE, 'b', RZSB_PAGE);
	T_NE(mkdtemp(dir), NULL);
	write_file("core", file, sizeof(file));
	load("core", 0, &s, &c);
	T_EQ(c.nr, 2);
	T_EQ(c.pages[0], 'a');
	T_EQ(c.pages[RZSB_PAGE], 'b');
	rzsb_corpus_free(&c);
	rzsb_sources_free(&s);
	clean("core");
}

/* Our own memory: a mapping of pages that we know, and that untouched ones are not found. */
T_TEST(pages_of_a_process)
{
	struct rzsb_addresses a = {0};
	uint8_t *known = rzsb_alloc(64 * RZSB_PAGE);
	/* A terabyte that is never touched costs no time; nor does the like of it in 32 bits. */
	void *reserve = mmap(NULL, SIZE_MAX >> (sizeof(size_t) == 8 ? 24 : 2), PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t found = 0;

	if (instrumented())
		T_SKIP("a sanitizer's own memory takes minutes to look through");
	T_NE(reserve, MAP_FAILED);
	T_EQ(rzsb_process_find(&a, getpid()), 0);
	for (size_t i = 0; i < a.nr; i++)
		found += a.v[i] >= (uintptr_t)known && a.v[i] < (uintptr_t)known + 64 * RZSB_PAGE;
	T_EQ(found, 64);
	rzsb_addresses_thin(&a, 32);
	T_LE(a.nr, 32);
	T_GE(a.nr, 16);
	free(a.v);
	memset(&a, 0, sizeof(a));
	T_EQ(rzsb_process_find(&a, 0x7ffffffe), -ESRCH);
	T_EQ(a.nr, 0);
}

/* The rule: 0.9 times the RAM for 2 times the time is even. */
T_TEST(advice_by_the_rule)
{
	struct rzsb_choice v[] = {{"fast", 100, 1000, 990, 1010},
				  {"even", 90, 2000, 1990, 2010},
				  {"dear", 89, 9000, 8990, 9010},
				  {"none", NAN, 1, 1, 1}};
	struct rzsb_advice a = rzsb_advise(v, 4, 300);
	char text[160];

	T_NE(a.best, 2);
	T_NE(a.best, 3);
	T_EQ(a.close, 3 & ~(1 << a.best));
	T_OK(a.worthwhile);
	v[1].ram = 80;
	a = rzsb_advise(v, 4, 300);
	T_EQ(a.best, 1);
	T_EQ(a.close, 0);
	/* Two per cent apart, and known as well as that; and a tenth, and not. */
	v[1].ram = 88;
	T_EQ(rzsb_advise(v, 4, 300).close, 0);
	v[1].ram = 80;
	v[1].most_ns = 3000;
	v[0].least_ns = 600;
	a = rzsb_advise(v, 4, 300);
	T_EQ(a.best, 1);
	T_EQ(a.close, 1);
	rzsb_advice_close(&a, v, 4, text, sizeof(text));
	T_STR_EQ(text, "fast");
	a.close = 5;
	rzsb_advice_close(&a, v, 4, text, sizeof(text));
	T_STR_EQ(text, "fast, dear");
	a.close = 0;
	rzsb_advice_close(&a, v, 4, text, sizeof(text));
	T_STR_EQ(text, "");
	v[1].ram = 96;
	a = rzsb_advise(v, 4, 110);
	T_EQ(a.best, 0);
	T_OK(!a.worthwhile);
	T_EQ(rzsb_advise(v + 3, 1, 300).best, -1);
	T_EQ(rzsb_advise(v, 0, 300).best, -1);
	rzsb_advice_compare(&v[0], &v[2], text, sizeof(text));
	T_STR_EQ(text, "dear takes 9.0 times as long but needs 11 % less RAM");
	rzsb_advice_compare(&v[2], &v[0], text, sizeof(text));
	T_STR_EQ(text, "fast is 9.0 times as fast but needs 12 % more RAM");
	v[2] = (struct rzsb_choice){"near", 105, 960, 960, 960};
	rzsb_advice_compare(&v[0], &v[2], text, sizeof(text));
	T_STR_EQ(text, "near takes 4 % less time but needs 5 % more RAM");
	v[2] = (struct rzsb_choice){"near", 94, 1190, 1190, 1190};
	rzsb_advice_compare(&v[0], &v[2], text, sizeof(text));
	T_STR_EQ(text, "near takes 19 % more time but needs 6 % less RAM");
	rzsb_advice_compare(&v[0], &v[3], text, sizeof(text));
	T_STR_EQ(text, "none is not one of the store's");
}

static int made_file(const uint64_t *v, size_t nr)
{
	int fd = memfd_create("words", 0);

	T_GE(fd, 0);
	T_EQ(pwrite(fd, v, nr * 8, 0), (ssize_t)(nr * 8));
	return fd;
}

/* A pagemap, flags and a bitmap of our own: a huge page has the bit of its first, what is touched
 * or gone is not kept. */
T_TEST(idle_pages)
{
	enum { PRESENT = 63, TAIL = 16 };
	const uint64_t present = 1ull << PRESENT;
	static uint64_t flags[1024], bitmap[16], map[8];
	struct rzsb_addresses a = {.v = malloc(5 * sizeof(*a.v)), .nr = 5, .room = 5};
	struct rzsb_idle idle;
	int pagemap;

	map[1] = present | 5;
	map[2] = present | 70;
	map[3] = present | 515; /* in a huge page that begins at 512 */
	map[4] = present | 130;
	for (unsigned i = 513; i < 1024; i++)
		flags[i] = 1ull << TAIL;
	for (unsigned i = 0; i < 5; i++)
		a.v[i] = (i + 1) * RZSB_PAGE; /* the last is not there */
	pagemap = made_file(map, 8);
	idle = (struct rzsb_idle){made_file(bitmap, 16), made_file(flags, 1024)};
	T_EQ(rzsb_idle_mark(&idle, pagemap, &a), 0);
	T_EQ(pread(idle.bitmap, bitmap, sizeof(bitmap), 0), (ssize_t)sizeof(bitmap));
	T_EQ(bitmap[0], 1ull << 5);
	T_EQ(bitmap[1], 1ull << (70 - 64));
	T_EQ(bitmap[2], 1ull << (130 - 128));
	T_EQ(bitmap[8], 1);
	bitmap[1] = 0; /* touched */
	T_EQ(pwrite(idle.bitmap, bitmap, sizeof(bitmap), 0), (ssize_t)sizeof(bitmap));
	rzsb_idle_keep(&idle, pagemap, &a);
	T_EQ(a.nr, 3);
	T_EQ(a.v[0], RZSB_PAGE);
	T_EQ(a.v[1], 3 * RZSB_PAGE);
	T_EQ(a.v[2], 4 * RZSB_PAGE);
	/* The kernel may hide where pages are. */
	map[1] = present;
	T_EQ(pwrite(pagemap, map, sizeof(map), 0), (ssize_t)sizeof(map));
	T_EQ(rzsb_idle_mark(&idle, pagemap, &a), -EPERM);
	rzsb_idle_close(&idle);
	close(pagemap);
	free(a.v);
}
