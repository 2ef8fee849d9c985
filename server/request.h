/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A request of a client, from its header to its reply.
 *
 * A connection has a fixed number of requests (conn.h), which are part of its memory.  Their life:
 *
 *	free -> being served -> answered, and free again
 *	             |   ^
 *	             v   | the same call is made again
 *	           parked
 *
 * Parking.  A back end (dispatch.h) that would have to wait for something, say a disk, does not
 * wait: it notes the request and returns -EINPROGRESS.  The I/O thread goes on with other requests.
 * When the answer is there, or an error, the back end calls rzs_request_complete(), in any thread.
 * The I/O thread then makes the same call again, with the same request and range, but perhaps
 * another worker and buffer.  That call gives the answer, or parks the request once more.
 * So a back end never has a pointer into a connection's buffers, and nobody holds a worker of the
 * store while a request is parked.
 *
 * The rule for both sides: for each -EINPROGRESS there is one rzs_request_complete(), and for each
 * rzs_request_complete() there is one more call, even if the client has gone.  A request is not
 * freed before that.
 *
 * Threading: a request belongs to the I/O thread of its connection.  From -EINPROGRESS to
 * rzs_request_complete() the back end may read its range (nbd, at, left) and use `ticket` and
 * `waiter`; nobody changes the former meanwhile.
 */
#ifndef RZS_REQUEST_H
#define RZS_REQUEST_H

#include <stdatomic.h>

#include "nbd.h"
#include "spiller.h"

struct rzs_conn;
struct rzs_request_inbox;

/* What is to be done next. */
enum rzs_request_step {
	RZS_REQUEST_NEXT,   /* nothing: the header of the next request is expected */
	RZS_REQUEST_WRITE,  /* takes its data, or discards it after an error */
	RZS_REQUEST_READ,   /* fits the reply buffer, or is sent as chunks of a structured reply */
	RZS_REQUEST_GATHER, /* was parked, and must be sent as a whole: collect its pages */
	RZS_REQUEST_VERIFY, /* too large for that: can all of it be read? */
	RZS_REQUEST_STREAM, /* it can, and is being sent */
	RZS_REQUEST_TRIM,
	RZS_REQUEST_ZERO,
	RZS_REQUEST_STATUS,
	RZS_REQUEST_CANCEL, /* the client has gone: make the call that the back end expects */
};

struct rzs_request {
	struct rzs_request *next; /* in the list that it is in */
	struct rzs_conn *conn;
	struct rzs_request_inbox *inbox;  /* of the connection's I/O thread */
	void *ticket;			  /* the back end's own; NULL when a request begins */
	struct rzs_spiller_waiter waiter; /* the back end's own, too, if pages are elsewhere */

	enum rzs_request_step step;
	bool parked; /* the back end has it */
	bool owes;   /* was completed, and the call was not made again yet */
	struct rzs_nbd_request nbd;
	uint64_t begun; /* ns: when its header was received */
	uint64_t at;	/* the part that is left */
	uint32_t left;
	uint32_t before; /* GATHER: bytes ahead of it that are not collected yet */
	uint32_t tries;	 /* of a change that found no memory */
	int err;	 /* to answer with */
};

/* Completed requests of one I/O thread.  `wake` is an eventfd. */
struct rzs_request_inbox {
	_Atomic(struct rzs_request *) newest;
	int wake;
};

/*
 * What is written to `wake` when the inbox is no longer empty.  Others may write smaller numbers.
 * Requests may be taken only after this was read: then whoever completed them has finished with the
 * inbox, and it may go.
 */
#define RZS_REQUEST_WAKE (1ull << 32)

void rzs_request_inbox_init(struct rzs_request_inbox *inbox, int wake);

/* Take all, linked by `next`, the oldest first.  The I/O thread, after RZS_REQUEST_WAKE. */
struct rzs_request *rzs_request_inbox_take(struct rzs_request_inbox *inbox);

/*
 * The call that has parked rq can be answered now.  Any thread, once for each -EINPROGRESS, even
 * before that has been returned.  Never blocks, allocates or fails.  rq is no longer the caller's.
 */
void rzs_request_complete(struct rzs_request *rq);

/* A queue of requests.  All zero: empty. */
struct rzs_request_queue {
	struct rzs_request *first, *last;
};

static inline void rzs_request_append(struct rzs_request_queue *q, struct rzs_request *rq)
{
	rq->next = NULL;
	if (q->first)
		q->last->next = rq;
	else
		q->first = rq;
	q->last = rq;
}

static inline void rzs_request_prepend(struct rzs_request_queue *q, struct rzs_request *rq)
{
	rq->next = q->first;
	if (!q->first)
		q->last = rq;
	q->first = rq;
}

/* NULL: there is none. */
static inline struct rzs_request *rzs_request_take(struct rzs_request_queue *q)
{
	struct rzs_request *rq = q->first;

	if (rq)
		q->first = rq->next;
	return rq;
}

#endif
