/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small LZO1X encoder in place of a library.  So the core's own decoder is tested even where
 * there is only a compiler (scripts/check-cross).
 *
 * It is greedy, and looks up a hash of four bytes.  It writes two instructions: runs of literals
 * and M3 matches, at most 16 KiB back (docs/LZO).
 */
#ifndef RZS_PORT_CODEC_H
#define RZS_PORT_CODEC_H

#define RZS_HAVE_LZO	    1
#define RZS_LZO_OWN_DECODER 1
#define RZS_HAVE_LZ4	    0
#define RZS_HAVE_ZSTD	    0
#define RZS_LZO_WORKMEM	    (2 << LZO_HASH_BITS)

#define LZO_HASH_BITS 11
#define LZO_MATCH     4u /* the shortest match, bytes */

static inline int rzs_lzo_init(void)
{
	return 0;
}

/* Write the extension of a length: what its instruction cannot hold. */
static inline uint8_t *lzo_put_length(uint8_t *to, size_t more)
{
	for (; more > 255; more -= 255)
		*to++ = 0;
	*to++ = (uint8_t)more;
	return to;
}

/* Write n literals.  small: the byte of the match before that can count up to 3; NULL: none. */
static inline uint8_t *lzo_put_literals(uint8_t *to, uint8_t *small, const uint8_t *from, size_t n)
{
	if (!small && n <= 238) {
		*to++ = (uint8_t)(17 + n);
	} else if (small && n <= 3) {
		*small |= (uint8_t)n;
	} else {
		*to++ = n <= 18 ? (uint8_t)(n - 3) : 0;
		if (n > 18)
			to = lzo_put_length(to, n - 18);
	}
	memcpy(to, from, n);
	return to + n;
}

/* Write a match of n bytes.  *small: the byte that can count the literals after it. */
static inline uint8_t *lzo_put_match(uint8_t *to, uint8_t **small, size_t n, size_t distance)
{
	*to++ = n <= 33 ? (uint8_t)(32 | (n - 2)) : 32;
	if (n > 33)
		to = lzo_put_length(to, n - 33);
	*small = to;
	*to++ = (uint8_t)((distance - 1) << 2);
	*to++ = (uint8_t)((distance - 1) >> 6);
	return to;
}

/* The last place with the same hash of four bytes; at if there is none.  Updates the table. */
static inline size_t lzo_look_up(uint16_t *table, const uint8_t *src, size_t at)
{
	uint32_t word = (uint32_t)src[at] | (uint32_t)src[at + 1] << 8 |
			(uint32_t)src[at + 2] << 16 | (uint32_t)src[at + 3] << 24;
	uint16_t *entry = &table[word * 2654435761u >> (32 - LZO_HASH_BITS)];
	size_t old = *entry;

	*entry = (uint16_t)at;
	return old < at ? old : at;
}

/* src: n bytes, at most 16384.  dst has space for any result. */
static inline int rzs_lzo_compress(const void *src, size_t n, void *dst, size_t *out_n, void *wrk)
{
	const uint8_t *from = src;
	uint8_t *to = dst, *small = NULL;
	size_t at = 1, done = 0;

	memset(wrk, 0, RZS_LZO_WORKMEM);
	while (at + LZO_MATCH <= n) {
		size_t old = lzo_look_up(wrk, from, at), len = 0;

		while (old < at && at + len < n && from[old + len] == from[at + len])
			len++;
		if (len < LZO_MATCH) {
			at++;
			continue;
		}
		if (at > done)
			to = lzo_put_literals(to, small, from + done, at - done);
		to = lzo_put_match(to, &small, len, at - old);
		at += len;
		done = at;
	}
	if (n > done)
		to = lzo_put_literals(to, small, from + done, n - done);
	*to++ = 17;
	*to++ = 0;
	*to++ = 0;
	*out_n = (size_t)(to - (uint8_t *)dst);
	return 0;
}

static inline int rzs_lzo_decompress(const void *src, size_t n, void *dst, size_t cap)
{
	(void)src, (void)n, (void)dst, (void)cap;
	return -EIO; /* never called: the core uses its own decoder */
}

#endif
