/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What conn.c and conn_serve.c share.  See conn.h. */
#ifndef RZS_CONN_PRIVATE_H
#define RZS_CONN_PRIVATE_H

#include "conn.h"
#include "dispatch.h"

/* How far the current request is. */
enum rzs_conn_step {
	RZS_CONN_NEXT,	 /* there is none: the header of the next one is expected */
	RZS_CONN_WRITE,	 /* takes its data, or discards it after an error */
	RZS_CONN_READ,	 /* fits the reply buffer, or is sent as chunks of a structured reply */
	RZS_CONN_VERIFY, /* too large for that: can all of it be read? */
	RZS_CONN_STREAM, /* it can, and is being sent */
	RZS_CONN_TRIM,
	RZS_CONN_ZERO,
	RZS_CONN_STATUS,
};

struct conn {
	struct rzs_conn pub; /* first */

	bool closing;	  /* close it once the replies are sent */
	uint64_t now;	  /* ns: the last reading of the clock */
	uint64_t arrived; /* when the bytes being served were received, or the connection began */
	uint64_t until;	  /* when the time slice ends; 0: it has not begun */

	/* The current request, the part of it that is left, the error to answer with. */
	enum rzs_conn_step step;
	struct rzs_nbd_request request;
	uint64_t begun; /* ns */
	uint64_t at;
	uint32_t left;
	uint32_t tries;
	int err;

	struct rzs_dispatch dispatch;
	struct rzs_thread *entry; /* of the thread that runs it */

	/* Received and not yet served: in[in_at .. in_end - 1].  Replies not yet sent: likewise. */
	uint32_t in_at, in_end;
	uint32_t out_at, out_end;
	uint8_t *in, *out;

	/* Where in `in` the prepared pages are, in their order, and which of them is the next. */
	uint32_t ready[RZS_PREPARE_MAX];
	unsigned ready_nr, ready_next;
};

enum rzs_conn_progress {
	RZS_CONN_DONE, /* the request is answered */
	RZS_CONN_SOME, /* a piece of it is served; go on */
	RZS_CONN_NO_INPUT,
	RZS_CONN_OUT_FULL,  /* send replies first */
	RZS_CONN_NO_MEMORY, /* the reserve is empty for the moment: pause */
	RZS_CONN_BROKEN,    /* close the connection */
};

/* Begin the request in c->request.  DONE, BROKEN, or SOME: call rzs_conn_serve(). */
enum rzs_conn_progress rzs_conn_begin(struct conn *c);

/* Serve a piece of bounded size. */
enum rzs_conn_progress rzs_conn_serve(struct conn *c);

/* Free bytes of the reply buffer that rzs_conn_begin() needs: any reply without data fits. */
#define RZS_CONN_REPLY_MAX 64u

#endif
