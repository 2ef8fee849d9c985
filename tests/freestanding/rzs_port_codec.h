/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * No library here: what stands in for LZO leaves out the zeros at a page's end and finds
 * everything else incompressible.  That is enough for pages of both sorts, compressed and raw.
 */
#ifndef RZS_PORT_CODEC_H
#define RZS_PORT_CODEC_H

#define RZS_HAVE_LZO	1
#define RZS_LZO_OWN_DECODER 0 /* what stands in is no LZO */
#define RZS_HAVE_LZ4	0
#define RZS_HAVE_ZSTD	0
#define RZS_LZO_WORKMEM 64

static inline int rzs_lzo_init(void)
{
	return 0;
}

static inline int rzs_lzo_compress(const void *src, size_t n, void *dst, size_t *out_n, void *wrk)
{
	const uint8_t *from = src;
	size_t len = n;

	(void)wrk;
	while (len > 1 && from[len - 1] == 0)
		len--;
	*out_n = len < n ? len : 0;
	if (len == n)
		return -ENOSPC;
	memcpy(dst, src, len);
	return 0;
}

static inline int rzs_lzo_decompress(const void *src, size_t n, void *dst, size_t cap)
{
	if (n > cap)
		return -EIO;
	memcpy(dst, src, n);
	memset((uint8_t *)dst + n, 0, cap - n);
	return 0;
}

#endif
