/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shutting down without failing anybody's I/O.  See quit.c.
 *
 * Threading: rzs_quit_setup() on the main thread, the rest on any.  They never wait.
 */
#ifndef RZS_PLUGIN_QUIT_H
#define RZS_PLUGIN_QUIT_H

#include <stdbool.h>

/*
 * Take over SIGTERM, SIGINT, SIGHUP and SIGQUIT from nbdkit.  Call this once, after the last fork.
 * 0 or a negative errno.
 */
int rzs_quit_setup(void);

/* A client has attached. */
void rzs_quit_enter(void);

/* A client has left.  true: it was the last one after a signal, so shut down now. */
bool rzs_quit_leave(void);

/* Whether a signal has come.  *out_clients: how many handles are open. */
bool rzs_quit_asked(unsigned *out_clients);

#endif
