/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's codecs, as core/codec*.c use them.  The rules are those of
 * port/user/rzs_port_codec.h: all state is in memory from the caller, nothing is allocated, at most
 * cap bytes are written, and decompression succeeds only if it fills dst.  No function sleeps.
 *
 * Kbuild defines RZS_HAVE_LZO_SAFE if the kernel's header has the function.  Stable kernels got it
 * at different times.
 */
#ifndef RZS_PORT_CODEC_H
#define RZS_PORT_CODEC_H

#include <linux/errno.h>
#include <linux/kconfig.h>
#include <linux/lzo.h>
#include <linux/types.h>

#if !IS_ENABLED(CONFIG_LZO_COMPRESS) || !IS_ENABLED(CONFIG_LZO_DECOMPRESS)
#error "this kernel has no LZO (CONFIG_LZO_COMPRESS, CONFIG_LZO_DECOMPRESS)"
#endif

#define RZS_HAVE_LZO  1
#ifndef RZS_LZO_OWN_DECODER /* make LZO_DECODER=library */
#define RZS_LZO_OWN_DECODER 1
#endif
#ifndef RZS_LZO_OWN_ENCODER /* make LZO_ENCODER=own: faster only for several pages (docs/LZO) */
#define RZS_LZO_OWN_ENCODER 0
#endif
#define RZS_HAVE_LZ4  (IS_ENABLED(CONFIG_LZ4_COMPRESS) && IS_ENABLED(CONFIG_LZ4_DECOMPRESS))
#define RZS_HAVE_ZSTD (IS_ENABLED(CONFIG_ZSTD_COMPRESS) && IS_ENABLED(CONFIG_ZSTD_DECOMPRESS))

/* LZO */

#define RZS_LZO_WORKMEM LZO1X_1_MEM_COMPRESS

static inline int rzs_lzo_init(void)
{
	return 0;
}

/* dst has two pages; the worst case of one page is 4421 bytes. */
static inline int rzs_lzo_compress(const void *src, size_t n, void *dst, size_t *out_n, void *wrk)
{
	size_t len = 2 * n;
#ifdef RZS_HAVE_LZO_SAFE
	int err = lzo1x_1_compress_safe(src, n, dst, &len, wrk);
#else
	int err = lzo1x_1_compress(src, n, dst, &len, wrk);
#endif

	*out_n = err == LZO_E_OK ? len : 0;
	return err == LZO_E_OK ? 0 : -EIO;
}

static inline int rzs_lzo_decompress(const void *src, size_t n, void *dst, size_t cap)
{
	size_t len = cap;

	if (lzo1x_decompress_safe(src, n, dst, &len) != LZO_E_OK || len != cap)
		return -EIO;
	return 0;
}

/* LZ4 */

#if RZS_HAVE_LZ4
#include <linux/lz4.h>

static inline size_t rzs_lz4_ctx_size(void)
{
	return LZ4_MEM_COMPRESS;
}

static inline int rzs_lz4_compress(void *ctx, int level, const void *src, size_t n, void *dst,
				   size_t cap, size_t *out_n)
{
	int len = LZ4_compress_fast(src, dst, (int)n, (int)cap, level, ctx);

	*out_n = len > 0 ? (size_t)len : 0;
	return len > 0 ? 0 : -ENOSPC;
}

static inline int rzs_lz4_decompress(const void *src, size_t n, void *dst, size_t cap)
{
	return LZ4_decompress_safe(src, dst, (int)n, (int)cap) == (int)cap ? 0 : -EIO;
}
#endif

/* zstd */

#if RZS_HAVE_ZSTD
#include <linux/zstd.h>

/* At the start of the context; the two workspaces come after it. */
struct rzs_zstd_ctx {
	int level;
	size_t source; /* bytes that params are for */
	zstd_parameters params;
	zstd_cctx *cctx;
	zstd_dctx *dctx;
};

static inline size_t rzs_zstd_round(size_t n)
{
	return (n + 63) & ~(size_t)63;
}

static inline size_t rzs_zstd_cctx_size(int level, size_t page)
{
	zstd_parameters params = zstd_get_params(level, page);

	return rzs_zstd_round(zstd_cctx_workspace_bound(&params.cParams));
}

static inline size_t rzs_zstd_ctx_size(int level, size_t page)
{
	return rzs_zstd_round(sizeof(struct rzs_zstd_ctx)) + rzs_zstd_cctx_size(level, page) +
	       rzs_zstd_round(zstd_dctx_workspace_bound());
}

/*
 * The level's parameters depend on the size of the source.  The frame omits what the store knows
 * already, as far as the library permits.
 */
static inline void rzs_zstd_choose(struct rzs_zstd_ctx *ctx, size_t source)
{
	ctx->source = source;
	ctx->params = zstd_get_params(ctx->level, source);
	ctx->params.fParams.contentSizeFlag = 0;
	ctx->params.fParams.checksumFlag = 0;
	ctx->params.fParams.noDictIDFlag = 1;
}

static inline int rzs_zstd_ctx_init(void *mem, size_t size, int level, size_t page)
{
	struct rzs_zstd_ctx *ctx = mem;
	size_t head = rzs_zstd_round(sizeof(*ctx)), csize = rzs_zstd_cctx_size(level, page);
	char *base = (char *)mem + head;

	if (size < rzs_zstd_ctx_size(level, page))
		return -EINVAL;
	ctx->level = level;
	rzs_zstd_choose(ctx, page);
	ctx->cctx = zstd_init_cctx(base, csize);
	ctx->dctx = zstd_init_dctx(base + csize, size - head - csize);
	return ctx->cctx && ctx->dctx ? 0 : -EINVAL;
}

static inline size_t rzs_zstd_decoder_size(void)
{
	return rzs_zstd_round(sizeof(struct rzs_zstd_ctx)) +
	       rzs_zstd_round(zstd_dctx_workspace_bound());
}

static inline int rzs_zstd_decoder_init(void *mem, size_t size)
{
	size_t head = rzs_zstd_round(sizeof(struct rzs_zstd_ctx));
	struct rzs_zstd_ctx *ctx = mem;

	if (size < rzs_zstd_decoder_size())
		return -EINVAL;
	ctx->dctx = zstd_init_dctx((char *)mem + head, size - head);
	return ctx->dctx ? 0 : -EINVAL;
}

static inline int rzs_zstd_compress(void *mem, const void *src, size_t n, void *dst, size_t cap,
				    size_t *out_n)
{
	struct rzs_zstd_ctx *ctx = mem;
	size_t len;

	if (n != ctx->source)
		rzs_zstd_choose(ctx, n);
	len = zstd_compress_cctx(ctx->cctx, dst, cap, src, n, &ctx->params);
	*out_n = 0;
	if (zstd_is_error(len))
		return zstd_get_error_code(len) == ZSTD_error_dstSize_tooSmall ? -ENOSPC : -EIO;
	*out_n = len;
	return 0;
}

static inline int rzs_zstd_decompress(void *mem, const void *src, size_t n, void *dst, size_t cap)
{
	struct rzs_zstd_ctx *ctx = mem;

	return zstd_decompress_dctx(ctx->dctx, dst, cap, src, n) == cap ? 0 : -EIO;
}
#endif

#endif
