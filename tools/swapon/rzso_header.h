/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The swap header as rzs-swapon changes it: the signature of a suspended machine becomes that of
 * swap again, and a header for another page size one for this machine's.  The first 1024 bytes, a
 * boot loader's, stay as they are, and so do label and UUID.
 *
 * Threading: any thread.
 */
#ifndef RZSO_HEADER_H
#define RZSO_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RZSO_PAGE_MOST 65536u

struct rzso_header {
	uint32_t page_size; /* bytes; 0: there is no header */
	bool suspended;	    /* the signature is one of suspended machines */
};

/* Look for a header in the first size bytes of an area, at most RZSO_PAGE_MOST.  Pure. */
void rzso_header_find(const uint8_t *bytes, size_t size, struct rzso_header *out);

/*
 * Make a header in bytes, page_size of them (4096 to RZSO_PAGE_MOST, a power of two), for an area
 * of area_size bytes; what was there gives the first 1024 bytes, UUID and label.  Pure.  -EINVAL:
 * an area of fewer than 10 pages, or more than 2^32 - 1; bytes are as before.
 */
int rzso_header_make(uint8_t *bytes, uint32_t page_size, uint64_t area_size);

/*
 * Read what there is.  0, or a negative errno of open(2) or read(2): *out is all zeros.  May wait
 * for the device.
 */
int rzso_header_read(const char *path, struct rzso_header *out);

/*
 * Write and sync; a block device that is mounted or held by another is refused with -EBUSY.  0, or
 * a negative errno.  -EINVAL: there is no such header, or see rzso_header_make().
 */
int rzso_header_unsuspend(const char *path);
int rzso_header_reinitialise(const char *path, uint32_t page_size);

#endif
