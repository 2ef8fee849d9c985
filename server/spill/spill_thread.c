/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The threads that ask the disk; see spill_io.h. */
#include <errno.h>

#include "spill_io_private.h"
#include "stack.h"

#define STACK_TOUCH (32u * 1024)

/* One call for as much as is left of the requests, of which done bytes are over. */
static ssize_t call_disk(struct rzs_spill_request *const *rq, unsigned nr, uint64_t done)
{
	const struct rzs_spill_io *io = rq[0]->io;
	const struct rzs_spill_disk *disk = &io->config.disk;
	struct iovec iov[RZS_SPILL_BATCH];
	unsigned first = (unsigned)(done / RZS_SPILL_UNIT);
	uint32_t within = (uint32_t)(done % RZS_SPILL_UNIT);
	uint64_t at = rq[first]->place * RZS_SPILL_UNIT + within;

	for (unsigned i = first; i < nr; i++)
		iov[i - first] = (struct iovec){rq[i]->data, RZS_SPILL_UNIT};
	iov[0].iov_base = (char *)iov[0].iov_base + within;
	iov[0].iov_len -= within;
	return rq[0]->op == RZS_SPILL_READ ? disk->read(disk->arg, iov, (int)(nr - first), at)
					   : disk->write(disk->arg, iov, (int)(nr - first), at);
}

/* Read or write neighbouring places, in as many calls as it takes.  0 or a negative errno. */
static int transfer(struct rzs_spill_request *const *rq, unsigned nr)
{
	struct rzs_spill_io *io = rq[0]->io;
	uint64_t done = 0, all = (uint64_t)nr * RZS_SPILL_UNIT, calls = 0;
	int err = 0;

	while (err == 0 && done < all) {
		ssize_t got = call_disk(rq, nr, done);

		calls++;
		if (got > 0 && (uint64_t)got <= all - done)
			done += (uint64_t)got;
		else if (got != -EINTR)
			err = got < 0 ? (int)got : -EIO; /* 0: the target ends here now */
	}
	rzs_lock(&io->lock);
	io->stats.calls[rq[0]->op] += calls;
	rzs_unlock(&io->lock);
	return err;
}

static int is_bad(struct rzs_spill_io *io)
{
	int bad;

	rzs_lock(&io->lock);
	bad = io->stats.bad;
	rzs_unlock(&io->lock);
	return bad;
}

/* One write, by itself.  tries: how many are left. */
static int write_one(struct rzs_spill_request *rq, unsigned tries)
{
	struct rzs_spill_io *io = rq->io;
	int err = -EIO;

	while (tries-- && (err = transfer(&rq, 1)) < 0) {
		rzs_lock(&io->lock);
		if (tries)
			io->stats.retries++;
		else if (!io->stats.bad)
			io->stats.bad = err;
		rzs_unlock(&io->lock);
	}
	return err == -ENOSPC || err == -EDQUOT ? -ENOSPC : err < 0 ? -EIO : 0;
}

/* If one call for all of them fails, each is tried by itself: the others are not to blame. */
static void write_batch(struct rzs_spill_io *io, struct rzs_spill_request **rq, unsigned nr)
{
	int err = is_bad(io) ? -EIO : nr > 1 ? transfer(rq, nr) : -EAGAIN;

	for (unsigned i = 0; i < nr; i++) {
		if (err == 0)
			rzs_spill_io_over(rq[i], 0);
		else
			rzs_spill_io_over(rq[i],
					  is_bad(io) ? -EIO : write_one(rq[i], RZS_SPILL_TRIES));
	}
}

static void serve(struct rzs_spill_io *io, struct rzs_spill_request **rq, unsigned nr)
{
	if (rq[0]->op == RZS_SPILL_WRITE)
		write_batch(io, rq, nr);
	else
		rzs_spill_io_over(rq[0], transfer(rq, 1) < 0 ? -EIO : 0);
}

/* With the lock held, which is released meanwhile. */
static void sleep_until_woken(struct rzs_spill_io *io)
{
	uint32_t seen = io->wakes;

	io->sleepers++;
	rzs_unlock(&io->lock);
	rzs_sync_futex_wait(&io->wakes, seen, NULL);
	rzs_lock(&io->lock);
	io->sleepers--;
}

void *rzs_spill_io_thread(void *arg)
{
	struct rzs_spill_io *io = arg;
	struct rzs_spill_request *batch[RZS_SPILL_BATCH];
	struct rzs_thread *entry = io->config.enter ? io->config.enter(io->config.arg) : NULL;

	rzs_stack_touch(STACK_TOUCH);
	rzs_lock(&io->lock);
	for (;;) {
		unsigned nr = rzs_spill_io_take(io, batch);
		enum rzs_spill_op op;
		bool wake, cancel = io->stopping;

		if (!nr && io->stopping)
			break;
		if (!nr) {
			sleep_until_woken(io);
			continue;
		}
		op = batch[0]->op;
		wake = rzs_spill_io_calls_for_more(io);
		rzs_unlock(&io->lock);
		if (wake)
			rzs_sync_futex_wake(&io->wakes, 1);
		rzs_threads_progress(entry, false);
		for (unsigned i = 0; cancel && i < nr; i++)
			rzs_spill_io_over(batch[i], -ECANCELED);
		if (!cancel)
			serve(io, batch, nr);
		rzs_lock(&io->lock);
		io->writing -= op == RZS_SPILL_WRITE;
	}
	rzs_unlock(&io->lock);
	return NULL;
}
