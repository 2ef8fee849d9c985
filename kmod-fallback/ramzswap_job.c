// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests to the backing swap, and the jobs that make them.
 *
 * Who submits a bio may be reclaim, and everything that it submits itself goes out only when it has
 * returned; so nothing here waits there, neither for I/O nor for a job.  What the store can do is
 * done there and then; a job is only had for a bio with pages that go to the backing swap or come
 * from there.  It comes from the slab if that has one at hand, else from a pool made at INIT, else
 * the bio is put aside and gets the next job that is done with; from its beginning, as what it
 * writes once more is what it has written.  A request has its bio inside the job and borrows the
 * pages of the bio that it is part of.  So no memory is ever asked for that might be missing.
 *
 * Order.  Two runs that have a page in common, and not both only read it, go one after the other in
 * the order in which they came: the device sees no two requests of which it could mix the bytes.
 * A job has one run at a time and waits with nothing held, so no two wait for each other.  What is
 * done in the store needs no such order: see rzs_jobs_supersede().
 *
 * The end of a request is handled by a work item, for a page's place changes under mutexes.  No
 * work item waits for another one, so that one thread, the workqueue's rescuer, can do them all.
 * What a work item does is part of writing pages out, and it must not reclaim: it would look for
 * pages that all wait for it.  Nor does it feed the store from the kernel's last pages: what finds
 * no room there goes to the backing swap.
 */
#include <linux/blkdev.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "compat.h"
#include "ramzswap_spill.h"

#define POOL_JOBS 32u
#define GFP_JOB	  (GFP_NOWAIT | __GFP_NOWARN | __GFP_NOMEMALLOC)

static struct rzs_walk walk_of(struct rzs_spill *s, struct bio *bio)
{
	return (struct rzs_walk){
		.spill = s, .bio = bio, .iter = bio->bi_iter, .write = op_is_write(bio_op(bio))};
}

/* ---- runs ---- */

static bool runs_overlap(const struct rzs_walk *a, u64 first, u64 nr)
{
	return a->first < first + nr && first < a->first + a->nr;
}

/* Whether b, the later one, has to wait for a. */
static bool run_blocks(const struct rzs_walk *a, const struct rzs_walk *b)
{
	return (a->write || b->write) && runs_overlap(a, b->first, b->nr);
}

static void queue_todo(struct rzs_job *job, enum rzs_job_todo todo)
{
	job->todo = todo;
	queue_work(rzs_workqueue, &job->work);
}

/* In any context. */
static void run_done(struct rzs_job *job, int err)
{
	job->err = err;
	queue_todo(job, RZS_JOB_DONE);
}

static void run_endio(struct bio *io)
{
	struct rzs_job *job = io->bi_private;
	int err = blk_status_to_errno(io->bi_status);

	bio_uninit(io);
	run_done(job, err);
}

static void run_submit(struct rzs_job *job)
{
	const struct rzs_walk *w = &job->walk;
	struct rzs_spill *s = w->spill;
	struct bio *io = &job->io;

	if (bio_init_clone(s->backing->bdev, io, w->bio, GFP_JOB)) {
		run_done(job, -ENOMEM);
		return;
	}
	io->bi_opf &= ~(REQ_NOWAIT | REQ_POLLED);
	io->bi_iter = w->run_iter;
	io->bi_iter.bi_sector = w->sector;
	io->bi_iter.bi_size = w->nr * RZS_PAGE_SIZE;
	io->bi_private = job;
	io->bi_end_io = run_endio;
	atomic64_add(w->nr, w->write ? &s->writes : &s->reads);
	submit_bio_noacct(io);
}

/* Bring the run on its way, after those that it must not overtake. */
static void run_start(struct rzs_job *job)
{
	struct rzs_spill *s = job->walk.spill;
	struct rzs_job *other;
	u32 blockers = 0;

	job->superseded = 0;
	spin_lock(&s->lock);
	list_for_each_entry(other, &s->ios, node)
		blockers += run_blocks(&other->walk, &job->walk);
	job->blockers = blockers;
	list_add_tail(&job->node, &s->ios);
	spin_unlock(&s->lock);
	/* Else it may be under way already. */
	if (!blockers)
		run_submit(job);
}

/* Those that waited for it go on. */
static void run_remove(struct rzs_job *job)
{
	struct rzs_spill *s = job->walk.spill;
	struct rzs_job *later = job;

	spin_lock(&s->lock);
	list_for_each_entry_continue(later, &s->ios, node)
		if (run_blocks(&job->walk, &later->walk) && !--later->blockers)
			queue_todo(later, RZS_JOB_START);
	list_del(&job->node);
	spin_unlock(&s->lock);
}

/*
 * A page goes into the store, or is dropped, while an older write of it is on its way: that one
 * will be done, but what it has written is not the page any more.  The caller holds the page's
 * stripe.
 */
