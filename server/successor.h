/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A server that replaces another one (hand.h): takes its devices, sockets and clients.  In two
 * parts: until FOUND the predecessor serves, and afterwards both wait for each other.
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
 * Take devices and sockets from the predecessor at the other end of fd, which serves meanwhile.
 * devices: empty.  *out_connections: how many connections there will be, more or less.  0; or a
 * negative errno with why set, for rzs_successor_refuse().  *out is NULL only without memory.
 */
int rzs_successor_begin(int fd, struct rzs_devices *devices,
			struct rzs_successor_sockets *out_sockets, unsigned *out_connections,
			struct rzs_successor **out, char why[RZS_WHY_MAX]);

/*
 * After rzs_devices_prepare(): wait until the memory of the stores stays what it is, and get from
 * the system what concerns it.  The predecessor serves meanwhile.  0; or a negative errno with why
 * set, for rzs_successor_refuse().
 */
int rzs_successor_find(struct rzs_successor *s, char why[RZS_WHY_MAX]);

/*
 * Take the connections, and wait until the predecessor uses nothing any more.  io: held
 * (rzs_io_hold()), with memory for them; they are its own afterwards.  What follows until
 * rzs_io_release() must not allocate.  0; or a negative errno with why set, for
 * rzs_successor_refuse(): the predecessor goes on.
 */
int rzs_successor_take(struct rzs_successor *s, struct rzs_io *io, struct rzs_front *front,
		       char why[RZS_WHY_MAX]);

/* Tell the predecessor why it has to go on.  This process must leave all as it is, and end. */
void rzs_successor_refuse(struct rzs_successor *s, const char *why);

/*
 * When clients are served, once: say for how long they were not, up to the moment since
 * (rzs_clock_ns()), and count it (takeovers.h).
 */
void rzs_successor_served(const struct rzs_successor *s, uint64_t since);

/* When clients are served.  NULL is fine. */
void rzs_successor_close(struct rzs_successor *s);

#endif
