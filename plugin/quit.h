/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Leaving without failing anybody's I/O.  See quit.c.
 */
#ifndef RZS_PLUGIN_QUIT_H
#define RZS_PLUGIN_QUIT_H

#include <stdbool.h>

/* Take SIGTERM, SIGINT, SIGHUP and SIGQUIT over from nbdkit.  Once, after the last fork. */
int rzs_quit_setup(void);

/* A client attaches. */
void rzs_quit_enter(void);

/* A client leaves.  True when the process should end now: it was the last, and a signal came. */
bool rzs_quit_leave(void);

/* Whether a signal came.  *out_clients: how many handles are open. */
bool rzs_quit_asked(unsigned *out_clients);

#endif
