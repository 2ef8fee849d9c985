/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Merging equal pages of one store in the background, with the knobs of KSM and their meanings
 * (Documentation/admin-guide/mm/ksm.rst of Linux).  The store does the merging (rzs_store.h); this
 * decides when, and how much at a time.
 *
 * It has no thread.  Somebody calls rzs_merger_step() again and again, and gives other threads the
 * processor and the store's worker after each step.
 *
 * Threading: one call at a time for each struct.  rzs_merger_set() allocates, and may wait for
 * memory; no step runs meanwhile.
 */
#ifndef RZS_MERGER_H
#define RZS_MERGER_H

#include "rzs_store.h"
#include "value.h"

enum rzs_merge_run {
	RZS_MERGE_STOP, /* what is merged stays merged */
	RZS_MERGE_RUN,	/* the index exists */
	RZS_MERGE_UNDO, /* every page gets an object of its own again */
};

struct rzs_merge_knobs {
	int run;	      /* enum rzs_merge_run */
	int pages_to_scan;    /* in one batch; 0: none */
	int sleep_millisecs;  /* between two batches */
	int max_page_sharing; /* pages that may share an object */
	bool smart_scan;      /* pages that were unique before are looked at less often */
	uint64_t index_bytes; /* bound on the index; 0: chosen by the store's size */
	bool inline_writes;   /* while run is RZS_MERGE_RUN, writes merge as well */
};

/* A zeroed one, with its store and knobs set, does nothing. */
struct rzs_merger {
	struct rzs_store *store;
	struct rzs_merge_knobs knobs; /* in force */
	bool open;		      /* the store has an index */
	bool undoing;		      /* run is RZS_MERGE_UNDO, and pages may share objects yet */
	bool damaged;		      /* pages were met whose object is damaged */
	unsigned tries;		      /* steps in a row that found the reserve empty */
	uint64_t left;		      /* pages that the present batch still has */
	uint64_t due_ms;	      /* when the next step is */
};

/* KSM's: run is RZS_MERGE_STOP. */
void rzs_merge_knobs_init(struct rzs_merge_knobs *knobs);

/*
 * Put knobs in force, whose values are in range.  The caller has no worker of the store.
 * available: bytes that the machine has for copies; UINT64_MAX: not known.
 * 0, or after an error why is set:
 * -EBUSY   max_page_sharing is another one, and pages share objects
 * -ENOSPC  run is RZS_MERGE_RUN, and memlimit allows no index
 * -ENOMEM  no memory for the index; or run is RZS_MERGE_UNDO, and the memlimit or the machine has
 *          no memory for all copies.  As in KSM, run is RZS_MERGE_STOP then.
 * Otherwise nothing has changed.
 */
int rzs_merger_set(struct rzs_merger *m, const struct rzs_merge_knobs *knobs, uint64_t available,
		   char why[RZS_WHY_MAX]);

/*
 * Milliseconds from now_ms (of any clock that does not go back) until the next step; 0: now.
 * UINT64_MAX: none is to come.
 */
uint64_t rzs_merger_wait(const struct rzs_merger *m, uint64_t now_ms);

/*
 * Do a step, which takes well under a millisecond, if one is due.  w: a worker of the store.
 * Returns 0; or once, when undoing has to stop, and run becomes RZS_MERGE_STOP:
 * -ENOSPC  the memlimit is reached
 * -ENOMEM  the reserve stays empty
 * -EIO     all is undone but pages whose object is damaged; run does not change
 */
int rzs_merger_step(struct rzs_merger *m, struct rzs_worker *w, uint64_t now_ms);

#endif
