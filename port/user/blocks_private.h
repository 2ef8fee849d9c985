/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What blocks.c, blocks_open.c and blocks_info.c share.  blocks.c explains locks and invariants. */
#ifndef RZS_BLOCKS_PRIVATE_H
#define RZS_BLOCKS_PRIVATE_H

#include <pthread.h>

#include "arena.h"
#include "blocks.h"
#include "clock.h"
#include "headroom.h"

/* The contents of a ready block. */
struct block_link {
	uint32_t next; /* in the list; 0: it is the last */
};

struct rzs_blocks {
	struct rzs_blocks_head head;
	rzs_lock_t lock;
	uint32_t work; /* futex: bits for what the thread is to do */

	/* Under lock. */
	uint32_t list; /* the first ready block, or 0 */
	uint64_t taken, ready, held, peak;
	uint64_t max;	    /* at most the units of the arena */
	uint64_t reserve;   /* how many should be ready */
	uint64_t low, high; /* the thread starts if ready is outside of these */
	uint64_t least;	      /* the lowest ready so far */
	uint64_t waits_since; /* ns: since when memory was asked for in vain; 0: not so */
	uint64_t refilled, returned, failures, shortages, unasked, refused, bad_gives;
	int lock_err;

	/* Under system. */
	pthread_mutex_t system;
	bool still; /* no block gets memory, and none loses it */
	struct rzs_arena arena;

	/* Constant after open. */
	uint64_t last; /* the highest number of a block */
	pthread_t thread;
	struct rzs_thread *(*hook)(void *arg);
	void *hook_arg;
	bool checks_headroom; /* before memory is asked for */
	bool found;	      /* attached, and no other process gives or takes memory any more */

	/* The thread's. */
	struct rzs_headroom headroom;
	uint64_t budget;      /* blocks of the headroom last read that are not taken yet */
	uint64_t starved_since; /* ns: down to the last blocks since; 0: it is not */
	struct rzs_thread *entry;

	struct rzs_blocks *next; /* under blocks_open_lock */
};

/* CLOCK_MONOTONIC in ns, never 0. */
static inline uint64_t rzs_blocks_now(void)
{
	return rzs_clock_ns() + 1;
}

/* Set limit and reserve, and what follows from them; under lock, or before the thread runs. */
void rzs_blocks_set_marks(struct rzs_blocks *b, uint64_t max, uint64_t reserve);

/* The reserve for this max: as asked for, or the default. */
uint64_t rzs_blocks_reserve(uint64_t max, uint64_t asked);

/* Add a block to the ready ones; under lock. */
void rzs_blocks_push(struct rzs_blocks *b, uint32_t block);

/* Fill the reserve, and take nr blocks beside it.  0 or -ENOMEM; no thread is running. */
int rzs_blocks_fill(struct rzs_blocks *b, uint64_t max, uint64_t reserve, uint32_t *taken,
		    unsigned nr);

/* Wake up the thread; not under lock. */
void rzs_blocks_kick(struct rzs_blocks *b);

/* Start the refill thread; end it and wait for that.  A negative errno: there is none. */
int rzs_blocks_start(struct rzs_blocks *b);
void rzs_blocks_stop(struct rzs_blocks *b);

/* Start and stop counting a source in rzs_blocks_info().  They wait for a lock. */
void rzs_blocks_list_add(struct rzs_blocks *b);
void rzs_blocks_list_remove(struct rzs_blocks *b);

#endif
