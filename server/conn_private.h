/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What conn.c, conn_read.c and conn_serve.c share.  See conn.h.
 *
 * A request in use is in one place: it is `current` or `stream`, in `woken` or `later`, or parked.
 * Only current, when it is a write, and stream are still that while they are parked.
 */
#ifndef RZS_CONN_PRIVATE_H
#define RZS_CONN_PRIVATE_H

#include "conn.h"
#include "dispatch.h"

struct conn {
	struct rzs_conn pub; /* first */

	bool closing;	  /* begin no more requests; close it once all are answered */
	bool holding;	  /* begin no more requests; be still once all are answered */
	bool dead;	  /* send nothing: the client has gone, or the stream is broken */
	bool working;	  /* it has a worker of the store */
	uint64_t now;	  /* ns: the last reading of the clock */
	uint64_t arrived; /* when the bytes being served were received, or the connection began */
	uint64_t until;	  /* when the time slice ends; 0: it has not begun */

	struct rzs_request *rq;	     /* being served */
	struct rzs_request *current; /* whose bytes are next in `in`; NULL: all are in use */
	struct rzs_request *stream;  /* its reply is sent in part: no other may be begun */
	struct rzs_request *gather;  /* it has the end of `out`, from out_max on */
	struct rzs_request_queue woken, later; /* to be served now; when `gather` is done */
	struct rzs_request *unused;
	unsigned nr_parked;

	struct rzs_dispatch dispatch;
	struct rzs_thread *entry; /* of the thread that runs it */

	/* Received and not yet served: in[in_at .. in_end - 1].  Replies not yet sent: likewise. */
	uint32_t in_at, in_end;
	uint32_t out_at, out_end;
	uint32_t out_max; /* the buffer ends here: RZS_CONN_OUT_SIZE, without what `gather` has */
	uint8_t *in, *out;

	/* Where in `in` the prepared pages are, in their order, and which of them is the next. */
	uint32_t ready[RZS_PREPARE_MAX];
	unsigned ready_nr, ready_next;

	struct rzs_request requests[RZS_CONN_REQUESTS];
};

enum rzs_conn_progress {
	RZS_CONN_DONE,	    /* the request is answered */
	RZS_CONN_SOME,	    /* a piece of it is served; go on */
	RZS_CONN_NO_ANSWER, /* the request is parked; go on with others */
	RZS_CONN_NO_GATHER, /* another one gathers; go on with others */
	/* Stop here. */
	RZS_CONN_NO_INPUT,
	RZS_CONN_OUT_FULL,   /* send replies first */
	RZS_CONN_NO_MEMORY,  /* the reserve is empty for the moment: pause */
	RZS_CONN_NO_REQUEST, /* nothing can be served before a parked request comes back */
	RZS_CONN_BROKEN,     /* close the connection when all requests are answered */
	RZS_CONN_DEAD,	     /* close it without sending another byte */
};

/* Begin the request in c->rq->nbd.  DONE, BROKEN, or SOME: call rzs_conn_serve(). */
enum rzs_conn_progress rzs_conn_begin(struct conn *c);

/* Serve a piece of c->rq, of bounded size, with a worker. */
enum rzs_conn_progress rzs_conn_serve(struct conn *c);

/* As rzs_conn_serve(), for the steps of a read: READ, GATHER, VERIFY, STREAM. */
enum rzs_conn_progress rzs_conn_read(struct conn *c);

/* Answer c->rq without data: success or an error. */
enum rzs_conn_progress rzs_conn_answer(struct conn *c, int err);

/* A request that gathered has ended, or will not: those that waited for it go on. */
void rzs_conn_gathered(struct conn *c);

/*
 * Free bytes of the reply buffer that rzs_conn_begin() and rzs_conn_serve() need: any reply without
 * data fits.
 */
#define RZS_CONN_REPLY_MAX 64u

/* Whether the request whose bytes are next may stay as it is until the connection is released. */
bool rzs_conn_may_rest(const struct conn *c);

/* ---- the reply buffer ---- */

static inline uint8_t *rzs_conn_out(struct conn *c)
{
	return c->out + c->out_end;
}

static inline uint32_t rzs_conn_out_free(const struct conn *c)
{
	return c->out_max - c->out_end;
}

static inline void rzs_conn_put(struct conn *c, size_t n)
{
	c->out_end += (uint32_t)n;
}

/* ---- the part of a request that is left ---- */

/* The bytes that are left of the current page. */
static inline uint32_t rzs_conn_piece(const struct rzs_request *rq)
{
	uint32_t n = RZS_PAGE_SIZE - (uint32_t)(rq->at & (RZS_PAGE_SIZE - 1));

	return n < rq->left ? n : rq->left;
}

static inline void rzs_conn_advance(struct rzs_request *rq, uint32_t n)
{
	rq->at += n;
	rq->left -= n;
	rq->tries = 0;
}

#endif
