// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which page goes where, on a device with a backing swap.
 *
 * A write goes to the store.  What that refuses (incompressible, over the limit, no memory) goes to
 * the backing swap, to the page of the same number, and until it is there the page is what it was:
 * if the request fails, nothing but the bio has.  Then the bit is set and the store forgets what it
 * had, under the page's stripe, so that nobody finds the page in neither place.  A write to the
 * store does the reverse, likewise.
 *
 * A read takes no stripe when it finds the page in the store, or its bit set.  Either was true at
 * some time while the read went on, which is all that can be said of a read beside a write.
 *
 * Page 0 has its swap header in the backing swap, and never goes there: the store keeps it.
 */
#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "compat.h"
#include "ramzswap_spill.h"

/* A page is done, or has to come from or go to the backing swap; below 0: it cannot be done. */
enum { PAGE_DONE, PAGE_TO_BACKING };

/* ---- pages, under their stripe ---- */

static void bit_set(struct rzs_spill *s, u64 page)
{
	if (!test_and_set_bit(page, s->spilled))
		atomic64_inc(&s->pages);
}

static bool bit_clear(struct rzs_spill *s, u64 page)
{
	bool was = test_and_clear_bit(page, s->spilled);

	if (was)
		atomic64_dec(&s->pages);
	return was;
}

static int store_page(struct rzs_spill *s, u64 page, void *data)
{
	struct rzs_store *store = s->live->store;
	struct mutex *stripe = rzs_spill_stripe(s, page);
	struct rzs_worker *w;
	int err;

	mutex_lock(stripe);
	w = rzs_worker_get(store, raw_smp_processor_id());
	err = rzs_store_write(store, w, page, data);
	rzs_worker_put(store, w);
	if (!err) {
		bit_clear(s, page);
		rzs_jobs_supersede(s, page, 1);
	}
	mutex_unlock(stripe);
	return err;
}

static int load_once(struct rzs_spill *s, u64 page, void *data)
{
	struct rzs_store *store = s->live->store;
	struct rzs_worker *w = rzs_worker_get(store, raw_smp_processor_id());
	int err = rzs_store_read(store, w, page, data);

	rzs_worker_put(store, w);
	return err;
}

static int load_page(struct rzs_spill *s, u64 page, void *data)
{
	struct mutex *stripe = rzs_spill_stripe(s, page);
	int err = load_once(s, page, data);

	if (err != -ENODATA)
		return err;
	if (test_bit(page, s->spilled))
		return PAGE_TO_BACKING;
	/* It may have moved between the two looks. */
	mutex_lock(stripe);
	err = load_once(s, page, data);
	if (err == -ENODATA) {
		err = test_bit(page, s->spilled) ? PAGE_TO_BACKING : PAGE_DONE;
		if (err == PAGE_DONE) {
			memset(data, 0, RZS_PAGE_SIZE);
			atomic64_inc(&s->zero_reads);
		}
	}
	mutex_unlock(stripe);
	return err;
}

void rzs_job_settle(struct rzs_job *job)
{
	const struct rzs_walk *walk = &job->walk;
	struct rzs_spill *s = walk->spill;
	struct rzs_store *store = s->live->store;
	struct rzs_worker *w;
	u32 i;

	for (i = 0; i < walk->nr; i++) {
		u64 page = walk->first + i;
		struct mutex *stripe = rzs_spill_stripe(s, page);

		mutex_lock(stripe);
		if (!(READ_ONCE(job->superseded) >> i & 1)) {
			bit_set(s, page);
			w = rzs_worker_get(store, raw_smp_processor_id());
			/* Fails only for a page that is not the store's. */
			if (rzs_store_forget(store, w, page))
				pr_warn_once("page %llu cannot be forgotten\n", page);
			rzs_worker_put(store, w);
		}
		mutex_unlock(stripe);
	}
}

