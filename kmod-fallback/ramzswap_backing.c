// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The backing swap: open it, check its swap header, map a file's blocks, close it.  The header is
 * checked before the blocks of a file are mapped, because there may be many.
 *
 * A file's blocks are mapped once, with bmap(), so that later I/O does not enter the file system.
 * The file system could allocate memory, or take a lock that a task in reclaim holds.  This relies
 * on the file system not to move the blocks of an S_SWAPFILE.  File systems without bmap(), and one
 * that is known to move blocks all the same, are refused.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blkdev.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/swap.h>

#include "compat.h"
#include "ramzswap_backing.h"
#include "rzs_store.h"

#define PAGE_SECTORS_OF(page) ((sector_t)(page) << (RZS_PAGE_SHIFT - SECTOR_SHIFT))

/* The address identifies us as the holder of an exclusively opened device. */
static char holder;

/* ---- extents ---- */

static int extent_add(struct rzs_backing *b, u64 page, sector_t sector)
{
	struct rzs_extent *last = b->nr_extents ? &b->extent[b->nr_extents - 1] : NULL, *more;
	size_t max = b->max_extents ? 2 * b->max_extents : 64;

	if (last && sector == last->sector + PAGE_SECTORS_OF(page - last->page))
		return 0;
	if (b->nr_extents == b->max_extents) {
		more = kvmalloc_array(max, sizeof(*more), GFP_KERNEL);
		if (!more)
			return -ENOMEM;
		if (last)
			memcpy(more, b->extent, b->nr_extents * sizeof(*more));
		kvfree(b->extent);
		b->extent = more;
		b->max_extents = max;
	}
	b->extent[b->nr_extents++] = (struct rzs_extent){.page = page, .sector = sector};
	return 0;
}

sector_t rzs_backing_sector(const struct rzs_backing *b, u64 page)
{
	size_t low = 0, high = b->nr_extents, mid;

	/* Find the last extent that begins at the page or before it. */
	while (high - low > 1) {
		mid = low + (high - low) / 2;
		if (b->extent[mid].page <= page)
			low = mid;
		else
			high = mid;
	}
	return b->extent[low].sector + PAGE_SECTORS_OF(page - b->extent[low].page);
}

/* The sector of a page of the file, which must be contiguous on the device. */
static int map_page(const char *name, struct inode *inode, u64 page, sector_t *out)
{
	unsigned int shift = RZS_PAGE_SHIFT - inode->i_blkbits, i;
	sector_t first = 0, block;

	*out = 0;
	for (i = 0; i < 1u << shift; i++) {
		block = ((sector_t)page << shift) + i;
		if (bmap(inode, &block) || !block) {
			/* bmap() does not distinguish these. */
			pr_err("%s: page %llu is a hole, or allocated but never written\n", name,
			       page);
			pr_err("%s: fill the file with zeros, then run mkswap\n", name);
			return -EINVAL;
		}
		if (!i)
			first = block;
		if (block != first + i) {
			pr_err("%s: page %llu is not contiguous on the device\n", name, page);
			return -EINVAL;
		}
	}
	*out = first << (inode->i_blkbits - SECTOR_SHIFT);
	return 0;
}

/* Map pages from .. to - 1 of the file. */
static int map_file(const char *name, struct rzs_backing *b, u64 from, u64 to)
{
	sector_t sector;
	u64 page;
	int err;

	for (page = from; page < to; page++) {
		err = map_page(name, b->inode, page, &sector);
		if (!err)
			err = extent_add(b, page, sector);
		if (!err && fatal_signal_pending(current))
			err = -EINTR;
		if (err)
			return err;
		cond_resched();
	}
	return 0;
}

/* ---- open ---- */

/*
 * Set S_SWAPFILE, as swapon(2) does: the inode can be neither written to nor truncated.  -EBUSY:
 * it is a swap area already.
 */
static int set_swapfile(struct rzs_backing *b, struct inode *inode)
{
	int err = 0;

	inode_lock(inode);
	if (IS_SWAPFILE(inode))
		err = -EBUSY;
	else
		inode->i_flags |= S_SWAPFILE;
	inode_unlock(inode);
	if (!err)
		b->inode = inode;
	return err;
}

static void clear_swapfile(struct rzs_backing *b)
{
	if (!b->inode)
		return;
	inode_lock(b->inode);
	b->inode->i_flags &= ~S_SWAPFILE;
	inode_unlock(b->inode);
	/* The page cache has old data. */
	invalidate_inode_pages2(b->inode->i_mapping);
}

static int open_device(struct rzs_backing *b, dev_t dev)
{
	rzs_bdev_handle_t *handle = rzs_bdev_open_excl(dev, &holder);
	int err;

	if (IS_ERR(handle))
		return PTR_ERR(handle);
	b->bdev_handle = handle;
	b->bdev = rzs_bdev_of(handle);
	b->nr_pages = bdev_nr_bytes(b->bdev) >> RZS_PAGE_SHIFT;
	err = set_swapfile(b, rzs_bdev_inode(b->bdev));
	if (!err)
		err = sync_blockdev(b->bdev);
	if (!err)
		err = extent_add(b, 0, 0);
	return err;
}

