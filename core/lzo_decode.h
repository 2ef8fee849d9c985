/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decoder of LZO1X streams, the format that the LZO1X compressors of liblzo2 and of the kernel
 * write.  docs/LZO describes format and decoder.  Pure functions: no state, no allocation; any
 * thread; they never sleep.
 */
#ifndef RZS_LZO_DECODE_H
#define RZS_LZO_DECODE_H

#include "rzs_port.h"

/*
 * Decode one whole stream.  src: n bytes, any alignment.  dst: cap bytes, any alignment, which must
 * not overlap src.
 * 0     *out_n is the number of bytes decoded; the rest of dst is unspecified
 * -EIO  src is not such a stream, is truncated, has bytes after its end, or needs more than cap
 *       bytes; *out_n is 0, and dst is unspecified
 *
 * Safe for any input: it reads only src and dst, writes only dst, and takes time proportional to
 * n + cap.  It accepts what lzo1x_decompress_safe() of liblzo2 accepts.
 */
int rzs_lzo1x_decode(const void *src, size_t n, void *dst, size_t cap, size_t *out_n);

/*
 * The same for the kernel's LZO-RLE.  Such a stream begins with the byte 17 and a version, and has
 * one more instruction: a run of zeros.  A stream without these two bytes is a plain one.
 */
int rzs_lzo1x_rle_decode(const void *src, size_t n, void *dst, size_t cap, size_t *out_n);

#endif
