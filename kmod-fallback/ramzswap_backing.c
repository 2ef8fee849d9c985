// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Backing swap: opening it, looking at its swap header, mapping a file's blocks, letting go.  In
 * this order: what has no header is refused before the many blocks of a file are looked up.
 *
 * A file's blocks are looked up once, by bmap(), so that later I/O asks no file system for anything
 * (which could want memory, or a lock that whoever is reclaiming holds).  That is as good as the
 * file system's promise to leave the blocks where they are, which S_SWAPFILE asks for; file systems
 * that have no bmap(), or are known to move blocks nevertheless, are refused.
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

/* Its address is the holder's name. */
static char holder;

/* ---- extents ---- */

static int extent_add(struct rzs_backing *b, u64 page, sector_t sector)
{
	struct rzs_extent *last = b->nr_extents ? &b->extent[b->nr_extents - 1] : NULL, *more;
	size_t room = b->room ? 2 * b->room : 64;

	if (last && sector == last->sector + PAGE_SECTORS_OF(page - last->page))
		return 0;
	if (b->nr_extents == b->room) {
		more = kvmalloc_array(room, sizeof(*more), GFP_KERNEL);
		if (!more)
			return -ENOMEM;
		if (last)
			memcpy(more, b->extent, b->nr_extents * sizeof(*more));
		kvfree(b->extent);
		b->extent = more;
		b->room = room;
	}
	b->extent[b->nr_extents++] = (struct rzs_extent){.page = page, .sector = sector};
	return 0;
}

sector_t rzs_backing_sector(const struct rzs_backing *b, u64 page)
{
	size_t low = 0, high = b->nr_extents, mid;

	/* The last whose first page is not beyond it. */
	while (high - low > 1) {
		mid = low + (high - low) / 2;
		if (b->extent[mid].page <= page)
			low = mid;
		else
			high = mid;
	}
	return b->extent[low].sector + PAGE_SECTORS_OF(page - b->extent[low].page);
}

/* Where the file has this page, in one piece. */
static int map_page(const char *name, struct inode *inode, u64 page, sector_t *out)
{
	unsigned int shift = RZS_PAGE_SHIFT - inode->i_blkbits, i;
	sector_t first = 0, block;

	*out = 0;
	for (i = 0; i < 1u << shift; i++) {
		block = ((sector_t)page << shift) + i;
		if (bmap(inode, &block) || !block) {
			/* bmap() says the same of all of these. */
			pr_err("%s: page %llu of the file is a hole, or was allocated (fallocate) "
			       "and never written, or cannot be mapped; write zeros to all of the "
			       "file, then mkswap\n",
			       name, page);
			return -EINVAL;
		}
		if (!i)
			first = block;
		if (block != first + i) {
			pr_err("%s: page %llu of the file is in pieces\n", name, page);
			return -EINVAL;
		}
	}
	*out = first << (inode->i_blkbits - SECTOR_SHIFT);
	return 0;
}

/* Pages from .. to - 1 of the file. */
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

/* ---- holding ---- */

/* As an active swap area: no writes, no truncation.  -EBUSY: it is one. */
static int hold(struct rzs_backing *b, struct inode *inode)
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

static void let_go(struct rzs_backing *b)
{
	if (!b->inode)
		return;
	inode_lock(b->inode);
	b->inode->i_flags &= ~S_SWAPFILE;
	inode_unlock(b->inode);
	/* What the page cache has is from before. */
	invalidate_inode_pages2(b->inode->i_mapping);
}

static int open_device(struct rzs_backing *b, dev_t dev)
{
	rzs_claim_t *claim = rzs_claim(dev, &holder);
	int err;

	if (IS_ERR(claim))
		return PTR_ERR(claim);
	b->claim = claim;
	b->bdev = rzs_claim_bdev(claim);
	b->nr_pages = bdev_nr_bytes(b->bdev) >> RZS_PAGE_SHIFT;
	err = hold(b, rzs_bdev_inode(b->bdev));
	if (!err)
		err = sync_blockdev(b->bdev);
	if (!err)
		err = extent_add(b, 0, 0);
	return err;
}

