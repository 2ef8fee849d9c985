/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of mm/zsmalloc.c for pages of 4 KiB.  Size classes are 16 bytes apart, from 32 bytes.
 * Each has the number of pages, up to the length of a chain, that leaves the least unused.  Classes
 * of the same pages and objects are merged into that of the largest size.  An object contains a
 * handle of 8 bytes, which is also 8 bytes of a slab.  zram has 16 bytes for each page.  zswap has
 * a struct zswap_entry for each page (mm/zswap.c, since 6.9), and its place in an xarray.
 */
#include "rzsb_models.h"

#include <string.h>

#define PAGE	   4096u
#define STEP	   16u
#define SMALLEST   32u
#define HANDLE	   RZSB_ZRAM_HANDLE
#define TABLE	   RZSB_ZRAM_TABLE
#define ENTRY	   56u
#define PLACE	   9u /* nodes of 576 bytes, 64 places in each */
#define NR_CLASSES 255u

/* The pages of a zspage for objects of this size. */
static unsigned best_chain(unsigned size, unsigned chain)
{
	unsigned best = 1, least = UINT32_MAX;

	for (unsigned n = 1; n <= chain; n++) {
		unsigned unused = n * PAGE % size;

		if (unused < least) {
			least = unused;
			best = n;
		}
	}
	return best;
}

void rzsb_zsmalloc_init(struct rzsb_zsmalloc *z, unsigned chain)
{
	memset(z, 0, sizeof(*z));
	/* From the largest down: a class is merged into a larger one. */
	for (unsigned i = NR_CLASSES; i-- > 0;) {
		unsigned size = SMALLEST + i * STEP, pages, objects;

		if (size > PAGE)
			size = PAGE;
		pages = best_chain(size, chain);
		objects = pages * PAGE / size;
		if (pages != 1 && objects != 1 && !z->huge)
			z->huge = size - (HANDLE - 1);
		if (i + 1 < NR_CLASSES && z->class[i + 1].pages == pages &&
		    z->class[i + 1].objects == objects) {
			z->class[i] = z->class[i + 1];
			continue;
		}
		z->class[i].pages = pages;
		z->class[i].objects = objects;
		z->class[i].size = size;
	}
	for (unsigned n = 0; n <= PAGE; n++) {
		unsigned with = n + HANDLE,
			 i = with <= SMALLEST ? 0 : (with - SMALLEST + STEP - 1) / STEP;

		z->of_size[n] = n >= z->huge || i >= NR_CLASSES ? NR_CLASSES - 1 : i;
	}
}

/* With this many bytes more for each page. */
static double with_entries(const struct rzsb_zsmalloc *z, const uint64_t *count, double scale,
			  double same, unsigned entry)
{
	double bytes = 0;

	for (unsigned n = 0; n <= PAGE; n++) {
		unsigned c = z->of_size[n];
		double zspage = (double)z->class[c].pages * PAGE / z->class[c].objects;

		bytes += (double)count[n] * (zspage + HANDLE + entry);
	}
	return scale * bytes + same * entry;
}

double rzsb_zsmalloc_bytes(const struct rzsb_zsmalloc *z, const uint64_t *count, double scale,
			   double same)
{
	return with_entries(z, count, scale, same, TABLE);
}

double rzsb_zswap_bytes(const struct rzsb_zsmalloc *z, const uint64_t *count, double scale,
			double same)
{
	return with_entries(z, count, scale, same, ENTRY + PLACE);
}

size_t rzsb_malloc_bytes(size_t n)
{
	size_t chunk = (n + 8 + 15) / 16 * 16;

	return chunk < 32 ? 32 : chunk;
}
