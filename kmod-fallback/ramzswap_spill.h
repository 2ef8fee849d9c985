/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device with a backing swap, as its three files share it: ramzswap_spill.c takes bios and calls
 * ramzswap_job.c, which makes requests to the backing swap and calls ramzswap_walk.c, which decides
 * where each page goes.
 *
 * A page is in the store if the store has it.  Otherwise it is in the backing swap if its bit in
 * `spilled` is set.  Otherwise it is in neither, and reads as zeros.
 *
 * Lock order, outermost first: the device's bounce page, a stripe, a store's worker, `lock`.  A
 * stripe is held while a page moves between store and backing swap, and by a reader that found the
 * page in neither.  It is not held during I/O.
 */
#ifndef RAMZSWAP_SPILL_H
#define RAMZSWAP_SPILL_H

#include <linux/bio.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "ramzswap.h"
#include "ramzswap_backing.h"

#define RZS_STRIPE_PAGES 64u /* neighbours that share a stripe, and are discarded together */
#define RZS_STRIPES	 64u
#define RZS_RUN_MAX	 64u /* pages of one request to the backing swap: the bits of `stale` */

/* Not struct rzs_spill of the core, which has pages elsewhere by another way. */
struct rzs_backed {
	struct rzs_device *dev;
	struct rzs_live *live;
	struct rzs_backing *backing;
	unsigned long *spilled; /* one bit per page: it is in the backing swap */
	struct mutex stripe[RZS_STRIPES];

	spinlock_t lock;	  /* protects what follows, up to idle */
	struct list_head runs;	  /* jobs whose run is in flight or blocked, oldest first */
	struct list_head spare;	  /* jobs of the pool that are not in use */
	struct bio_list deferred; /* bios that wait for a job */
	unsigned int inflight;	  /* bios that have a job, or wait for one */
	wait_queue_head_t idle;	  /* inflight is 0 */
	struct rzs_job *pool;
	size_t pool_bytes;

	atomic64_t pages;	  /* bits set in spilled */
	atomic64_t reads, writes; /* pages requested from and sent to the backing swap */
	atomic64_t failed_reads, failed_writes;
	atomic64_t refused;    /* writes that the store refused for lack of memory */
	atomic64_t zero_reads; /* reads of pages that are in neither place */
	atomic64_t discards;   /* of pages in the backing swap */
};

/* What the work item of a job does next. */
enum rzs_job_todo {
	RZS_JOB_CONTINUE, /* process the bio's next pages */
	RZS_JOB_SUBMIT,	  /* submit the run; no earlier one blocks it any more */
	RZS_JOB_COMPLETE, /* the request has completed */
};

/*
 * How far a bio is processed.  Its pages are processed in order.  Neighbours that go to the backing
 * swap, or come from there, are collected into a run.  The bio continues when that is complete.
 */
struct rzs_walk {
	struct rzs_backed *spill;
	struct bio *bio;
	struct bvec_iter iter; /* from the next page on */
	bool write;
	bool in_work; /* in a work item, no longer in the submitter's context */

	u32 nr; /* the run: pages first .. first + nr - 1; 0: there is none */
	u64 first;
	sector_t sector;
	struct bvec_iter run_iter;
};

/* A bio with a run has one of these. */
struct rzs_job {
	struct list_head node; /* in runs or spare */
	struct work_struct work;
	enum rzs_job_todo todo;
	bool pooled;
	int err;	     /* of the request */
	unsigned long start; /* jiffies */

	struct rzs_walk walk;
	u32 nr_blockers; /* earlier runs that must complete first */
	u64 stale;	 /* one bit per page: it was written or discarded after this write */
	struct bio io;
};

/* ---- ramzswap_walk.c: process context; may sleep, does not wait for I/O ---- */

struct rzs_walk rzs_walk_begin(struct rzs_backed *s, struct bio *bio);
/*
 * Process the bio's next pages, to its end or to the end of the next run.  Returns a negative errno
 * if a page fails; there is no run then.
 */
int rzs_walk_next(struct rzs_walk *walk);
/*
 * The write of job's run has succeeded: from now on its pages are in the backing swap, except for
 * those that have become stale.
 */
void rzs_walk_commit(struct rzs_job *job);
/* Discard pages of the device that share a stripe.  Returns the store's error. */
int rzs_walk_discard(struct rzs_backed *s, u64 slot, u64 nr);
/* Any context. */
static inline bool rzs_walk_overlaps(const struct rzs_walk *walk, u64 first, u64 nr)
{
	return walk->first < first + nr && first < walk->first + walk->nr;
}

/* ---- ramzswap_job.c ---- */

/* May sleep.  Returns -ENOMEM; rzs_jobs_fini() is to be called then as well. */
int rzs_jobs_init(struct rzs_backed *s);
void rzs_jobs_fini(struct rzs_backed *s);
/* Wait until all bios are complete; nobody may begin more.  Sleeps. */
void rzs_jobs_wait(struct rzs_backed *s);
/*
 * Process a read or a write, and complete it now or later.  The submitter's context: may sleep,
 * does not wait for I/O or for a job.
 */
void rzs_job_begin(struct rzs_backed *s, struct bio *bio);

#endif
