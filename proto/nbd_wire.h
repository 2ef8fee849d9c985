/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbers in network byte order, at any alignment.  They are copied and swapped as a whole, because
 * not every compiler merges stores of single bytes.
 *
 * Threading: no state.
 */
#ifndef RZS_NBD_WIRE_H
#define RZS_NBD_WIRE_H

#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define RZS_NBD_BE(bits, v) (v)
#else
#define RZS_NBD_BE(bits, v) __builtin_bswap##bits(v)
#endif

static inline uint16_t rzs_nbd_get16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return RZS_NBD_BE(16, v);
}

static inline uint32_t rzs_nbd_get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return RZS_NBD_BE(32, v);
}

static inline uint64_t rzs_nbd_get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return RZS_NBD_BE(64, v);
}

/* Each returns the end of what it wrote. */
static inline uint8_t *rzs_nbd_put16(uint8_t *p, uint16_t v)
{
	v = RZS_NBD_BE(16, v);
	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

static inline uint8_t *rzs_nbd_put32(uint8_t *p, uint32_t v)
{
	v = RZS_NBD_BE(32, v);
	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

static inline uint8_t *rzs_nbd_put64(uint8_t *p, uint64_t v)
{
	v = RZS_NBD_BE(64, v);
	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

#endif
