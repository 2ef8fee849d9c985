/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The RAM that other allocators need for objects of given sizes, worked out from their published
 * rules and not measured.  Pure functions.
 */
#ifndef RZSB_MODELS_H
#define RZSB_MODELS_H

#include <stddef.h>
#include <stdint.h>

/*
 * zsmalloc, as zram has it, with chains of at most `chain` pages (4 was all there was up to Linux
 * 6.2; 8 is the default since).
 */
struct rzsb_zsmalloc {
	unsigned huge; /* least size that zram stores as a whole page */
	struct {
		unsigned pages, objects; /* of a zspage */
		unsigned size;		 /* of an object, with its handle */
	} class[256];
	unsigned of_size[4097]; /* class of an object of so many bytes */
};

void rzsb_zsmalloc_init(struct rzsb_zsmalloc *z, unsigned chain);

/*
 * Bytes of zspages, handles and zram's table for pages whose compressed sizes are counted in
 * count[size], 0 .. 4096 bytes, each standing for `scale` pages, and for `same` pages of one
 * repeated word.  No fragmentation: as after a fill.
 */
double rzsb_zsmalloc_bytes(const struct rzsb_zsmalloc *z, const uint64_t *count, double scale,
			   double same);

/*
 * The same in zswap, whose entries are larger than zram's table.  Pages that do not shrink count as
 * kept; it may write them to the disk that it needs behind it instead.
 */
double rzsb_zswap_bytes(const struct rzsb_zsmalloc *z, const uint64_t *count, double scale,
			double same);

/*
 * malloc(3) of glibc: a chunk for n bytes, of which there are two in nbdkit's allocator=zstd: one
 * for the object, a 16-byte entry in its page table.
 */
size_t rzsb_malloc_bytes(size_t n);

#endif
