/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LZO1X-1: the environment's compressor, and our decoder unless the environment prefers its own.
 * The context is just the compressor's hash table, which the compressor clears itself.
 */
#include "codec.h"
#include "lzo_decode.h"
#include "rzs_port_codec.h"

#if RZS_HAVE_LZO

static size_t codec_lzo_ctx_size(int level)
{
	return level == 0 ? RZS_LZO_WORKMEM : 0;
}

static int codec_lzo_ctx_init(void *mem, size_t size, int level)
{
	(void)mem;
	if (level != 0 || size < RZS_LZO_WORKMEM || rzs_lzo_init())
		return -EINVAL;
	return 0;
}

static int codec_lzo_compress(void *ctx, const void *src, void *dst)
{
	size_t n;
	int err = rzs_lzo_compress(src, RZS_PAGE_SIZE, dst, &n, ctx);

	return err ? err : (int)n;
}

static int codec_lzo_decompress(void *ctx, const void *src, size_t size, void *dst)
{
	size_t n;

	(void)ctx;
	if (!RZS_LZO_OWN_DECODER)
		return rzs_lzo_decompress(src, size, dst, RZS_PAGE_SIZE);
	if (rzs_lzo1x_decode(src, size, dst, RZS_PAGE_SIZE, &n) || n != RZS_PAGE_SIZE)
		return -EIO;
	return 0;
}

const struct rzs_codec rzs_codec_lzo = {
	.name = "lzo",
	.ctx_size = codec_lzo_ctx_size,
	.ctx_init = codec_lzo_ctx_init,
	.compress = codec_lzo_compress,
	.decompress = codec_lzo_decompress,
};

#endif
