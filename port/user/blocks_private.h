/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of a source of blocks share.  Locks and invariants: see blocks.c. */
#ifndef RZS_BLOCKS_PRIVATE_H
#define RZS_BLOCKS_PRIVATE_H

#include <pthread.h>
#include <time.h>

#include "arena.h"
#include "blocks.h"
#include "headroom.h"

struct block_link {
	struct block_link *next;
};

struct rzs_blocks {
	rzs_lock_t lock;
	uint32_t work; /* futex: what the thread is to do */

	/* Under lock. */
	struct block_link *list;
	uint64_t taken, ready, held, peak;
	uint64_t max;	    /* no more than the arena has */
	uint64_t reserve;   /* aim of ready */
	uint64_t low, high; /* where the thread starts */
	uint64_t least;	      /* ready ones there have been at the worst */
	uint64_t waits_since; /* ns: when the thread asked for what it has not got; 0: not so */
	uint64_t refilled, returned, failures, shortages, unasked, refused, bad_gives;
	int lock_err;

	/* Under system. */
	pthread_mutex_t system;
	struct rzs_arena arena;

	/* Constant after open. */
	char *first, *end;
	pthread_t thread;
	struct rzs_thread *(*hook)(void *arg);
	void *hook_arg;
	bool checks_headroom; /* headroom is to be asked */

	/* The thread's. */
	struct rzs_headroom headroom;
	uint64_t budget;      /* of headroom found, not taken yet */
	uint64_t empty_since; /* ns: no block, and no headroom, since then; 0: not so */
	struct rzs_thread *entry;

	struct rzs_blocks *next; /* under blocks_open_lock */
};

/* ns of a clock that only goes forward, never 0. */
static inline uint64_t rzs_blocks_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec + 1;
}

/* Have rzs_blocks_info() count a source, and no longer.  May wait. */
void rzs_blocks_list_add(struct rzs_blocks *b);
void rzs_blocks_list_remove(struct rzs_blocks *b);

#endif
