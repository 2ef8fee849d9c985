/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Encoder of LZO1X streams for pages: two pages at a time, or one in two halves.  Every decoder of
 * LZO1X reads the result; docs/LZO describes format and encoder.
 *
 * The functions allocate nothing and never sleep.  Any thread may call them, one at a time for each
 * encoder.
 */
#ifndef RZS_LZO_ENCODE_H
#define RZS_LZO_ENCODE_H

#include "rzs_port.h"

#define RZS_LZO_PAGE	   4096u
#define RZS_LZO_TABLE_BITS 11u
#define RZS_LZO_TABLE	   (1u << RZS_LZO_TABLE_BITS)

/*
 * The buffer for one stream, bytes.  A stream has at most RZS_LZO_PAGE / 23 bytes more than the
 * page.  Behind that is the place where the second half of a page is encoded at first.
 */
#define RZS_LZO_OUT_SIZE (RZS_LZO_PAGE * 3 / 2 + RZS_LZO_PAGE / 16 + RZS_LZO_PAGE / 32)

/* Bytes behind the limit of a page of a batch. */
#define RZS_LZO_SPARE 256u

/* How matches are compared.  The streams are the same. */
enum rzs_lzo_compare {
	RZS_LZO_WORDS, /* in general registers */
	RZS_LZO_WIDE,  /* 32 bytes at once; see port/CONTRACT */
};

/* What the functions write to besides the stream.  It holds positions, and no bytes of a page. */
struct rzs_lzo_encoder {
	uint16_t tables[2][RZS_LZO_TABLE]; /* by hash of four bytes: where they were seen */
	enum rzs_lzo_compare compare;
};

/* Whether this processor and environment have this compare. */
bool rzs_lzo_compare_usable(enum rzs_lzo_compare compare);

/* Make an encoder; it needs no cleanup.  compare must be usable. */
void rzs_lzo_encoder_init(struct rzs_lzo_encoder *e, enum rzs_lzo_compare compare);

/*
 * Encode the page at src (RZS_LZO_PAGE bytes, any alignment) to out (RZS_LZO_OUT_SIZE bytes, any
 * alignment, all of which may be written to).  They must not overlap.
 * > 0      the size of the stream
 * -ENOSPC  it would be longer than limit; out is unspecified
 */
int rzs_lzo1x_encode(struct rzs_lzo_encoder *e, const void *src, void *out, uint32_t limit);

/*
 * The same for n pages, which takes less time for each: two are encoded in turns.  out[i] has limit
 * + RZS_LZO_SPARE bytes.  sizes[i] is the result for page i.  A page's stream does not depend on
 * the others, but it is not that of rzs_lzo1x_encode(): it is about 1 % shorter.
 */
void rzs_lzo1x_encode_many(struct rzs_lzo_encoder *e, unsigned n, const void *const src[],
			   void *const out[], uint32_t limit, int sizes[]);

#endif
