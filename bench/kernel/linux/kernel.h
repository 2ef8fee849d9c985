/* SPDX-License-Identifier: GPL-2.0-or-later */
/* As much of the kernel as lib/lzo needs, for bench/kernel-lzo. */
#ifndef RZS_BENCH_LINUX_KERNEL_H
#define RZS_BENCH_LINUX_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define likely(x)      __builtin_expect(!!(x), 1)
#define unlikely(x)    __builtin_expect(!!(x), 0)
#define noinline	__attribute__((__noinline__))
#define min_t(t, a, b) ((t)(a) < (t)(b) ? (t)(a) : (t)(b))
#define min(a, b)	min_t(__typeof__(a), a, b)
#define BUILD_BUG_ON(c) _Static_assert(!(c), #c)

#define CONFIG_X86_64
#define CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS
#define __LITTLE_ENDIAN 1234

#endif
