/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wyhash, final version 4.1, after its author's publication (Wang Yi,
 * github.com/wangyi-fudan/wyhash, in the public domain), with its default secret.  Used as a
 * checksum of stored objects: 16 bytes take one multiplication and about six other instructions,
 * half as many as XXH64 needs.  The core has its own copy because it links with no library.
 * test_hash compares it with the published vectors.
 *
 * The hash folds products of 128 bits.  A product loses its input if a factor is 0, which happens
 * only if the data equal the secret.  For damaged memory this is as unlikely as any other
 * collision.
 */
#ifndef RZS_HASH_H
#define RZS_HASH_H

#include "le.h"
#include "rzs_port.h"

#define RZS_WY_S0 0xa0761d6478bd642full
#define RZS_WY_S1 0xe7037ed1a0b428dbull
#define RZS_WY_S2 0x8ebc6af09c88c6e3ull
#define RZS_WY_S3 0x589965cc75374cc3ull

/* Multiply *a and *b: *a gets the lower half of the product, *b the upper half. */
static inline void rzs_wy_multiply(uint64_t *a, uint64_t *b)
{
#ifdef __SIZEOF_INT128__
	unsigned __int128 product = (unsigned __int128)*a * *b;

	*a = (uint64_t)product;
	*b = (uint64_t)(product >> 64);
#else
	uint64_t ah = *a >> 32, al = (uint32_t)*a, bh = *b >> 32, bl = (uint32_t)*b;
	uint64_t low = al * bl, mid = ah * bl + (low >> 32), mid2 = al * bh + (uint32_t)mid;

	*a = mid2 << 32 | (uint32_t)low;
	*b = ah * bh + (mid >> 32) + (mid2 >> 32);
#endif
}

static inline uint64_t rzs_wy_mix(uint64_t a, uint64_t b)
{
	rzs_wy_multiply(&a, &b);
	return a ^ b;
}

/* Two words that contain all of n bytes; n <= 16. */
static inline void rzs_wy_short(const uint8_t *p, size_t n, uint64_t *a, uint64_t *b)
{
	size_t step = n >> 3 << 2;

	*a = *b = 0;
	if (n >= 4) {
		*a = (uint64_t)rzs_get_le32(p) << 32 | rzs_get_le32(p + step);
		*b = (uint64_t)rzs_get_le32(p + n - 4) << 32 | rzs_get_le32(p + n - 4 - step);
	} else if (n) {
		*a = (uint64_t)p[0] << 16 | (uint64_t)p[n >> 1] << 8 | p[n - 1];
	}
}

/* The hash of n bytes at any alignment.  Pure: any thread, never sleeps, never fails. */
static inline uint64_t rzs_hash64(const void *data, size_t n, uint64_t seed)
{
	const uint8_t *p = data;
	size_t left = n;
	uint64_t a, b, lane1, lane2;

	seed ^= rzs_wy_mix(seed ^ RZS_WY_S0, RZS_WY_S1);
	if (n <= 16) {
		rzs_wy_short(p, n, &a, &b);
	} else {
		lane1 = lane2 = seed;
		for (; left >= 48; left -= 48, p += 48) {
			seed = rzs_wy_mix(rzs_get_le64(p) ^ RZS_WY_S1, rzs_get_le64(p + 8) ^ seed);
			lane1 = rzs_wy_mix(rzs_get_le64(p + 16) ^ RZS_WY_S2,
					   rzs_get_le64(p + 24) ^ lane1);
			lane2 = rzs_wy_mix(rzs_get_le64(p + 32) ^ RZS_WY_S3,
					   rzs_get_le64(p + 40) ^ lane2);
		}
		seed ^= lane1 ^ lane2; /* if n < 48 the two are equal, and this changes nothing */
		for (; left > 16; left -= 16, p += 16)
			seed = rzs_wy_mix(rzs_get_le64(p) ^ RZS_WY_S1, rzs_get_le64(p + 8) ^ seed);
		a = rzs_get_le64(p + left - 16);
		b = rzs_get_le64(p + left - 8);
	}
	a ^= RZS_WY_S1;
	b ^= seed;
	rzs_wy_multiply(&a, &b);
	return rzs_wy_mix(a ^ RZS_WY_S0 ^ n, b ^ RZS_WY_S1);
}

#endif
