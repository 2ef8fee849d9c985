/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bare_codec METHOD FILE ROUNDS: compresses and decompresses the pages of a file in a bare loop
 * over the library, with which a profiler can compare what "rzsbench pages" does for a page.
 * METHOD is lzo, lz4 or zstd.  Prints "PAGES BYTES": the pages that are not one repeated word, and
 * the bytes they become; a page that does not shrink counts as it is.
 *
 * Threading: none.  compress_page() and decompress_page() are called once for each page and round.
 */
#include "codec.h"

#include <lzo/lzo1x.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if RZS_HAVE_LZ4
#include <lz4.h>
#endif
#if RZS_HAVE_ZSTD
#include <zstd.h>
#endif

#define PAGE 4096u

static unsigned char work[LZO1X_1_MEM_COMPRESS] __attribute__((aligned(64)));
static char method;
#if RZS_HAVE_LZ4
static void *lz4;
#endif
#if RZS_HAVE_ZSTD
static ZSTD_CCtx *cctx;
static ZSTD_DCtx *dctx;
#endif

__attribute__((noinline)) size_t compress_page(const void *page, void *out);
__attribute__((noinline)) int decompress_page(const void *object, size_t n, void *page);

size_t compress_page(const void *page, void *out)
{
	lzo_uint n = 0;

#if RZS_HAVE_LZ4
	if (method == '4')
		return (size_t)LZ4_compress_fast_extState(lz4, page, out, PAGE,
							  LZ4_compressBound(PAGE), 1);
#endif
#if RZS_HAVE_ZSTD
	if (method == 't')
		return ZSTD_compressCCtx(cctx, out, ZSTD_compressBound(PAGE), page, PAGE, 3);
#endif
	return lzo1x_1_compress(page, PAGE, out, &n, work) == LZO_E_OK ? n : 0;
}

/* LZO by the store's codec: that is what is to be known of it. */
int decompress_page(const void *object, size_t n, void *page)
{
#if RZS_HAVE_LZ4
	if (method == '4')
		return LZ4_decompress_safe(object, page, (int)n, PAGE) == PAGE;
#endif
#if RZS_HAVE_ZSTD
	if (method == 't')
		return ZSTD_decompressDCtx(dctx, page, PAGE, object, n) == PAGE;
#endif
	return rzs_codec_lzo.decompress(NULL, object, n, page) == 0;
}

static int start(const char *name)
{
	if (strcmp(name, "lzo") == 0 && lzo_init() == LZO_E_OK)
		return method = 'o';
#if RZS_HAVE_LZ4
	lz4 = malloc((size_t)LZ4_sizeofState());
	if (lz4 && strcmp(name, "lz4") == 0)
		return method = '4';
#endif
#if RZS_HAVE_ZSTD
	cctx = ZSTD_createCCtx();
	dctx = ZSTD_createDCtx();
	if (cctx && dctx && strcmp(name, "zstd") == 0)
		return method = 't';
#endif
	return 0;
}

static void visit(const unsigned char *page, unsigned rounds, unsigned long *bytes)
{
	static unsigned char object[2 * PAGE], back[PAGE];

	for (unsigned r = 0; r < rounds; r++) {
		size_t n = compress_page(page, object);
		int raw = n == 0 || n >= PAGE;

		if (!raw && (!decompress_page(object, n, back) || memcmp(back, page, PAGE) != 0))
			exit(1);
		if (r == 0)
			*bytes += raw ? PAGE : n;
	}
}

int main(int argc, char **argv)
{
	unsigned long pages = 0, bytes = 0;
	unsigned char page[PAGE];
	FILE *f;

	if (argc != 4 || !(f = fopen(argv[2], "rb")))
		return 99;
	if (!start(argv[1]))
		return 77;
	while (fread(page, PAGE, 1, f) == 1) {
		if (memcmp(page, page + 8, PAGE - 8) == 0)
			continue;
		pages++;
		visit(page, (unsigned)atoi(argv[3]), &bytes);
	}
	printf("%lu %lu\n", pages, bytes);
	fclose(f);
	return 0;
}
