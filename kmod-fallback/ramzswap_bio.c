// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The data path: bios of every shape, and slots that the kernel frees.
 *
 * A bio is complete when rzs_submit_bio() returns.  The submitter may be in reclaim.  A device
 * with a backing swap may complete a bio later (ramzswap_spill.c).
 *
 * A bio is split at the pages of the device, so that each page is written as a whole or not at all.
 * Data in one segment moves directly between the segment and the store.  Data in several segments
 * (an unaligned buffer) goes through the device's bounce page.  A part of a page is read, modified
 * and written by the store under the slot's lock.
 *
 * Before each write the submitter makes sure that the store has blocks in reserve
 * (ramzswap_blocks.c) and that no discard of the slot is pending (ramzswap_freed.c).  It may hold
 * the bounce page's mutex then, but no worker: a worker is held for one page at a time, and no
 * memory is allocated while it is held.
 */
#include <linux/blkdev.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/smp.h>

#include "compat.h"
#include "ramzswap.h"

/* Bytes to discard before the processor may be rescheduled. */
#define DISCARD_STEP (16ull << 20)

static int write_once(struct rzs_live *live, const void *from, u32 len, u64 pos)
{
	struct rzs_worker *w = rzs_worker_get(live->store, raw_smp_processor_id());
	int err;

	if (len == RZS_PAGE_SIZE)
		err = rzs_store_write(live->store, w, pos >> RZS_PAGE_SHIFT, from);
	else
		err = rzs_store_pwrite(live->store, w, from, len, pos);
	rzs_worker_put(live->store, w);
	return err;
}

/* Write bytes of one page of the device. */
static int write_part(struct rzs_device *dev, struct rzs_live *live, const void *from, u32 len,
		      u64 pos)
{
	unsigned int tries = 0;
	bool again;
	int err = rzs_freed_prepare_write(&live->freed, pos >> RZS_PAGE_SHIFT);

	if (err) {
		atomic64_inc(&dev->failed_writes);
		return err;
	}
	do {
		again = rzs_blocks_refill(live->blocks, false) && ++tries < RZS_WRITE_TRIES;
		err = write_once(live, from, len, pos);
		again = again && err == -ENOMEM;
		if (again)
			rzs_inc_release(&dev->retried);
	} while (again);
	return err;
}

static int read_part(struct rzs_live *live, void *to, u32 len, u64 pos)
{
	struct rzs_worker *w = rzs_worker_get(live->store, raw_smp_processor_id());
	int err;

	if (len == RZS_PAGE_SIZE)
		err = rzs_store_read(live->store, w, pos >> RZS_PAGE_SHIFT, to);
	else
		err = rzs_store_pread(live->store, w, to, len, pos);
	rzs_worker_put(live->store, w);
	return err;
}

/* Data within one page of the device, in one segment. */
static int do_segment(struct rzs_device *dev, struct rzs_live *live, struct bio_vec *bv, u32 len,
		      u64 pos, bool write)
{
	u8 *base = kmap_local_page(bv->bv_page), *at = base + bv->bv_offset;
	int err = write ? write_part(dev, live, at, len, pos) : read_part(live, at, len, pos);

	kunmap_local(base);
	if (!write)
		flush_dcache_page(bv->bv_page);
	return err;
}

/* Data within one page of the device, in several segments. */
static int do_segments(struct rzs_device *dev, struct rzs_live *live, struct bio *bio,
		       struct bvec_iter iter, u32 len, u64 pos, bool write)
{
	struct rzs_bounce *b = &live->bounce;
	int err;

	mutex_lock(&b->mutex);
	if (write) {
		rzs_bounce_copy(b, bio, iter, len, false);
		err = write_part(dev, live, b->page, len, pos);
	} else {
		err = read_part(live, b->page, len, pos);
		if (!err)
			rzs_bounce_copy(b, bio, iter, len, true);
	}
	mutex_unlock(&b->mutex);
	return err;
}

static int do_data(struct rzs_device *dev, struct rzs_live *live, struct bio *bio)
{
	bool write = bio_op(bio) == REQ_OP_WRITE;
	struct bvec_iter iter = bio->bi_iter;
	struct bio_vec bv;
	int err = 0;
	u32 len;
	u64 pos;

	while (iter.bi_size && !err) {
		pos = (u64)iter.bi_sector << SECTOR_SHIFT;
		len = min_t(u32, iter.bi_size, RZS_PAGE_SIZE - (pos & (RZS_PAGE_SIZE - 1)));
		bv = bio_iter_iovec(bio, iter);
		if (bv.bv_len >= len)
			err = do_segment(dev, live, &bv, len, pos, write);
		else
			err = do_segments(dev, live, bio, iter, len, pos, write);
		bio_advance_iter(bio, &iter, len);
		cond_resched();
	}
	return err;
}

/* Zero a part of a page. */
static int zero_part(struct rzs_device *dev, struct rzs_live *live, u32 len, u64 pos)
{
	return write_part(dev, live, page_address(ZERO_PAGE(0)), len, pos);
}

