/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket: a unix socket on which clients look at a target (target.h) and change it, in
 * lines of text (docs/CONTROL-PROTOCOL, proto/ctl.h).
 *
 * Threading: the thread that has the loop (loop.h) calls these.  It may wait for memory, so this is
 * not for the data path.  A client costs a bounded amount of memory and nobody else's time, even if
 * it stops reading, never ends a line, or opens dozens of connections.
 */
#ifndef RZS_CONTROL_H
#define RZS_CONTROL_H

#include "loop.h"
#include "target.h"

struct rzs_control;

struct rzs_control_options {
	const char *path;      /* where to create the socket; NULL: fd listens already */
	int fd;		       /* without a path; rzs_control_stop() closes it */
	const char *remove;    /* with fd: its path, which rzs_control_stop() removes; or NULL */
	unsigned max_clients;  /* 0: 16 */
	unsigned idle_seconds; /* before a client without requests is disconnected; 0: 60 */
};

/*
 * Listen, and answer until rzs_control_stop().  target and loop are kept.  The socket's mode is
 * 0600.  A socket of that name that nobody answers is removed first.  0, or a negative errno with
 * why set and NULL in *out; -EADDRINUSE: another server answers there.
 */
int rzs_control_start(struct rzs_loop *loop, const struct rzs_control_options *options,
		      const struct rzs_target *target, struct rzs_control **out,
		      char why[RZS_WHY_MAX]);

/* Its listening socket, and its path if rzs_control_stop() removes that, else NULL. */
int rzs_control_socket(const struct rzs_control *c, const char **out_path);

/* Disconnect all clients, close the socket, and remove it if it has a path. */
void rzs_control_stop(struct rzs_control *c);

#endif
