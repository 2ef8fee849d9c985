/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our decoder of LZO1X beside liblzo2's, on buffers between pages that cannot be touched.
 *
 * Threading: one thread at a time.
 */
#ifndef RZS_TEST_LZO_DIFF_H
#define RZS_TEST_LZO_DIFF_H

#include <stddef.h>
#include <stdint.h>

#define LZO_DIFF_MAX 65536u /* bytes of a stream, and of its output */

/*
 * Decode the n bytes at src into cap bytes with both.  NULL when they agree: the same verdict, and
 * where it is good the same bytes; else what differs.  *out_good tells their verdict (NULL: nobody
 * asks).  Buffers end at a fence when at_end is true, else they begin at one.
 */
const char *lzo_diff(const uint8_t *src, size_t n, size_t cap, int at_end, int *out_good);

/* What ours made of the last stream: cap bytes. */
const uint8_t *lzo_diff_output(void);

/*
 * Compress with liblzo2's LZO1X-1 (level 1) or LZO1X-999 (9): the bytes in dst, which holds
 * n + n/16 + 67.
 */
size_t lzo_diff_compress(int level, const uint8_t *src, size_t n, uint8_t *dst);

/* size bytes between two fences, for good; aborts when there are none. */
uint8_t *lzo_diff_fenced(size_t size);

#endif
