/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What spiller.c (writes, start and end), spiller_read.c, spiller_room.c and spiller_collect.c
 * share.
 */
#ifndef RZS_SPILLER_PRIVATE_H
#define RZS_SPILLER_PRIVATE_H

#include <stdatomic.h>

#include "rzs_port_sync.h"
#include "spiller.h"

struct rzs_spiller_queue {
	struct rzs_spiller_waiter *first, *last;
};

enum rzs_spiller_read {
	RZS_SPILLER_UNDERWAY,
	RZS_SPILLER_CAME,   /* well or not; the store does not know it yet */
	RZS_SPILLER_LOADED, /* the store knows */
};

/* What belongs to a ticket of the store, by its number. */
struct rzs_spiller_transfer {
	struct rzs_spill_request *rq; /* of a write, or of a read that is under way */
	unsigned number;
	/* Out */
	struct rzs_spiller_transfer *next; /* of those that have ended */
	/* In */
	void *bytes; /* of the ticket */
	enum rzs_spiller_read read;
	int err;
	struct rzs_spiller_queue waiters;
};

/* A block whose place is made free. */
struct rzs_spiller_collector {
	struct rzs_spiller_waiter waiter;
	bool passing;	  /* not all blocks were looked at */
	uint64_t pass_ms; /* when they are looked at again */
};

/*
 * The lock is for `ended`, `starving`, `needy`, and what belongs to tickets in.  Tickets of the
 * store are taken and put under it, so that nobody starves while a buffer is free.  Inside it are
 * the locks of the store and of the engine.
 */
struct rzs_spiller {
	struct rzs_spiller_config config;
	struct rzs_spill_io *io;
	rzs_lock_t lock;
	struct rzs_spiller_transfer *ended;
	struct rzs_spiller_queue starving; /* waiters without a buffer */
	struct rzs_spiller_queue needy;	   /* waiters for memory */
	atomic_bool wanted;		   /* there are some */
	bool hopeless;			   /* the last step has found that none can be helped */
	atomic_bool due;		   /* a step is, whatever the time */
	struct rzs_spiller_collector collector;

	/* Of the thread that makes steps. */
	struct rzs_spiller_plan plan;
	bool passed;	  /* all pages were looked at with this plan */
	bool passing;	  /* a pass without pressure is under way */
	bool gave_up;	  /* the target is bad, and no block is for it any more */
	uint64_t pass_ms; /* when the next one begins */
	uint64_t look_ms; /* when the next step is, unless a write ends */
	/* As last looked at. */
	uint64_t gathered; /* bytes */
	struct rzs_spiller_places places;
	struct rzs_spiller_transfer transfers[];
};

/* What a step has done. */
struct rzs_spiller_did {
	bool ended; /* writes have ended */
	bool more;  /* there is more to do at once */
};

static inline void rzs_spiller_append(struct rzs_spiller_queue *q,
				      struct rzs_spiller_waiter *waiter)
{
	waiter->next = NULL;
	if (q->first)
		q->last->next = waiter;
	else
		q->first = waiter;
	q->last = waiter;
}

/* A step is due. */
static inline void rzs_spiller_wake(struct rzs_spiller *s)
{
	atomic_store(&s->due, true);
	if (s->config.wake)
		s->config.wake(s->config.arg);
}

/* All waiters of a list that was a queue's; without the lock. */
void rzs_spiller_complete_all(struct rzs_spiller_waiter *first);

/* A read has come.  In a thread of the engine. */
void rzs_spiller_came(struct rzs_spiller *s, struct rzs_spill_request *rq);

/* Let a waiter hold a new ticket in, as rzs_spiller_want().  Under the lock. */
int rzs_spiller_hold(struct rzs_spiller *s, struct rzs_worker *w,
		     const struct rzs_spill_ticket *ticket, struct rzs_spiller_waiter *waiter);

/* At the end of a step: those who wait for memory go on, if that helps or if nothing will. */
void rzs_spiller_give_room(struct rzs_spiller *s, const struct rzs_spiller_facts *facts,
			   const struct rzs_spiller_did *did);

/* A part of a step: make places free.  Returns whether there is more to do at once. */
bool rzs_spiller_collect(struct rzs_spiller *s, struct rzs_worker *w,
			 const struct rzs_spiller_facts *facts, uint64_t now_ms);
/* Give up the block that is being collected.  The engine was stopped. */
void rzs_spiller_collect_end(struct rzs_spiller *s, struct rzs_worker *w);

#endif