/* The file stays open, which keeps its file system mounted.  Only page 0 is mapped here. */
static int open_file(const char *name, struct rzs_backing *b, struct file *file)
{
	struct inode *inode = file_inode(file);
	int err;

	b->file = get_file(file);
	b->bdev = inode->i_sb->s_bdev;
	b->nr_pages = i_size_read(inode) >> RZS_PAGE_SHIFT;
	if (!b->bdev || inode->i_sb->s_magic == F2FS_SUPER_MAGIC) {
		pr_err("%s: the file system may move the blocks of a file\n", name);
		return -EINVAL;
	}
	if (inode->i_blkbits > RZS_PAGE_SHIFT) {
		pr_err("%s: the file system has blocks larger than a page\n", name);
		return -EINVAL;
	}
	err = set_swapfile(b, inode);
	if (!err)
		err = vfs_fsync(file, 0);
	return err ? err : map_file(name, b, 0, 1);
}

/* ---- the swap area ---- */

static int read_page_0(struct rzs_backing *b, void *page)
{
	struct bio_vec bv;
	struct bio bio;
	int err = -EIO;

	bio_init(&bio, b->bdev, &bv, 1, REQ_OP_READ);
	bio.bi_iter.bi_sector = rzs_backing_sector(b, 0);
	if (bio_add_page(&bio, virt_to_page(page), RZS_PAGE_SIZE, offset_in_page(page)) ==
	    RZS_PAGE_SIZE)
		err = submit_bio_wait(&bio);
	bio_uninit(&bio);
	return err;
}

/* The same checks as swapon(2), because whatever else is there would be overwritten. */
static int check_header(const char *name, struct rzs_backing *b, const void *page)
{
	const union swap_header *header = page;
	u64 pages = (u64)header->info.last_page + 1;
	u8 uuid[RZS_SWAP_UUID_SIZE];

	if (!rzs_swap_header_uuid(page, uuid) || header->info.version != 1) {
		pr_err("%s: no swap header; run mkswap, which overwrites existing data\n", name);
		return -EINVAL;
	}
	if (header->info.nr_badpages) {
		pr_err("%s: swap area has bad pages\n", name);
		return -EINVAL;
	}
	if (pages > b->nr_pages || pages < RZS_SWAP_MIN_PAGES || pages > RZS_MAX_PAGES) {
		pr_err("%s: swap header has %llu pages, %llu are available\n", name, pages,
		       b->nr_pages);
		return -EINVAL;
	}
	b->nr_pages = pages;
	return 0;
}

static int check_area(const char *name, struct rzs_backing *b)
{
	void *page;
	int err;

	if (b->bdev->bd_disk->fops->owner == THIS_MODULE) {
		pr_err("%s: a ramzswap device cannot be a backing swap\n", name);
		return -EINVAL;
	}
	if (bdev_is_zoned(b->bdev) || bdev_logical_block_size(b->bdev) > RZS_PAGE_SIZE) {
		pr_err("%s: the device cannot write single pages in any order\n", name);
		return -EINVAL;
	}
	if (b->nr_pages < RZS_SWAP_MIN_PAGES) {
		pr_err("%s: too small for a swap area\n", name);
		return -EINVAL;
	}
	page = (void *)__get_free_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	err = read_page_0(b, page);
	if (err)
		pr_err("%s: cannot read the swap header: error %d\n", name, err);
	else
		err = check_header(name, b, page);
	free_page((unsigned long)page);
	return err;
}

static int open_and_check(const char *name, struct rzs_backing *b, struct file *file)
{
	struct inode *inode = file_inode(file);
	int err = -EINVAL;

	if (S_ISBLK(inode->i_mode))
		err = open_device(b, inode->i_rdev);
	else if (S_ISREG(inode->i_mode) && i_size_read(inode) >> RZS_PAGE_SHIFT)
		err = open_file(name, b, file);
	else
		pr_err("%s: neither a block device nor a file of at least a page\n", name);
	if (!err)
		err = check_area(name, b);
	/* The number of pages is now that of the header. */
	if (!err && b->file)
		err = map_file(name, b, 1, b->nr_pages);
	return err;
}

int rzs_backing_open(const char *name, struct rzs_backing **out)
{
	struct rzs_backing *b = kzalloc(sizeof(*b), GFP_KERNEL);
	struct file *file;
	int err;

	*out = NULL;
	if (!b)
		return -ENOMEM;
	file = filp_open(name, O_RDWR | O_LARGEFILE, 0);
	if (IS_ERR(file)) {
		err = PTR_ERR(file);
	} else {
		err = open_and_check(name, b, file);
		filp_close(file, NULL);
	}
	if (err) {
		pr_err("%s: cannot use as backing swap: error %d%s\n", name, err,
		       err == -EBUSY ? " (in use)" : "");
		rzs_backing_close(b);
		return err;
	}
	b->bytes = sizeof(*b) + b->max_extents * sizeof(*b->extent);
	*out = b;
	return 0;
}

void rzs_backing_close(struct rzs_backing *b)
{
	if (!b)
		return;
	clear_swapfile(b);
	if (b->bdev_handle)
		rzs_bdev_close_excl(b->bdev_handle, &holder);
	if (b->file)
		fput(b->file);
	kvfree(b->extent);
	kfree(b);
}
