/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One table for each algorithm of the libraries.  LZO1X-1 is the store's default and zram's "lzo".
 * Its pages are decompressed by the store's own codec.  The levels of lz4 are its acceleration, as
 * zram's are.  zstd's contexts are reused, as every swap device does.
 */
#include "rzsb_method.h"
#include "codec.h"
#include "rzsb.h"

#include <ctype.h>
#include <errno.h>
#include <lzo/lzo1x.h>
#include <stdlib.h>
#include <string.h>

#if RZS_HAVE_LZ4
#include <lz4.h>
#include <lz4hc.h>
#endif
#if RZS_HAVE_ZSTD
#include <zdict.h>
#include <zstd.h>
#endif

#define DICTIONARY_SIZE (32u * 1024)

struct rzsb_algorithm {
	const char *name;
	int least, most, usual; /* levels; all 0: none */
	bool takes_dictionary;
	int (*open)(struct rzsb_method *m, const void *dictionary, size_t size);
	void (*close)(struct rzsb_method *m);
	size_t (*compress)(struct rzsb_method *m, const void *unit, void *dst);
	bool (*decompress)(struct rzsb_method *m, const void *src, size_t size, void *unit);
};

/* ---- LZO ---- */

static int lzo_open(struct rzsb_method *m, const void *dictionary, size_t size)
{
	(void)dictionary;
	(void)size;
	if (lzo_init() != LZO_E_OK)
		return -EINVAL;
	m->context = malloc(m->algorithm->most ? LZO1X_999_MEM_COMPRESS : LZO1X_1_MEM_COMPRESS);
	return m->context ? 0 : -ENOMEM;
}

static void free_context(struct rzsb_method *m)
{
	free(m->context);
}

static size_t lzo_compress(struct rzsb_method *m, const void *unit, void *dst)
{
	lzo_uint n = 0;
	int err;

	if (m->algorithm->most)
		err = lzo1x_999_compress_level(unit, m->unit, dst, &n, m->context, NULL, 0, NULL,
					       m->level);
	else
		err = lzo1x_1_compress(unit, m->unit, dst, &n, m->context);
	return err == LZO_E_OK ? n : 0;
}

static bool lzo_decompress(struct rzsb_method *m, const void *src, size_t size, void *unit)
{
	lzo_uint n = m->unit;

	/* The store has a decoder of its own. */
	if (m->unit == RZSB_PAGE)
		return rzs_codec_lzo.decompress(NULL, src, size, unit) == 0;
	return lzo1x_decompress_safe(src, size, unit, &n, NULL) == LZO_E_OK && n == m->unit;
}

/* ---- LZ4 ---- */

#if RZS_HAVE_LZ4
static bool is_hc(const struct rzsb_method *m)
{
	return strcmp(m->algorithm->name, "lz4hc") == 0;
}

static int lz4_open(struct rzsb_method *m, const void *dictionary, size_t size)
{
	(void)dictionary;
	(void)size;
	m->context = malloc((size_t)(is_hc(m) ? LZ4_sizeofStateHC() : LZ4_sizeofState()));
	return m->context ? 0 : -ENOMEM;
}

static size_t lz4_compress(struct rzsb_method *m, const void *unit, void *dst)
{
	int n, room = LZ4_compressBound((int)m->unit);

	if (is_hc(m))
		n = LZ4_compress_HC_extStateHC(m->context, unit, dst, (int)m->unit, room, m->level);
	else
		n = LZ4_compress_fast_extState(m->context, unit, dst, (int)m->unit, room, m->level);
	return n > 0 ? (size_t)n : 0;
}

static bool lz4_decompress(struct rzsb_method *m, const void *src, size_t size, void *unit)
{
	return LZ4_decompress_safe(src, unit, (int)size, (int)m->unit) == (int)m->unit;
}
#endif

/* ---- zstd ---- */

#if RZS_HAVE_ZSTD
struct zstd_context {
	ZSTD_CCtx *c;
	ZSTD_DCtx *d;
	ZSTD_CDict *cdict; /* NULL: without a dictionary */
	ZSTD_DDict *ddict;
};

static void zstd_close(struct rzsb_method *m)
{
	struct zstd_context *z = m->context;

	ZSTD_freeCCtx(z->c);
	ZSTD_freeDCtx(z->d);
	ZSTD_freeCDict(z->cdict);
	ZSTD_freeDDict(z->ddict);
	free(z);
}

static int zstd_open(struct rzsb_method *m, const void *dictionary, size_t size)
{
	struct zstd_context *z = calloc(1, sizeof(*z));

	m->context = z;
	if (!z)
		return -ENOMEM;
	z->c = ZSTD_createCCtx();
	z->d = ZSTD_createDCtx();
	if (size > 0) {
		z->cdict = ZSTD_createCDict(dictionary, size, m->level);
		z->ddict = ZSTD_createDDict(dictionary, size);
	}
	if (z->c && z->d && (size == 0 || (z->cdict && z->ddict)))
		return 0;
	zstd_close(m);
	return -ENOMEM;
}

static size_t zstd_compress(struct rzsb_method *m, const void *unit, void *dst)
{
	struct zstd_context *z = m->context;
	size_t n, room = ZSTD_compressBound(m->unit);

	if (z->cdict)
		n = ZSTD_compress_usingCDict(z->c, dst, room, unit, m->unit, z->cdict);
	else
		n = ZSTD_compressCCtx(z->c, dst, room, unit, m->unit, m->level);
	return ZSTD_isError(n) ? 0 : n;
}

