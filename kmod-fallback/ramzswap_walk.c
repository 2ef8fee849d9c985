// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The pages of a bio, on a device with a backing swap: which is in the store, and which in the
 * backing swap.
 *
 * A write goes to the store.  Pages that the store refuses (incompressible, over the limit, no
 * memory) go to the backing swap, to the page of the same number.  Until the request completes, the
 * page is what it was before: if the request fails, only the bio fails.  If it succeeds, the bit is
 * set and the store forgets its page, under the page's stripe, so that nobody finds the page in
 * neither place.  A write to the store clears the bit, also under the stripe.
 *
 * A read takes no stripe if it finds the page in the store, or its bit set.  Either was true at
 * some moment during the read, and a read that overlaps a write may return either page.
 *
 * Page 0 of the backing swap has its swap header.  Page 0 of the device always stays in the store.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/smp.h>

#include "compat.h"
#include "ramzswap_spill.h"

/* A page is done, or the backing swap must do it.  A negative errno: it failed. */
enum { PAGE_DONE, PAGE_TO_BACKING };

static u64 walk_page(const struct rzs_walk *walk)
{
	return walk->iter.bi_sector >> (RZS_PAGE_SHIFT - SECTOR_SHIFT);
}

static struct mutex *stripe_of(struct rzs_backed *s, u64 page)
{
	return &s->stripe[(size_t)(page / RZS_STRIPE_PAGES) % RZS_STRIPES];
}

/* ---- pages, under their stripe ---- */

static void spilled_set(struct rzs_backed *s, u64 page)
{
	if (!test_and_set_bit(page, s->spilled))
		atomic64_inc(&s->pages);
}

static bool spilled_clear(struct rzs_backed *s, u64 page)
{
	bool was = test_and_clear_bit(page, s->spilled);

	if (was)
		atomic64_dec(&s->pages);
	return was;
}

/*
 * These pages are written to the store or discarded.  Writes of them to the backing swap that are
 * still in flight are older: they complete, but what they write is not the page any more.
 */
static void mark_stale(struct rzs_backed *s, u64 slot, u64 nr)
{
	struct rzs_job *job;
	u64 i;

	/* A run that is added at this moment may as well be the later one. */
	if (list_empty(&s->runs))
		return;
	spin_lock(&s->lock);
	list_for_each_entry(job, &s->runs, node) {
		const struct rzs_walk *walk = &job->walk;

		if (!walk->write || !rzs_walk_overlaps(walk, slot, nr))
			continue;
		for (i = 0; i < walk->nr; i++)
			if (walk->first + i >= slot && walk->first + i < slot + nr)
				job->stale |= 1ull << i;
	}
	spin_unlock(&s->lock);
}

static int store_page(struct rzs_backed *s, u64 page, void *data)
{
	struct rzs_store *store = s->live->store;
	struct mutex *stripe = stripe_of(s, page);
	struct rzs_worker *w;
	int err;

	mutex_lock(stripe);
	w = rzs_worker_get(store, raw_smp_processor_id());
	err = rzs_store_write(store, w, page, data);
	rzs_worker_put(store, w);
	if (!err) {
		spilled_clear(s, page);
		mark_stale(s, page, 1);
	}
	mutex_unlock(stripe);
	return err;
}

static int load_once(struct rzs_backed *s, u64 page, void *data)
{
	struct rzs_store *store = s->live->store;
	struct rzs_worker *w = rzs_worker_get(store, raw_smp_processor_id());
	int err = rzs_store_read(store, w, page, data);

	rzs_worker_put(store, w);
	return err;
}

