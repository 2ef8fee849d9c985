/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The statistics of the original ramzswap driver, computed from the statistics of a store.  The
 * driver uses this for RZSIO_GET_STATS, and rzscontrol for a server's device.
 *
 * The original detected pages of zeros only, and did not count them as stored.  To it a page of
 * another repeated word was a page that compresses well.
 */
#ifndef RAMZSWAP_STATS_H
#define RAMZSWAP_STATS_H

#include <linux/types.h>

#define RAMZSWAP_PAGE_SHIFT 12 /* of the store's pages, whatever the kernel's are */

/*
 * Statistics of a store, with the names of core/rzs_stats.def.  They may be from slightly different
 * moments, so a part may be larger than the whole.
 */
struct ramzswap_store_stats {
	__u64 pages_stored;
	__u64 pages_same;
	__u64 pages_zero;
	__u64 pages_good;
	__u64 pages_raw;
	__u64 mem_bytes;
};

/* Statistics as the original driver defined them. */
struct ramzswap_orig_stats {
	__u64 pages_stored; /* without pages of zeros */
	__u64 good_percent; /* of pages_stored */
	__u64 raw_percent;  /* of pages_stored */
	__u64 pages_used;   /* pages of memory */
	__u64 orig_bytes;
};

static inline __u64 ramzswap_sub_or_zero(__u64 a, __u64 b)
{
	return a > b ? a - b : 0;
}

/* Computes one bit at a time, because 32-bit kernels have no division of 64-bit numbers. */
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

/* Any context.  Cannot fail. */
static inline struct ramzswap_orig_stats
ramzswap_orig_stats(const struct ramzswap_store_stats *store)
{
	__u64 stored = ramzswap_sub_or_zero(store->pages_stored, store->pages_zero);
	__u64 good = store->pages_good + ramzswap_sub_or_zero(store->pages_same, store->pages_zero);
	struct ramzswap_orig_stats stats = {
		.pages_stored = stored,
		.good_percent = ramzswap_percent(good, stored),
		.raw_percent = ramzswap_percent(store->pages_raw, stored),
		.pages_used = store->mem_bytes >> RAMZSWAP_PAGE_SHIFT,
		.orig_bytes = stored << RAMZSWAP_PAGE_SHIFT,
	};

	return stats;
}

#endif
