/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Little-endian words at any alignment.  Compilers make one instruction of each of these, if the
 * machine has one.  (Of bytes that are shifted and added clang made vectors in the encoder's loops,
 * which took a third more time.)
 */
#ifndef RZS_LE_H
#define RZS_LE_H

#include "rzs_port.h"

static inline uint32_t rzs_get_le32(const uint8_t *p)
{
	uint32_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? v : __builtin_bswap32(v);
}

static inline uint64_t rzs_get_le64(const uint8_t *p)
{
	uint64_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? v : __builtin_bswap64(v);
}

static inline void rzs_put_le32(uint8_t *p, uint32_t v)
{
	if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
		v = __builtin_bswap32(v);
	__builtin_memcpy(p, &v, sizeof(v));
}

static inline void rzs_put_le64(uint8_t *p, uint64_t v)
{
	if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
		v = __builtin_bswap64(v);
	__builtin_memcpy(p, &v, sizeof(v));
}

#endif
