/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A backing swap: a block device, or a file, whose blocks are on one.
 *
 * While it is open nobody else can open the device, or write to or truncate the file: both are held
 * as swapon(2) holds them.  The structure does not change until it is closed, so any number of
 * threads may read it, in any context.
 */
#ifndef RAMZSWAP_BACKING_H
#define RAMZSWAP_BACKING_H

#include <linux/blk_types.h>
#include <linux/types.h>

/* Consecutive pages that are consecutive on the device. */
struct rzs_extent {
	u64 page; /* the first */
	sector_t sector;
};

struct rzs_backing {
	struct block_device *bdev; /* where all I/O goes */
	u64 nr_pages;		   /* of the swap area, including page 0 with the swap header */
	size_t bytes;		   /* memory in use */

	/* Sorted by page; the first begins at page 0.  A device has one extent. */
	struct rzs_extent *extent;
	size_t nr_extents, max_extents;

	void *bdev_handle;   /* the exclusively opened device, or NULL */
	struct file *file;   /* the open file, or NULL */
	struct inode *inode; /* with S_SWAPFILE set by us, or NULL */
};

/*
 * Open the device or file of that name.  Process context; sleeps and does I/O.  On failure *out is
 * NULL, and the kernel log says why.
 *   -EBUSY   mounted, swapped to, or otherwise in use
 *   -EINVAL  neither block device nor file, no swap area, or one that cannot be used
 *   -EINTR   a fatal signal
 *   -ENOMEM
 *   or the error from opening or reading it
 */
int rzs_backing_open(const char *name, struct rzs_backing **out);
/* No I/O may be in flight.  Process context; sleeps.  NULL is allowed. */
void rzs_backing_close(struct rzs_backing *b);

/* The sector on bdev of a page below nr_pages.  Any context. */
sector_t rzs_backing_sector(const struct rzs_backing *b, u64 page);

#endif
