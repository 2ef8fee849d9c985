/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LZ4.  The level is LZ4's acceleration: 1 compresses best; each step up is a little faster and
 * compresses a little less.
 */
#include "codec.h"
#include "rzs_port_codec.h"

#if RZS_HAVE_LZ4

#define CODEC_LZ4_LEVEL_MAX 99	/* at this level hardly any of a 4 KiB page is looked at */
#define CODEC_LZ4_HEAD	    64u /* for our context; the library's state after it stays aligned */

struct codec_lz4_ctx {
	int level;
};

static size_t codec_lz4_ctx_size(int level)
{
	if (level < 1 || level > CODEC_LZ4_LEVEL_MAX)
		return 0;
	return CODEC_LZ4_HEAD + rzs_lz4_ctx_size();
}

static int codec_lz4_ctx_init(void *mem, size_t size, int level)
{
	struct codec_lz4_ctx *ctx = mem;
	size_t need = codec_lz4_ctx_size(level);

	if (need == 0 || size < need)
		return -EINVAL;
	ctx->level = level;
	return 0;
}

static int codec_lz4_compress(void *mem, const void *src, void *dst)
{
	struct codec_lz4_ctx *ctx = mem;
	size_t n;
	int err = rzs_lz4_compress((char *)mem + CODEC_LZ4_HEAD, ctx->level, src, RZS_PAGE_SIZE,
				   dst, RZS_CODEC_OUT_SIZE, &n);

	return err ? err : (int)n;
}

static int codec_lz4_decompress(void *mem, const void *src, size_t size, void *dst)
{
	(void)mem;
	return rzs_lz4_decompress(src, size, dst, RZS_PAGE_SIZE);
}

const struct rzs_codec rzs_codec_lz4 = {
	.name = "lz4",
	.level_min = 1,
	.level_max = CODEC_LZ4_LEVEL_MAX,
	.level_default = 1,
	.ctx_size = codec_lz4_ctx_size,
	.ctx_init = codec_lz4_ctx_init,
	.compress = codec_lz4_compress,
	.decompress = codec_lz4_decompress,
};

#endif
