// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Slots that the kernel no longer needs.
 *
 * swap_slot_free_notify() comes under spinlocks.  Nearly always the page can be dropped there and
 * then.  When that would have to wait, for a worker or for whoever works on the page, or because
 * the page may be in the backing swap, the slot is marked in a bitmap, and a work item drops marked
 * ones within moments.  Marking never fails and loses nothing: the bitmap's piece was made when the
 * slot was first written.
 *
 * The race that matters: a slot is freed, given to another page and written again before the work
 * item comes to it.  Discarding then would lose the new page.  The rule that excludes it:
 *   - the work item discards a marked slot first and clears the mark afterwards, both under the
 *     mutex, and only if the mark is still there;
 *   - a write looks for a mark first.  If there is none, no discard of the slot is going on or to
 *     come.  If there is one, the write takes it off under the mutex, and so either before the work
 *     item has looked or after the discard is done.
 * The kernel does not free a slot while it writes it, so no mark appears in between.  Nor is one
 * lost between a discard and its clearing: the slot would have to be written in that time, and the
 * write waits for the mutex.
 *
 * `busy` says where to look.  Marking sets the slot's bit before the chunk's, the work item clears
 * the chunk's bit before it looks at slots: a mark that it misses leads to another run.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "ramzswap.h"

#define CHUNK_SLOTS 4096u
#define CHUNK_BYTES (CHUNK_SLOTS / BITS_PER_BYTE)
#define CHUNK_LONGS (CHUNK_SLOTS / BITS_PER_LONG)

static int drop_stored(struct rzs_freed *f, u64 slot)
{
	struct rzs_worker *w = rzs_worker_get(f->store, raw_smp_processor_id());
	int err = rzs_store_discard(f->store, w, slot, 1);

	rzs_worker_put(f->store, w);
	return err;
}

static void drop_marked(struct rzs_freed *f, u64 slot, unsigned long *bits, unsigned int i)
{
	mutex_lock(&f->mutex);
	if (test_bit(i, bits)) {
		/* Fails only for a slot that is not the store's, and it has a chunk. */
		if (f->spill ? rzs_spill_drop(f->spill, slot, 1) : drop_stored(f, slot))
			pr_warn_once("slot %llu cannot be dropped\n", slot);
		smp_mb__before_atomic(); /* whoever sees no mark finds the slot dropped */
		clear_bit(i, bits);
	}
	mutex_unlock(&f->mutex);
}

static void freed_work(struct work_struct *work)
{
	struct rzs_freed *f = container_of(work, struct rzs_freed, work);
	unsigned long chunk;
	unsigned int i;

	for_each_set_bit(chunk, f->busy, f->nr_chunks) {
		unsigned long *bits = f->chunk[chunk];

		if (!test_and_clear_bit(chunk, f->busy))
			continue;
		for_each_set_bit(i, bits, CHUNK_SLOTS)
			drop_marked(f, (u64)chunk * CHUNK_SLOTS + i, bits, i);
		cond_resched();
	}
}

int rzs_freed_init(struct rzs_freed *f, struct rzs_store *store)
{
	mutex_init(&f->mutex);
	INIT_WORK(&f->work, freed_work);
	f->store = store;
	f->nr_chunks = DIV_ROUND_UP(rzs_store_pages(store), CHUNK_SLOTS);
	f->chunk = kvcalloc(f->nr_chunks, sizeof(*f->chunk), GFP_KERNEL);
	f->busy = kvcalloc(BITS_TO_LONGS(f->nr_chunks), sizeof(long), GFP_KERNEL);
	if (!f->chunk || !f->busy)
		return -ENOMEM;
	atomic64_set(&f->bytes,
		     f->nr_chunks * sizeof(*f->chunk) + BITS_TO_LONGS(f->nr_chunks) * sizeof(long));
	return 0;
}

void rzs_freed_fini(struct rzs_freed *f)
{
	u64 i;

	cancel_work_sync(&f->work);
	for (i = 0; f->chunk && i < f->nr_chunks; i++)
		kfree(f->chunk[i]);
	kvfree(f->chunk);
	kvfree(f->busy);
}

/* Before each write of a slot.  -ENOMEM: it must not be written now. */
int rzs_freed_prepare(struct rzs_freed *f, u64 slot)
{
	unsigned long **where = &f->chunk[slot / CHUNK_SLOTS], *bits = smp_load_acquire(where);
	unsigned int i = slot % CHUNK_SLOTS;

	if (unlikely(!bits)) {
		bits = kzalloc(CHUNK_BYTES, GFP_NOIO | __GFP_NOWARN | __GFP_RETRY_MAYFAIL);
		if (!bits)
			return -ENOMEM;
		if (cmpxchg(where, NULL, bits))
			kfree(bits); /* another write was first */
		else
			atomic64_add(CHUNK_BYTES, &f->bytes);
		return 0;
	}
	if (unlikely(test_bit_acquire(i, bits))) {
		mutex_lock(&f->mutex);
		clear_bit(i, bits);
		mutex_unlock(&f->mutex);
	}
	return 0;
}

static void drop_later(struct rzs_freed *f, u64 slot)
{
	unsigned long *bits = smp_load_acquire(&f->chunk[slot / CHUNK_SLOTS]);

	/* Where there is no bitmap nothing was written. */
	if (!bits)
		return;
	set_bit(slot % CHUNK_SLOTS, bits);
	if (!test_and_set_bit(slot / CHUNK_SLOTS, f->busy))
		queue_work(rzs_workqueue, &f->work);
}

/*
 * The block device operation: in atomic context, under the swap core's locks.  A slot that is
 * dropped here may have a mark from before; whoever writes it next takes that off.
 */
void rzs_slot_free_notify(struct block_device *bdev, unsigned long slot)
{
	struct rzs_device *dev = bdev->bd_disk->private_data;
	int srcu = srcu_read_lock(&rzs_srcu);
	struct rzs_live *live = srcu_dereference(dev->live, &rzs_srcu);

	if (live && slot < live->nr_pages &&
	    (live->spill ||
	     rzs_store_try_discard(live->store, raw_smp_processor_id(), slot) == -EAGAIN))
		drop_later(&live->freed, slot);
	srcu_read_unlock(&rzs_srcu, srcu);
}
