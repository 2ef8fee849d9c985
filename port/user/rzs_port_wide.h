/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Compares of 32 bytes at once, for port/CONTRACT: AVX2, if the processor that runs this has it.
 *
 * Vectors of the compiler instead of <immintrin.h>, which every file of the core would include.
 * port/test uses this too.
 */
#ifndef RZS_PORT_WIDE_H
#define RZS_PORT_WIDE_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__x86_64__)
#define RZS_HAVE_WIDE	1
#define RZS_WIDE_TARGET __attribute__((target("avx2")))

typedef char rzs_wide_t __attribute__((vector_size(32), aligned(1), may_alias));

static inline bool rzs_wide_usable(void)
{
	return __builtin_cpu_supports("avx2");
}

static inline __attribute__((always_inline)) RZS_WIDE_TARGET size_t
rzs_wide_match(const uint8_t *a, const uint8_t *b)
{
	const rzs_wide_t *x = (const void *)a, *y = (const void *)b;
	uint64_t equal = (uint32_t)__builtin_ia32_pmovmskb256((rzs_wide_t)(*x == *y));

	return (uint32_t)__builtin_ctzll(~equal);
}
#else
#define RZS_HAVE_WIDE 0
#endif

#endif
