// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The bounce page of a device: one page of the device that a bio has in several segments.  Its
 * mutex serialises those who use it.  Pages of swap are never in segments.
 */
#include <linux/highmem.h>
#include <linux/minmax.h>
#include <linux/mm.h>

#include "ramzswap.h"

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