/* Pages of one stripe. */
static int drop_some(struct rzs_spill *s, u64 slot, u64 nr)
{
	struct rzs_store *store = s->live->store;
	struct mutex *stripe = rzs_spill_stripe(s, slot);
	unsigned long i, end = slot + nr;
	struct rzs_worker *w;
	int err;

	mutex_lock(stripe);
	/* The bits first: who finds a page in the store does not look at them. */
	for (i = find_next_bit(s->spilled, end, slot); i < end;
	     i = find_next_bit(s->spilled, end, i + 1))
		if (bit_clear(s, i))
			atomic64_inc(&s->dropped);
	w = rzs_worker_get(store, raw_smp_processor_id());
	err = rzs_store_discard(store, w, slot, nr);
	rzs_worker_put(store, w);
	rzs_jobs_supersede(s, slot, nr);
	mutex_unlock(stripe);
	return err;
}

int rzs_spill_drop(struct rzs_spill *s, u64 slot, u64 nr)
{
	int err = 0;
	u64 n;

	for (; nr && !err; slot += n, nr -= n) {
		n = min_t(u64, nr, RZS_STRIPE_PAGES - slot % RZS_STRIPE_PAGES);
		err = drop_some(s, slot, n);
		cond_resched();
	}
	return err;
}

/* ---- a bio's pages ---- */

/* Call fn with the bio's next page in one piece. */
static int with_page(struct rzs_walk *w, int (*fn)(struct rzs_spill *s, u64 page, void *data))
{
	struct bio_vec bv = bio_iter_iovec(w->bio, w->iter);
	struct rzs_spill *s = w->spill;
	struct rzs_bounce *b = &s->live->bounce;
	void *at;
	int ret;

	if (bv.bv_len >= RZS_PAGE_SIZE) {
		at = kmap_local_page(bv.bv_page) + bv.bv_offset;
		ret = fn(s, rzs_walk_page(w), at);
		kunmap_local(at);
		if (!w->write)
			flush_dcache_page(bv.bv_page);
		return ret;
	}
	mutex_lock(&b->mutex);
	if (w->write)
		rzs_bounce_copy(b, w->bio, w->iter, RZS_PAGE_SIZE, false);
	ret = fn(s, rzs_walk_page(w), b->page);
	if (!w->write && ret == PAGE_DONE)
		rzs_bounce_copy(b, w->bio, w->iter, RZS_PAGE_SIZE, true);
	mutex_unlock(&b->mutex);
	return ret;
}

static int write_page(struct rzs_walk *w)
{
	struct rzs_spill *s = w->spill;
	u64 page = rzs_walk_page(w);
	unsigned int tries = 0;
	bool again;
	int err = rzs_freed_prepare(&s->live->freed, page);

	if (err) {
		atomic64_inc(&s->dev->failed_writes);
		return err;
	}
	do {
		again = rzs_blocks_refill(s->live->blocks, w->in_work) && ++tries < RZS_WRITE_TRIES;
		err = with_page(w, store_page);
		again = again && err == -ENOMEM;
		if (again)
			rzs_count_after(&s->dev->retried);
	} while (again);
	if (!err)
		return PAGE_DONE;
	if (!page || (err != -E2BIG && err != -ENOSPC && err != -ENOMEM))
		return err;
	if (err != -E2BIG)
		rzs_count_after(&s->refused);
	return PAGE_TO_BACKING;
}

/* Whether the bio's next page may be of the run that there is. */
static bool run_may_grow(const struct rzs_walk *w)
{
	if (!w->nr)
		return true;
	return w->nr < RZS_RUN_MAX && rzs_backing_sector(w->spill->backing, rzs_walk_page(w)) ==
					      w->sector + w->nr * PAGE_SECTORS;
}

static void run_add(struct rzs_walk *w)
{
	if (!w->nr) {
		w->first = rzs_walk_page(w);
		w->sector = rzs_backing_sector(w->spill->backing, w->first);
		w->run_iter = w->iter;
	}
	w->nr++;
}

int rzs_walk_on(struct rzs_walk *w)
{
	int ret;

	w->nr = 0;
	while (w->iter.bi_size && run_may_grow(w)) {
		ret = w->write ? write_page(w) : with_page(w, load_page);
		if (ret < 0) {
			w->nr = 0;
			return ret;
		}
		if (ret == PAGE_TO_BACKING)
			run_add(w);
		bio_advance_iter(w->bio, &w->iter, RZS_PAGE_SIZE);
		if (ret == PAGE_DONE && w->nr)
			break;
		cond_resched();
	}
	return 0;
}