void rzs_jobs_supersede(struct rzs_spill *s, u64 slot, u64 nr)
{
	struct rzs_job *job;
	u64 i;

	/* A run that comes at this moment may as well be the later one. */
	if (list_empty(&s->ios))
		return;
	spin_lock(&s->lock);
	list_for_each_entry(job, &s->ios, node) {
		const struct rzs_walk *w = &job->walk;

		if (!w->write || !runs_overlap(w, slot, nr))
			continue;
		for (i = 0; i < w->nr; i++)
			if (w->first + i >= slot && w->first + i < slot + nr)
				job->superseded |= 1ull << i;
	}
	spin_unlock(&s->lock);
}

/* ---- jobs ---- */

static void bio_done(struct bio *bio, unsigned long start, int err)
{
	bio->bi_status = errno_to_blk_status(err);
	bio_end_io_acct(bio, start);
	bio_endio(bio);
}

/* Not while it has a run.  The walk of a bio that was put aside begins again. */
static void job_take(struct rzs_job *job, struct rzs_spill *s, struct bio *bio)
{
	job->walk = walk_of(s, bio);
	job->start = jiffies;
}

/* The bio is done, and so is the job, unless another one waits for it. */
static void job_end(struct rzs_job *job, int err)
{
	struct rzs_spill *s = job->walk.spill;
	bool pooled = job->pooled;
	struct bio *next;

	bio_done(job->walk.bio, job->start, err);

	spin_lock(&s->lock);
	next = bio_list_pop(&s->deferred);
	if (!next && pooled)
		list_add(&job->node, &s->spare);
	spin_unlock(&s->lock);
	if (next) {
		job_take(job, s, next);
		queue_todo(job, RZS_JOB_RUN);
	} else if (!pooled) {
		kfree(job);
	}

	/* The last touch: whoever waits for this frees everything. */
	spin_lock(&s->lock);
	if (!--s->inflight)
		wake_up(&s->idle);
	spin_unlock(&s->lock);
}

static void job_run(struct rzs_job *job)
{
	int err = rzs_walk_on(&job->walk);

	if (job->walk.nr)
		run_start(job);
	else
		job_end(job, err);
}

static void run_finish(struct rzs_job *job)
{
	const struct rzs_walk *w = &job->walk;
	struct rzs_spill *s = w->spill;
	int err = job->err;

	if (err)
		atomic64_add(w->nr, w->write ? &s->failed_writes : &s->failed_reads);
	else if (w->write)
		rzs_job_settle(job);
	run_remove(job);
	if (err)
		job_end(job, err);
	else
		job_run(job);
}

static void job_work(struct work_struct *work)
{
	struct rzs_job *job = container_of(work, struct rzs_job, work);
	unsigned int noreclaim = memalloc_noreclaim_save();

	job->walk.in_work = true;
	switch (job->todo) {
	case RZS_JOB_RUN:
		job_run(job);
		break;
	case RZS_JOB_START:
		run_submit(job);
		break;
	case RZS_JOB_DONE:
		run_finish(job);
		break;
	}
	memalloc_noreclaim_restore(noreclaim);
}

static void job_init(struct rzs_job *job, bool pooled)
{
	job->pooled = pooled;
	INIT_WORK(&job->work, job_work);
}

/* For a bio that has a run.  NULL: it is put aside, and gets the next job that is done with. */
static struct rzs_job *job_get(struct rzs_spill *s, struct bio *bio)
{
	struct rzs_job *job = kmalloc(sizeof(*job), GFP_JOB);

	if (job)
		job_init(job, false);
	spin_lock(&s->lock);
	s->inflight++;
	if (!job) {
		job = list_first_entry_or_null(&s->spare, struct rzs_job, node);
		/* One of the pool is at work then, and will look here when it has done. */
		if (job)
			list_del(&job->node);
		else
			bio_list_add(&s->deferred, bio);
	}
	spin_unlock(&s->lock);
	return job;
}

void rzs_job_begin(struct rzs_spill *s, struct bio *bio)
{
	unsigned long start = bio_start_io_acct(bio);
	struct rzs_walk walk = walk_of(s, bio);
	int err = rzs_walk_on(&walk);
	struct rzs_job *job;

	if (!walk.nr) {
		bio_done(bio, start, err);
		return;
	}
	job = job_get(s, bio);
	if (!job)
		return;
	job->walk = walk;
	job->start = start;
	run_start(job);
}

int rzs_jobs_init(struct rzs_spill *s)
{
	unsigned int i;

	spin_lock_init(&s->lock);
	INIT_LIST_HEAD(&s->ios);
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

void rzs_jobs_wait(struct rzs_spill *s)
{
	wait_event(s->idle, !READ_ONCE(s->inflight));
	/* Until the one that has woken us is out of there. */
	spin_lock(&s->lock);
	spin_unlock(&s->lock);
}

void rzs_jobs_fini(struct rzs_spill *s)
{
	kvfree(s->pool);
}
