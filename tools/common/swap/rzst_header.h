/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The swap header: found in the first bytes of an area, and made there.  The first 1024 bytes, a
 * boot loader's, are no part of it.
 *
 * Pure functions; any thread.
 */
#ifndef RZST_HEADER_H
#define RZST_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RZST_HEADER_MOST  65536u /* bytes: the largest page that a header is one of */
#define RZST_HEADER_LABEL 17u	 /* bytes of a label as text, with its 0 */

struct rzst_header {
	uint32_t page_size; /* bytes; 0: there is no header, and the rest is zeros */
	bool suspended;	    /* the signature is one of suspended machines */
	uint64_t nr_pages;  /* of the area, this one included */
	char label[RZST_HEADER_LABEL];
};

/* Look for a header in the first size bytes of an area, at most RZST_HEADER_MOST. */
void rzst_header_find(const uint8_t *bytes, size_t size, struct rzst_header *out);

/*
 * Make a header in bytes, page_size of them (4096 to RZST_HEADER_MOST, a power of two), for an area
 * of area_size bytes; what was there gives the first 1024 bytes, UUID and label.  -EINVAL: an area
 * of fewer than 10 pages, or more than 2^32 - 1; bytes are as before.
 */
int rzst_header_make(uint8_t *bytes, uint32_t page_size, uint64_t area_size);

/* The same for an area that has none yet: zeros where a boot loader may be. */
int rzst_header_make_new(uint8_t *bytes, uint32_t page_size, uint64_t area_size, const char *label,
			 const uint8_t uuid[16]);

#endif
