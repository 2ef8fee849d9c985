/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The threads that serve requests: each has a loop of its own and the connections given to it, for
 * their lives.
 *
 * Threading: all of this on the front thread.
 */
#ifndef RZS_IO_LOOP_H
#define RZS_IO_LOOP_H

#include <stddef.h>

#include "nbd.h"

#define RZS_IO_THREADS_MAX 64u
#define RZS_IO_EARLY_MAX   (64u << 10) /* bytes that may have come with the handshake's last */

struct rzs_io;

struct rzs_io_options {
	unsigned nr_threads;	  /* 1 .. RZS_IO_THREADS_MAX */
	unsigned max_connections; /* at once, over all threads: buffers are made for no more */
	/* On an I/O thread, the last thing of a connection: must not block or allocate. */
	void (*closed)(void *arg, const struct rzs_nbd_session *session);
	void *arg;
};

/*
 * Start them; each protects itself (protect_server.h) before this returns.  0 or a negative errno;
 * *out is NULL then.
 */
int rzs_io_start(const struct rzs_io_options *options, struct rzs_io **out);

/*
 * Serve a connection whose handshake is over, on the thread that has fewest.  early: bytes that
 * came after the handshake.  The connection's buffers are made here, so that none is later.  On
 * success fd is the thread's to close; -ENOMEM, -EBUSY (too many), -EINVAL (early_len): it stays
 * the caller's.
 */
int rzs_io_adopt(struct rzs_io *io, int fd, const struct rzs_nbd_session *session,
		 const void *early, size_t early_len);

/*
 * Free what connections that have ended have left, which I/O threads must not do themselves.  After
 * closed() was called, some time; adopting and stopping do it too.
 */
void rzs_io_tidy(struct rzs_io *io);

/* Hang up on everybody, end the threads and wait for that.  NULL is fine. */
void rzs_io_stop(struct rzs_io *io);

#endif