/* The file stays open, which keeps its file system mounted.  Of its pages only page 0 is mapped. */
static int open_file(const char *name, struct rzs_backing *b, struct file *file)
{
	struct inode *inode = file_inode(file);
	int err;

	b->file = get_file(file);
	b->bdev = inode->i_sb->s_bdev;
	b->nr_pages = i_size_read(inode) >> RZS_PAGE_SHIFT;
	if (!b->bdev || inode->i_sb->s_magic == F2FS_SUPER_MAGIC) {
		pr_err("%s: its file system does not keep blocks of a file where they are\n", name);
		return -EINVAL;
	}
	if (inode->i_blkbits > RZS_PAGE_SHIFT) {
		pr_err("%s: its file system has blocks larger than a page\n", name);
		return -EINVAL;
	}
	err = hold(b, inode);
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

/* What swapon(2) would ask of it, since what is there is overwritten. */
static int check_header(const char *name, struct rzs_backing *b, const void *page)
{
	const union swap_header *header = page;
	u64 pages = (u64)header->info.last_page + 1;
	u8 uuid[RZS_SWAP_UUID_SIZE];

	if (!rzs_swap_header_uuid(page, uuid) || header->info.version != 1) {
		pr_err("%s: no swap area; mkswap makes one, and overwrites what is there\n", name);
		return -EINVAL;
	}
	if (header->info.nr_badpages) {
		pr_err("%s: backing swap has bad pages\n", name);
		return -EINVAL;
	}
	if (pages > b->nr_pages || pages < RZS_SWAP_MIN_PAGES || pages > RZS_MAX_PAGES) {
		pr_err("%s: its swap header says %llu pages, there is room for %llu\n", name, pages,
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
		pr_err("%s: a ramzswap device cannot have another for its backing swap\n", name);
		return -EINVAL;
	}
	if (bdev_is_zoned(b->bdev) || bdev_logical_block_size(b->bdev) > RZS_PAGE_SIZE) {
		pr_err("%s: its device cannot write single pages anywhere\n", name);
		return -EINVAL;
	}
	if (b->nr_pages < RZS_SWAP_MIN_PAGES) {
		pr_err("%s: too small for swap\n", name);
		return -EINVAL;
	}
	page = (void *)__get_free_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	err = read_page_0(b, page);
	if (err)
		pr_err("%s: cannot be read: error %d\n", name, err);
	else
		err = check_header(name, b, page);
	free_page((unsigned long)page);
	return err;
}

static int open_as(const char *name, struct rzs_backing *b, struct file *file)
{
	struct inode *inode = file_inode(file);
	int err = -EINVAL;

	if (S_ISBLK(inode->i_mode))
		err = open_device(b, inode->i_rdev);
	else if (S_ISREG(inode->i_mode) && i_size_read(inode) >> RZS_PAGE_SHIFT)
		err = open_file(name, b, file);
	else
		pr_err("%s: neither a block device nor a file with anything in it\n", name);
	if (!err)
		err = check_area(name, b);
	/* As many as the header says. */
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
		err = open_as(name, b, file);
		filp_close(file, NULL);
	}
	if (err) {
		pr_err("%s: no backing swap: error %d%s\n", name, err,
		       err == -EBUSY ? ", it is in use" : "");
		rzs_backing_close(b);
		return err;
	}
	b->bytes = sizeof(*b) + b->room * sizeof(*b->extent);
	*out = b;
	return 0;
}

void rzs_backing_close(struct rzs_backing *b)
{
	if (!b)
		return;
	let_go(b);
	if (b->claim)
		rzs_unclaim(b->claim, &holder);
	if (b->file)
		fput(b->file);
	kvfree(b->extent);
	kfree(b);
}
