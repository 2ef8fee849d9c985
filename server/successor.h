/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A server that replaces another one (hand.h): takes its devices, sockets and clients.  In two
 * parts: what the predecessor may still refuse or lose nothing by, and what is done when it has
 * ended.
 *
 * Threading: the front thread, before its loop runs.  Waits for the predecessor.
 */
#ifndef RZS_SUCCESSOR_H
#define RZS_SUCCESSOR_H

#include "devices.h"
#include "front.h"

struct rzs_successor;

/* What was taken, beside devices. */
struct rzs_successor_sockets {
	struct rzs_listener listeners[RZS_FRONT_LISTENERS];
	unsigned nr_listeners;
	int control; /* -1: none */
	char control_path[RZS_LISTEN_NAME_MAX];
	bool control_remove;
};

/*
 * Take all from the predecessor at the other end of fd, until it has ended.  devices: empty.  At
 * most max_connections.  0; or a negative errno with why set, which the predecessor is told as
 * well, and goes on.
 */
int rzs_successor_take(int fd, struct rzs_devices *devices, unsigned max_connections,
		       struct rzs_successor_sockets *out_sockets, struct rzs_successor **out,
		       char why[RZS_WHY_MAX]);

/*
 * Serve the connections that were taken, after rzs_devices_adopt(), and free s.  One that cannot be
 * served is closed.  Returns how many of these there are.
 */
unsigned rzs_successor_serve(struct rzs_successor *s, struct rzs_io *io, struct rzs_front *front);

#endif
