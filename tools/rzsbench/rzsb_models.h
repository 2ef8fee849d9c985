/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The RAM that other allocators need for objects of given sizes, computed from their rules, not
 * measured.  Pure functions; any thread.
 */
#ifndef RZSB_MODELS_H
#define RZSB_MODELS_H

#include <stddef.h>
#include <stdint.h>

#define RZSB_ZRAM_HANDLE 8u  /* bytes of a slab for each object */
#define RZSB_ZRAM_TABLE	 16u /* bytes of zram's table for each page of the device */

/*
 * zsmalloc as used by zram, with chains of at most `chain` pages (4 up to Linux 6.2, 8 by default
 * since).
 */
struct rzsb_zsmalloc {
	unsigned huge; /* least size that zram stores as a whole page */
	struct {
		unsigned pages, objects; /* of a zspage */
		unsigned size;		 /* of an object, with its handle */
	} class[256];
	unsigned of_size[4097]; /* class of an object of this many bytes */
};

void rzsb_zsmalloc_init(struct rzsb_zsmalloc *z, unsigned chain);

/*
 * Bytes of zspages, handles and zram's table.  count[size]: pages by compressed size, 0 to 4096
 * bytes, each of which stands for `scale` pages; same: pages of one repeated word.  Without
 * fragmentation, as after a fill.
 */
double rzsb_zsmalloc_bytes(const struct rzsb_zsmalloc *z, const uint64_t *count, double scale,
			   double same);

/*
 * The same for zswap, whose entries are larger.  Pages that do not shrink count as kept, though it
 * may write them to its disk.
 */
double rzsb_zswap_bytes(const struct rzsb_zsmalloc *z, const uint64_t *count, double scale,
			double same);

/* What glibc's malloc() takes for n bytes. */
size_t rzsb_malloc_bytes(size_t n);

#endif
