/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The threads that serve requests.  Each has its own loop, and keeps its connections until they
 * end.
 *
 * Threading: the front thread calls all of this.
 */
#ifndef RZS_IO_LOOP_H
#define RZS_IO_LOOP_H

#include <stddef.h>

#include "nbd.h"

#define RZS_IO_THREADS_MAX 64u
#define RZS_IO_EARLY_MAX   (192u << 10) /* bytes received ahead of rzs_io_adopt() */

struct rzs_conn;
struct rzs_io;

struct rzs_io_options {
	unsigned nr_threads;	  /* 1 .. RZS_IO_THREADS_MAX */
	unsigned max_connections; /* at once, in all threads */
	/* A connection has ended.  Called in an I/O thread: must not block or allocate. */
	void (*closed)(void *arg, const struct rzs_nbd_session *session);
	void *arg;
};

/*
 * Start the threads.  Each is protected (protect_server.h) when this returns.  0, or a negative
 * errno and *out is NULL.
 */
int rzs_io_start(const struct rzs_io_options *options, struct rzs_io **out);

/*
 * Serve a connection after its handshake, in the thread with the fewest.  early: bytes received
 * beyond the handshake, or those that a predecessor has not served (rzs_conn_unserved()).
 * Allocates all memory that the connection will need, in the kernel too.  Between rzs_io_hold() and
 * rzs_io_release() nothing of it is served or received.  On success the thread owns fd.  -ENOMEM,
 * -ENOSPC, -EBUSY (too many connections), -EINVAL (early_len): the caller still does.
 */
int rzs_io_adopt(struct rzs_io *io, int fd, const struct rzs_nbd_session *session,
		 const void *early, size_t early_len);

/* Allocate the memory of nr connections that rzs_io_adopt() will be given.  0 or -ENOMEM. */
int rzs_io_prepare(struct rzs_io *io, unsigned nr);

/*
 * Free the memory of ended connections, which an I/O thread must not do.  Call it some time after
 * closed(); adopting and stopping do it, too.
 */
void rzs_io_tidy(struct rzs_io *io);

/*
 * Begin no more requests, answer those that were begun, and wait for that, ms at most.  0;
 * -ETIMEDOUT: a client does not take its replies, or a back end does not answer.  All connections
 * are served again then.
 */
int rzs_io_hold(struct rzs_io *io, unsigned ms);

/* Call fn for each connection that is held.  Between rzs_io_hold() and rzs_io_release(). */
void rzs_io_each_held(struct rzs_io *io, void (*fn)(void *arg, const struct rzs_conn *c),
		      void *arg);

/* Serve all connections again after rzs_io_hold(), and wait for that. */
void rzs_io_release(struct rzs_io *io);

/*
 * Hang up on all clients, end the threads and join them.  Waits for parked requests (request.h), so
 * back ends are stopped after this.  NULL is fine.
 */
void rzs_io_stop(struct rzs_io *io);

#endif
