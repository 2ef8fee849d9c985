/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RZS_BENCH_UNALIGNED_H
#define RZS_BENCH_UNALIGNED_H

#include <linux/kernel.h>

#define get_unaligned(p)                      \
	({                                    \
		__typeof__(*(p)) v_;          \
		memcpy(&v_, (p), sizeof(v_)); \
		v_;                           \
	})
#define put_unaligned(v, p)                   \
	do {                                  \
		__typeof__(*(p)) v_ = (v);    \
		memcpy((p), &v_, sizeof(v_)); \
	} while (0)
#define get_unaligned_le16(p) get_unaligned((const u16 *)(p))
#define get_unaligned_le32(p) get_unaligned((const u32 *)(p))
#define put_unaligned_le32(v, p) put_unaligned((u32)(v), (u32 *)(p))

#endif
