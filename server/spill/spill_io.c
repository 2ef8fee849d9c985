/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads and writes of a spill target; see spill_io.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "spill_io_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory.h"

/* ---- the queues; under the lock ---- */

static void append(struct rzs_spill_queue *q, struct rzs_spill_request *rq)
{
	rq->next = NULL;
	if (q->first)
		q->last->next = rq;
	else
		q->first = rq;
	q->last = rq;
	q->nr++;
}

/* Take rq, which follows before (NULL: it is the first one). */
static void take_out(struct rzs_spill_queue *q, struct rzs_spill_request *before,
		     struct rzs_spill_request *rq)
{
	if (before)
		before->next = rq->next;
	else
		q->first = rq->next;
	if (q->last == rq)
		q->last = before;
	q->nr--;
	rq->state = RZS_SPILL_ACTIVE;
}

/* Take the request for a place; NULL: none is queued. */
static struct rzs_spill_request *take_place(struct rzs_spill_queue *q, uint64_t place)
{
	struct rzs_spill_request *before = NULL, *rq = q->first;

	while (rq && rq->place != place) {
		before = rq;
		rq = rq->next;
	}
	if (rq)
		take_out(q, before, rq);
	return rq;
}

/* The oldest write, with those of its neighbours that are queued, in order of their places. */
static unsigned take_writes(struct rzs_spill_queue *q, struct rzs_spill_request **batch)
{
	struct rzs_spill_request *rq = q->first;
	unsigned nr = 1;

	take_out(q, NULL, rq);
	batch[0] = rq;
	while (nr < RZS_SPILL_BATCH && (rq = take_place(q, batch[0]->place - 1))) {
		memmove(&batch[1], &batch[0], nr * sizeof(batch[0]));
		batch[0] = rq;
		nr++;
	}
	while (nr < RZS_SPILL_BATCH && (rq = take_place(q, batch[nr - 1]->place + 1)))
		batch[nr++] = rq;
	return nr;
}

static bool has_work(const struct rzs_spill_io *io)
{
	return io->queued[RZS_SPILL_READ].first ||
	       (io->queued[RZS_SPILL_WRITE].first && io->writing < io->writing_most);
}

unsigned rzs_spill_io_take(struct rzs_spill_io *io, struct rzs_spill_request **batch)
{
	struct rzs_spill_queue *reads = &io->queued[RZS_SPILL_READ];

	if (!has_work(io))
		return 0;
	if (!reads->first) {
		io->writing++;
		return take_writes(&io->queued[RZS_SPILL_WRITE], batch);
	}
	batch[0] = reads->first;
	take_out(reads, NULL, batch[0]);
	return 1;
}

/* If there is work for one more thread, make its futex's word another one; then wake it. */
bool rzs_spill_io_calls_for_more(struct rzs_spill_io *io)
{
	if (!io->sleepers || (!has_work(io) && !io->stopping))
		return false;
	__atomic_store_n(&io->wakes, io->wakes + 1, __ATOMIC_RELAXED);
	return true;
}

/* ---- what callers do ---- */

static uint64_t wait_ms(struct rzs_spill_io *io)
{
	uint64_t now = io->config.now_ms();
	uint64_t rate = rzs_spill_budget_wait_ms(&io->rate, now);
	uint64_t daily = rzs_spill_budget_wait_ms(&io->daily, now);

	return rate > daily ? rate : daily;
}

static int may_begin(const struct rzs_spill_io *io, enum rzs_spill_op op)
{
	if (io->stopping)
		return -ESHUTDOWN;
	return op == RZS_SPILL_WRITE && io->stats.bad ? -EIO : 0;
}

static int take_free(struct rzs_spill_io *io, enum rzs_spill_op op, struct rzs_spill_request **out)
{
	struct rzs_spill_queue *q = &io->free[op];
	int err = may_begin(io, op);

	if (err < 0)
		return err;
	if (!q->first)
		return -EAGAIN;
	if (op == RZS_SPILL_WRITE && wait_ms(io))
		return -EDQUOT;
	*out = q->first;
	take_out(q, NULL, *out);
	if (op == RZS_SPILL_WRITE) {
		rzs_spill_budget_take(&io->rate, RZS_SPILL_UNIT);
		rzs_spill_budget_take(&io->daily, RZS_SPILL_UNIT);
	}
	(*out)->state = RZS_SPILL_HELD;
	(*out)->err = 0;
	return 0;
}

