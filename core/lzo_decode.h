/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decoder of LZO1X streams, the format that liblzo2's and the kernel's LZO1X compressors write;
 * docs/LZO describes both.  Pure functions: no state, no allocation, any thread, never sleep.
 */
#ifndef RZS_LZO_DECODE_H
#define RZS_LZO_DECODE_H

#include "rzs_port.h"

/*
 * Decode one whole stream.  src: n bytes, any alignment; dst: room for cap bytes, which must not
 * overlap src.  0 with *out_n set to the bytes written, or -EIO with *out_n 0 when src is no such
 * stream, ends early, goes on behind its end, or asks for more than cap bytes.
 *
 * Safe for any input: reads src and dst only, writes dst only (on failure any part of it), takes
 * time proportional to n + cap.  Accepts what lzo1x_decompress_safe() of liblzo2 accepts.
 */
int rzs_lzo1x_decode(const void *src, size_t n, void *dst, size_t cap, size_t *out_n);

/*
 * The same for the kernel's LZO-RLE: a stream that begins with the byte 17 and a version, in which
 * an instruction stands for a run of zeros.  Streams without these two bytes are plain ones.
 */
int rzs_lzo1x_rle_decode(const void *src, size_t n, void *dst, size_t cap, size_t *out_n);

#endif
