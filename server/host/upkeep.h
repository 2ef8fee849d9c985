/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The upkeep thread, which does what threads that serve I/O must not do: compaction, merging, and
 * writing messages.  See upkeep.c.
 */
#ifndef RZS_UPKEEP_H
#define RZS_UPKEEP_H

#include "merger.h"
#include "recompressor.h"
#include "spill_keys.h"
#include "spiller.h"

/*
 * Start the thread.  In each store it uses the worker of this number and no other; threads that
 * serve I/O must not use that one.  It calls tick, unless that is NULL, whenever it wakes up, at
 * least once a second.  Main thread, once, after the last fork.  0 or a negative errno.
 */
int rzs_upkeep_start(unsigned worker, void (*tick)(void));

/* End the thread, and wait for that.  Main thread; it may not be running. */
void rzs_upkeep_stop(void);

/*
 * hold: leave all stores alone, until this is called again.  Waits for a step of upkeep.  Otherwise
 * go on.  Any thread.
 */
void rzs_upkeep_hold(bool hold);

/*
 * Let it look at all stores now.  Any thread, any signal handler; never waits.  Another call before
 * it has woken up costs one atomic exchange.
 */
void rzs_upkeep_wake(void);

/* A step of spilling is due.  As rzs_upkeep_wake(), but only for that; arg is not used. */
void rzs_upkeep_wake_spilling(void *arg);

/*
 * Start looking after a store.  name: for messages, kept; NULL: it is the only store.  Any thread
 * that may wait for memory.  0 or -ENOMEM.
 */
int rzs_upkeep_add(const char *name, struct rzs_store *store);

/*
 * The same in two halves.  The first one allocates, and the store is not looked at yet; nothing but
 * rzs_upkeep_remove() or the second half may be called for it.
 */
int rzs_upkeep_prepare(const char *name, struct rzs_store *store);
void rzs_upkeep_begin(struct rzs_store *store);

/*
 * Stop looking after a store.  Waits for a step of upkeep at most; the store is not used after
 * that.  It need not have been added.
 */
void rzs_upkeep_remove(struct rzs_store *store);

/*
 * Have a store compacted until nothing more can be gained, however little lies idle.  Any thread
 * that may wait for a step of upkeep; it does not wait for the end.  0; -ENOENT: it was not added.
 */
int rzs_upkeep_compact(struct rzs_store *store);

/*
 * Merge pages of a store that was added, as knobs say; at first none are merged.  The thread that
 * adds and removes the store.  May wait for memory, and for a step of upkeep.  Errors as
 * rzs_merger_set(), with why set; -ENOENT: it was not added.
 */
int rzs_upkeep_merge(struct rzs_store *store, const struct rzs_merge_knobs *knobs,
		     char why[RZS_WHY_MAX]);

/* The knobs in force; run may have changed since.  A store that was not added: *out stays. */
void rzs_upkeep_merge_knobs(struct rzs_store *store, struct rzs_merge_knobs *out);

/* Look for idle pages and recompress them, as knobs say; otherwise as rzs_upkeep_merge(). */
int rzs_upkeep_recompress(struct rzs_store *store, const struct rzs_recompress_knobs *knobs,
			  char why[RZS_WHY_MAX]);

/* Let all pages count as old, soon.  As rzs_upkeep_merge(); errors of rzs_recompressor_mark(). */
int rzs_upkeep_idle(struct rzs_store *store, char why[RZS_WHY_MAX]);

/*
 * Make the steps of a store's spiller, as knobs say, until rzs_upkeep_remove().  Otherwise as
 * rzs_upkeep_merge().
 */
void rzs_upkeep_spill(struct rzs_store *store, struct rzs_spiller *spiller,
		      const struct rzs_spill_knobs *knobs);

/* Other knobs, but for the path.  A store without a spiller: nothing is done. */
void rzs_upkeep_spill_knobs(struct rzs_store *store, const struct rzs_spill_knobs *knobs);

/*
 * Let no page be merged, recompressed or spilled between these two calls, as a change of the
 * store's limit needs it.  The store need not have been added.  Otherwise as rzs_upkeep_merge().
 */
void rzs_upkeep_pause(struct rzs_store *store);
void rzs_upkeep_resume(struct rzs_store *store);

#endif
