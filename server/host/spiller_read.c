/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Blocks that come from disk, and who waits for them; see spiller.h.
 *
 * A thread of the engine has no worker of the store.  It copies what came to the ticket's buffer,
 * and the first waiter that goes on tells the store.
 *
 * Starving.  Who finds no buffer joins `starving`.  Whoever puts a ticket wakes one of those; one
 * that was woken and needs no ticket any more wakes the next.  So while somebody starves, there is
 * a ticket that will be put, or somebody who was woken and has not gone on yet.
 */
#include <errno.h>
#include <string.h>

#include "spiller_private.h"

void rzs_spiller_complete_all(struct rzs_spiller_waiter *waiter)
{
	struct rzs_spiller_waiter *next;

	for (; waiter; waiter = next) {
		next = waiter->next;
		waiter->complete(waiter);
	}
}

void rzs_spiller_came(struct rzs_spiller *s, struct rzs_spill_request *rq)
{
	struct rzs_spiller_transfer *t = rq->ticket;
	struct rzs_spiller_waiter *first;
	int err = rq->err;

	/* Those who wait hold the ticket, so its buffer stays. */
	if (err == 0)
		memcpy(t->bytes, rq->data, RZS_SPILL_UNIT);
	/* There are as many requests as buffers: this one is free before its buffer can be. */
	rzs_spill_io_put(rq);
	rzs_lock(&s->lock);
	t->read = RZS_SPILLER_CAME;
	t->err = err;
	first = t->waiters.first;
	t->waiters.first = NULL;
	rzs_unlock(&s->lock);
	rzs_spiller_complete_all(first);
}

/* Under the lock. */
static void load(struct rzs_spiller *s, struct rzs_worker *w, struct rzs_spiller_transfer *t)
{
	if (t->read != RZS_SPILLER_CAME)
		return;
	t->read = RZS_SPILLER_LOADED;
	rzs_spill_loaded(s->config.store, w, t->number, t->err);
}

/* Have the block of a new ticket read.  Under the lock. */
static void begin(struct rzs_spiller *s, const struct rzs_spill_ticket *ticket)
{
	struct rzs_spiller_transfer *t = &s->transfers[ticket->number];

	t->bytes = ticket->bytes;
	t->read = RZS_SPILLER_UNDERWAY;
	t->err = rzs_spill_io_get(s->io, RZS_SPILL_READ, &t->rq);
	if (t->err == 0) {
		t->rq->place = (uint64_t)ticket->place + 1;
		t->rq->ticket = t;
		t->err = rzs_spill_io_submit(t->rq);
		if (t->err < 0)
			rzs_spill_io_put(t->rq);
	}
	if (t->err < 0)
		t->read = RZS_SPILLER_CAME;
}

int rzs_spiller_hold(struct rzs_spiller *s, struct rzs_worker *w,
		     const struct rzs_spill_ticket *ticket, struct rzs_spiller_waiter *waiter)
{
	struct rzs_spiller_transfer *t = &s->transfers[ticket->number];

	waiter->state = RZS_SPILLER_HOLDS;
	waiter->number = ticket->number;
	if (ticket->start)
		begin(s, ticket);
	if (t->read == RZS_SPILLER_UNDERWAY) {
		rzs_spiller_append(&t->waiters, waiter);
		return -EINPROGRESS;
	}
	load(s, w, t);
	return 0;
}

/* Under the lock. */
static int want(struct rzs_spiller *s, struct rzs_worker *w, rzs_slot_t slot,
		struct rzs_spiller_waiter *waiter)
{
	struct rzs_spill_ticket ticket;
	int err = rzs_spill_want(s->config.store, w, slot, &ticket);

	if (err == -EAGAIN) {
		waiter->state = RZS_SPILLER_STARVES;
		rzs_spiller_append(&s->starving, waiter);
		return -EINPROGRESS;
	}
	return err < 0 ? err : rzs_spiller_hold(s, w, &ticket, waiter);
}

int rzs_spiller_want(struct rzs_spiller *s, struct rzs_worker *w, rzs_slot_t slot,
		     struct rzs_spiller_waiter *waiter)
{
	int err;

	rzs_lock(&s->lock);
	err = want(s, w, slot, waiter);
	rzs_unlock(&s->lock);
	return err;
}

void rzs_spiller_resume(struct rzs_spiller *s, struct rzs_worker *w,
			struct rzs_spiller_waiter *waiter)
{
	if (waiter->state != RZS_SPILLER_HOLDS)
		return;
	rzs_lock(&s->lock);
	load(s, w, &s->transfers[waiter->number]);
	rzs_unlock(&s->lock);
}

void rzs_spiller_put(struct rzs_spiller *s, struct rzs_worker *w, struct rzs_spiller_waiter *waiter,
		     bool answered)
{
	struct rzs_spiller_waiter *next;

	if (waiter->state == RZS_SPILLER_NEEDY)
		waiter->state = RZS_SPILLER_NONE;
	if (waiter->state == RZS_SPILLER_NONE ||
	    (waiter->state == RZS_SPILLER_STARVES && !answered))
		return;
	rzs_lock(&s->lock);
	if (waiter->state == RZS_SPILLER_HOLDS)
		rzs_spill_put(s->config.store, w, waiter->number);
	waiter->state = RZS_SPILLER_NONE;
	next = s->starving.first;
	if (next)
		s->starving.first = next->next;
	rzs_unlock(&s->lock);
	if (next)
		next->complete(next);
}
