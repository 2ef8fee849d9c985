/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of zsmalloc are those of mm/zsmalloc.c, for pages of 4 KiB: size classes 16 bytes apart
 * from 32 bytes on; for each the number of pages, up to the chain's, that leaves the least unused;
 * classes that come out the same are one, that of the largest size; an object carries a handle of 8
 * bytes.  zram keeps 16 bytes for each page, and a handle is 8 bytes of a slab.  zswap keeps a
 * struct zswap_entry for each page (mm/zswap.c, since its tree is an xarray, 6.9) and its place in
 * the tree.
 */
#include "rzsb_models.h"

#include <string.h>

#define PAGE	   4096u
#define STEP	   16u
#define SMALLEST   32u
#define HANDLE	   8u
#define TABLE	   16u
#define ENTRY	   56u
#define PLACE	   9u /* nodes of 576 bytes, 64 places in each */
#define NR_CLASSES 255u

/* How many pages a zspage of objects of this size is made of. */
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
	/* From the largest down, so that a class that comes out the same joins the larger one. */
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

/* With so many bytes beside for each page. */
static double with_beside(const struct rzsb_zsmalloc *z, const uint64_t *count, double scale,
			  double same, unsigned beside)
{
	double bytes = 0;

	for (unsigned n = 0; n <= PAGE; n++) {
		unsigned c = z->of_size[n];
		double zspage = (double)z->class[c].pages * PAGE / z->class[c].objects;

		bytes += (double)count[n] * (zspage + HANDLE + beside);
	}
	return scale * bytes + same * beside;
}

double rzsb_zsmalloc_bytes(const struct rzsb_zsmalloc *z, const uint64_t *count, double scale,
			   double same)
{
	return with_beside(z, count, scale, same, TABLE);
}

double rzsb_zswap_bytes(const struct rzsb_zsmalloc *z, const uint64_t *count, double scale,
			double same)
{
	return with_beside(z, count, scale, same, ENTRY + PLACE);
}

size_t rzsb_malloc_bytes(size_t n)
{
	size_t chunk = (n + 8 + 15) / 16 * 16;

	return chunk < 32 ? 32 : chunk;
}
