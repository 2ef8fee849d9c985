/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arena: a range of addresses whose units of RZS_ARENA_UNIT bytes are given memory and lose it
 * again.
 *
 * The range is mapped without access, which costs nothing.  Units are opened (made accessible, and
 * locked: pages stay in RAM once they are there) from its start onwards, as few as needed, so that
 * what the system counts as locked is what has been used.  Committing a unit faults all its pages
 * in; uncommitting gives the pages back; the lowest such units are committed first.
 *
 * Threading: none; the caller sees to it that one thread at a time uses an arena.  Sleeps, asks the
 * system for memory.  None of its functions may be called by a thread of the data path.
 * Invariants: committed units = opened - nr_uncommitted; bits at or above opened are 0.
 */
#ifndef RZS_ARENA_H
#define RZS_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RZS_ARENA_UNIT 32768u

struct rzs_arena {
	char *base;
	size_t page;		 /* bytes; a unit is one or several */
	uint64_t units;		 /* size */
	uint64_t opened;	 /* units 0 .. opened - 1 are accessible */
	uint64_t nr_uncommitted; /* of these, how many have no memory */
	uint64_t *uncommitted;	 /* one bit a unit */
	uint64_t lowest;	 /* words of the bitmap before this one are 0 */
	int lock_err;		 /* errno of the lock that was refused, 0: all is locked */
};

/*
 * Map addresses for units, or for as many as can be had but not fewer than least (1 or more).
 * page: bytes of the system's pages, or a multiple of that.
 * -ENOMEM: not even that; -ENOTSUP: pages larger than a unit, whose memory could not be given and
 * taken without that of its neighbours.  r is then as released.
 */
int rzs_arena_reserve(struct rzs_arena *r, size_t page, uint64_t units, uint64_t least);

/* Unmap it all, with everything in it. */
void rzs_arena_release(struct rzs_arena *r);

/*
 * Give memory to up to want units that lie side by side: *out is the first, *out_nr how many,
 * from 1 to want.  on_page(arg) is called before each page is asked for.
 * -ENOMEM: none (*out NULL, *out_nr 0), the arena has as many committed units as before.
 * -ENOSPC: every unit is committed already.
 */
int rzs_arena_commit(struct rzs_arena *r, uint64_t want, void (*on_page)(void *arg), void *arg,
		     void **out, uint64_t *out_nr);

/* Give a committed unit's memory back.  Negative errno: it is as before. */
int rzs_arena_uncommit(struct rzs_arena *r, void *unit);

#endif
