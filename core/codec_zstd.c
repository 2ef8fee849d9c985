/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * zstd, with static contexts: the library gets its memory once and never allocates.  The levels are
 * zstd's own, except 0, which stands for the default.
 */
#include "codec.h"
#include "rzs_port_codec.h"

#if RZS_HAVE_ZSTD

#define CODEC_ZSTD_LEVEL_MIN (-99) /* at this level hardly any of a 4 KiB page is looked at */
#define CODEC_ZSTD_LEVEL_MAX 22

static size_t codec_zstd_ctx_size(int level)
{
	if (level < CODEC_ZSTD_LEVEL_MIN || level > CODEC_ZSTD_LEVEL_MAX || level == 0)
		return 0;
	return rzs_zstd_ctx_size(level, RZS_PAGE_SIZE);
}

static int codec_zstd_ctx_init(void *mem, size_t size, int level)
{
	size_t need = codec_zstd_ctx_size(level);

	if (need == 0 || size < need)
		return -EINVAL;
	return rzs_zstd_ctx_init(mem, size, level, RZS_PAGE_SIZE);
}

static size_t codec_zstd_decoder_size(void)
{
	return rzs_zstd_decoder_size();
}

static int codec_zstd_decoder_init(void *mem, size_t size)
{
	return rzs_zstd_decoder_init(mem, size);
}

/* It has literals and the window.  A context that could be made once can be made again. */
static void codec_zstd_ctx_wipe(void *mem, size_t size, int level)
{
	rzs_port_wipe(mem, size);
	(void)codec_zstd_ctx_init(mem, size, level);
}

static int codec_zstd_compress(void *ctx, const void *src, void *dst)
{
	size_t n;
	int err = rzs_zstd_compress(ctx, src, RZS_PAGE_SIZE, dst, RZS_CODEC_OUT_SIZE, &n);

	return err ? err : (int)n;
}

static int codec_zstd_decompress(void *ctx, const void *src, size_t size, void *dst)
{
	return rzs_zstd_decompress(ctx, src, size, dst, RZS_PAGE_SIZE);
}

/*
 * Bytes of the source for which a context of this level is the largest.  The library chooses tables
 * by the source's size, and those for a smaller one may be larger.
 */
static size_t codec_zstd_unit_source(int level)
{
	size_t most = RZS_PAGE_SIZE, n;

	for (n = 2 * RZS_PAGE_SIZE; n <= RZS_UNIT_MAX * RZS_PAGE_SIZE; n += RZS_PAGE_SIZE)
		if (rzs_zstd_ctx_size(level, n) >= rzs_zstd_ctx_size(level, most))
			most = n;
	return most;
}

static size_t codec_zstd_unit_ctx_size(int level)
{
	return codec_zstd_ctx_size(level) ? rzs_zstd_ctx_size(level, codec_zstd_unit_source(level))
					  : 0;
}

static int codec_zstd_unit_ctx_init(void *mem, size_t size, int level)
{
	size_t need = codec_zstd_unit_ctx_size(level);

	if (need == 0 || size < need)
		return -EINVAL;
	return rzs_zstd_ctx_init(mem, size, level, codec_zstd_unit_source(level));
}

static int codec_zstd_compress_unit(void *ctx, unsigned nr, const void *src, void *dst, size_t cap)
{
	size_t n;
	int err = rzs_zstd_compress(ctx, src, nr * (size_t)RZS_PAGE_SIZE, dst, cap, &n);

	return err ? err : (int)n;
}

static int codec_zstd_decompress_unit(void *ctx, const void *src, size_t size, unsigned nr,
				      void *dst)
{
	return rzs_zstd_decompress(ctx, src, size, dst, nr * (size_t)RZS_PAGE_SIZE);
}

const struct rzs_codec rzs_codec_zstd = {
	.name = "zstd",
	.level_min = CODEC_ZSTD_LEVEL_MIN,
	.level_max = CODEC_ZSTD_LEVEL_MAX,
	.level_default = 1, /* level 3: 1 % smaller on pages of processes, a sixth slower */
	.ctx_size = codec_zstd_ctx_size,
	.ctx_init = codec_zstd_ctx_init,
	.ctx_wipe = codec_zstd_ctx_wipe,
	.compress = codec_zstd_compress,
	.decoder_size = codec_zstd_decoder_size,
	.decoder_init = codec_zstd_decoder_init,
	.decompress = codec_zstd_decompress,
	.unit_ctx_size = codec_zstd_unit_ctx_size,
	.unit_ctx_init = codec_zstd_unit_ctx_init,
	.compress_unit = codec_zstd_compress_unit,
	.decompress_unit = codec_zstd_decompress_unit,
};

#endif