static bool zstd_decompress(struct rzsb_method *m, const void *src, size_t size, void *unit)
{
	struct zstd_context *z = m->context;
	size_t n;

	if (z->ddict)
		n = ZSTD_decompress_usingDDict(z->d, unit, m->unit, src, size, z->ddict);
	else
		n = ZSTD_decompressDCtx(z->d, unit, m->unit, src, size);
	return !ZSTD_isError(n) && n == m->unit;
}
#endif

static const struct rzsb_algorithm algorithms[] = {
	{"lzo", 0, 0, 0, false, lzo_open, free_context, lzo_compress, lzo_decompress},
	{"lzo-999", 1, 9, 8, false, lzo_open, free_context, lzo_compress, lzo_decompress},
#if RZS_HAVE_LZ4
	{"lz4", 1, 65537, 1, false, lz4_open, free_context, lz4_compress, lz4_decompress},
	{"lz4hc", 2, 12, 9, false, lz4_open, free_context, lz4_compress, lz4_decompress},
#endif
#if RZS_HAVE_ZSTD
	{"zstd", -7, 22, 3, true, zstd_open, zstd_close, zstd_compress, zstd_decompress},
#endif
};

#define NR_ALGORITHMS (sizeof(algorithms) / sizeof(algorithms[0]))

const char *rzsb_algorithm_name(unsigned i)
{
	return i < NR_ALGORITHMS ? algorithms[i].name : NULL;
}

const char *rzsb_method_algorithm(const struct rzsb_method *m)
{
	return m->algorithm->name;
}

static const struct rzsb_algorithm *find_algorithm(const char *text, size_t n)
{
	for (size_t i = 0; i < NR_ALGORITHMS; i++)
		if (strlen(algorithms[i].name) == n && memcmp(algorithms[i].name, text, n) == 0)
			return &algorithms[i];
	return NULL;
}

/* Reads a number and moves *text behind it; false: there is none. */
static bool take_number(const char **text, long *out)
{
	char *end;

	if (!isdigit((unsigned char)(*text)[**text == '-']))
		return false;
	*out = strtol(*text, &end, 10);
	*text = end;
	return true;
}

int rzsb_method_parse(struct rzsb_method *m, const char *text, const char **why)
{
	const struct rzsb_algorithm *a = find_algorithm(text, strcspn(text, ":+@"));
	const char *at = text + strcspn(text, ":+@");
	long level = a ? a->usual : 0, kib = 4;

	memset(m, 0, sizeof(*m));
	*why = "expected NAME[:LEVEL][+dict][@KIB]";
	if (strlen(text) >= sizeof(m->text))
		return -EINVAL;
	strcpy(m->text, text);
	if (!a) {
		*why = "no such algorithm in this build";
		return -EINVAL;
	}
	if (*at == ':' && (at++, !take_number(&at, &level)))
		return -EINVAL;
	if (strncmp(at, "+dict", 5) == 0) {
		at += 5;
		m->dictionary = true;
	}
	if (*at == '@' && (at++, !take_number(&at, &kib)))
		return -EINVAL;
	if (*at)
		return -EINVAL;
	if (level < a->least || level > a->most || (level == 0 && a->most > 0)) {
		*why = a->most ? "no such level" : "it has no levels";
		return -EINVAL;
	}
	if (m->dictionary && !a->takes_dictionary) {
		*why = "dictionaries are for zstd";
		return -EINVAL;
	}
	if (kib < 4 || kib > (long)(RZSB_MAX_UNIT / 1024) || (kib & (kib - 1))) {
		*why = "a unit is 4, 8, 16, 32 or 64 KiB";
		return -EINVAL;
	}
	m->algorithm = a;
	m->level = (int)level;
	m->unit = (unsigned)kib * 1024;
	return 0;
}

#if RZS_HAVE_ZSTD
/* The size of the dictionary, 0: it cannot be trained. */
static size_t train(const struct rzsb_method *m, const uint8_t *samples, size_t nr,
		    uint8_t *dictionary)
{
	size_t *sizes = calloc(nr, sizeof(*sizes)), n;

	if (!sizes)
		return 0;
	for (size_t i = 0; i < nr; i++)
		sizes[i] = m->unit;
	n = ZDICT_trainFromBuffer(dictionary, DICTIONARY_SIZE, samples, sizes, (unsigned)nr);
	free(sizes);
	return ZDICT_isError(n) ? 0 : n;
}
#else
static size_t train(const struct rzsb_method *m, const uint8_t *samples, size_t nr,
		    uint8_t *dictionary)
{
	(void)m;
	(void)samples;
	(void)nr;
	(void)dictionary;
	return 0;
}
#endif

int rzsb_method_open(struct rzsb_method *m, const uint8_t *samples, size_t nr)
{
	uint8_t *dictionary;
	size_t size;
	int err;

	if (!m->dictionary)
		return m->algorithm->open(m, NULL, 0);
	dictionary = malloc(DICTIONARY_SIZE);
	if (!dictionary)
		return -ENOMEM;
	size = train(m, samples, nr, dictionary);
	err = size ? m->algorithm->open(m, dictionary, size) : -EINVAL;
	free(dictionary);
	return err;
}

void rzsb_method_close(struct rzsb_method *m)
{
	m->algorithm->close(m);
	m->context = NULL;
}

size_t rzsb_method_compress(struct rzsb_method *m, const void *unit, void *dst)
{
	return m->algorithm->compress(m, unit, dst);
}

bool rzsb_method_decompress(struct rzsb_method *m, const void *src, size_t size, void *unit)
{
	return m->algorithm->decompress(m, src, size, unit);
}

/* More than each library's bound: LZO's n/16 + 67, LZ4's n/255 + 16, zstd's n/256 + 64. */
size_t rzsb_method_bound(const struct rzsb_method *m)
{
	return m->unit + m->unit / 8 + 512;
}
