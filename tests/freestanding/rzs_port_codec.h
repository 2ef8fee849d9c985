/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * No library: the core's own encoder and decoder of LZO1X.  So both are tested even where there is
 * only a compiler (scripts/check-cross).
 */
#ifndef RZS_PORT_CODEC_H
#define RZS_PORT_CODEC_H

#define RZS_HAVE_LZO	    1
#define RZS_LZO_OWN_DECODER 1
#define RZS_LZO_OWN_ENCODER 1
#define RZS_HAVE_LZ4	    0
#define RZS_HAVE_ZSTD	    0
#define RZS_LZO_WORKMEM	    0

static inline int rzs_lzo_init(void)
{
	return 0;
}

/* The library's functions: never called. */
static inline int rzs_lzo_compress(const void *src, size_t n, void *dst, size_t *out_n, void *wrk)
{
	(void)src, (void)n, (void)dst, (void)wrk;
	*out_n = 0;
	return -EIO;
}

static inline int rzs_lzo_decompress(const void *src, size_t n, void *dst, size_t cap)
{
	(void)src, (void)n, (void)dst, (void)cap;
	return -EIO;
}

#endif
