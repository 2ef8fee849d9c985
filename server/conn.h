/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An NBD connection in its transmission phase.
 *
 * Requests are begun in order, and served straight from the receive buffer and straight into the
 * reply buffer.  A request larger than a buffer passes through it in pieces.  Replies are sent when
 * all received requests are served, or when the reply buffer is full.  All memory is allocated with
 * the connection and has a fixed size.
 *
 * A request may be parked (request.h).  The requests behind it are served meanwhile, so replies may
 * come in another order; NBD allows that.  It promises nothing about requests that are outstanding
 * at the same time, and FLUSH is for writes that are answered already, so nothing has to wait for a
 * parked request.  Three things do:
 *   - the next header, when all requests of the connection are parked: no more is received then
 *   - what follows a parked write, because its data stand in the receive buffer
 *   - all other replies, while a simple reply that is larger than half of the buffer is being sent
 * DISC and the end of the client's bytes are obeyed when all requests are answered.
 *
 * Its I/O thread (io_loop.c) calls rzs_conn_run() when the event that the last call asked for has
 * occurred.  A call takes a bounded time.
 *
 * Threading: the front thread creates and destroys a connection, one I/O thread runs it; never
 * both at once.
 */
#ifndef RZS_CONN_H
#define RZS_CONN_H

#include "nbd.h"
#include "request.h"
#include "threads.h"

/*
 * As large as the kernel's usual largest request, and as what a socket's own buffer holds.  Larger
 * buffers were not faster.
 */
#define RZS_CONN_IN_SIZE  (192u << 10)
#define RZS_CONN_OUT_SIZE (160u << 10)

/*
 * Requests of a connection, one of which takes the next header: as many can be parked at once.  The
 * kernel has 128 in flight by default; for swap it is told to have 16.
 */
#define RZS_CONN_REQUESTS 64u

/* A time slice ends with the request, or piece of one, during which this time was reached. */
#define RZS_CONN_SLICE_NS 500000u

/* A write that finds no memory is tried again after this pause, and so many times. */
#define RZS_CONN_PAUSE_NS 1000000u
#define RZS_CONN_PATIENCE 500u

/* What a connection waits for. */
enum rzs_conn_wants {
	RZS_CONN_INPUT,	 /* the socket to be readable */
	RZS_CONN_OUTPUT, /* the socket to be writable */
	RZS_CONN_YIELD,	 /* its next time slice */
	RZS_CONN_PAUSE,	 /* its next time slice, not before pause_until */
	RZS_CONN_PARKED, /* rzs_conn_wake(): without a parked request it cannot go on */
	RZS_CONN_STILL,	 /* nothing, since rzs_conn_hold(): all that it has begun is answered */
	RZS_CONN_CLOSE,	 /* nothing more: close it */
};

/* The I/O thread that runs connections. */
struct rzs_conn_thread {
	unsigned index;
	struct rzs_thread *entry;
	struct rzs_request_inbox inbox;
};

/* What its I/O thread needs to know.  The rest is in conn_private.h. */
struct rzs_conn {
	struct rzs_conn *prev, *next; /* the thread's list */
	struct rzs_conn *queued;      /* the next in the thread's queue */
	enum rzs_conn_wants wants;
	uint64_t pause_until; /* ns; with RZS_CONN_PAUSE */
	bool watches_output;

	int fd;
	struct rzs_nbd_session session;

	bool readable; /* the thread sets it when the socket says so, rzs_conn_run() clears it */
	/*
	 * A receive may return less than the socket has: before the end of the stream, at an
	 * out-of-band byte, at file descriptors.  Set by both; never cleared.
	 */
	bool cut_short;
};

/*
 * Create one.  inbox: of the thread that will run it.  early: bytes already received,
 * RZS_CONN_IN_SIZE at most (-EINVAL).  All its memory is in RAM when this returns.  0 or -ENOMEM;
 * *out is NULL then.
 */
int rzs_conn_create(int fd, const struct rzs_nbd_session *session, struct rzs_request_inbox *inbox,
		    const void *early, size_t early_len, struct rzs_conn **out);

/*
 * The same in two halves: all its memory, and a connection in it.  early_len is valid.  In between
 * nothing may be done with it but rzs_conn_destroy().
 */
int rzs_conn_alloc(struct rzs_conn **out);
void rzs_conn_set_up(struct rzs_conn *c, int fd, const struct rzs_nbd_session *session,
		     struct rzs_request_inbox *inbox, const void *early, size_t early_len);

/* Wipe and free its memory.  No request is parked.  Does not close fd.  NULL is fine. */
void rzs_conn_destroy(struct rzs_conn *c);

/* Receive, serve and send for one time slice at most.  Never blocks, never allocates. */
enum rzs_conn_wants rzs_conn_run(struct rzs_conn *c, const struct rzs_conn_thread *thread);

/* A request of the thread's inbox: the next run serves it.  Returns its connection. */
struct rzs_conn *rzs_conn_wake(struct rzs_request *rq);

/*
 * Serve no more requests, and send nothing.  Run it next: it wants RZS_CONN_CLOSE, or
 * RZS_CONN_PARKED until all parked requests have come back.
 */
void rzs_conn_hang_up(struct rzs_conn *c);

/*
 * Begin no more requests.  Those that were begun are answered, except a write, of which the rest
 * stays.  Run it next, and as often as it wants: the last it wants is RZS_CONN_STILL, or
 * RZS_CONN_CLOSE.
 */
void rzs_conn_hold(struct rzs_conn *c);

/* Go on after rzs_conn_hold().  Run it next if it wants RZS_CONN_STILL. */
void rzs_conn_release(struct rzs_conn *c);

/*
 * What a connection that is still has received and not served, as bytes with which
 * rzs_conn_create() makes one that goes on, perhaps in another process.  Of a write that was
 * begun, these are a write of the rest.  out has space for RZS_CONN_IN_SIZE bytes.  Returns how
 * many there are.
 */
uint32_t rzs_conn_unserved(const struct rzs_conn *c, uint8_t *out);

#endif
