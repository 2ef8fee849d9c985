// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests to the backing swap, and the jobs that make them.
 *
 * The submitter of a bio may be in reclaim, and bios that it submits here are issued only after it
 * has returned.  So nothing waits in the submitter's context, neither for I/O nor for a job.  What
 * the store can do is done at once.  Only a bio with pages that are in the backing swap, or must go
 * there, gets a job.  The job comes from the slab if one is available there, otherwise from a pool
 * made at INIT.  Otherwise the bio is deferred, and gets the next job that becomes free.  A
 * deferred bio starts again from its beginning, which writes the same data again.  The bio of a
 * request is part of the job, and uses the pages of the bio that it serves.  So nothing here
 * depends on memory that may be missing.
 *
 * Order.  Two runs with a common page are issued one after the other, in the order in which they
 * came, unless both read.  So the backing device never has two requests at once whose data it could
 * mix.  A job has one run at a time and holds nothing while it waits, so jobs cannot deadlock.
 * What is done in the store needs no such order: see mark_stale() in ramzswap_walk.c.
 *
 * A work item handles the completion of a request, because a page moves under mutexes.  No work
 * item waits for another one, so a single thread, the workqueue's rescuer, can run them all.  A
 * work item is part of writing pages out and must not enter reclaim, which could look for pages
 * that all wait for this work item.  Nor does it give the store the kernel's memory reserves: a
 * page that finds no memory there goes to the backing swap.
 */
#include <linux/blkdev.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "compat.h"
#include "ramzswap_spill.h"

#define POOL_JOBS 32u
#define GFP_JOB	  (GFP_NOWAIT | __GFP_NOWARN | __GFP_NOMEMALLOC)

/* ---- runs ---- */

/* Whether `later` must wait for `earlier`. */
static bool run_blocks(const struct rzs_walk *earlier, const struct rzs_walk *later)
{
	return (earlier->write || later->write) &&
	       rzs_walk_overlaps(earlier, later->first, later->nr);
}

static void queue_todo(struct rzs_job *job, enum rzs_job_todo todo)
{
	job->todo = todo;
	queue_work(rzs_workqueue, &job->work);
}

/* Any context. */
static void run_complete(struct rzs_job *job, int err)
{
	job->err = err;
	queue_todo(job, RZS_JOB_COMPLETE);
}

static void run_endio(struct bio *io)
{
	struct rzs_job *job = io->bi_private;
	int err = blk_status_to_errno(io->bi_status);

	bio_uninit(io);
	run_complete(job, err);
}

static void run_submit(struct rzs_job *job)
{
	const struct rzs_walk *walk = &job->walk;
	struct rzs_backed *s = walk->spill;
	struct bio *io = &job->io;

	if (bio_init_clone(s->backing->bdev, io, walk->bio, GFP_JOB)) {
		run_complete(job, -ENOMEM);
		return;
	}
	io->bi_opf &= ~(REQ_NOWAIT | REQ_POLLED);
	io->bi_iter = walk->run_iter;
	io->bi_iter.bi_sector = walk->sector;
	io->bi_iter.bi_size = walk->nr * RZS_PAGE_SIZE;
	io->bi_private = job;
	io->bi_end_io = run_endio;
	atomic64_add(walk->nr, walk->write ? &s->writes : &s->reads);
	submit_bio_noacct(io);
}

/* Submit the run once no earlier one blocks it. */
static void run_add(struct rzs_job *job)
{
	struct rzs_backed *s = job->walk.spill;
	struct rzs_job *other;
	u32 nr_blockers = 0;

	job->stale = 0;
	spin_lock(&s->lock);
	list_for_each_entry(other, &s->runs, node)
		nr_blockers += run_blocks(&other->walk, &job->walk);
	job->nr_blockers = nr_blockers;
	list_add_tail(&job->node, &s->runs);
	spin_unlock(&s->lock);
	/* Otherwise run_remove() may have submitted it already. */
	if (!nr_blockers)
		run_submit(job);
}

/* Runs that only this one blocked are submitted. */
static void run_remove(struct rzs_job *job)
{
	struct rzs_backed *s = job->walk.spill;
	struct rzs_job *later = job;

	spin_lock(&s->lock);
	list_for_each_entry_continue(later, &s->runs, node)
		if (run_blocks(&job->walk, &later->walk) && !--later->nr_blockers)
			queue_todo(later, RZS_JOB_SUBMIT);
	list_del(&job->node);
	spin_unlock(&s->lock);
}

/* ---- jobs ---- */

static void complete_bio(struct bio *bio, unsigned long start, int err)
{
	bio->bi_status = errno_to_blk_status(err);
	bio_end_io_acct(bio, start);
	bio_endio(bio);
}

