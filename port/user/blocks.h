/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a program can set and read of the sources of blocks, beyond the functions of port/CONTRACT
 * (rzs_blocks_* in rzs_port.h).
 */
#ifndef RZS_BLOCKS_H
#define RZS_BLOCKS_H

#include "rzs_port.h"
#include "threads.h"

/*
 * Every refill thread calls fn(arg) at its start, to get the same protections as I/O threads.  fn
 * returns the thread's entry, or NULL if it has none.  fn: NULL for no hook.  For sources opened
 * afterwards; call it while no other thread opens one.
 */
void rzs_blocks_set_thread_hook(struct rzs_thread *(*fn)(void *arg), void *arg);

/*
 * Refill threads read the headroom (headroom.h) from the file path.  NULL, the default, or a file
 * that cannot be read: they ask the system for memory without looking.  path is kept.  For sources
 * opened afterwards; call it while no other thread opens one.
 */
void rzs_blocks_set_headroom(const char *path);

/*
 * The default reserve, in blocks, of a source of at most max blocks on a machine with ram bytes of
 * RAM: 8 to 512 blocks, and within these a quarter of max and a 32nd of RAM at most, or less on a
 * machine with less than 336 MiB.
 */
uint64_t rzs_blocks_default_reserve(uint64_t max, uint64_t ram);

/* In blocks, unless said otherwise. */
struct rzs_blocks_info {
	uint64_t taken;
	uint64_t ready;	    /* with memory and not taken, including those on their way in or out */
	uint64_t least;	    /* the lowest number of ready ones so far */
	uint64_t reserve;   /* how many should be ready */
	uint64_t max;	    /* limit of taken + ready */
	uint64_t refilled;  /* populated after the source was opened */
	uint64_t returned;  /* given back to the system */
	uint64_t failures;  /* times the system had no memory, or would not take it back */
	uint64_t shortages; /* times there was no headroom, so the system was not asked */
	uint64_t unasked;   /* taken without headroom: the reserve had long been nearly empty */
	uint64_t refused;   /* takes below max that found no ready block */
	uint64_t bad_gives; /* gives of something that is not a block; ignored */
	uint64_t locked;    /* sources whose memory is all locked into RAM */
	uint64_t sources;   /* that are open */
	uint64_t checks_headroom; /* sources that look at the headroom first */
	uint64_t waits_ns; /* the longest time a source has asked for memory without getting any */
	int lock_err;	   /* errno of a lock that was refused; 0: none */
};

/*
 * The sums over all open sources of this process (each store has one).  For any thread but those
 * of the data path: it waits for a lock.
 */
void rzs_blocks_info(struct rzs_blocks_info *out);

#endif