static int load_page(struct rzs_backed *s, u64 page, void *data)
{
	struct mutex *stripe = stripe_of(s, page);
	int err = load_once(s, page, data);

	if (err != -ENODATA)
		return err;
	if (test_bit(page, s->spilled))
		return PAGE_TO_BACKING;
	/* It may have moved between the two tests. */
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

void rzs_walk_commit(struct rzs_job *job)
{
	const struct rzs_walk *walk = &job->walk;
	struct rzs_backed *s = walk->spill;
	struct rzs_store *store = s->live->store;
	struct rzs_worker *w;
	u32 i;

	for (i = 0; i < walk->nr; i++) {
		u64 page = walk->first + i;
		struct mutex *stripe = stripe_of(s, page);

		mutex_lock(stripe);
		if (!(READ_ONCE(job->stale) >> i & 1)) {
			spilled_set(s, page);
			w = rzs_worker_get(store, raw_smp_processor_id());
			/* Fails only for a page beyond the end. */
			if (rzs_store_forget(store, w, page))
				pr_warn_once("cannot remove page %llu from the store\n", page);
			rzs_worker_put(store, w);
		}
		mutex_unlock(stripe);
	}
}

int rzs_walk_discard(struct rzs_backed *s, u64 slot, u64 nr)
{
	struct rzs_store *store = s->live->store;
	struct mutex *stripe = stripe_of(s, slot);
	unsigned long i, end = slot + nr;
	struct rzs_worker *w;
	int err;

	mutex_lock(stripe);
	/* The bits first: a reader that finds a page in the store does not test its bit. */
	for (i = find_next_bit(s->spilled, end, slot); i < end;
	     i = find_next_bit(s->spilled, end, i + 1))
		if (spilled_clear(s, i))
			atomic64_inc(&s->discards);
	w = rzs_worker_get(store, raw_smp_processor_id());
	err = rzs_store_discard(store, w, slot, nr);
	rzs_worker_put(store, w);
	mark_stale(s, slot, nr);
	mutex_unlock(stripe);
	return err;
}

/* ---- a bio's pages ---- */

/* Call fn with the bio's next page, in one piece. */
static int with_page(struct rzs_walk *walk, int (*fn)(struct rzs_backed *s, u64 page, void *data))
{
	struct bio_vec bv = bio_iter_iovec(walk->bio, walk->iter);
	struct rzs_backed *s = walk->spill;
	struct rzs_bounce *b = &s->live->bounce;
	void *at;
	int ret;

	if (bv.bv_len >= RZS_PAGE_SIZE) {
		at = kmap_local_page(bv.bv_page) + bv.bv_offset;
		ret = fn(s, walk_page(walk), at);
		kunmap_local(at);
		if (!walk->write)
			flush_dcache_page(bv.bv_page);
		return ret;
	}
	mutex_lock(&b->mutex);
	if (walk->write)
		rzs_bounce_copy(b, walk->bio, walk->iter, RZS_PAGE_SIZE, false);
	ret = fn(s, walk_page(walk), b->page);
	if (!walk->write && ret == PAGE_DONE)
		rzs_bounce_copy(b, walk->bio, walk->iter, RZS_PAGE_SIZE, true);
	mutex_unlock(&b->mutex);
	return ret;
}

static int write_page(struct rzs_walk *walk)
{
	struct rzs_backed *s = walk->spill;
	u64 page = walk_page(walk);
	unsigned int tries = 0;
	bool again;
	int err = rzs_freed_prepare_write(&s->live->freed, page);

	if (err) {
		atomic64_inc(&s->dev->failed_writes);
		return err;
	}
	do {
		again = rzs_blocks_refill(s->live->blocks, walk->in_work) &&
			++tries < RZS_WRITE_TRIES;
		err = with_page(walk, store_page);
		again = again && err == -ENOMEM;
		if (again)
			rzs_inc_release(&s->dev->retried);
	} while (again);
	if (!err)
		return PAGE_DONE;
	if (!page || (err != -E2BIG && err != -ENOSPC && err != -ENOMEM))
		return err;
	if (err != -E2BIG)
		rzs_inc_release(&s->refused);
	return PAGE_TO_BACKING;
}

/* Whether the bio's next page may belong to the present run. */
static bool run_may_grow(const struct rzs_walk *walk)
{
	if (!walk->nr)
		return true;
	return walk->nr < RZS_RUN_MAX &&
	       rzs_backing_sector(walk->spill->backing, walk_page(walk)) ==
		       walk->sector + walk->nr * PAGE_SECTORS;
}

static void run_add(struct rzs_walk *walk)
{
	if (!walk->nr) {
		walk->first = walk_page(walk);
		walk->sector = rzs_backing_sector(walk->spill->backing, walk->first);
		walk->run_iter = walk->iter;
	}
	walk->nr++;
}

struct rzs_walk rzs_walk_begin(struct rzs_backed *s, struct bio *bio)
{
	return (struct rzs_walk){
		.spill = s,
		.bio = bio,
		.iter = bio->bi_iter,
		.write = op_is_write(bio_op(bio)),
	};
}

int rzs_walk_next(struct rzs_walk *walk)
{
	int ret;

	walk->nr = 0;
	while (walk->iter.bi_size && run_may_grow(walk)) {
		ret = walk->write ? write_page(walk) : with_page(walk, load_page);
		if (ret < 0) {
			walk->nr = 0;
			return ret;
		}
		if (ret == PAGE_TO_BACKING)
			run_add(walk);
		bio_advance_iter(walk->bio, &walk->iter, RZS_PAGE_SIZE);
		if (ret == PAGE_DONE && walk->nr)
			break;
		cond_resched();
	}
	return 0;
}