/* Give the job a deferred bio. */
static void job_assign(struct rzs_job *job, struct rzs_backed *s, struct bio *bio)
{
	job->walk = rzs_walk_begin(s, bio);
	job->start = jiffies;
}

/* Complete the bio.  The job is freed, or gets a deferred bio. */
static void job_end(struct rzs_job *job, int err)
{
	struct rzs_backed *s = job->walk.spill;
	bool pooled = job->pooled;
	struct bio *next;

	complete_bio(job->walk.bio, job->start, err);

	spin_lock(&s->lock);
	next = bio_list_pop(&s->deferred);
	if (!next && pooled)
		list_add(&job->node, &s->spare);
	spin_unlock(&s->lock);
	if (next) {
		job_assign(job, s, next);
		queue_todo(job, RZS_JOB_CONTINUE);
	} else if (!pooled) {
		kfree(job);
	}

	/* The last access to s: rzs_jobs_wait() waits for it, and then everything is freed. */
	spin_lock(&s->lock);
	if (!--s->inflight)
		wake_up(&s->idle);
	spin_unlock(&s->lock);
}

static void job_continue(struct rzs_job *job)
{
	int err = rzs_walk_next(&job->walk);

	if (job->walk.nr)
		run_add(job);
	else
		job_end(job, err);
}

static void job_complete_run(struct rzs_job *job)
{
	const struct rzs_walk *walk = &job->walk;
	struct rzs_backed *s = walk->spill;
	int err = job->err;

	if (err)
		atomic64_add(walk->nr, walk->write ? &s->failed_writes : &s->failed_reads);
	else if (walk->write)
		rzs_walk_commit(job);
	run_remove(job);
	if (err)
		job_end(job, err);
	else
		job_continue(job);
}

static void job_work(struct work_struct *work)
{
	struct rzs_job *job = container_of(work, struct rzs_job, work);
	unsigned int noreclaim = memalloc_noreclaim_save();

	job->walk.in_work = true;
	switch (job->todo) {
	case RZS_JOB_CONTINUE:
		job_continue(job);
		break;
	case RZS_JOB_SUBMIT:
		run_submit(job);
		break;
	case RZS_JOB_COMPLETE:
		job_complete_run(job);
		break;
	}
	memalloc_noreclaim_restore(noreclaim);
}

static void job_init(struct rzs_job *job, bool pooled)
{
	job->pooled = pooled;
	INIT_WORK(&job->work, job_work);
}

/* A job for a bio that has a run.  NULL: the bio is deferred. */
static struct rzs_job *job_get(struct rzs_backed *s, struct bio *bio)
{
	struct rzs_job *job = kmalloc(sizeof(*job), GFP_JOB);

	if (job)
		job_init(job, false);
	spin_lock(&s->lock);
	s->inflight++;
	if (!job) {
		job = list_first_entry_or_null(&s->spare, struct rzs_job, node);
		/* Without a spare job all of the pool is in use, and will find the deferred bio. */
		if (job)
			list_del(&job->node);
		else
			bio_list_add(&s->deferred, bio);
	}
	spin_unlock(&s->lock);
	return job;
}

void rzs_job_begin(struct rzs_backed *s, struct bio *bio)
{
	unsigned long start = bio_start_io_acct(bio);
	struct rzs_walk walk = rzs_walk_begin(s, bio);
	int err = rzs_walk_next(&walk);
	struct rzs_job *job;

	if (!walk.nr) {
		complete_bio(bio, start, err);
		return;
	}
	job = job_get(s, bio);
	if (!job)
		return;
	job->walk = walk;
	job->start = start;
	run_add(job);
}

int rzs_jobs_init(struct rzs_backed *s)
{
	unsigned int i;

	spin_lock_init(&s->lock);
	INIT_LIST_HEAD(&s->runs);
	INIT_LIST_HEAD(&s->spare);
	bio_list_init(&s->deferred);
	init_waitqueue_head(&s->idle);
	s->pool = kvcalloc(POOL_JOBS, sizeof(*s->pool), GFP_KERNEL);
	if (!s->pool)
		return -ENOMEM;
	s->pool_bytes = POOL_JOBS * sizeof(*s->pool);
	for (i = 0; i < POOL_JOBS; i++) {
		job_init(&s->pool[i], true);
		list_add_tail(&s->pool[i].node, &s->spare);
	}
	return 0;
}

void rzs_jobs_wait(struct rzs_backed *s)
{
	wait_event(s->idle, !READ_ONCE(s->inflight));
	/* Until the task that woke us has released the lock. */
	spin_lock(&s->lock);
	spin_unlock(&s->lock);
}

void rzs_jobs_fini(struct rzs_backed *s)
{
	kvfree(s->pool);
}
