/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between a store whose pages can be elsewhere (spill.h) and the engine that asks the disk
 * (spill_io.h): pages of one store go to one target, and come back when they are read.
 *
 * Out.  Somebody calls rzs_spiller_step() again and again, and gives other threads the processor
 * and the store's worker after each step.  It gathers pages as spiller_plan.h says, gives blocks to
 * the engine, and tells the store how earlier writes have ended.
 *
 * In.  Whoever gets -EINPROGRESS from the store has a waiter, and makes these calls:
 *
 *	err = call of the store
 *	while (err == -EINPROGRESS) {
 *		err = rzs_spiller_want(slot, waiter)
 *		if (err == -EINPROGRESS)
 *			wait for waiter->complete(), then rzs_spiller_resume(waiter)
 *		else if (err and err != -ENOENT)
 *			break
 *		err = the same call of the store
 *		rzs_spiller_put(waiter, err != -EINPROGRESS)
 *	}
 *
 * Whoever gets -ENOSPC from a write asks rzs_spiller_want_room() in the same way, in place of
 * rzs_spiller_want(), and is refused only if no page can be moved to the target.
 *
 * A waiter has one ticket at most, and none while it waits for a buffer.  So waiters do not wait
 * for each other in a circle.  All who need one block wait for one read.  Reads do not wait for
 * writes (spill_io.h).  A read that fails is -EIO for the pages of its block.
 *
 * Places on the target that hold few pages are made free by the steps (spiller_collect.c).
 *
 * Threading: step, tune, and the numbers that they keep: one thread at a time, the one that makes
 * the store's calls of idle pages.  want, want_room, resume, put, set_limits: any thread.  They
 * hold a lock for list operations, a few of the store's and the engine's own, and the hash of a
 * block's directory.  Nothing but open and close allocates, or waits for a disk.
 */
#ifndef RZS_SPILLER_H
#define RZS_SPILLER_H

#include "spill_io.h"
#include "spiller_plan.h"

struct rzs_spiller;

struct rzs_spiller_config {
	struct rzs_store *store;    /* outlives the spiller */
	struct rzs_spill_disk disk; /* stays open until rzs_spiller_close() */
	const char *name;	    /* of the target, for messages; stays */
	uint64_t places;	    /* of the target, place 0 included */
	unsigned threads;	    /* of the engine */
	unsigned writes;	    /* blocks on their way out, 3 or more */
	unsigned buffers;	    /* blocks on their way in */
	uint64_t rate, daily;	    /* bytes that may be written in a second, in a day; 0: any */
	struct rzs_spiller_knobs knobs;
	uint64_t (*now_ms)(void); /* as that of rzs_spill_config */

	/* As that of rzs_spill_config. */
	struct rzs_thread *(*enter)(void *arg);
	/* A step is due.  In a thread of the engine, where it must not wait.  NULL: not wanted. */
	void (*wake)(void *arg);
	void *arg;
};

/*
 * Let pages of the store go to the target.  Sleeps, allocates; nobody sets the store's limit
 * meanwhile.  0, and the spiller in *out; or NULL, and errors of rzs_store_idle_open(),
 * rzs_spill_open() and rzs_spill_io_start().
 */
int rzs_spiller_open(const struct rzs_spiller_config *config, struct rzs_spiller **out);

/*
 * End it.  Nobody waits any more, and no call runs.  What is elsewhere cannot be read from now on,
 * so the store is destroyed next.  w: a worker of the store.  Sleeps.  NULL is allowed.
 */
void rzs_spiller_close(struct rzs_spiller *s, struct rzs_worker *w);

/* Other knobs than those of the config.  As a step. */
void rzs_spiller_tune(struct rzs_spiller *s, const struct rzs_spiller_knobs *knobs);

/* Other limits: bytes that may be written in a second, and in a day; 0: any. */
void rzs_spiller_set_limits(struct rzs_spiller *s, uint64_t rate, uint64_t daily);

/* Whether somebody waits for memory.  This and rzs_spiller_wait() take no lock. */
bool rzs_spiller_is_wanted(struct rzs_spiller *s);

/* Milliseconds until the next step; 0: it is due. */
uint64_t rzs_spiller_wait(struct rzs_spiller *s, uint64_t now_ms);

/* Do a step.  w: a worker of the store. */
void rzs_spiller_step(struct rzs_spiller *s, struct rzs_worker *w, uint64_t now_ms);

/* Whether there is news of the target for the log, as rzs_spill_io_trouble(). */
bool rzs_spiller_trouble(struct rzs_spiller *s, char line[RZS_WHY_MAX]);

enum rzs_spiller_state {
	RZS_SPILLER_NONE,    /* it has no ticket */
	RZS_SPILLER_HOLDS,   /* it has one */
	RZS_SPILLER_STARVES, /* it has none: there was no buffer */
	RZS_SPILLER_NEEDY,   /* it has none, and waits for memory */
};

/* A waiter begins with zeros and its `complete`, and stays where it is until it has no ticket. */
struct rzs_spiller_waiter {
	/* The call can be made again.  Any thread; called without locks, once for each wait. */
	void (*complete)(struct rzs_spiller_waiter *waiter);
	/* The spiller's own. */
	struct rzs_spiller_waiter *next;
	enum rzs_spiller_state state;
	unsigned number; /* of the ticket */
};

/*
 * Have a page brought that could not be read.
 * 0             make the call now
 * -ENOENT       make it now: the page is not elsewhere
 * -EINPROGRESS  make it after waiter->complete(), which may have been called already
 * -EINVAL       as rzs_spill_want()
 */
int rzs_spiller_want(struct rzs_spiller *s, struct rzs_worker *w, rzs_slot_t slot,
		     struct rzs_spiller_waiter *waiter);

/*
 * A write was refused with -ENOSPC: wait until pages have been moved.
 * -EINPROGRESS  make the call after waiter->complete(), which may have been called already
 * -ENOSPC       no page can be moved: the target is full, bad, or may not be written to for long
 */
int rzs_spiller_want_room(struct rzs_spiller *s, struct rzs_spiller_waiter *waiter);

/* After waiter->complete(), before the call is made again. */
void rzs_spiller_resume(struct rzs_spiller *s, struct rzs_worker *w,
			struct rzs_spiller_waiter *waiter);

/* The call was made.  answered: its result was not -EINPROGRESS. */
void rzs_spiller_put(struct rzs_spiller *s, struct rzs_worker *w, struct rzs_spiller_waiter *waiter,
		     bool answered);

#endif
