/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A backing swap: a block device, or a file by the blocks that it has on one.
 *
 * While it is open nobody else can have the device, or change or truncate the file: both are held
 * as swapon(2) holds what it swaps to.  What is known of it does not change until it is closed, so
 * any number of threads may look at it, in any context.
 */
#ifndef RAMZSWAP_BACKING_H
#define RAMZSWAP_BACKING_H

#include <linux/blk_types.h>
#include <linux/types.h>

/* Pages that follow each other on the device. */
struct rzs_extent {
	u64 page; /* the first */
	sector_t sector;
};

struct rzs_backing {
	struct block_device *bdev; /* all I/O goes there */
	u64 nr_pages;		   /* of the area, page 0 with its swap header included */
	size_t bytes;		   /* of memory */

	/* By page, the first being 0; a device has one. */
	struct rzs_extent *extent;
	size_t nr_extents, room;

	/* What holds it; of a device and of a file. */
	void *claim;
	struct file *file;
	struct inode *inode;
};

/*
 * Open what name is; *out is NULL on failure, and the kernel's log then says why.  Sleeps, starts
 * I/O.
 *   -EBUSY   it is mounted, swapped to, or somebody else's
 *   -EINVAL  neither device nor file, no swap area, holes, bad pages, pages in pieces
 *   and what opening gives
 */
int rzs_backing_open(const char *name, struct rzs_backing **out);
/* No I/O may be on its way.  NULL is fine. */
void rzs_backing_close(struct rzs_backing *b);

/* Where page is on the device. */
sector_t rzs_backing_sector(const struct rzs_backing *b, u64 page);

#endif