static void drop_bio(struct rzs_spill *s, struct bio *bio, u64 page, u64 nr)
{
	unsigned long start = bio_start_io_acct(bio);
	int err = rzs_spill_drop(s, page, nr);

	bio->bi_status = errno_to_blk_status(err);
	bio_end_io_acct(bio, start);
	bio_endio(bio);
}

void rzs_spill_bio(struct rzs_spill *s, struct bio *bio)
{
	u64 pos = (u64)bio->bi_iter.bi_sector << SECTOR_SHIFT, len = bio->bi_iter.bi_size;
	u64 size = s->live->nr_pages << RZS_PAGE_SHIFT;

	/* The disk's blocks are pages: nobody has a reason to want parts of them. */
	if (len > size || pos > size - len || (pos | len) & (RZS_PAGE_SIZE - 1)) {
		atomic64_inc(&s->dev->invalid_io);
		bio_io_error(bio);
		return;
	}
	switch (bio_op(bio)) {
	case REQ_OP_READ:
	case REQ_OP_WRITE:
		rzs_job_begin(s, bio);
		break;
	case REQ_OP_DISCARD:
	case REQ_OP_WRITE_ZEROES:
		drop_bio(s, bio, pos >> RZS_PAGE_SHIFT, len >> RZS_PAGE_SHIFT);
		break;
	case REQ_OP_FLUSH:
		bio_endio(bio); /* what is written is where it stays */
		break;
	default:
		bio->bi_status = BLK_STS_NOTSUPP;
		bio_endio(bio);
	}
}

/* ---- life ---- */

int rzs_spill_new(struct rzs_device *dev, struct rzs_live *live, struct rzs_backing *backing,
		  struct rzs_spill **out)
{
	struct rzs_spill *s = kvzalloc(sizeof(*s), GFP_KERNEL);
	unsigned int i;

	*out = NULL;
	if (!s)
		return -ENOMEM;
	for (i = 0; i < RZS_STRIPES; i++)
		mutex_init(&s->stripe[i]);
	s->dev = dev;
	s->live = live;
	s->spilled = kvcalloc(BITS_TO_LONGS(live->nr_pages), sizeof(long), GFP_KERNEL);
	if (rzs_jobs_init(s) || !s->spilled) {
		rzs_spill_free(s);
		return -ENOMEM;
	}
	s->backing = backing;
	*out = s;
	return 0;
}

void rzs_spill_wait(struct rzs_spill *s)
{
	rzs_jobs_wait(s);
}

void rzs_spill_free(struct rzs_spill *s)
{
	if (!s)
		return;
	rzs_jobs_fini(s);
	rzs_backing_close(s->backing);
	kvfree(s->spilled);
	kvfree(s);
}

u64 rzs_spill_refused(struct rzs_spill *s)
{
	return atomic64_read_acquire(&s->refused);
}

void rzs_spill_counts(struct rzs_spill *s, struct rzs_spill_counts *out)
{
	out->pages = atomic64_read(&s->pages);
	out->reads = atomic64_read(&s->reads);
	out->writes = atomic64_read(&s->writes);
	out->failed_reads = atomic64_read(&s->failed_reads);
	out->failed_writes = atomic64_read(&s->failed_writes);
}

/* What the store cannot know of. */
void rzs_spill_add_stats(struct rzs_spill *s, u64 refused, struct rzs_stats *out)
{
	u64 bytes = sizeof(*s) + s->backing->bytes + s->pool_bytes +
		    BITS_TO_LONGS(s->live->nr_pages) * sizeof(long);

	out->fixed_bytes += bytes;
	out->mem_bytes += bytes;
	out->mem_peak_bytes += bytes;
	out->reads += atomic64_read(&s->zero_reads);
	out->failed_reads += atomic64_read(&s->failed_reads);
	/* What the store had refused was no failure yet. */
	out->failed_writes += (u64)atomic64_read(&s->failed_writes) - refused;
	out->discards += atomic64_read(&s->dropped);
}
