/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * XXH64, after its published specification (xxHash, "XXH64 Algorithm Description",
 * doc/xxhash_spec.md), seed 0. Used as a checksum of stored objects: about 0.1 us for a compressed
 * page.  The core has its own because it links with no library; test_store_corrupt and the unit
 * test hold it against the specification's test vectors.
 */
#ifndef RZS_HASH_H
#define RZS_HASH_H

#include "le.h"
#include "rzs_port.h"

#define RZS_XXH_P1 0x9E3779B185EBCA87ull
#define RZS_XXH_P2 0xC2B2AE3D27D4EB4Full
#define RZS_XXH_P3 0x165667B19E3779F9ull
#define RZS_XXH_P4 0x85EBCA77C2B2AE63ull
#define RZS_XXH_P5 0x27D4EB2F165667C5ull

static inline uint64_t rzs_xxh_rotl(uint64_t v, unsigned n)
{
	return v << n | v >> (64 - n);
}

static inline uint64_t rzs_xxh_round(uint64_t acc, uint64_t lane)
{
	return rzs_xxh_rotl(acc + lane * RZS_XXH_P2, 31) * RZS_XXH_P1;
}

static inline uint64_t rzs_xxh_merge(uint64_t acc, uint64_t v)
{
	return (acc ^ rzs_xxh_round(0, v)) * RZS_XXH_P1 + RZS_XXH_P4;
}

static inline uint64_t rzs_xxh64_tail(uint64_t h, const uint8_t *p, size_t n)
{
	for (; n >= 8; n -= 8, p += 8)
		h = rzs_xxh_rotl(h ^ rzs_xxh_round(0, rzs_get_le64(p)), 27) * RZS_XXH_P1 +
		    RZS_XXH_P4;
	if (n >= 4) {
		h = rzs_xxh_rotl(h ^ rzs_get_le32(p) * RZS_XXH_P1, 23) * RZS_XXH_P2 + RZS_XXH_P3;
		p += 4;
		n -= 4;
	}
	while (n--)
		h = rzs_xxh_rotl(h ^ *p++ * RZS_XXH_P5, 11) * RZS_XXH_P1;
	h = (h ^ h >> 33) * RZS_XXH_P2;
	h = (h ^ h >> 29) * RZS_XXH_P3;
	return h ^ h >> 32;
}

static inline uint64_t rzs_xxh64(const void *data, size_t n)
{
	uint64_t v1 = RZS_XXH_P1 + RZS_XXH_P2, v2 = RZS_XXH_P2, v3 = 0, v4 = 0 - RZS_XXH_P1;
	const uint8_t *p = data;
	size_t left = n;
	uint64_t h = RZS_XXH_P5;

	if (n >= 32) {
		for (; left >= 32; left -= 32, p += 32) {
			v1 = rzs_xxh_round(v1, rzs_get_le64(p));
			v2 = rzs_xxh_round(v2, rzs_get_le64(p + 8));
			v3 = rzs_xxh_round(v3, rzs_get_le64(p + 16));
			v4 = rzs_xxh_round(v4, rzs_get_le64(p + 24));
		}
		h = rzs_xxh_rotl(v1, 1) + rzs_xxh_rotl(v2, 7) + rzs_xxh_rotl(v3, 12) +
		    rzs_xxh_rotl(v4, 18);
		h = rzs_xxh_merge(rzs_xxh_merge(rzs_xxh_merge(rzs_xxh_merge(h, v1), v2), v3), v4);
	}
	return rzs_xxh64_tail(h + n, p, left);
}

#endif
