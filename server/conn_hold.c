/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection that is held, and what another one needs to go on with it.  See conn.h.
 *
 * A write may rest between two pieces, because its reply says only whether all of it succeeded: a
 * write of what is left, with the same cookie, gets the same reply.  One that has failed fails
 * again, since it is then a write beyond the end of the export.  All other requests have all their
 * bytes, so they are answered first.
 */
#include <string.h>

#include "conn_private.h"

/* The bytes that are left of a write stand in the buffer behind its new header. */
bool rzs_conn_may_rest(const struct conn *c)
{
	const struct rzs_request *rq = c->current;

	if (!rq || rq->parked)
		return false;
	if (rq->step == RZS_REQUEST_WRITE)
		return !rq->owes && c->in_end - c->in_at <= RZS_CONN_IN_SIZE - RZS_NBD_REQUEST_SIZE;
	return rq->step == RZS_REQUEST_NEXT;
}

void rzs_conn_hold(struct rzs_conn *conn)
{
	((struct conn *)conn)->holding = true;
}

void rzs_conn_release(struct rzs_conn *conn)
{
	((struct conn *)conn)->holding = false;
	conn->readable = true; /* what has come meanwhile was not noted */
}

uint32_t rzs_conn_unserved(const struct rzs_conn *conn, uint8_t *out)
{
	const struct conn *c = (const struct conn *)conn;
	const struct rzs_request *rq = c->current;
	uint32_t n = c->in_end - c->in_at, head = 0;

	if (rq->step == RZS_REQUEST_WRITE) {
		struct rzs_nbd_request rest = rq->nbd;

		rest.offset = rq->err ? conn->session.size : rq->at;
		rest.length = rq->left;
		head = (uint32_t)rzs_nbd_put_request(out, &rest);
	}
	memcpy(out + head, c->in + c->in_at, n);
	return head + n;
}
