/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the driver's files share.
 *
 * A device (struct rzs_device) exists from module load to unload.  While it is initialised it has a
 * struct rzs_live.  The data path finds that through SRCU: whoever holds the read lock may use it,
 * and RESET waits for all readers.
 *
 * Files, by layer.  A file calls only files in lines below its own.
 *   main                    module parameters, disks, load and unload
 *   bio, ioctl, sysfs       the block device's interfaces
 *   sysfs_merge, sysfs_idle files in sysfs of merging, and of idle pages
 *   shrink, selftest        compaction; the self-test of a debug build
 *   device                  INIT, RESET and statistics of a device
 *   spill                   a device with a backing swap
 *   job                     requests to the backing swap
 *   walk                    the pages of a bio: store or backing swap
 *   backing, bounce, freed  the backing swap's blocks; the bounce page; freed slots
 *   merge, recompress       the scanner of merging; idle pages and their recompression
 *   core_unity              the store
 *   blocks                  memory for the store
 * main defines rzs_workqueue, which freed, job and blocks use, and rzs_scan_workqueue, which merge
 * and recompress use: data, not a call.
 *
 * Lock order, outermost first:
 *   rzs_device.lock     configuration, INIT and RESET; never taken on the data path
 *   disk->open_mutex    the block layer's: no open or close while it is held
 *   rzs_srcu            read side: every use of a live device
 *   rzs_bounce.mutex    the bounce page
 *   rzs_freed.mutex     a discard of a freed slot against a write of that slot
 *   the spill's locks   see ramzswap_spill.h
 *   the store's locks   a worker first; see core/store.c
 * Memory is allocated only under rzs_device.lock and under rzs_srcu; under rzs_srcu without I/O.
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
/*
 * After a refill a write finds no block only if other writes took all of them in between.  It then
 * tries again, this many times altogether.
 */
#define RZS_WRITE_TRIES 4u

struct rzs_backing;
struct rzs_backed;

/* Slots that the kernel has freed and that are not discarded yet; see ramzswap_freed.c. */
struct rzs_freed {
	u64 nr_chunks;
	unsigned long **chunk;	/* one bit per slot; NULL if no slot of the chunk was written */
	unsigned long *pending; /* one bit per chunk: it may have marked slots */
	struct mutex mutex;
	atomic64_t bytes; /* memory in use */
	struct work_struct work;
	int (*discard)(void *arg, u64 slot);
	void *arg;
};

/* A buffer for pages that a bio has in several segments.  Swap never needs it. */
struct rzs_bounce {
	struct mutex mutex;
	void *page;
};

/* The knobs of merging, by KSM's names, and one of our own. */
enum rzs_merge_knob {
	RZS_MERGE_RUN, /* enum rzs_merge_run */
	RZS_MERGE_PAGES_TO_SCAN,
	RZS_MERGE_SLEEP_MILLISECS,
	RZS_MERGE_MAX_PAGE_SHARING,
	RZS_MERGE_SMART_SCAN,
	RZS_MERGE_INLINE, /* while pages are scanned, writes merge as well */
	RZS_MERGE_KNOBS
};

enum rzs_merge_run { RZS_MERGE_STOP, RZS_MERGE_SCAN, RZS_MERGE_UNMERGE };

/* Merging of a device; see ramzswap_merge.c. */
struct rzs_merge {
	struct rzs_store *store;
	struct rzs_blocks *blocks; /* the store's */
	const char *name;	   /* of the device, for the log */
	struct delayed_work work;
	u32 knob[RZS_MERGE_KNOBS];
	u32 left; /* the work item's: pages to scan before it sleeps */
};

/* The knobs of recompression, those of servers; after and idle_step are seconds. */
enum rzs_recompress_knob {
	RZS_RECOMPRESS_ON, /* idle pages are recompressed without being asked for */
	RZS_RECOMPRESS_AFTER,
	RZS_RECOMPRESS_CPU,  /* percent of a processor, 1 .. 100 */
	RZS_RECOMPRESS_UNIT, /* pages compressed together: 1, 2, 4 or 8 */
	RZS_RECOMPRESS_IDLE_STEP,
	RZS_RECOMPRESS_KNOBS
};

/* Idle pages of a device; see ramzswap_recompress.c. */
struct rzs_recompressor {
	struct rzs_store *store;
	struct rzs_blocks *blocks; /* the store's */
	struct delayed_work work;
	u32 knob[RZS_RECOMPRESS_KNOBS];

