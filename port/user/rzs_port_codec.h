/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The compression libraries, as core/codec*.c use them in a process.  The build sets RZS_HAVE_LZ4
 * and RZS_HAVE_ZSTD to 0 or 1; LZO is always there.
 *
 * For every function: all state is in memory of the caller's.  Nothing is allocated.  At most cap
 * bytes are written to dst, whatever src holds.  Any thread, one at a time for each context; never
 * sleeps.
 *   Compression returns 0, and the size in *out_n; -ENOSPC: the result does not fit; -EIO: any
 *   other error.  After an error *out_n is 0.
 *   Decompression returns 0 if it filled dst exactly and used up src; otherwise -EIO.
 *
 * port/test uses this too, so it does not include rzs_port.h.
 */
#ifndef RZS_PORT_CODEC_H
#define RZS_PORT_CODEC_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lzo/lzo1x.h>

#define RZS_HAVE_LZO 1
#ifndef RZS_LZO_OWN_DECODER /* configure --with-lzo-decoder */
#define RZS_LZO_OWN_DECODER 1
#endif
#ifndef RZS_LZO_OWN_ENCODER /* configure --with-lzo-encoder */
#define RZS_LZO_OWN_ENCODER 1
#endif
#ifndef RZS_HAVE_LZ4
#define RZS_HAVE_LZ4 0
#endif
#ifndef RZS_HAVE_ZSTD
#define RZS_HAVE_ZSTD 0
#endif

/*
 * LZO
 *
 * core/lzo_encode.c compresses and core/lzo_decode.c decompresses, unless configured otherwise.
 *
 * The library has four compressors for this format, with hash tables of different sizes.  The table
 * is cleared for every page, so a large one costs time.  Measured on 18,227 pages of memory of
 * running processes (python, perl, clang, qemu) with liblzo2 2.10 on one core:
 *
 *	           context  ns/page  average size
 *	lzo1x_1_11   16384     4350        1334.0
 *	lzo1x_1_12   32768     4290        1329.0
 *	lzo1x_1     131072     4600        1325.8
 *	lzo1x_1_15  262144     4400        1326.7
 */
#define RZS_LZO_WORKMEM LZO1X_1_12_MEM_COMPRESS

/*
 * Check that the library was built with the same types.  0 or -EIO.  Any thread, any number of
 * times.
 */
static inline int rzs_lzo_init(void)
{
	return lzo_init() == LZO_E_OK ? 0 : -EIO;
}

/* dst: n + n/16 + 67 bytes; wrk: RZS_LZO_WORKMEM bytes. */
static inline int rzs_lzo_compress(const void *src, size_t n, void *dst, size_t *out_n, void *wrk)
{
	lzo_uint len = 0;
	int err = lzo1x_1_12_compress(src, n, dst, &len, wrk);

	*out_n = err == LZO_E_OK ? len : 0;
	return err == LZO_E_OK ? 0 : -EIO;
}

static inline int rzs_lzo_decompress(const void *src, size_t n, void *dst, size_t cap)
{
	lzo_uint len = cap;

	if (lzo1x_decompress_safe(src, n, dst, &len, NULL) != LZO_E_OK || len != cap)
		return -EIO;
	return 0;
}

/* LZ4 */

#if RZS_HAVE_LZ4
#include <lz4.h>

static inline size_t rzs_lz4_ctx_size(void)
{
	return (size_t)LZ4_sizeofState();
}

/* ctx: rzs_lz4_ctx_size() bytes, aligned to 8.  level: LZ4's acceleration; 1 compresses best. */
static inline int rzs_lz4_compress(void *ctx, int level, const void *src, size_t n, void *dst,
				   size_t cap, size_t *out_n)
{
	int len = LZ4_compress_fast_extState(ctx, src, dst, (int)n, (int)cap, level);

	*out_n = len > 0 ? (size_t)len : 0;
	return len > 0 ? 0 : -ENOSPC;
}

static inline int rzs_lz4_decompress(const void *src, size_t n, void *dst, size_t cap)
{
	if (LZ4_decompress_safe(src, dst, (int)n, (int)cap) != (int)cap)
		return -EIO;
	return 0;
}
#endif

/* zstd */

#if RZS_HAVE_ZSTD
#define ZSTD_STATIC_LINKING_ONLY /* static contexts and the frame format without magic number */
#include <zstd.h>
#include <zstd_errors.h>

/* At the start of the context; the two workspaces follow. */
struct rzs_zstd_ctx {
	ZSTD_CCtx *cctx;
	ZSTD_DCtx *dctx;
};

#define RZS_ZSTD_HEAD 64u /* bytes for struct rzs_zstd_ctx; keeps the workspaces aligned */

static inline size_t rzs_zstd_round(size_t n)
{
	return (n + 63) & ~(size_t)63;
}

static inline size_t rzs_zstd_cctx_size(int level, size_t page)
{
	return rzs_zstd_round(ZSTD_estimateCCtxSize_usingCParams(ZSTD_getCParams(level, page, 0)));
}