int rzs_spill_io_get(struct rzs_spill_io *io, enum rzs_spill_op op, struct rzs_spill_request **out)
{
	int err;

	*out = NULL;
	rzs_lock(&io->lock);
	err = take_free(io, op, out);
	rzs_unlock(&io->lock);
	return err;
}

static bool is_busy(const struct rzs_spill_io *io, const struct rzs_spill_request *rq)
{
	for (unsigned i = 0; i < io->nr_requests; i++) {
		const struct rzs_spill_request *other = &io->requests[i];

		if ((other->state == RZS_SPILL_QUEUED || other->state == RZS_SPILL_ACTIVE) &&
		    other->place == rq->place &&
		    (other->op == RZS_SPILL_WRITE || rq->op == RZS_SPILL_WRITE))
			return true;
	}
	return false;
}

int rzs_spill_io_submit(struct rzs_spill_request *rq)
{
	struct rzs_spill_io *io = rq->io;
	bool wake = false;
	int err;

	if (rq->place == 0 || rq->place >= io->config.places)
		return -EINVAL;
	rzs_lock(&io->lock);
	err = may_begin(io, rq->op);
	if (err == 0 && is_busy(io, rq))
		err = -EBUSY;
	if (err == 0) {
		rq->state = RZS_SPILL_QUEUED;
		append(&io->queued[rq->op], rq);
		wake = rzs_spill_io_calls_for_more(io);
	}
	rzs_unlock(&io->lock);
	if (wake)
		rzs_sync_futex_wake(&io->wakes, 1);
	return err;
}

/* The budget of a write that did not take place. */
static void give_back(struct rzs_spill_io *io)
{
	rzs_spill_budget_give_back(&io->rate, RZS_SPILL_UNIT);
	rzs_spill_budget_give_back(&io->daily, RZS_SPILL_UNIT);
}

void rzs_spill_io_put(struct rzs_spill_request *rq)
{
	struct rzs_spill_io *io = rq->io;

	rzs_lock(&io->lock);
	if (rq->op == RZS_SPILL_WRITE && rq->state == RZS_SPILL_HELD)
		give_back(io);
	rq->state = RZS_SPILL_FREE;
	append(&io->free[rq->op], rq);
	rzs_unlock(&io->lock);
}

void rzs_spill_io_over(struct rzs_spill_request *rq, int err)
{
	struct rzs_spill_io *io = rq->io;

	rzs_lock(&io->lock);
	rq->err = err;
	rq->state = RZS_SPILL_DONE;
	if (err == 0)
		io->stats.units[rq->op]++;
	else
		io->stats.failed[rq->op]++;
	if (err < 0 && rq->op == RZS_SPILL_WRITE)
		give_back(io);
	rzs_unlock(&io->lock);
	io->config.done(io->config.arg, rq);
}

/* ---- limits and numbers ---- */

void rzs_spill_io_set_limits(struct rzs_spill_io *io, uint64_t rate, uint64_t daily)
{
	uint64_t now = io->config.now_ms();

	rzs_lock(&io->lock);
	rzs_spill_budget_set(&io->rate, rate, RZS_SPILL_SECOND_MS, now);
	rzs_spill_budget_set(&io->daily, daily, RZS_SPILL_DAY_MS, now);
	rzs_unlock(&io->lock);
}

uint64_t rzs_spill_io_wait_ms(struct rzs_spill_io *io)
{
	uint64_t ms;

	rzs_lock(&io->lock);
	ms = wait_ms(io);
	rzs_unlock(&io->lock);
	return ms;
}

void rzs_spill_io_stats(struct rzs_spill_io *io, struct rzs_spill_stats *out)
{
	rzs_lock(&io->lock);
	*out = io->stats;
	out->taken[RZS_SPILL_READ] = io->config.reads - io->free[RZS_SPILL_READ].nr;
	out->taken[RZS_SPILL_WRITE] = io->config.writes - io->free[RZS_SPILL_WRITE].nr;
	rzs_unlock(&io->lock);
}

