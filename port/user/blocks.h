/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What glue code may set and see of the blocks' source beyond the contract (rzs_port.h has
 * rzs_blocks_*).
 */
#ifndef RZS_BLOCKS_H
#define RZS_BLOCKS_H

#include "rzs_port.h"
#include "threads.h"

/*
 * Call fn(arg) at the start of every refill thread, to give it protections like the I/O threads';
 * it returns the thread's entry, NULL: none.  Set before a source is opened, while no other thread
 * opens one; NULL: none.
 */
void rzs_blocks_set_thread_hook(struct rzs_thread *(*fn)(void *arg), void *arg);

/*
 * Where refill threads look for headroom (headroom.h); NULL, as at first: nowhere, they ask the
 * system for memory without looking.  Set likewise; the string is kept.  Where it cannot be read
 * the same holds.
 */
void rzs_blocks_set_headroom(const char *path);

struct rzs_blocks_info {
	uint64_t taken;
	uint64_t ready;	    /* with memory, not taken; with those on their way in or out */
	uint64_t least;	    /* the lowest number of ready ones so far */
	uint64_t reserve;   /* how many ready ones the source aims at */
	uint64_t max;	    /* taken + ready never go beyond */
	uint64_t refilled;  /* blocks given memory after the source was opened */
	uint64_t returned;  /* blocks whose memory went back to the system */
	uint64_t failures;  /* times the system had no memory, or would not take it back */
	uint64_t shortages; /* times there was no headroom, so that it was not even asked */
	uint64_t unasked;   /* blocks taken without headroom: the reserve had long been empty */
	uint64_t refused;	  /* takes that found no ready block, below max */
	uint64_t bad_gives;	  /* gives of what is no block; ignored */
	uint64_t locked;	  /* sources whose memory is all locked into RAM ... */
	uint64_t sources;	  /* ... of so many that are open */
	uint64_t checks_headroom; /* sources that look for headroom before they take any */
	uint64_t waits_ns; /* how long the longest has asked for memory and not got any; 0: none */
	int lock_err;	   /* errno of a lock that was refused, 0: none was */
};

/*
 * The sums over all sources open in this process (a store has one).  Any thread but those of the
 * data path.
 */
void rzs_blocks_info(struct rzs_blocks_info *out);

#endif
