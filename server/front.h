/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The front: NBD clients from their connecting until their handshake is over and an I/O thread has
 * them (io_loop.h).
 *
 * Whoever connects costs a bounded amount of memory for a bounded time: at most max_handshakes are
 * served at once, the oldest makes room for the next, and each has handshake_ms.  (Many clients
 * that start at the same time are no reason to drop any of them: so the next one waits a moment
 * first.)  Who may not connect is hung up on before a byte is sent.
 *
 * Threading: the front thread, in its loop; rzs_front_closed() on any.  May wait for memory,
 * never for a client.
 */
#ifndef RZS_FRONT_H
#define RZS_FRONT_H

#include "devices.h"
#include "io_loop.h"
#include "listen.h"
#include "loop.h"

#define RZS_FRONT_LISTENERS 16u

struct rzs_front;

struct rzs_front_options {
	struct rzs_devices *devices;
	unsigned max_connections; /* in transmission; more are told so in their handshake */
	unsigned max_handshakes;  /* at once; 0: 64 */
	unsigned handshake_ms;
	unsigned grace_ms;  /* for this long nobody is dropped in favour of another; 0: 100 */
	const uid_t *users; /* who may use unix sockets, besides root and the process's own user */
	unsigned nr_users;
	/* A client in transmission has left. */
	void (*left)(void *arg);
	void *arg;
};

/* options and what they point to are kept.  0 or a negative errno. */
int rzs_front_open(struct rzs_loop *loop, const struct rzs_front_options *options,
		   struct rzs_front **out);

/*
 * What struct rzs_io_options wants to be called, with the front as arg: the device has one
 * connection less.  Any thread.
 */
void rzs_front_closed(void *front, const struct rzs_nbd_session *session);

/*
 * Let clients in, handing them over to io.  at most RZS_FRONT_LISTENERS listeners, which
 * are kept; the front closes them.
 */
int rzs_front_serve(struct rzs_front *f, struct rzs_io *io, struct rzs_listener *listeners,
		    unsigned nr_listeners);

/* Nobody is let in any more; who has not finished its handshake is told ESHUTDOWN when it asks. */
void rzs_front_shutdown(struct rzs_front *f);

/*
 * Hang up on those in their handshake and let go of everything; f is gone then.  The loop does not
 * go on after this, and the I/O threads have ended.  NULL is fine.
 */
void rzs_front_close(struct rzs_front *f);

#endif
