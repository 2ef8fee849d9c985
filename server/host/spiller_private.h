/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What spiller.c (writes, start and end) and spiller_read.c share. */
#ifndef RZS_SPILLER_PRIVATE_H
#define RZS_SPILLER_PRIVATE_H

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

/*
 * The lock is for `ended`, `starving`, and what belongs to tickets in.  Tickets of the store are
 * taken and put under it, so that nobody starves while a buffer is free.  Inside it are the locks
 * of the store and of the engine.
 */
struct rzs_spiller {
	struct rzs_spiller_config config;
	struct rzs_spill_io *io;
	rzs_lock_t lock;
	struct rzs_spiller_transfer *ended;
	struct rzs_spiller_queue starving; /* waiters without a buffer */

	/* Of the thread that makes steps. */
	struct rzs_spiller_plan plan;
	bool passed;	  /* all pages were looked at with this plan */
	bool passing;	  /* a pass without pressure is under way */
	bool gave_up;	  /* the target is bad, and no block is for it any more */
	uint64_t pass_ms; /* when the next one begins */
	uint64_t look_ms; /* when the next step is, unless a write ends */
	struct rzs_spiller_transfer transfers[];
};

/* A read has come.  In a thread of the engine. */
void rzs_spiller_came(struct rzs_spiller *s, struct rzs_spill_request *rq);

#endif
