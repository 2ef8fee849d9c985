/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Places on the target that hold few pages are made free: such a block is read, and what is left of
 * it goes into a block that is being filled.  If there is no place for that one, it goes back to
 * memory.  One block at a time.
 *
 * Threading: the thread that makes steps; collected() in any.
 */
#include <errno.h>
#include <stddef.h>

#include "spiller_private.h"

#define LOOK_BLOCKS 256u  /* that a step looks at */
#define QUIET_MS    5000u /* between passes over all blocks */

/* The block has come. */
static void collected(struct rzs_spiller_waiter *waiter)
{
	char *s = (char *)waiter - offsetof(struct rzs_spiller, collector.waiter);

	rzs_spiller_wake((struct rzs_spiller *)s);
}

/*
 * Look for a block, and have it read.  0: it is there; -EINPROGRESS: collected() will be called;
 * -ENOENT: none yet, or none at all; -EAGAIN: there is no buffer.
 */
static int begin(struct rzs_spiller *s, struct rzs_worker *w, unsigned percent, uint64_t now_ms)
{
	struct rzs_spiller_collector *c = &s->collector;
	struct rzs_spill_ticket ticket;
	bool done = false;
	int err;

	c->waiter = (struct rzs_spiller_waiter){.complete = collected};
	rzs_lock(&s->lock);
	err = rzs_spill_collect(s->config.store, w, percent, LOOK_BLOCKS, &ticket, &done);
	if (err == 0)
		err = rzs_spiller_hold(s, w, &ticket, &c->waiter);
	rzs_unlock(&s->lock);
	c->passing = !done;
	if (done)
		c->pass_ms = now_ms + QUIET_MS;
	return err;
}

/* The block was read.  Returns whether it is done with; else all blocks are on their way out. */
static bool finish(struct rzs_spiller *s, struct rzs_worker *w, bool bad)
{
	struct rzs_spiller_waiter *waiter = &s->collector.waiter;
	struct rzs_store *store = s->config.store;
	int err = 0;

	rzs_spiller_resume(s, w, waiter);
	if (!bad)
		err = rzs_spill_rewrite(store, w, waiter->number);
	if (err == -EAGAIN)
		return false;
	if (err == -ENOSPC || err == -ENOMEM) /* else it stays where it is */
		(void)!rzs_spill_restore(store, w, waiter->number);
	rzs_spiller_put(s, w, waiter, true);
	return true;
}

/* Whether a block is being read. */
static bool is_underway(struct rzs_spiller *s)
{
	struct rzs_spiller_collector *c = &s->collector;
	bool underway;

	rzs_lock(&s->lock);
	underway = c->waiter.state == RZS_SPILLER_HOLDS &&
		   s->transfers[c->waiter.number].read == RZS_SPILLER_UNDERWAY;
	rzs_unlock(&s->lock);
	return underway;
}

bool rzs_spiller_collect(struct rzs_spiller *s, struct rzs_worker *w,
			 const struct rzs_spiller_facts *facts, uint64_t now_ms)
{
	struct rzs_spiller_collector *c = &s->collector;
	unsigned percent;

	if (is_underway(s))
		return false;
	if (c->waiter.state == RZS_SPILLER_HOLDS)
		return finish(s, w, facts->bad) && !facts->bad;
	percent = rzs_spiller_sparse(&s->places);
	if (!percent || facts->bad || facts->wait_ms || (!c->passing && now_ms < c->pass_ms))
		return false;
	switch (begin(s, w, percent, now_ms)) {
	case 0:
		return true;
	case -ENOENT:
		return c->passing;
	default:
		return false;
	}
}

void rzs_spiller_collect_end(struct rzs_spiller *s, struct rzs_worker *w)
{
	if (s->collector.waiter.state == RZS_SPILLER_HOLDS)
		(void)finish(s, w, true);
}
