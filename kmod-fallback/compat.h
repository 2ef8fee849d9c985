/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All differences between kernel versions, from 6.1 on.  For changes that were backported to stable
 * kernels, Kbuild searches the headers instead (RZS_HAVE_*).
 *
 * Compiled and tested: 6.1, 6.12 and 7.3 (tests/vm/matrix.list).  No test compiles the code for
 * 6.2 to 6.11 only, because Debian's archive has no headers for those.
 */
#ifndef RAMZSWAP_COMPAT_H
#define RAMZSWAP_COMPAT_H

#include <linux/blkdev.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/limits.h>
#include <linux/numa.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "ramzswap needs Linux 6.1 or newer"
#endif

/* Before 6.3 rw_page() marks a device as synchronous; then there is a flag. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#define RZS_RW_PAGE
int rzs_rw_page(struct block_device *bdev, sector_t sector, struct page *page, enum req_op op);
#endif

/* 6.5: open() gets the disk, and the mode has its own type. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
typedef fmode_t rzs_mode_t;
typedef struct block_device rzs_opened_t;

static inline struct gendisk *rzs_opened_disk(rzs_opened_t *opened)
{
	return opened->bd_disk;
}
#else
typedef blk_mode_t rzs_mode_t;
typedef struct gendisk rzs_opened_t;

static inline struct gendisk *rzs_opened_disk(rzs_opened_t *opened)
{
	return opened;
}
#endif

/*
 * Open a block device exclusively; `holder` is any address of ours.  May sleep.  Returns an
 * ERR_PTR(), -EBUSY if somebody else has it open exclusively.
 * 6.5: the mode has its own type; 6.7: open returns a handle; 6.9: a file; 6.10: the inode is found
 * through the page cache.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
typedef struct block_device rzs_bdev_handle_t;
#define RZS_EXCL_MODE (FMODE_READ | FMODE_WRITE | FMODE_EXCL)

static inline rzs_bdev_handle_t *rzs_bdev_open_excl(dev_t dev, void *holder)
{
	return blkdev_get_by_dev(dev, RZS_EXCL_MODE, holder);
}

static inline void rzs_bdev_close_excl(rzs_bdev_handle_t *handle, void *holder)
{
	blkdev_put(handle, RZS_EXCL_MODE);
}
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
typedef struct block_device rzs_bdev_handle_t;

static inline rzs_bdev_handle_t *rzs_bdev_open_excl(dev_t dev, void *holder)
{
	return blkdev_get_by_dev(dev, BLK_OPEN_READ | BLK_OPEN_WRITE, holder, NULL);
}

static inline void rzs_bdev_close_excl(rzs_bdev_handle_t *handle, void *holder)
{
	blkdev_put(handle, holder);
}
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 9, 0)
typedef struct bdev_handle rzs_bdev_handle_t;

static inline rzs_bdev_handle_t *rzs_bdev_open_excl(dev_t dev, void *holder)
{
	return bdev_open_by_dev(dev, BLK_OPEN_READ | BLK_OPEN_WRITE, holder, NULL);
}

static inline void rzs_bdev_close_excl(rzs_bdev_handle_t *handle, void *holder)
{
	bdev_release(handle);
}
#else
typedef struct file rzs_bdev_handle_t;

static inline rzs_bdev_handle_t *rzs_bdev_open_excl(dev_t dev, void *holder)
{
	return bdev_file_open_by_dev(dev, BLK_OPEN_READ | BLK_OPEN_WRITE, holder, NULL);
}

static inline void rzs_bdev_close_excl(rzs_bdev_handle_t *handle, void *holder)
{
	bdev_fput(handle);
}
#endif

static inline struct block_device *rzs_bdev_of(rzs_bdev_handle_t *handle)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	return handle;
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 9, 0)
	return handle->bdev;
#else
	return file_bdev(handle);
#endif
}

static inline struct inode *rzs_bdev_inode(struct block_device *bdev)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
	return bdev->bd_inode;
#else
	return bdev->bd_mapping->host;
#endif
}

/*
 * Allocate a disk: 4 KiB logical blocks, synchronous, not rotational, with discard, and with stable
 * pages, because a page must not change while it is compressed.  May sleep.  Returns an ERR_PTR().
 * 6.9: the limits are an argument; 6.11: they include the flags.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 9, 0)
static inline struct gendisk *rzs_disk_alloc(unsigned int block)
{
	struct gendisk *disk = blk_alloc_disk(NUMA_NO_NODE);
	struct request_queue *q;

	if (!disk)
		return ERR_PTR(-ENOMEM);
	q = disk->queue;
	blk_queue_logical_block_size(q, block);
	blk_queue_physical_block_size(q, block);
	blk_queue_io_min(q, block);
	q->limits.discard_granularity = block;
	blk_queue_max_discard_sectors(q, UINT_MAX);
	blk_queue_max_write_zeroes_sectors(q, UINT_MAX);
	blk_queue_flag_set(QUEUE_FLAG_NONROT, q);
	blk_queue_flag_set(QUEUE_FLAG_STABLE_WRITES, q);
	blk_queue_flag_clear(QUEUE_FLAG_ADD_RANDOM, q);
#ifndef RZS_RW_PAGE
	blk_queue_flag_set(QUEUE_FLAG_SYNCHRONOUS, q);
#endif
	return disk;
}
#else
static inline struct gendisk *rzs_disk_alloc(unsigned int block)
{
	struct queue_limits lim = {
		.logical_block_size = block,
		.physical_block_size = block,
		.io_min = block,
		.discard_granularity = block,
		.max_hw_discard_sectors = UINT_MAX,
		.max_write_zeroes_sectors = UINT_MAX,
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
		.features = BLK_FEAT_SYNCHRONOUS | BLK_FEAT_STABLE_WRITES,
#endif
	};
	struct gendisk *disk = blk_alloc_disk(&lim, NUMA_NO_NODE);

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
	if (!IS_ERR(disk)) {
		blk_queue_flag_set(QUEUE_FLAG_NONROT, disk->queue);
		blk_queue_flag_set(QUEUE_FLAG_STABLE_WRITES, disk->queue);
		blk_queue_flag_set(QUEUE_FLAG_SYNCHRONOUS, disk->queue);
	}
#endif
	return disk;
}
#endif

/*
 * Mark a disk as synchronous: its bios are complete when submission returns.  Swapping then waits
 * for them, and skips readahead.  Only while no bio is in flight.  May sleep.  Returns a negative
 * errno.  6.3: there is a flag; 6.11: it is in the limits.
 */
