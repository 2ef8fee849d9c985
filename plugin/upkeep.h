/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plugin's one thread of its own: compaction, and everything that is said while I/O goes on.
 * See upkeep.c.
 */
#ifndef RZS_PLUGIN_UPKEEP_H
#define RZS_PLUGIN_UPKEEP_H

#include "rzs_store.h"

/* Start the thread, on the worker numbered hint, and take SIGUSR1.  Once, after the last fork. */
int rzs_upkeep_start(struct rzs_store *store, unsigned hint);

/* End it and wait for that.  Fine when it was never started. */
void rzs_upkeep_stop(void);

/* Have it look at once.  From any thread or signal handler; costs one exchange when repeated. */
void rzs_upkeep_wake(void);

/* One line, after "rzs: ", to where nbdkit's messages go (standard error; a daemon: syslog). */
void rzs_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The store's statistics as lines of "rzs: name=value". */
void rzs_say_stats(struct rzs_store *store);

#endif
