/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the driver's own files share.
 *
 * A device (struct rzs_device) exists from loading to unloading.  While it is initialised it has a
 * struct rzs_live, which everything on the data path finds through SRCU: whoever holds the read
 * lock may use it, and taking a device down waits for all of them.
 *
 * Locks, outermost first:
 *   rzs_device.lock     configuration, INIT and RESET; never on the data path
 *   disk->open_mutex    (the block layer's) is nobody else opening while we look
 *   rzs_srcu            read side: every use of a live device
 *   rzs_bounce.mutex    one page that is in pieces
 *   rzs_freed.mutex     one slot's discard against one write of that slot
 *   a spill's locks     (ramzswap_spill.h)
 *   a store's worker, and what core/store.c says
 * Memory is asked for under the first and the third only, and under the third without I/O.
 */
#ifndef RAMZSWAP_H
#define RAMZSWAP_H

#include <linux/atomic.h>
#include <linux/blkdev.h>
#include <linux/mutex.h>
#include <linux/srcu.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "rzs_store.h"

#define RZS_BACKING_NAME_MAX 128u
/* A write finds the reserve empty only when others took it all between our refill and our write. */
#define RZS_WRITE_TRIES 4u

struct rzs_spill;
struct rzs_backing;

/* Slots that the kernel has said are free and whose pages are still stored: ramzswap_freed.c. */
struct rzs_freed {
	u64 nr_chunks;
	unsigned long **chunk; /* a bit for each slot, or NULL where nothing was ever written */
	unsigned long *busy;   /* a bit for each chunk that has bits */
	struct mutex mutex;
	atomic64_t bytes; /* of memory */
	struct work_struct work;
	struct rzs_store *store;
	struct rzs_spill *spill; /* or NULL; set before there are slots to free */
};

/* For a page of the device that its bio has in several pieces; not used for pages of swap. */
struct rzs_bounce {
	struct mutex mutex;
	void *page;
};

/* An initialised device. */
struct rzs_live {
	struct rzs_store *store;
	struct rzs_blocks *blocks; /* the store's */
	u64 nr_pages;
	struct rzs_freed freed;
	struct rzs_bounce bounce;
	struct rzs_spill *spill; /* NULL: no backing swap */
};

struct rzs_device {
	struct gendisk *disk;
	struct mutex lock;
	bool claimed; /* under disk->open_mutex: no one may open it now */
	struct rzs_live __rcu *live;

	/* What the next INIT makes; under lock. */
	u64 disksize;  /* bytes, 0: by the machine's memory */
	u64 mem_limit; /* bytes, 0: none, or by the machine's memory with a backing swap */
	bool limit_needs_backing; /* it was set as the original had it */
	const char *codec;
	char backing_swap[RZS_BACKING_NAME_MAX]; /* a path; empty: none */

	atomic64_t invalid_io;
	atomic64_t failed_writes; /* that the store has not seen */
	atomic64_t retried;	  /* writes that the store refused once and then took */
};

extern struct workqueue_struct *rzs_workqueue;
extern struct srcu_struct rzs_srcu;
extern const struct attribute_group *rzs_sysfs_groups[];

struct rzs_spill_counts;

/*
 * Counts something that is taken off one of the store's counters: whoever reads this one first,
 * with acquire, and then the store's, never finds more here than there.
 */
static inline void rzs_count_after(atomic64_t *counter)
{
	smp_mb__before_atomic();
	atomic64_inc(counter);
}

/* ramzswap_main.c.  Each takes dev->lock, unless it says otherwise, and may sleep. */

/* -EBUSY when initialised already, -EINVAL for a size that cannot be, -ENOMEM, -ENOSPC: limit. */
int rzs_device_init(struct rzs_device *dev);
/* The same with the lock held. */
int rzs_device_init_locked(struct rzs_device *dev);
/* -EBUSY when more than `openers` have it open.  0 also when there is nothing to reset. */
int rzs_device_reset(struct rzs_device *dev, unsigned int openers);
/* A change of what INIT makes is allowed while this is false.  Under dev->lock. */
static inline bool rzs_device_ready(struct rzs_device *dev)
{
	return rcu_access_pointer(dev->live);
}
/* The live device, for as long as dev->lock is held; NULL: not initialised. */
struct rzs_live *rzs_device_live(struct rzs_device *dev);
/*
 * Statistics.  Takes no lock that others hold for long, and waits for nothing, as anybody may ask;
 * slots that the kernel has freed just now may still be in it.  -ENOTTY: not initialised.
 */
int rzs_device_stats(struct rzs_device *dev, struct rzs_stats *out);
/* The same for what went to the backing swap; all zeros when there is none. */
void rzs_device_spill_counts(struct rzs_device *dev, struct rzs_spill_counts *out);
/* The same for the path of the backing swap that is in use; "" when there is none. */
void rzs_device_backing(struct rzs_device *dev, char out[RZS_BACKING_NAME_MAX]);
/* The path of a backing swap for the next INIT, "" for none.  -EBUSY: initialised; -EINVAL. */
int rzs_device_set_backing(struct rzs_device *dev, const char *path);
/* Call fn for each device until it returns false. */
void rzs_for_each_device(bool (*fn)(struct rzs_device *dev, void *arg), void *arg);

/* ramzswap_bio.c */
void rzs_submit_bio(struct bio *bio);
/* -ENOMEM; rzs_bounce_fini() is fine then as well, and when it was never called. */
int rzs_bounce_init(struct rzs_bounce *b);
void rzs_bounce_fini(struct rzs_bounce *b);
/* n bytes between the page and the bio's next ones.  Under b->mutex. */
void rzs_bounce_copy(struct rzs_bounce *b, struct bio *bio, struct bvec_iter iter, u32 n,
		     bool to_bio);

/* ramzswap_freed.c */
/* -ENOMEM; rzs_freed_fini() is the caller's then as well. */
int rzs_freed_init(struct rzs_freed *f, struct rzs_store *store);
void rzs_freed_fini(struct rzs_freed *f);
int rzs_freed_prepare(struct rzs_freed *f, u64 slot);
void rzs_slot_free_notify(struct block_device *bdev, unsigned long slot);

/* ramzswap_spill.c: devices with a backing swap */

struct rzs_spill_counts {
	u64 pages;	   /* in the backing swap */
	u64 reads, writes; /* pages, failed ones included */
	u64 failed_reads, failed_writes;
};

/* -ENOMEM; else the backing swap is the spill's.  live is to have its store and its size. */
int rzs_spill_new(struct rzs_device *dev, struct rzs_live *live, struct rzs_backing *backing,
		  struct rzs_spill **out);
/* Until all bios are done; nobody may submit more. */
void rzs_spill_wait(struct rzs_spill *s);
/* Closes the backing swap.  NULL is fine. */
void rzs_spill_free(struct rzs_spill *s);
/* Serve a bio, at once or later. */
void rzs_spill_bio(struct rzs_spill *s, struct bio *bio);
/* As rzs_store_discard(), of pages in the store and in the backing swap. */
int rzs_spill_drop(struct rzs_spill *s, u64 slot, u64 nr);
void rzs_spill_counts(struct rzs_spill *s, struct rzs_spill_counts *out);
/* Writes that failed by the store's counts and did not: to be read before these counts. */
u64 rzs_spill_refused(struct rzs_spill *s);
void rzs_spill_add_stats(struct rzs_spill *s, u64 refused, struct rzs_stats *out);

/* ramzswap_shrink.c */
int rzs_shrink_init(void);
void rzs_shrink_exit(void);
/* All that compaction can gain.  The caller sees to it that the device stays live. */
void rzs_compact_all(struct rzs_live *live);

/* rzs_core_unity.c */
struct rzs_blocks *rzs_store_blocks(struct rzs_store *store);

/* ramzswap_selftest.c: before the first device; a negative errno when something is wrong. */
#ifdef RZS_SELFTEST
int rzs_selftest(void);
#else
static inline int rzs_selftest(void)
{
	return 0;
}
#endif

/*
 * ramzswap_blocks.c: false when the machine had no memory.  Sleeps, starts no I/O.  modest: without
 * the kernel's reserves, whoever calls.
 */
bool rzs_blocks_refill(struct rzs_blocks *b, bool modest);

#endif
