/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A server that is to be replaced hands its devices, sockets and clients to its successor (hand.h),
 * and goes on itself if that refuses.
 *
 * Threading: the front thread, in its loop.
 */
#ifndef RZS_PREDECESSOR_H
#define RZS_PREDECESSOR_H

#include "control.h"
#include "front.h"

struct rzs_predecessor;

struct rzs_predecessor_options {
	struct rzs_devices *devices;
	struct rzs_front *front;
	struct rzs_io *io;
	const struct rzs_listener *listeners;
	unsigned nr_listeners;
	const struct rzs_control *control; /* NULL: none */
	/*
	 * why NULL: the successor has everything and goes on with it, so this process must end now
	 * and touch nothing.  Otherwise it has refused, and this process serves as before.
	 */
	void (*done)(void *arg, const char *why);
	void *arg;
};

/* Keeps the loop.  0 or -ENOMEM, and *out is NULL then. */
int rzs_predecessor_open(struct rzs_loop *loop, const struct rzs_predecessor_options *options,
			 struct rzs_predecessor **out);

/* A successor waits at the other end of fd, which is this function's.  done() follows. */
void rzs_predecessor_begin(struct rzs_predecessor *p, int fd);

/* Whether a successor is there, and done() has not been called yet. */
bool rzs_predecessor_is_busy(const struct rzs_predecessor *p);

/* NULL is fine. */
void rzs_predecessor_close(struct rzs_predecessor *p);

#endif