	/* The work item's, or of whoever has stopped it.  The last two need RZS_RECOMPRESS_ON. */
	bool passing;	 /* a pass is under way */
	bool trying;	 /* pages have not been looked at since the last pass */
	bool compacting; /* compaction has more to gain */
	u64 pass_ns;	 /* of the clock: when the next pass begins */
	u64 try_ns;	 /* and the next slice of tries */
};

/* An initialised device. */
struct rzs_live {
	struct rzs_store *store;
	struct rzs_blocks *blocks; /* the store's */
	u64 nr_pages;
	struct rzs_freed freed;
	struct rzs_bounce bounce;
	struct rzs_merge merge;
	struct rzs_recompressor recompress;
	struct rzs_backed *spill; /* NULL without a backing swap */
};

struct rzs_device {
	struct gendisk *disk;
	struct mutex lock;
	bool claimed; /* by RESET, under disk->open_mutex: open fails */
	bool checksum;
	struct rzs_live __rcu *live;

	/* The configuration for the next INIT; under lock. */
	u64 disksize;		  /* bytes; 0: depends on RAM */
	u64 mem_limit;		  /* bytes; 0: none, or with a backing swap depends on RAM */
	bool limit_needs_backing; /* set by ioctl, where the original driver required that */
	const char *codec;
	const char *codec2; /* for recompression; NULL: none.  It may be chosen after INIT, too */
	int level2;	    /* 0: the codec's default */
	char backing_swap[RZS_BACKING_NAME_MAX]; /* path, or "" */

	atomic64_t invalid_io;
	atomic64_t failed_writes; /* that never reached the store */
	atomic64_t retried;	  /* writes that the store refused once and that were tried again */
};

/* The device of /sys/block/ramzswapN. */
static inline struct rzs_device *to_rzs(struct device *dev)
{
	return dev_to_disk(dev)->private_data;
}

extern struct workqueue_struct *rzs_workqueue;
extern struct workqueue_struct *rzs_scan_workqueue;
extern struct srcu_struct rzs_srcu;
extern const struct attribute_group *rzs_sysfs_groups[];
extern const struct attribute_group rzs_sysfs_merge_group;
extern const struct attribute_group rzs_sysfs_idle_group;
extern const struct attribute_group rzs_sysfs_recompression_group;
extern const u32 rzs_merge_defaults[RZS_MERGE_KNOBS];
extern const u32 rzs_recompress_defaults[RZS_RECOMPRESS_KNOBS];

/*
 * Count an event that is subtracted from one of the store's counters.  A reader that reads this
 * counter with acquire, and the store's counter afterwards, never sees more here than there.
 */
static inline void rzs_inc_release(atomic64_t *counter)
{
	/* The store's counter first; pairs with atomic64_read_acquire(). */
	smp_mb__before_atomic();
	atomic64_inc(counter);
}

/* ---- ramzswap_device.c ---- */

/* Statistics of the backing swap, in pages. */
struct rzs_spill_stats {
	u64 pages;	   /* stored there now */
	u64 reads, writes; /* including those that failed */
};

/*
 * Initialise a device as configured.  Process context without dev->lock; may sleep and start I/O.
 *   -EBUSY   it is initialised
 *   -EINVAL  the size is out of range, or a limit requires a backing swap (the log says so)
 *   -ENOSPC  the limit is too small
 *   -ENOMEM
 *   or the error from rzs_backing_open()
 */
int rzs_device_init(struct rzs_device *dev);
/* The same; the caller holds dev->lock. */
int rzs_device_init_locked(struct rzs_device *dev);
/*
 * Discard all data and the configuration.  Process context without dev->lock; may sleep and start
 * I/O.  Returns -EBUSY if the disk is open more than `openers` times.  It is not an error if the
 * device is not initialised.
 */
int rzs_device_reset(struct rzs_device *dev, unsigned int openers);
/*
 * Free the store and forget the configuration of a device that cannot be in use: it was claimed,
 * or its disk was deleted or never added.  The caller holds dev->lock; may sleep.
 */
