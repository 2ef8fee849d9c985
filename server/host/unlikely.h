/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hint to the compiler: a condition that is rarely true. */
#ifndef RZS_UNLIKELY_H
#define RZS_UNLIKELY_H

#define unlikely(x) __builtin_expect(!!(x), 0)

#endif
