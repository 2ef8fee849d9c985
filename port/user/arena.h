/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An arena: a range of addresses in units of RZS_ARENA_UNIT bytes, each with memory or without.
 *
 * The range is mapped without access, which costs nothing.  At its start is the root, which has
 * memory from the first moment and takes whole units.  The last of these is unit 0, whose number
 * means that there is none; it is there without a root, too.  Units are opened from number 1
 * onwards, no more than needed: they are made accessible, and locked, so that their pages stay in
 * RAM once they are there.  So the system counts as locked what has been used.  Committing a unit
 * populates all its pages.  Uncommitting it gives them back; the lowest such units are committed
 * first.
 *
 * An arena in shared memory (segment.h) is the same, but that its pages stay in RAM by themselves,
 * and that another process can attach to it.  A page before the root says where the root and the
 * units are, and which units are opened.  Which of these have memory the system knows.
 *
 * Threading: one thread at a time uses an arena; the caller sees to that.  All functions sleep and
 * ask the system for memory, so none is for the data path.
 * Invariants: committed units = opened - nr_uncommitted - found ones; bit 0 and bits above opened
 * are 0.
 */
#ifndef RZS_ARENA_H
#define RZS_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "segment.h"

#define RZS_ARENA_UNIT 32768u

struct rzs_arena_head;

struct rzs_arena {
	char *root;		 /* the start of the range */
	char *base;		 /* of unit 0 */
	size_t page;		 /* bytes; a unit is one or several pages */
	uint64_t units;		 /* in the whole range, without the root's */
	uint64_t opened;	 /* units 1 .. opened are accessible */
	uint64_t nr_uncommitted; /* of the opened ones, how many have no memory */
	uint64_t *uncommitted;	 /* bitmap of these */
	uint64_t lowest;	 /* words of the bitmap before this one are 0 */
	int lock_err;		 /* errno of the lock that was refused; 0: all is locked */

	/* In shared memory only. */
	struct rzs_segment segment;
	struct rzs_arena_head *head; /* NULL: this memory is private */
	uint64_t *found;	     /* bitmap: units with memory that nobody has claimed */
};

/*
 * Map addresses for units, or for fewer if there are not as many, but at least for least (1 or
 * more).  The root gets memory for root_bytes, rounded up to pages, which are zeros.  page: bytes
 * of the system's pages, or a multiple of that.
 * 0; -ENOMEM: there are fewer than least, or no memory for the root; -ENOTSUP: a page is larger
 * than a unit, so a unit's memory cannot be given back without its neighbours'.  After an error r
 * is as released.
 */
int rzs_arena_reserve(struct rzs_arena *r, size_t page, size_t root_bytes, uint64_t units,
		      uint64_t least);

/*
 * The same in shared memory.  *out_why: why it is refused (a constant string), or NULL.  Errors of
 * rzs_segment_create() and of rzs_arena_reserve().
 */
int rzs_arena_share(struct rzs_arena *r, size_t page, size_t root_bytes, uint64_t units,
		    uint64_t least, const char **out_why);

/*
 * Attach to such an arena, which another process has left, or uses.  Nothing of it changes.
 * *out_why as above.  Errors of rzs_segment_attach(); -EINVAL: the segment is none of an arena, or
 * of one with other pages; -ENOMEM; -ENOTSUP.  Until rzs_arena_find(), no unit is committed.
 */
int rzs_arena_attach(struct rzs_arena *r, size_t page, int id, const char **out_why);

/*
 * Make page tables for the units that have all their memory, of an arena that another process uses.
 * *out_units: how many these are.  0 or -ENOMEM.
 */
int rzs_arena_map(struct rzs_arena *r, uint64_t *out_units);

/*
 * Once, when the other process gives and takes no memory any more: find the units that have all
 * their memory, and make page tables for them.  They are found; all others are not committed.  0 or
 * -ENOMEM.
 */
int rzs_arena_find(struct rzs_arena *r);

/* Commit a found unit, with its contents.  false: it is not a found unit (any more). */
bool rzs_arena_claim(struct rzs_arena *r, uint64_t unit);

/* Commit the first found unit after a unit, with its contents.  Its number; 0: there is none. */
uint64_t rzs_arena_claim_next(struct rzs_arena *r, uint64_t after);

/* Unmap the range, with everything in it. */
void rzs_arena_release(struct rzs_arena *r);

/*
 * Commit up to want (1 or more) adjacent units.  *out: the number of the first one; *out_nr: how
 * many, 1 to want.
 * on_page(arg) is called before each page is asked for.
 * 0; -ENOMEM: none, and as many are committed as before; -ENOSPC: every unit is committed already.
 * After an error both are 0.
 */
int rzs_arena_commit(struct rzs_arena *r, uint64_t want, void (*on_page)(void *arg), void *arg,
		     uint64_t *out, uint64_t *out_nr);

/* Give a committed unit's memory back.  0, or a negative errno: it is committed as before. */
int rzs_arena_uncommit(struct rzs_arena *r, uint64_t unit);

#endif