void rzs_device_clear(struct rzs_device *dev);
/* While this is false the configuration may be changed.  Any context; stable under dev->lock. */
static inline bool rzs_device_initialised(struct rzs_device *dev)
{
	return rcu_access_pointer(dev->live);
}
/* The live device, or NULL.  The caller holds dev->lock, and may use it until it releases that. */
struct rzs_live *rzs_device_live(struct rzs_device *dev);
/*
 * Set the path of the backing swap for the next INIT; "" means none.  Takes dev->lock; may sleep.
 * Returns -EBUSY if the device is initialised, -EINVAL if the path is too long.
 */
int rzs_device_set_backing(struct rzs_device *dev, const char *path);

/*
 * Statistics.  Process context.  These take no mutex and never wait for INIT, RESET or I/O, because
 * any user may call them.  Slots that the kernel has freed just now may still be counted.
 */

/* Returns -ENOTTY, and leaves *out alone, if the device is not initialised. */
int rzs_device_stats(struct rzs_device *dev, struct rzs_stats *out);
/* All zeros if there is no backing swap in use. */
void rzs_device_spill_stats(struct rzs_device *dev, struct rzs_spill_stats *out);
/* The path of the backing swap in use, or "". */
void rzs_device_backing(struct rzs_device *dev, char out[RZS_BACKING_NAME_MAX]);

/* ---- ramzswap_bio.c ---- */

/* The block device operation: process context without locks; may sleep, does not wait for I/O. */
void rzs_submit_bio(struct bio *bio);
/*
 * The block device operation: the kernel no longer needs a swap slot.  Called under the swap
 * code's spinlocks; never sleeps.
 */
void rzs_slot_free_notify(struct block_device *bdev, unsigned long slot);

/* ---- ramzswap_bounce.c ---- */

/* May sleep.  Returns -ENOMEM; rzs_bounce_fini() may be called then as well. */
int rzs_bounce_init(struct rzs_bounce *b);
/* Also if rzs_bounce_init() was never called on the zeroed structure. */
void rzs_bounce_fini(struct rzs_bounce *b);
/*
 * Copy n bytes, at most a page, between the start of the bounce page and the bio from iter on.
 * The caller holds b->mutex.
 */
void rzs_bounce_copy(struct rzs_bounce *b, struct bio *bio, struct bvec_iter iter, u32 n,
		     bool to_bio);

/* ---- ramzswap_freed.c ---- */

/*
 * discard(arg, slot) discards one page.  It is called from a work item, under f->mutex, and may
 * sleep, but must not wait for memory.  May sleep.  Returns -ENOMEM; rzs_freed_fini() is to be
 * called then as well.
 */
int rzs_freed_init(struct rzs_freed *f, u64 nr_pages, int (*discard)(void *arg, u64 slot),
		   void *arg);
/* Waits for the work item.  Nobody may mark slots or write any more.  May sleep. */
void rzs_freed_fini(struct rzs_freed *f);
/*
 * To be called before each write of a slot.  May sleep; allocates without I/O.  Returns -ENOMEM:
 * the slot must not be written now.
 */
int rzs_freed_prepare_write(struct rzs_freed *f, u64 slot);
/* Have a slot discarded soon, unless it is written before that.  Any context. */
void rzs_freed_mark(struct rzs_freed *f, u64 slot);

/* ---- ramzswap_merge.c ---- */

/* Merging is off.  name must stay. */
void rzs_merge_init(struct rzs_merge *m, struct rzs_store *store, struct rzs_blocks *blocks,
		    const char *name);
/* Waits for the scanner, which does not start again.  May sleep. */
void rzs_merge_fini(struct rzs_merge *m);
/*
 * Set a knob.  The caller holds the device's lock; may sleep.  RZS_MERGE_UNMERGE returns when no
 * page is shared any more, or a signal is pending.  If it fails, merging is off.
 *   -EINVAL       the value is out of range
 *   -EBUSY        max_page_sharing: pages are shared
 *   -ENOSPC       the limit does not allow the index
 *   -ENOMEM       no memory for the index, or to unmerge all pages (the log says how much)
 *   -EIO          pages that are damaged stay shared
 *   -ERESTARTSYS  a signal is pending
 */
int rzs_merge_set(struct rzs_merge *m, enum rzs_merge_knob knob, u32 value);

/* ---- ramzswap_recompress.c ---- */

/* Nothing is looked for, and there is no second codec. */
void rzs_recompressor_init(struct rzs_recompressor *r, struct rzs_store *store,
			   struct rzs_blocks *blocks);
/* Waits for the work item, which does not start again.  May sleep. */
void rzs_recompressor_fini(struct rzs_recompressor *r);

