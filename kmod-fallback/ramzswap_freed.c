// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Slots that the kernel no longer needs.
 *
 * swap_slot_free_notify() is called under spinlocks.  Most pages are discarded there and then.  If
 * that would have to wait (for a worker, or for a task that uses the page) or if the page may be in
 * the backing swap, the slot is marked in a bitmap, and a work item discards marked slots soon
 * after.  Marking cannot fail, because the slot's part of the bitmap was allocated before the first
 * write of the slot.
 *
 * The race to exclude: a slot is freed, reused for another page and written before the work item
 * runs.  A discard then would lose the new page.  So
 *   - the work item takes the mutex, and if the mark is still set, first discards the slot and then
 *     clears the mark;
 *   - a write tests the mark first.  If it is clear, no discard of the slot is running or pending.
 *     If it is set, the write clears it under the mutex: either before the work item looks, which
 *     then does nothing, or after the discard is done.
 * The kernel does not free a slot while it writes it, so no mark is set in between.  Nor is a mark
 * lost between a discard and the clearing of the mark: the slot would have to be written and freed
 * again in that time, and the write waits for the mutex.
 *
 * `pending` has a bit for each chunk of the bitmap that may have marks.  Marking sets the slot's
 * bit before the chunk's.  The work item clears the chunk's bit before it looks at slots.  So a
 * mark that it misses queues it again.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "ramzswap.h"

#define CHUNK_SLOTS 4096u
#define CHUNK_BYTES (CHUNK_SLOTS / BITS_PER_BYTE)

static void discard_marked(struct rzs_freed *f, u64 slot, unsigned long *bits, unsigned int i)
{
	mutex_lock(&f->mutex);
	if (test_bit(i, bits)) {
		/* Fails only for a slot beyond the end, and this one has a chunk. */
		if (f->discard(f->arg, slot))
			pr_warn_once("cannot discard slot %llu\n", slot);
		/* Whoever sees the mark cleared must see the slot discarded. */
		smp_mb__before_atomic();
		clear_bit(i, bits);
	}
	mutex_unlock(&f->mutex);
}

static void freed_work(struct work_struct *work)
{
	struct rzs_freed *f = container_of(work, struct rzs_freed, work);
	unsigned long chunk;
	unsigned int i;

	for_each_set_bit(chunk, f->pending, f->nr_chunks) {
		unsigned long *bits = f->chunk[chunk];

		if (!test_and_clear_bit(chunk, f->pending))
			continue;
		for_each_set_bit(i, bits, CHUNK_SLOTS)
			discard_marked(f, (u64)chunk * CHUNK_SLOTS + i, bits, i);
		cond_resched();
	}
}

int rzs_freed_init(struct rzs_freed *f, u64 nr_pages, int (*discard)(void *arg, u64 slot),
		   void *arg)
{
	mutex_init(&f->mutex);
	INIT_WORK(&f->work, freed_work);
	f->discard = discard;
	f->arg = arg;
	f->nr_chunks = DIV_ROUND_UP(nr_pages, CHUNK_SLOTS);
	f->chunk = kvcalloc(f->nr_chunks, sizeof(*f->chunk), GFP_KERNEL);
	f->pending = kvcalloc(BITS_TO_LONGS(f->nr_chunks), sizeof(long), GFP_KERNEL);
	if (!f->chunk || !f->pending)
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
	kvfree(f->pending);
}

int rzs_freed_prepare_write(struct rzs_freed *f, u64 slot)
{
	unsigned long **where = &f->chunk[slot / CHUNK_SLOTS];
	/* Pairs with cmpxchg(): a chunk is seen with its bits cleared. */
	unsigned long *bits = smp_load_acquire(where);
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

void rzs_freed_mark(struct rzs_freed *f, u64 slot)
{
	/* Pairs with cmpxchg() in rzs_freed_prepare_write(). */
	unsigned long *bits = smp_load_acquire(&f->chunk[slot / CHUNK_SLOTS]);

	/* Without a chunk nothing was ever written there. */
	if (!bits)
		return;
	set_bit(slot % CHUNK_SLOTS, bits);
	if (!test_and_set_bit(slot / CHUNK_SLOTS, f->pending))
		queue_work(rzs_workqueue, &f->work);
}
