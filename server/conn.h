/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection in transmission: bytes from a socket, requests, replies, bytes to the socket.
 *
 * Requests are served one after the other, in their order, straight from the receive buffer and
 * straight into the reply buffer; what is larger than a buffer goes through it in pieces.  Replies
 * are sent when all that was received is served, or when the buffer is full.  All memory is made
 * with the connection and of fixed size.
 *
 * Who runs it (io_loop.c) calls rzs_conn_run() whenever what the last call asked for has come; a
 * call takes a bounded time.
 *
 * Threading: made and freed by the front thread, a turn's by one I/O thread; not both at once.
 */
#ifndef RZS_CONN_H
#define RZS_CONN_H

#include "dispatch.h"
#include "nbd.h"
#include "threads.h"

/*
 * Room for the kernel's usual largest request, and for as much as a socket's own buffer holds at a
 * time; more of either was not faster.
 */
#define RZS_CONN_IN_SIZE  (192u << 10)
#define RZS_CONN_OUT_SIZE (160u << 10)

/* A turn ends after the request, or the piece of one, with which this was reached. */
#define RZS_CONN_SLICE_NS 500000u

/* What a connection waits for. */
enum rzs_conn_wants {
	RZS_CONN_INPUT,	 /* the socket is readable */
	RZS_CONN_OUTPUT, /* the socket is writable */
	RZS_CONN_YIELD,	 /* its next turn */
	RZS_CONN_PAUSE,	 /* its next turn, RZS_CONN_PAUSE_NS from now */
	RZS_CONN_CLOSE,	 /* nothing more: to be closed */
};

/* Between two tries of a write for which there was no memory, and how many there are. */
#define RZS_CONN_PAUSE_NS 1000000u
#define RZS_CONN_PATIENCE 500u

/* What is being done about the request at hand. */
enum rzs_conn_step {
	RZS_CONN_NEXT,	 /* nothing: the next one's header is to come */
	RZS_CONN_WRITE,	 /* takes its data, or throws it away after an error */
	RZS_CONN_READ,	 /* fits the reply buffer, or goes as chunks of a structured reply */
	RZS_CONN_VERIFY, /* a read of one piece that does not fit: can all of it be read? */
	RZS_CONN_STREAM, /* it can, and is being sent */
	RZS_CONN_TRIM,
	RZS_CONN_ZERO,
	RZS_CONN_STATUS,
};

/* The I/O thread whose turn it is. */
struct rzs_conn_thread {
	unsigned index;
	struct rzs_thread *entry;
};

struct rzs_conn {
	/* For who runs it. */
	struct rzs_conn *prev, *next;
	enum rzs_conn_wants wants;
	uint64_t pause_until; /* ns; with RZS_CONN_PAUSE */
	bool watches_output;
	struct rzs_conn *queued; /* the next in a queue */

	int fd;
	struct rzs_nbd_session session;

	/* Set by who runs it, when the socket says so; cleared by a turn. */
	bool readable;
	/*
	 * A receive may stop early: before an end, at an out-of-band byte, behind descriptors.
	 * Set by who runs it, and by a turn; stays.
	 */
	bool cut_short;

	bool closing;	/* as soon as the replies are sent */
	uint64_t now;	/* ns, when the clock was last read; */
	uint64_t came;	/* when the bytes came that are being served, or the connection did; */
	uint64_t until; /* and when this turn is over */

	/* The request at hand: what it has left, the error that it will be answered with. */
	enum rzs_conn_step step;
	struct rzs_nbd_request request;
	uint64_t begun; /* ns */
	uint64_t at;
	uint32_t left;
	uint32_t tries;
	int err;

	struct rzs_dispatch dispatch;
	struct rzs_thread *entry; /* of the thread whose turn it is */

	/* Bytes received and not yet used: in[in_at .. in_end - 1].  Of replies not yet sent: */
	uint32_t in_at, in_end;
	uint32_t out_at, out_end;
	uint8_t *in, *out;
};

/*
 * Make one.  early: bytes that came already, RZS_CONN_IN_SIZE at most.  -ENOMEM.  Its memory is in
 * RAM when this returns.
 */
int rzs_conn_create(int fd, const struct rzs_nbd_session *session, const void *early,
		    size_t early_len, struct rzs_conn **out);

/* Its buffers are overwritten: pages went through them.  Does not close fd.  NULL is fine. */
void rzs_conn_destroy(struct rzs_conn *c);

/* Go on, as far as that is possible now.  Never waits. */
enum rzs_conn_wants rzs_conn_run(struct rzs_conn *c, const struct rzs_conn_thread *thread);

/* The clock of pauses and turns, ns. */
uint64_t rzs_conn_clock(void);

/* ---- between conn.c and conn_serve.c ---- */

enum rzs_conn_progress {
	RZS_CONN_DONE, /* the request is answered */
	RZS_CONN_SOME, /* a piece of it is; go on */
	RZS_CONN_NO_INPUT,
	RZS_CONN_OUT_FULL,  /* send replies first */
	RZS_CONN_NO_MEMORY, /* the reserve is empty for the moment: pause */
	RZS_CONN_BROKEN,    /* the connection cannot go on */
};

/* Take up the request in c->request.  Done, broken, or to be gone on with: some. */
enum rzs_conn_progress rzs_conn_begin(struct rzs_conn *c);

/* Do a bounded part of it. */
enum rzs_conn_progress rzs_conn_serve(struct rzs_conn *c);

/* Room that there must be for rzs_conn_begin(): any reply without data. */
#define RZS_CONN_REPLY_MAX 64u

#endif
