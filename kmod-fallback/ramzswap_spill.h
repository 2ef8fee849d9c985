/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a device with a backing swap has besides its store, and what the two files that see to it
 * share: ramzswap_spill.c decides where each page of a bio goes, ramzswap_job.c brings what goes to
 * the backing swap there.
 *
 * Where a page is: in the store, if it has it; else in the backing swap, if its bit in `spilled` is
 * set; else nowhere, and it reads as zeros.
 *
 * Locks, outermost first: the device's bounce page, a stripe, (a store's worker,) lock.  A stripe
 * is held while a page's place changes, and by a reader that has found the page in neither place;
 * not during I/O.
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

#define RZS_STRIPE_PAGES 64u /* neighbours, which are dropped together */
#define RZS_STRIPES	 64u
#define RZS_RUN_MAX	 64u /* pages of one request to the backing swap: bits of `superseded` */

struct rzs_spill {
	struct rzs_device *dev;
	struct rzs_live *live;
	struct rzs_backing *backing;
	unsigned long *spilled;
	struct mutex stripe[RZS_STRIPES];

	spinlock_t lock;	  /* what follows */
	struct list_head ios;	  /* runs on their way or waiting for earlier ones, oldest first */
	struct list_head spare;	  /* jobs of the pool that nobody has */
	struct bio_list deferred; /* that wait for a job */
	unsigned int inflight;	  /* bios that have a job, or wait for one */
	wait_queue_head_t idle;	  /* inflight is 0 */
	struct rzs_job *pool;
	size_t pool_bytes;

	atomic64_t pages;	  /* bits of spilled */
	atomic64_t reads, writes; /* pages sent to the backing swap */
	atomic64_t failed_reads, failed_writes;
	atomic64_t refused;    /* writes that the store refused for want of memory */
	atomic64_t zero_reads; /* pages that are in neither place */
	atomic64_t dropped;
};

enum rzs_job_todo {
	RZS_JOB_RUN,   /* go on with the bio's next page */
	RZS_JOB_START, /* nobody is before the run any more */
	RZS_JOB_DONE,  /* the run is done, or has failed */
};

/*
 * How far a bio of a device with a backing swap is.  Its pages are seen to in their order;
 * neighbours that go to the backing swap, or come from there, are gathered into a run, and while
 * that is on its way the others wait.
 */
struct rzs_walk {
	struct rzs_spill *spill;
	struct bio *bio;
	struct bvec_iter iter; /* from the next page on */
	bool write;
	bool in_work; /* not in the submitter's context any more */

	u32 nr; /* the run: pages first .. first + nr - 1; 0: there is none */
	u64 first;
	sector_t sector;
	struct bvec_iter run_iter;
};

/* What a bio needs besides when it has a run. */
struct rzs_job {
	struct list_head node; /* in ios or spare */
	struct work_struct work;
	enum rzs_job_todo todo;
	bool pooled;
	int err;
	unsigned long start; /* jiffies */

	struct rzs_walk walk;
	u32 blockers;	/* earlier runs that must be done before */
	u64 superseded; /* a bit for each page that a later write or discard has changed */
	struct bio io;
};

static inline u64 rzs_walk_page(const struct rzs_walk *w)
{
	return w->iter.bi_sector >> (RZS_PAGE_SHIFT - SECTOR_SHIFT);
}

static inline struct mutex *rzs_spill_stripe(struct rzs_spill *s, u64 page)
{
	return &s->stripe[(size_t)(page / RZS_STRIPE_PAGES) % RZS_STRIPES];
}

/* ramzswap_spill.c, called by ramzswap_job.c in a context that may sleep */

/*
 * From the bio's next page on, to its end or to the end of the next run.  0, or what is wrong with
 * a page; there is no run then.
 */
int rzs_walk_on(struct rzs_walk *w);
/* The run is written: from now on its pages are there. */
void rzs_job_settle(struct rzs_job *job);

/* ramzswap_job.c, called by ramzswap_spill.c */

/* -ENOMEM; rzs_jobs_fini() is the caller's then as well. */
int rzs_jobs_init(struct rzs_spill *s);
/* Waits for all bios that have not been served at once. */
void rzs_jobs_wait(struct rzs_spill *s);
void rzs_jobs_fini(struct rzs_spill *s);
/* The bio is served, now or as soon as there is a job for it.  Never waits for I/O. */
void rzs_job_begin(struct rzs_spill *s, struct bio *bio);
/* Of pages slot .. slot + nr - 1, at most RZS_RUN_MAX: writes on their way are older than this. */
void rzs_jobs_supersede(struct rzs_spill *s, u64 slot, u64 nr);

#endif
