/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LZO1X-1: our encoder and decoder, unless the environment prefers those of its library.  The
 * context holds the encoder's tables of positions in a page, which each call clears first.
 */
#include "codec.h"
#include "lzo_decode.h"
#include "lzo_encode.h"
#include "rzs_port_codec.h"

#if RZS_HAVE_LZO

_Static_assert(RZS_LZO_OUT_SIZE <= RZS_CODEC_OUT_SIZE && RZS_LZO_PAGE == RZS_PAGE_SIZE,
	       "the encoder's page and its buffer");

static size_t codec_lzo_ctx_size(int level)
{
	if (level != 0)
		return 0;
	return RZS_LZO_OWN_ENCODER ? sizeof(struct rzs_lzo_encoder) : RZS_LZO_WORKMEM;
}

static int codec_lzo_ctx_init(void *mem, size_t size, int level)
{
	if (level != 0 || size < codec_lzo_ctx_size(level) || rzs_lzo_init())
		return -EINVAL;
	if (RZS_LZO_OWN_ENCODER)
		rzs_lzo_encoder_init(mem, rzs_lzo_compare_usable(RZS_LZO_WIDE) ? RZS_LZO_WIDE
									       : RZS_LZO_WORDS);
	return 0;
}

static int codec_lzo_compress(void *ctx, const void *src, void *dst)
{
	size_t n;
	int err;

	if (RZS_LZO_OWN_ENCODER)
		return rzs_lzo1x_encode(ctx, src, dst, RZS_CODEC_WORTH);
	err = rzs_lzo_compress(src, RZS_PAGE_SIZE, dst, &n, ctx);
	return err ? err : (int)n;
}

_Static_assert(RZS_CODEC_WORTH + RZS_LZO_SPARE <= RZS_PAGE_SIZE, "a page of a batch");

static void codec_lzo_compress_pages(void *ctx, unsigned nr, const void *const *src,
				     void *const *dst, int *out_size)
{
	rzs_lzo1x_encode_many(ctx, nr, src, dst, RZS_CODEC_WORTH, out_size);
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
	.compress_pages = RZS_LZO_OWN_ENCODER ? codec_lzo_compress_pages : NULL,
	.decompress = codec_lzo_decompress,
};

#endif
