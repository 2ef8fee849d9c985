/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The swap areas of this machine, with what the kernel cannot know of them: exclusive, permanent, a
 * swapoff under way, what became of one.  That is kept in /run/rzs/areas, replaced as a whole under
 * a lock.  The kernel is right, the file only adds: whoever reads it reconciles the two.
 *
 * Any thread; what reads or writes the file may sleep.  Reading allocates nothing; for writing
 * stdio allocates its buffer.
 */
#ifndef RZST_AREA_H
#define RZST_AREA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "rzst_swaps.h"

enum rzst_area_state {
	RZST_AREA_ON,
	RZST_AREA_SWAPOFF,  /* a helper is at work */
	RZST_AREA_BUSY,	    /* on; the last swapoff did not succeed, see retry_at */
	RZST_AREA_COMPLETE, /* off; kept until it is on again, or for a day */
	RZST_AREA_FAILED,   /* on; swapoff was given up */
};

struct rzst_area {
	char name[256];
	bool on; /* in /proc/swaps; else the figures of the kernel are 0 */
	bool is_file;
	uint64_t size, used; /* bytes */
	int priority;	     /* the kernel's */
	bool exclusive;	     /* no other area may have this priority */
	bool permanent;	     /* on when the machine came up, or in fstab: never retired */
	enum rzst_area_state state;
	/* The swapoff: */
	pid_t helper;		/* that is at work, or waits to try again; 0: none */
	uint64_t helper_start;	/* rzst_process_start(): a pid alone may be another's */
	int64_t since;		/* seconds, CLOCK_REALTIME: it began, or ended */
	uint64_t used_at_start; /* bytes */
	int error;		/* negative errno of the last try, 0 for none; a kill is -EINTR */
	int64_t retry_at;	/* seconds, CLOCK_REALTIME; 0: no more tries */
};

#define RZST_AREAS_MAX 64u /* those that are on, and those that were */

struct rzst_areas {
	unsigned nr;
	struct rzst_area v[RZST_AREAS_MAX];
	bool unnoted;	 /* of notes: nothing has been noted since the machine came up */
	char doubt[160]; /* why what only the file knows is unknown; "": nothing is */
};

/*
 * What holds, of what the kernel says and what was noted: a pure function.  First the kernel's
 * areas, then those that are off, each in the order they had; where there is no room for all, the
 * last of these are left out.
 *   On, and noted->unnoted: permanent, for whoever turned it on did so before any of the tools.
 *   On, noted as COMPLETE: it is ON again.  SWAPOFF, and alive() says no of the helper: BUSY, error
 *   -EINTR unless one is noted, without another try.  BUSY, and the helper is gone: the same.
 *   Off, noted as SWAPOFF: COMPLETE since now.  COMPLETE: kept for a day.  All else is left out.
 */
void rzst_areas_reconcile(const struct rzst_swap_area *kernel, unsigned nr_kernel,
			  const struct rzst_areas *noted, int64_t now,
			  bool (*alive)(pid_t pid, uint64_t start), struct rzst_areas *out);

/* The areas of the machine now.  Cannot fail: what is not known is in out->doubt. */
void rzst_areas_read(struct rzst_areas *out);

/*
 * Change what is noted: under the lock, reads, reconciles, calls change(), and replaces the file
 * when that returns 0.  Returns what change() did, or a negative errno; -EWOULDBLOCK after `wait`
 * seconds that another held the lock.  -EROFS, -EACCES, -ENOSPC: nothing is noted, and the areas
 * are as they are; change() was called if the lock was had.  change() forks nothing: a process
 * would inherit the lock.
 */
int rzst_areas_change(unsigned wait, int (*change)(struct rzst_areas *areas, void *arg), void *arg);

/*
 * The area of this name, on or not; NULL: there is none.  rzst_area_add() gives that, or makes one
 * that is not on (NULL: full, or the name is longer than there is room for).
 */
struct rzst_area *rzst_area_find(struct rzst_areas *areas, const char *name);
struct rzst_area *rzst_area_add(struct rzst_areas *areas, const char *name);

/* What is noted of an area that a tool has turned on: neither exclusive nor permanent. */
void rzst_area_turned_on(struct rzst_area *area, int priority);

/* "on", "swapoff", "busy", "complete", "failed": a word that never changes. */
const char *rzst_area_state_name(enum rzst_area_state state);

/* Field 22 of /proc/PID/stat, when it began; 0: there is no such process. */
uint64_t rzst_process_start(pid_t pid);

/*
 * Pages read from and written to an area since its device exists: as its store counts them if it is
 * one of ours that answers, else as /sys/block/NAME/stat does.  -ENODATA: nobody counts, as for a
 * file; both are 0 then.  One thread; waits for servers, see rzst_ours.h.
 */
int rzst_area_io(const struct rzst_area *area, uint64_t *reads, uint64_t *writes);

#endif