/* Bytes of a context for sources of page bytes at this level. */
static inline size_t rzs_zstd_ctx_size(int level, size_t page)
{
	return RZS_ZSTD_HEAD + rzs_zstd_cctx_size(level, page) +
	       rzs_zstd_round(ZSTD_estimateDCtxSize());
}

static inline int rzs_zstd_set(ZSTD_CCtx *cctx, ZSTD_cParameter param, int value)
{
	return ZSTD_isError(ZSTD_CCtx_setParameter(cctx, param, value)) ? -EINVAL : 0;
}

/*
 * Make a context in mem: size bytes, as rzs_zstd_ctx_size() says, aligned to 64.  Its frames leave
 * out what the store knows: magic number, size, checksum (the store has its own) and dictionary
 * number.  0; -EINVAL: size is too small, or the library refuses a parameter.
 */
static inline int rzs_zstd_ctx_init(void *mem, size_t size, int level, size_t page)
{
	struct rzs_zstd_ctx *ctx = mem;
	size_t csize = rzs_zstd_cctx_size(level, page);
	char *base = (char *)mem + RZS_ZSTD_HEAD;

	if (size < rzs_zstd_ctx_size(level, page))
		return -EINVAL;
	ctx->cctx = ZSTD_initStaticCCtx(base, csize);
	ctx->dctx = ZSTD_initStaticDCtx(base + csize, size - RZS_ZSTD_HEAD - csize);
	if (!ctx->cctx || !ctx->dctx)
		return -EINVAL;
	if (rzs_zstd_set(ctx->cctx, ZSTD_c_compressionLevel, level) ||
	    rzs_zstd_set(ctx->cctx, ZSTD_c_format, ZSTD_f_zstd1_magicless) ||
	    rzs_zstd_set(ctx->cctx, ZSTD_c_contentSizeFlag, 0) ||
	    rzs_zstd_set(ctx->cctx, ZSTD_c_checksumFlag, 0) ||
	    rzs_zstd_set(ctx->cctx, ZSTD_c_dictIDFlag, 0))
		return -EINVAL;
	if (ZSTD_isError(ZSTD_DCtx_setParameter(ctx->dctx, ZSTD_d_format, ZSTD_f_zstd1_magicless)))
		return -EINVAL;
	return 0;
}

/* Bytes of a context that can only decompress. */
static inline size_t rzs_zstd_decoder_size(void)
{
	return RZS_ZSTD_HEAD + rzs_zstd_round(ZSTD_estimateDCtxSize());
}

/* Make such a context in mem, as rzs_zstd_ctx_init(). */
static inline int rzs_zstd_decoder_init(void *mem, size_t size)
{
	struct rzs_zstd_ctx *ctx = mem;

	if (size < rzs_zstd_decoder_size())
		return -EINVAL;
	ctx->cctx = NULL;
	ctx->dctx = ZSTD_initStaticDCtx((char *)mem + RZS_ZSTD_HEAD, size - RZS_ZSTD_HEAD);
	if (!ctx->dctx ||
	    ZSTD_isError(ZSTD_DCtx_setParameter(ctx->dctx, ZSTD_d_format, ZSTD_f_zstd1_magicless)))
		return -EINVAL;
	return 0;
}

static inline int rzs_zstd_compress(void *mem, const void *src, size_t n, void *dst, size_t cap,
				    size_t *out_n)
{
	struct rzs_zstd_ctx *ctx = mem;
	size_t len = ZSTD_compress2(ctx->cctx, dst, cap, src, n);

	*out_n = 0;
	if (ZSTD_isError(len))
		return ZSTD_getErrorCode(len) == ZSTD_error_dstSize_tooSmall ? -ENOSPC : -EIO;
	*out_n = len;
	return 0;
}

/*
 * Whether src is exactly one frame of rzs_zstd_ctx_init()'s format: a descriptor of 0, the size of
 * the window, and blocks up to one that is marked as the last.  This is checked because the library
 * looks for another frame after the first.  In this format it reads 4 bytes there even if there are
 * fewer (seen with 1.5.4).
 */
static inline bool rzs_zstd_is_frame(const uint8_t *src, size_t n)
{
	size_t at = 2;
	uint32_t head = 0;

	if (n < at || src[0] != 0)
		return false;
	while (!(head & 1)) {
		if (n - at < 3)
			return false;
		head = src[at] | (uint32_t)src[at + 1] << 8 | (uint32_t)src[at + 2] << 16;
		at += 3;
		/* In a block of one repeated byte (type 1) the size is that of the output. */
		if (n - at < ((head >> 1 & 3) == 1 ? 1 : head >> 3))
			return false;
		at += (head >> 1 & 3) == 1 ? 1 : head >> 3;
	}
	return at == n;
}

static inline int rzs_zstd_decompress(void *mem, const void *src, size_t n, void *dst, size_t cap)
{
	struct rzs_zstd_ctx *ctx = mem;

	if (!rzs_zstd_is_frame(src, n))
		return -EIO;
	return ZSTD_decompressDCtx(ctx->dctx, dst, cap, src, n) == cap ? 0 : -EIO;
}
#endif

#endif
