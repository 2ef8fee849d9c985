/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The thread that does what must not be done by those that serve I/O: compaction, and everything
 * that is said while I/O goes on.  See upkeep.c.
 */
#ifndef RZS_UPKEEP_H
#define RZS_UPKEEP_H

#include "rzs_store.h"

/*
 * Start the thread, on each store's worker of this number and on no other; a thread that serves I/O
 * must not need that one.  tick: called by it whenever it wakes, once a second at least; NULL:
 * nothing.  Once, after the last fork.  0 or a negative errno.
 */
int rzs_upkeep_start(unsigned worker, void (*tick)(void));

/* End it and wait for that.  Fine when it was never started. */
void rzs_upkeep_stop(void);

/* Have it look at once.  From any thread or signal handler; costs one exchange when repeated. */
void rzs_upkeep_wake(void);

/*
 * Look after a store from now on.  name is kept, for messages; NULL: it is the only one.  -ENOMEM.
 * Any thread that may wait for memory.
 */
int rzs_upkeep_add(const char *name, struct rzs_store *store);

/* And no more, from the return of this; waits for a step of compaction at most. */
void rzs_upkeep_remove(struct rzs_store *store);

#endif