/*
 * Discard or zero.  Both discard whole pages.  Parts of pages are rewritten to zero them, and left
 * alone by a discard.
 */
static int do_discard(struct rzs_device *dev, struct rzs_live *live, u64 len, u64 pos, bool zero)
{
	struct rzs_worker *w;
	int err = 0;
	u64 step;

	while (len && !err) {
		step = min_t(u64, len, RZS_PAGE_SIZE - (pos & (RZS_PAGE_SIZE - 1)));
		if (step == RZS_PAGE_SIZE) {
			step = min_t(u64, len, DISCARD_STEP) & ~(u64)(RZS_PAGE_SIZE - 1);
			w = rzs_worker_get(live->store, raw_smp_processor_id());
			err = rzs_store_ptrim(live->store, w, step, pos);
			rzs_worker_put(live->store, w);
			cond_resched();
		} else if (zero) {
			err = zero_part(dev, live, step, pos);
		}
		pos += step;
		len -= step;
	}
	return err;
}

static int do_bio(struct rzs_device *dev, struct rzs_live *live, struct bio *bio)
{
	u64 pos = (u64)bio->bi_iter.bi_sector << SECTOR_SHIFT, len = bio->bi_iter.bi_size;
	u64 size = live->nr_pages << RZS_PAGE_SHIFT;

	if (len > size || pos > size - len) {
		atomic64_inc(&dev->invalid_io);
		return -EIO;
	}
	switch (bio_op(bio)) {
	case REQ_OP_READ:
	case REQ_OP_WRITE:
		return do_data(dev, live, bio);
	case REQ_OP_DISCARD:
		return do_discard(dev, live, len, pos, false);
	case REQ_OP_WRITE_ZEROES:
		return do_discard(dev, live, len, pos, true);
	case REQ_OP_FLUSH:
		return 0; /* nothing here survives a power failure */
	default:
		return -EOPNOTSUPP;
	}
}

void rzs_submit_bio(struct bio *bio)
{
	struct rzs_device *dev = bio->bi_bdev->bd_disk->private_data;
	int srcu = srcu_read_lock(&rzs_srcu), err = -EIO;
	struct rzs_live *live = srcu_dereference(dev->live, &rzs_srcu);
	unsigned long start;

	if (live && live->spill) {
		rzs_spill_bio(live->spill, bio);
		srcu_read_unlock(&rzs_srcu, srcu);
		return;
	}
	start = bio_start_io_acct(bio);
	if (live)
		err = do_bio(dev, live, bio);
	else
		atomic64_inc(&dev->invalid_io);
	srcu_read_unlock(&rzs_srcu, srcu);
	bio->bi_status = errno_to_blk_status(err);
	bio_end_io_acct(bio, start);
	bio_endio(bio);
}

/* A slot that is discarded here may have an older mark, which its next write clears. */
void rzs_slot_free_notify(struct block_device *bdev, unsigned long slot)
{
	struct rzs_device *dev = bdev->bd_disk->private_data;
	int srcu = srcu_read_lock(&rzs_srcu);
	struct rzs_live *live = srcu_dereference(dev->live, &rzs_srcu);

	if (live && slot < live->nr_pages &&
	    (live->spill ||
	     rzs_store_try_discard(live->store, raw_smp_processor_id(), slot) == -EAGAIN))
		rzs_freed_mark(&live->freed, slot);
	srcu_read_unlock(&rzs_srcu, srcu);
}

#ifdef RZS_RW_PAGE
/*
 * Kernels before 6.3 treat a device that has this as synchronous, and swap pages in and out without
 * a bio.  After an error they try again with a bio.  So only success is counted here for iostat(1).
 */
int rzs_rw_page(struct block_device *bdev, sector_t sector, struct page *page, enum req_op op)
{
	struct rzs_device *dev = bdev->bd_disk->private_data;
	bool write = op_is_write(op);
	struct bio_vec bv = {.bv_page = page, .bv_len = PAGE_SIZE};
	unsigned long start = jiffies;
	struct rzs_live *live;
	int srcu, err = -EIO;

	if (PageTransHuge(page) || sector & (PAGE_SECTORS - 1))
		return -EOPNOTSUPP;
	srcu = srcu_read_lock(&rzs_srcu);
	live = srcu_dereference(dev->live, &rzs_srcu);
	/* With a backing swap it may not complete at once. */
	if (live && live->spill)
		err = -EOPNOTSUPP;
	else if (live && sector / PAGE_SECTORS < live->nr_pages)
		err = do_segment(dev, live, &bv, PAGE_SIZE, (u64)sector << SECTOR_SHIFT, write);
	srcu_read_unlock(&rzs_srcu, srcu);
	if (err)
		return err;
	start = bdev_start_io_acct(bdev, PAGE_SECTORS, op, start);
	bdev_end_io_acct(bdev, op, start);
	page_endio(page, write, 0);
	return 0;
}
#endif
