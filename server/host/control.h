/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket: a unix socket on which a target (target.h) is looked at and changed, in lines
 * of text (docs/CONTROL-PROTOCOL, proto/ctl.h).
 *
 * Threading: lives in a loop (loop.h) and is used by who has that only.  Allocates; never on the
 * data path.  A client that stops reading, sends no end of line, or comes in dozens costs a
 * bounded amount of memory and nobody else's time.
 */
#ifndef RZS_CONTROL_H
#define RZS_CONTROL_H

#include "loop.h"
#include "target.h"

struct rzs_control;

struct rzs_control_options {
	const char *path;      /* of the socket; NULL: fd is one that listens already */
	int fd;		       /* the control socket's to close, from a successful start on */
	unsigned max_clients;  /* 0: 16 */
	unsigned idle_seconds; /* a client that asks for nothing is let go, 0: 60 */
};

/*
 * Listen, and answer until rzs_control_stop().  target is kept.  The socket is 0600; a stale one of
 * the same name is removed, one at which somebody answers gives -EADDRINUSE.  why is set with an
 * error.
 */
int rzs_control_start(struct rzs_loop *loop, const struct rzs_control_options *options,
		      const struct rzs_target *target, struct rzs_control **out,
		      char why[RZS_WHY_MAX]);

/* Close all, remove the socket. */
void rzs_control_stop(struct rzs_control *c);

#endif
