// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The data path: bios of every shape.
 *
 * A bio is done when rzs_submit_bio() returns, in the submitter's context, which may be reclaim;
 * one of a device with a backing swap may take longer (ramzswap_spill.c).
 * It is taken page of the device by page of the device, so that each is written as a whole or not
 * at all.  A page that lies in one piece of memory goes straight between there and the store; one
 * that lies in several (a buffer that is not aligned) goes by way of the device's bounce page.  A
 * part of a page is read, changed and written by the store under the slot's lock.
 *
 * Before each write the submitter sees to it that the store has blocks ready (ramzswap_blocks.c)
 * and that no discard of the slot is pending (ramzswap_freed.c).  It holds nothing meanwhile: a
 * worker is had for one page's work at a time, and no memory is asked for while one is held.
 */
#include <linux/blkdev.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/smp.h>

#include "compat.h"
#include "ramzswap.h"

/* So much is discarded before others may have the processor. */
#define DROP_STEP (16ull << 20)

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

/* Bytes of one page of the device. */
static int write_part(struct rzs_device *dev, struct rzs_live *live, const void *from, u32 len,
		      u64 pos)
{
	unsigned int tries = 0;
	bool again;
	int err = rzs_freed_prepare(&live->freed, pos >> RZS_PAGE_SHIFT);

	if (err) {
		atomic64_inc(&dev->failed_writes);
		return err;
	}
	do {
		again = rzs_blocks_refill(live->blocks, false) && ++tries < RZS_WRITE_TRIES;
		err = write_once(live, from, len, pos);
		again = again && err == -ENOMEM;
		if (again)
			rzs_count_after(&dev->retried);
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

/* At most to the end of a page of the device; memory has it in one piece. */
static int do_piece(struct rzs_device *dev, struct rzs_live *live, struct bio_vec *bv, u32 len,
		    u64 pos, bool write)
{
	u8 *base = kmap_local_page(bv->bv_page), *at = base + bv->bv_offset;
	int err = write ? write_part(dev, live, at, len, pos) : read_part(live, at, len, pos);

	kunmap_local(base);
	if (!write)
		flush_dcache_page(bv->bv_page);
	return err;
}

int rzs_bounce_init(struct rzs_bounce *b)
{
	mutex_init(&b->mutex);
	b->page = (void *)__get_free_page(GFP_KERNEL);
	return b->page ? 0 : -ENOMEM;
}

void rzs_bounce_fini(struct rzs_bounce *b)
{
	free_page((unsigned long)b->page);
}

void rzs_bounce_copy(struct rzs_bounce *b, struct bio *bio, struct bvec_iter iter, u32 n,
		     bool to_bio)
{
	u32 done = 0, len;

	while (done < n) {
		struct bio_vec bv = bio_iter_iovec(bio, iter);
		void *at = kmap_local_page(bv.bv_page) + bv.bv_offset;

		len = min_t(u32, bv.bv_len, n - done);
		if (to_bio)
			memcpy(at, b->page + done, len);
		else
			memcpy(b->page + done, at, len);
		kunmap_local(at);
		if (to_bio)
			flush_dcache_page(bv.bv_page);
		bio_advance_iter(bio, &iter, len);
		done += len;
	}
}

/* The same of what memory has in several pieces. */
static int do_pieces(struct rzs_device *dev, struct rzs_live *live, struct bio *bio,
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
			err = do_piece(dev, live, &bv, len, pos, write);
		else
			err = do_pieces(dev, live, bio, iter, len, pos, write);
		bio_advance_iter(bio, &iter, len);
		cond_resched();
	}
	return err;
}

/* A part of a page that is to be zeros. */
static int zero_part(struct rzs_device *dev, struct rzs_live *live, u32 len, u64 pos)
{
	return write_part(dev, live, page_address(ZERO_PAGE(0)), len, pos);
}

/*
 * Discard or zero.  Both drop whole pages; parts of pages are rewritten when zeros are wanted, and
 * else left alone.
 */
static int do_drop(struct rzs_device *dev, struct rzs_live *live, u64 len, u64 pos, bool zero)
{
	struct rzs_worker *w;
	int err = 0;
	u64 step;

	while (len && !err) {
		step = min_t(u64, len, RZS_PAGE_SIZE - (pos & (RZS_PAGE_SIZE - 1)));
		if (step == RZS_PAGE_SIZE) {
			step = min_t(u64, len, DROP_STEP) & ~(u64)(RZS_PAGE_SIZE - 1);
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
		return do_drop(dev, live, len, pos, false);
	case REQ_OP_WRITE_ZEROES:
		return do_drop(dev, live, len, pos, true);
	case REQ_OP_FLUSH:
		return 0; /* what is written is where it stays */
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

#ifdef RZS_RW_PAGE
/*
 * Kernels before 6.3 take a device that has this for one that is done at once, and swap a page in
 * and out without a bio.  An error makes them try again with one, which then tells.  So what is
 * counted for iostat(1) here is what was done, when it is done.
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
	/* With a backing swap it is not done at once. */
	if (live && live->spill)
		err = -EOPNOTSUPP;
	else if (live && sector / PAGE_SECTORS < live->nr_pages)
		err = do_piece(dev, live, &bv, PAGE_SIZE, (u64)sector << SECTOR_SHIFT, write);
	srcu_read_unlock(&rzs_srcu, srcu);
	if (err)
		return err;
	start = bdev_start_io_acct(bdev, PAGE_SECTORS, op, start);
	bdev_end_io_acct(bdev, op, start);
	page_endio(page, write, 0);
	return 0;
}
#endif
