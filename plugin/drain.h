/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Leaving without failing anybody's I/O.  See drain.c.
 */
#ifndef RZS_PLUGIN_DRAIN_H
#define RZS_PLUGIN_DRAIN_H

#include <stdbool.h>

/* Take SIGTERM, SIGINT, SIGHUP and SIGQUIT over from nbdkit.  Once, after the last fork. */
int rzs_drain_setup(void);

/* A client attaches. */
void rzs_drain_enter(void);

/* A client leaves.  True when the process should end now: it was the last, and a signal came. */
bool rzs_drain_leave(void);

/* Whether a signal came.  *out_clients: how many handles are open. */
bool rzs_drain_asked(unsigned *out_clients);

#endif
