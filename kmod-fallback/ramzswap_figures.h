/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the original's figures are, out of a store's counts: one answer for the driver's
 * RZSIO_GET_STATS and for what rzscontrol prints of a server's device.
 *
 * The original knew of zero pages only, which it did not count as stored.  A page of another
 * repeated word was to it one that compresses well.
 */
#ifndef RAMZSWAP_FIGURES_H
#define RAMZSWAP_FIGURES_H

#include <linux/types.h>

#define RAMZSWAP_PAGE_SHIFT 12 /* of the store, whatever the kernel's */

/* As struct rzs_stats and a server's statistics name them; a snapshot's may not fit together. */
struct ramzswap_counts {
	__u64 pages_stored;
	__u64 pages_same;
	__u64 pages_zero;
	__u64 pages_good;
	__u64 pages_raw;
	__u64 mem_bytes;
};

struct ramzswap_figures {
	__u64 pages_stored;
	__u64 good_percent;
	__u64 raw_percent;
	__u64 pages_used;
	__u64 orig_bytes;
};

static inline __u64 ramzswap_less(__u64 a, __u64 b)
{
	return a > b ? a - b : 0;
}

/* Bit by bit: kernels of 32 bits do not divide numbers of 64. */
static inline __u64 ramzswap_percent(__u64 part, __u64 whole)
{
	__u64 percent = 0, bit;

	if (part >= whole)
		return whole ? 100 : 0;
	for (bit = 64; bit; bit >>= 1)
		if ((percent + bit) * whole <= part * 100)
			percent += bit;
	return percent;
}

static inline struct ramzswap_figures ramzswap_figures_of(const struct ramzswap_counts *c)
{
	__u64 stored = ramzswap_less(c->pages_stored, c->pages_zero);
	__u64 good = c->pages_good + ramzswap_less(c->pages_same, c->pages_zero);
	struct ramzswap_figures f = {
		.pages_stored = stored,
		.good_percent = ramzswap_percent(good, stored),
		.raw_percent = ramzswap_percent(c->pages_raw, stored),
		.pages_used = c->mem_bytes >> RAMZSWAP_PAGE_SHIFT,
		.orig_bytes = stored << RAMZSWAP_PAGE_SHIFT,
	};

	return f;
}

#endif
