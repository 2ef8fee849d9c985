/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The front: accepts NBD clients and carries them through their handshake, until an I/O thread
 * takes them over (io_loop.h).
 *
 * A client costs a bounded amount of memory for a bounded time.  At most max_handshakes clients are
 * in their handshake at once, each for handshake_ms at most.  If there are more, the next one waits
 * for grace_ms, since many clients may start at the same time; then it replaces the oldest.  A
 * client that may not connect is hung up on before a byte is sent.
 *
 * Threading: the front thread, in its loop; rzs_front_closed() in any thread.  May wait for memory,
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
	unsigned max_connections; /* in transmission; others are refused in their handshake */
	unsigned max_handshakes;  /* at once; 0: 64 */
	unsigned handshake_ms;
	unsigned grace_ms;  /* a client is not replaced before it is so old; 0: 100 */
	const uid_t *users; /* may use unix sockets, besides root and the process's own user */
	unsigned nr_users;
	/* A client in transmission has left. */
	void (*left)(void *arg);
	void *arg;
};

/* Keeps what options point to.  0, or a negative errno and *out is NULL. */
int rzs_front_open(struct rzs_loop *loop, const struct rzs_front_options *options,
		   struct rzs_front **out);

/* For struct rzs_io_options.closed, with the front as arg: a connection has ended.  Any thread. */
void rzs_front_closed(void *front, const struct rzs_nbd_session *session);

/*
 * Accept clients, and pass them on to io.  At most RZS_FRONT_LISTENERS listeners; they must stay
 * where they are, and the front closes them.  0 or a negative errno.
 */
int rzs_front_serve(struct rzs_front *f, struct rzs_io *io, struct rzs_listener *listeners,
		    unsigned nr_listeners);

/*
 * Accept no clients for a while: they wait.  Those in their handshake go on with it.  Then accept
 * them again.
 */
void rzs_front_hold(struct rzs_front *f);
void rzs_front_release(struct rzs_front *f);

/* Clients in their handshake. */
unsigned rzs_front_handshakes(const struct rzs_front *f);

/* Accept no more clients.  Options of clients in their handshake are refused: ERR_SHUTDOWN. */
void rzs_front_shutdown(struct rzs_front *f);

/*
 * Hang up on clients in their handshake, and free f.  The loop must not run after this, and the I/O
 * threads must have ended.  NULL is fine.
 */
void rzs_front_close(struct rzs_front *f);

#endif
