/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our encoder of LZO1X, every way it has, on buffers between pages that cannot be touched.
 *
 * Threading: one thread at a time.
 */
#ifndef RZS_TEST_LZO_ENC_H
#define RZS_TEST_LZO_ENC_H

#include <stddef.h>
#include <stdint.h>

#include "pages.h"

#define LZO_ENC_MAX 16u /* pages of a batch */

/*
 * Encode n pages alone and as a batch, with each compare that works here, from pages and to buffers
 * that begin at a fence or end at one (at_end).  NULL when all is well: the streams of all compares
 * are equal, liblzo2's decoder and ours make the pages of them, and no source has changed.  Else
 * what is wrong.
 */
const char *lzo_enc_check(const uint8_t (*pages)[PAGES_SIZE], unsigned n, int at_end);

/*
 * Decode with the kernel's decoder as well from now on.  path: a library that bench/kernel-lzo
 * has made.  0, or -ENOENT: it is not.
 */
int lzo_enc_with_kernel(const char *path);

/* The same for one page at a limit: it gives up just if the stream is longer. */
const char *lzo_enc_limit(const uint8_t *page, uint32_t limit, int at_end);

/* How many bytes the last stream of one page had, and those of the last batch together. */
size_t lzo_enc_alone(void);
size_t lzo_enc_batch(void);

/*
 * A page that is hard for the encoder: literals and matches of all lengths and distances, made of
 * seed; few short literals, or runs of 19 and far matches of 4, which is what makes a stream long.
 */
void lzo_enc_make(uint8_t *page, uint64_t seed);

#endif