/*
 * The following need the device's lock, or a device that nobody else knows yet.  They may sleep.
 */

/*
 * Make the contexts of the second codec, or change its level (0: the default).
 *   -EINVAL  no such level, or the second codec was another one before
 *   -ENOSPC  the limit does not allow them
 *   -ENOMEM
 */
int rzs_recompressor_codec(struct rzs_recompressor *r, const char *codec, int level);
/*
 * Set a knob.  RZS_RECOMPRESS_ON needs a second codec.
 *   -EINVAL           the value is out of range
 *   -ENOSPC, -ENOMEM  idle_step: as rzs_recompressor_codec(), for the table of ages
 */
int rzs_recompressor_set(struct rzs_recompressor *r, enum rzs_recompress_knob knob, u32 value);
/*
 * Let pages that have been idle for so many seconds count as old; 0: all pages.
 *   -EINVAL           ages are not known, because no passes are made
 *   -ENOSPC, -ENOMEM  as above
 */
int rzs_recompressor_mark(struct rzs_recompressor *r, u32 seconds);
/*
 * Recompress pages whose objects have min_size bytes or more: old ones, or all, which are marked
 * then.  There is a second codec.  max_pages: to try at most, 0: any number.  Then compact.
 *   -EINTR            a signal is pending; what was done stays
 *   -ENOSPC, -ENOMEM  as rzs_recompressor_mark()
 */
int rzs_recompressor_now(struct rzs_recompressor *r, bool idle_only, u32 min_size, u64 max_pages);

/* ---- ramzswap_spill.c ---- */

/*
 * live must have everything but its spill.  May sleep.  Returns -ENOMEM; on success the spill owns
 * the backing swap.
 */
int rzs_spill_new(struct rzs_device *dev, struct rzs_live *live, struct rzs_backing *backing,
		  struct rzs_backed **out);
/* Wait until all bios are complete.  Nobody may submit more. */
void rzs_spill_wait(struct rzs_backed *s);
/* Closes the backing swap; may sleep.  NULL is allowed. */
void rzs_spill_free(struct rzs_backed *s);
/* Complete a bio, now or later.  The submitter's context: may sleep, does not wait for I/O. */
void rzs_spill_bio(struct rzs_backed *s, struct bio *bio);
/*
 * Discard nr pages of the device from `slot` on, in the store and in the backing swap.  May sleep;
 * does not wait for I/O or memory.  Returns the store's error.
 */
int rzs_spill_discard(struct rzs_backed *s, u64 slot, u64 nr);
/* Any context. */
void rzs_spill_stats(struct rzs_backed *s, struct rzs_spill_stats *out);
/*
 * Correct a store's statistics by what the store cannot know.  `refused` is the result of
 * rzs_spill_refused(), which must be read before the store's statistics are.  Any context.
 */
void rzs_spill_add_stats(struct rzs_backed *s, u64 refused, struct rzs_stats *out);
/* Writes that the store counts as failed and that went to the backing swap.  Any context. */
u64 rzs_spill_refused(struct rzs_backed *s);

/* ---- ramzswap_shrink.c ---- */

/* The devices must exist until rzs_shrink_exit().  May sleep.  Returns -ENOMEM. */
int rzs_shrink_init(struct rzs_device *const *devices, unsigned int nr);
void rzs_shrink_exit(void);
/*
 * Compact until nothing is gained or a signal is pending.  May sleep.  The caller keeps the device
 * live.
 */
void rzs_compact_all(struct rzs_live *live);

/* ---- rzs_core_unity.c ---- */

/* Where the store takes its blocks from.  Any context. */
struct rzs_blocks *rzs_store_blocks(struct rzs_store *store);

/* ---- ramzswap_blocks.c (the rest is in rzs_port.h) ---- */

/*
 * Fill up the reserve.  May sleep; starts no I/O.  With nomemalloc the kernel's memory reserves are
 * left alone, even if the task may use them.  Returns false if the system had no memory.
 */
bool rzs_blocks_refill(struct rzs_blocks *b, bool nomemalloc);

/* ---- ramzswap_selftest.c ---- */

/* At module load, before any device exists.  Returns a negative errno if a test fails. */
#ifdef RZS_SELFTEST
int rzs_selftest(void);
#else
static inline int rzs_selftest(void)
{
	return 0;
}
#endif

#endif
