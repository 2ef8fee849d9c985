/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LZO1X streams made of random instructions of every kind, beside what they stand for; no
 * compressor writes all of these.  docs/LZO has the format.
 *
 * Threading: no state but the caller's.
 */
#ifndef RZS_TEST_LZO_MADE_H
#define RZS_TEST_LZO_MADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pages.h"

struct lzo_made {
	uint8_t *in, *out; /* the stream, and its bytes; the caller's */
	size_t in_cap, out_cap;
	size_t in_len, out_len; /* set */
	unsigned state;		/* its own */
};

/*
 * A stream of about want bytes of output, which must be no more than out_cap; in_cap is at least
 * twice out_cap and 64 more.  rle: with the kernel's version bytes and runs of zeros.
 */
void lzo_make(struct lzo_made *made, struct pages_rng *rng, size_t want, bool rle);

#endif
