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

/*
 * A source in shared memory (segment.h), which another process can go on with.  Its root is there,
 * too.  The memory is there as long as any process is attached: one that uses the source, one that
 * waits (rzs_blocks_attach()), or one that does no more than keep it (rzs_segment_attach()).
 */
struct rzs_blocks_share {
	int id;		 /* of the segment, for rzs_blocks_attach(); -1: there is none */
	int err;	 /* 0, or why there is none: a negative errno of rzs_segment_create() */
	const char *why; /* the same as a constant string, or NULL */
};

/*
 * The next source that this process opens is in shared memory.  rzs_blocks_open() sets *share, and
 * fails if that is refused: the caller may try again without.  share: NULL takes it back.  The
 * caller lets no other thread open a source meanwhile.
 */
void rzs_blocks_share_next(struct rzs_blocks_share *share);

/*
 * Open a source on the blocks that another process has left in the segment id, or has still: until
 * the first rzs_blocks_claim() or rzs_blocks_settle(), this process reads nothing of it but the
 * root's size, and changes nothing.  No block is taken.  For rzs_store_adopt().  There are no
 * limits until rzs_blocks_settle(); after it, the limit is what the segment has space for, and the
 * reserve is what was found, until rzs_blocks_set_max().
 *
 * Errors of rzs_segment_attach(), with *out_why (a constant string, or NULL); -EINVAL: the segment
 * is none of a source; -ENOMEM; -ENOTSUP: the machine's pages are larger than a block.  *out is
 * NULL then.  Sleeps.
 */
int rzs_blocks_attach(int id, struct rzs_blocks **out, const char **out_why);

/*
 * Make page tables for the blocks that have memory now, of a source that was attached, so that the
 * first use of each costs no page fault.  For a process that waits to go on with them; the process
 * that uses them meanwhile is not disturbed.  Only what is new since the last call takes long.
 * *out_blocks: how many blocks have page tables.  0 or a negative errno: some may have none.
 * Sleeps.  Before the first rzs_blocks_claim(), one thread at a time.
 */
int rzs_blocks_map(struct rzs_blocks *b, uint64_t *out_blocks);

/*
 * Find the blocks that have memory, and make page tables for them: all that the first
 * rzs_blocks_claim() or rzs_blocks_settle() would need the system for.  No process may give a block
 * memory, or take it, from here on but through this source.  0 or a negative errno.  Sleeps.
 */
int rzs_blocks_find(struct rzs_blocks *b);

/*
 * still: let no block of any source of this process get memory or lose it until this is called
 * again.  Waits for the steps that refill threads are in, of which each may wait for memory.  The
 * data path goes on with the ready blocks.  Otherwise let refill threads go on.  While the process
 * does not begin or end to use a source.
 */
void rzs_blocks_hold_all(bool still);

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