static inline int rzs_disk_set_synchronous(struct gendisk *disk, bool on)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
	struct queue_limits lim = queue_limits_start_update(disk->queue);

	if (on)
		lim.features |= BLK_FEAT_SYNCHRONOUS;
	else
		lim.features &= ~BLK_FEAT_SYNCHRONOUS;
	return queue_limits_commit_update(disk->queue, &lim);
#else
#ifndef RZS_RW_PAGE
	if (on)
		blk_queue_flag_set(QUEUE_FLAG_SYNCHRONOUS, disk->queue);
	else
		blk_queue_flag_clear(QUEUE_FLAG_SYNCHRONOUS, disk->queue);
#endif
	return 0;
#endif
}

/* 6.7: the kernel allocates the shrinker.  May sleep.  NULL: no memory. */
typedef unsigned long (*rzs_shrink_fn)(struct shrinker *s, struct shrink_control *sc);

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
static inline struct shrinker *rzs_shrinker_add(rzs_shrink_fn count, rzs_shrink_fn scan)
{
	struct shrinker *s = kzalloc(sizeof(*s), GFP_KERNEL);

	if (!s)
		return NULL;
	s->count_objects = count;
	s->scan_objects = scan;
	s->seeks = DEFAULT_SEEKS;
	if (register_shrinker(s, "ramzswap")) {
		kfree(s);
		return NULL;
	}
	return s;
}

static inline void rzs_shrinker_remove(struct shrinker *s)
{
	unregister_shrinker(s);
	kfree(s);
}
#else
static inline struct shrinker *rzs_shrinker_add(rzs_shrink_fn count, rzs_shrink_fn scan)
{
	struct shrinker *s = shrinker_alloc(0, "ramzswap");

	if (!s)
		return NULL;
	s->count_objects = count;
	s->scan_objects = scan;
	shrinker_register(s);
	return s;
}

static inline void rzs_shrinker_remove(struct shrinker *s)
{
	shrinker_free(s);
}
#endif

#endif
