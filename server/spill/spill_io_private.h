/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What spill_io.c (callers, memory) and spill_thread.c (the disk) share. */
#ifndef RZS_SPILL_IO_PRIVATE_H
#define RZS_SPILL_IO_PRIVATE_H

#include <pthread.h>
#include <stddef.h>

#include "rzs_port_sync.h"
#include "spill_budget.h"
#include "spill_io.h"
#include "threads.h"

enum rzs_spill_state {
	RZS_SPILL_FREE,
	RZS_SPILL_HELD,	  /* by a caller, before it is submitted */
	RZS_SPILL_QUEUED, /* waits for a thread */
	RZS_SPILL_ACTIVE, /* a thread has it */
	RZS_SPILL_DONE,	  /* held by a caller again */
};

struct rzs_spill_queue {
	struct rzs_spill_request *first, *last;
	unsigned nr;
};

/* The lock is for all that changes: queues, states, numbers and budgets. */
struct rzs_spill_io {
	struct rzs_spill_config config;
	rzs_lock_t lock;
	uint32_t wakes;	   /* a futex: changes when a thread is to look again */
	unsigned sleepers; /* threads that wait for it, or have not looked yet */
	bool stopping;
	bool reported;	       /* that the target is bad */
	unsigned writing;      /* threads that write, */
	unsigned writing_most; /* at most */
	struct rzs_spill_queue free[RZS_SPILL_OPS], queued[RZS_SPILL_OPS];
	struct rzs_spill_budget rate, daily;
	struct rzs_spill_stats stats;

	pthread_t threads[RZS_SPILL_THREADS_MAX];
	unsigned nr_threads;
	char *memory; /* all of it, this struct included */
	size_t bytes;
	unsigned nr_requests;
	struct rzs_spill_request requests[];
};

/*
 * Take a read, or up to RZS_SPILL_BATCH writes of neighbouring places, to do now.  Returns how
 * many; 0: nothing is to be done.  Under the lock.
 */
unsigned rzs_spill_io_take(struct rzs_spill_io *io, struct rzs_spill_request **batch);

/*
 * Whether one more thread is to be woken up, with rzs_sync_futex_wake() after the lock is released.
 * Under the lock.
 */
bool rzs_spill_io_calls_for_more(struct rzs_spill_io *io);

/* Record the result of a request, and call done().  Without the lock. */
void rzs_spill_io_over(struct rzs_spill_request *rq, int err);

/* A thread of the engine. */
void *rzs_spill_io_thread(void *io);

#endif
