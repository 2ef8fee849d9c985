/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shutting down without failing any I/O.
 *
 * A kernel that swaps to this server kills a process for each page that it does not get back.  So
 * SIGTERM, SIGINT, SIGHUP and SIGQUIT only ask the server to end.  It ends when its last client has
 * left: at once if there is none.  Until then the log says once a minute who is waited for.
 *
 * Threading: the front thread, in its loop.
 */
#ifndef RZS_SHUTDOWN_H
#define RZS_SHUTDOWN_H

#include "devices.h"
#include "loop.h"

struct rzs_shutdown_options {
	struct rzs_devices *devices;
	void (*begin)(void *arg); /* a signal came: accept no more clients */
	void (*end)(void *arg);	  /* the last client has left: end the process; called once */
	void *arg;
};

struct rzs_shutdown;

/* Handle the signals.  Copies options.  0 or a negative errno; *out is NULL without memory. */
int rzs_shutdown_open(struct rzs_loop *loop, const struct rzs_shutdown_options *options,
		      struct rzs_shutdown **out);

/* A client has left. */
void rzs_shutdown_check(struct rzs_shutdown *d);

/* After rzs_signals_end().  NULL is fine. */
void rzs_shutdown_close(struct rzs_shutdown *d);

#endif
