// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Devices with a backing swap: their bios, statistics and life.  ramzswap_spill.h has the rules.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "compat.h"
#include "ramzswap_spill.h"

int rzs_spill_discard(struct rzs_backed *s, u64 slot, u64 nr)
{
	int err = 0;
	u64 n;

	for (; nr && !err; slot += n, nr -= n) {
		n = min_t(u64, nr, RZS_STRIPE_PAGES - slot % RZS_STRIPE_PAGES);
		err = rzs_walk_discard(s, slot, n);
		cond_resched();
	}
	return err;
}

static void discard_bio(struct rzs_backed *s, struct bio *bio, u64 page, u64 nr)
{
	unsigned long start = bio_start_io_acct(bio);
	int err = rzs_spill_discard(s, page, nr);

	bio->bi_status = errno_to_blk_status(err);
	bio_end_io_acct(bio, start);
	bio_endio(bio);
}

void rzs_spill_bio(struct rzs_backed *s, struct bio *bio)
{
	u64 pos = (u64)bio->bi_iter.bi_sector << SECTOR_SHIFT, len = bio->bi_iter.bi_size;
	u64 size = s->live->nr_pages << RZS_PAGE_SHIFT;

	/* The disk's logical blocks are pages, so nobody may request parts of one. */
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
		discard_bio(s, bio, pos >> RZS_PAGE_SHIFT, len >> RZS_PAGE_SHIFT);
		break;
	case REQ_OP_FLUSH:
		bio_endio(bio); /* nothing here survives a power failure */
		break;
	default:
		bio->bi_status = BLK_STS_NOTSUPP;
		bio_endio(bio);
	}
}

int rzs_spill_new(struct rzs_device *dev, struct rzs_live *live, struct rzs_backing *backing,
		  struct rzs_backed **out)
{
	struct rzs_backed *s = kvzalloc(sizeof(*s), GFP_KERNEL);
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

void rzs_spill_wait(struct rzs_backed *s)
{
	rzs_jobs_wait(s);
}

void rzs_spill_free(struct rzs_backed *s)
{
	if (!s)
		return;
	rzs_jobs_fini(s);
	rzs_backing_close(s->backing);
	kvfree(s->spilled);
	kvfree(s);
}

void rzs_spill_stats(struct rzs_backed *s, struct rzs_spill_stats *out)
{
	out->pages = atomic64_read(&s->pages);
	out->reads = atomic64_read(&s->reads);
	out->writes = atomic64_read(&s->writes);
}

u64 rzs_spill_refused(struct rzs_backed *s)
{
	return atomic64_read_acquire(&s->refused);
}

void rzs_spill_add_stats(struct rzs_backed *s, u64 refused, struct rzs_stats *out)
{
	u64 bytes = sizeof(*s) + s->backing->bytes + s->pool_bytes +
		    BITS_TO_LONGS(s->live->nr_pages) * sizeof(long);

	out->fixed_bytes += bytes;
	out->mem_bytes += bytes;
	out->mem_peak_bytes += bytes;
	out->reads += atomic64_read(&s->zero_reads);
	out->failed_reads += atomic64_read(&s->failed_reads);
	/* A write that the store refused fails only if the backing swap fails too. */
	out->failed_writes += (u64)atomic64_read(&s->failed_writes) - refused;
	out->discards += atomic64_read(&s->discards);
}