bool rzs_spill_io_trouble(struct rzs_spill_io *io, char line[RZS_WHY_MAX])
{
	bool news;
	int bad;

	rzs_lock(&io->lock);
	bad = io->stats.bad;
	news = bad && !io->reported;
	io->reported = io->reported || news;
	rzs_unlock(&io->lock);
	line[0] = '\0';
	if (news)
		rzs_value_fail(
			line, 0,
			"%.100s: a write failed (%s); nothing more is written to it, and pages "
			"stay in memory",
			io->config.name, strerror(-bad));
	return news;
}

/* ---- start and end ---- */

static bool is_sound(const struct rzs_spill_config *c)
{
	return c->threads >= 2 && c->threads <= RZS_SPILL_THREADS_MAX && c->reads &&
	       c->reads <= RZS_SPILL_DEPTH_MAX && c->writes && c->writes <= RZS_SPILL_DEPTH_MAX &&
	       c->places <= UINT64_MAX / 2 / RZS_SPILL_UNIT && c->disk.read && c->disk.write &&
	       c->done && c->now_ms;
}

/* The buffers come first, so they begin with a page. */
static struct rzs_spill_io *allocate(const struct rzs_spill_config *c)
{
	size_t nr = c->reads + c->writes, buffers = nr * RZS_SPILL_UNIT;
	size_t bytes =
		buffers + sizeof(struct rzs_spill_io) + nr * sizeof(struct rzs_spill_request);
	char *all = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct rzs_spill_io *io = (void *)(all + buffers);
	int lock_err;

	if (all == MAP_FAILED)
		return NULL;
	/* Direct I/O must not meet a fork: open(2). */
	(void)madvise(all, bytes, MADV_DONTFORK);
	(void)madvise(all, bytes, MADV_DONTDUMP);
	lock_err = mlock(all, bytes) < 0 ? errno : 0;
	if (rzs_memory_fill(all, bytes) < 0) {
		munmap(all, bytes);
		return NULL;
	}
	io->memory = all;
	io->bytes = bytes;
	io->nr_requests = (unsigned)nr;
	io->stats.lock_err = lock_err;
	return io;
}

static void set_up(struct rzs_spill_io *io, const struct rzs_spill_config *c)
{
	io->config = *c;
	/* At least one thread is left for reads, and with many half of them. */
	io->writing_most = c->threads / 2;
	rzs_lock_init(&io->lock);
	for (unsigned i = 0; i < io->nr_requests; i++) {
		struct rzs_spill_request *rq = &io->requests[i];

		rq->io = io;
		rq->op = i < c->reads ? RZS_SPILL_READ : RZS_SPILL_WRITE;
		rq->data = io->memory + (size_t)i * RZS_SPILL_UNIT;
		rq->state = RZS_SPILL_FREE;
		append(&io->free[rq->op], rq);
	}
	rzs_spill_io_set_limits(io, c->rate, c->daily);
}

int rzs_spill_io_start(const struct rzs_spill_config *config, struct rzs_spill_io **out)
{
	struct rzs_spill_io *io;
	int err = 0;

	*out = NULL;
	if (!is_sound(config))
		return -EINVAL;
	io = allocate(config);
	if (!io)
		return -ENOMEM;
	set_up(io, config);
	while (err == 0 && io->nr_threads < config->threads) {
		err = rzs_threads_start(&io->threads[io->nr_threads], "rzs-spill",
					rzs_spill_io_thread, io);
		io->nr_threads += err == 0;
	}
	if (err < 0) {
		rzs_spill_io_stop(io);
		rzs_spill_io_free(io);
		return err;
	}
	*out = io;
	return 0;
}

void rzs_spill_io_stop(struct rzs_spill_io *io)
{
	rzs_lock(&io->lock);
	io->stopping = true;
	__atomic_store_n(&io->wakes, io->wakes + 1, __ATOMIC_RELAXED);
	rzs_unlock(&io->lock);
	rzs_sync_futex_wake(&io->wakes, INT32_MAX);
	for (unsigned i = 0; i < io->nr_threads; i++)
		pthread_join(io->threads[i], NULL);
	io->nr_threads = 0;
}

void rzs_spill_io_free(struct rzs_spill_io *io)
{
	if (io)
		munmap(io->memory, io->bytes);
}
