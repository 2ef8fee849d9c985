/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection's requests, each served in pieces of bounded size that end at the end of a page.
 * rzs_nbd_request_check() has made sure that they lie within the device and are not empty.  Reads
 * are in conn_read.c.
 */
#include <errno.h>

#include "conn_private.h"
#include "unlikely.h"

/* Bytes trimmed or zeroed in one piece: a quarter of what a chunk of the slot table covers. */
#define RANGE_PIECE (4u << 20)

/* Requests that are looked through for pages to prepare: others may stand between writes. */
#define PREPARE_REQUESTS (2 * RZS_PREPARE_MAX)

/* The most extents of one reply, and the most bytes of the device that it describes. */
#define STATUS_EXTENTS 4096u
#define STATUS_BYTES   (1ull << 30)

/* Whether the reply is sent as chunks.  One without data may always be simple. */
static bool wants_chunks(const struct conn *c)
{
	unsigned type = c->rq->nbd.type;

	return c->pub.session.structured && (type == RZS_NBD_READ || type == RZS_NBD_BLOCK_STATUS);
}

enum rzs_conn_progress rzs_conn_answer(struct conn *c, int err)
{
	struct rzs_request *rq = c->rq;

	rq->err = err;
	if (!wants_chunks(c))
		rzs_conn_put(c, rzs_nbd_put_simple(rzs_conn_out(c), rq->nbd.cookie, err));
	else if (err)
		rzs_conn_put(c, rzs_nbd_put_error(rzs_conn_out(c), rq->nbd.cookie, err));
	else
		rzs_conn_put(c, rzs_nbd_put_none(rzs_conn_out(c), rq->nbd.cookie));
	return RZS_CONN_DONE;
}

/* A change has failed with err: whether to try it again after a pause. */
static bool patient(struct rzs_request *rq, int err)
{
	return unlikely(err == -ENOMEM) && rzs_dispatch_may_wait() &&
	       rq->tries++ < RZS_CONN_PATIENCE;
}

/* ---- writes ---- */

/* Add the whole pages of n received bytes at c->in + at, which are of a write to offset. */
static void ready_add(struct conn *c, const void **pages, uint32_t at, uint32_t n, uint64_t offset)
{
	uint32_t skip = (uint32_t)(-offset & (RZS_PAGE_SIZE - 1));

	for (at += skip; n >= skip + RZS_PAGE_SIZE && c->ready_nr < RZS_PREPARE_MAX;
	     at += RZS_PAGE_SIZE, n -= RZS_PAGE_SIZE) {
		pages[c->ready_nr] = c->in + at;
		c->ready[c->ready_nr++] = at;
	}
}

/*
 * Prepare the page to be written now and those behind it that have arrived, of this request and of
 * those that follow.  A request is not checked here: at worst a page was prepared for nothing.
 */
static void prepare(struct conn *c)
{
	const void *pages[RZS_PREPARE_MAX];
	uint32_t at = c->in_at, left = c->rq->left;
	uint64_t offset = c->rq->at;
	struct rzs_nbd_request r;

	c->ready_nr = c->ready_next = 0;
	for (unsigned i = 0; i < PREPARE_REQUESTS; i++) {
		ready_add(c, pages, at, left < c->in_end - at ? left : c->in_end - at, offset);
		if (c->ready_nr == RZS_PREPARE_MAX || c->in_end - at < left ||
		    c->in_end - at - left < RZS_NBD_REQUEST_SIZE ||
		    rzs_nbd_request_parse(c->in + at + left, &r))
			break;
		at += left + RZS_NBD_REQUEST_SIZE;
		left = rzs_nbd_request_payload(&r);
		offset = r.offset;
	}
	c->ready_nr = rzs_dispatch_prepare(&c->dispatch, pages, c->ready_nr);
}

/* Write the next n bytes, which are within a page. */
static int write_piece(struct conn *c, uint32_t n)
{
	c->rq->owes = false;
	if (n == RZS_PAGE_SIZE) {
		if (c->ready_next == c->ready_nr)
			prepare(c);
		while (c->ready_next < c->ready_nr && c->ready[c->ready_next] < c->in_at)
			c->ready_next++; /* it was not needed: its request was refused */
		if (c->ready_next < c->ready_nr && c->ready[c->ready_next] == c->in_at)
			return rzs_dispatch_write_prepared(&c->dispatch, c->ready_next++, c->rq->at,
							   c->rq);
	}
	return rzs_dispatch_write(&c->dispatch, c->in + c->in_at, n, c->rq->at, c->rq);
}

static enum rzs_conn_progress serve_write(struct conn *c)
{
	struct rzs_request *rq = c->rq;

	while (rq->left) {
		uint32_t there = c->in_end - c->in_at, n = rzs_conn_piece(rq);

		if (unlikely(rq->err))
			n = there && there < rq->left ? there : rq->left;
		if (there < n)
			return RZS_CONN_NO_INPUT;
		if (!rq->err) {
			rzs_threads_progress(c->entry, true);
			rq->err = write_piece(c, n);
			if (unlikely(rq->err == -EINPROGRESS)) {
				rq->err = 0;
				return RZS_CONN_NO_ANSWER;
			}
			if (patient(rq, rq->err)) {
				rq->err = 0;
				return RZS_CONN_NO_MEMORY;
			}
		}
		c->in_at += n;
		rzs_conn_advance(rq, n);
	}
	return rzs_conn_answer(c, rq->err);
}

/* ---- ranges ---- */

static uint32_t range_piece(const struct rzs_request *rq)
{
	uint32_t n = RANGE_PIECE - (uint32_t)(rq->at & (RANGE_PIECE - 1));

	return n < rq->left ? n : rq->left;
}

static enum rzs_conn_progress serve_range(struct conn *c)
{
	struct rzs_request *rq = c->rq;
	uint32_t n = range_piece(rq);
	int err;

	rq->owes = false;
	if (rq->step == RZS_REQUEST_TRIM)
		err = rzs_dispatch_trim(&c->dispatch, n, rq->at);
	else
		err = rzs_dispatch_zero(&c->dispatch, n, rq->at, rq);
	if (unlikely(err == -EINPROGRESS))
		return RZS_CONN_NO_ANSWER;
	if (patient(rq, err))
		return RZS_CONN_NO_MEMORY;
	rzs_conn_advance(rq, n);
	if (err)
		return rzs_conn_answer(c, err);
	return rq->left ? RZS_CONN_SOME : rzs_conn_answer(c, 0);
}

/* Runs with equal flags are merged into one extent, which is put when its end is known. */
static enum rzs_conn_progress serve_status(struct conn *c)
{
	struct rzs_request *rq = c->rq;
	uint32_t most = rq->nbd.flags & RZS_NBD_CMD_REQ_ONE ? 1 : STATUS_EXTENTS;
	uint64_t len = rq->left < STATUS_BYTES ? rq->left : STATUS_BYTES;
	uint64_t at = 0, from = 0, run;
	uint32_t nr = 0, flags = 0, next;
	size_t head = c->out_end;
	int err = 0;

	if (rzs_conn_out_free(c) < RZS_NBD_STATUS_SIZE + STATUS_EXTENTS * RZS_NBD_EXTENT_SIZE)
		return RZS_CONN_OUT_FULL;
	rzs_conn_put(c, RZS_NBD_STATUS_SIZE);
	while (at < len && nr < most) {
		err = rzs_dispatch_extent(&c->dispatch, len - at, rq->at + at, &run, &next);
		if (err)
			break;
		if (at > from && next != flags) {
			rzs_conn_put(c, rzs_nbd_put_extent(rzs_conn_out(c), (uint32_t)(at - from),
							   flags));
			from = at;
			nr++;
		}
		flags = next;
		at += run;
	}
	if (unlikely(err)) {
		c->out_end = (uint32_t)head;
		return rzs_conn_answer(c, err);
	}
	if (nr < most) {
		rzs_conn_put(c, rzs_nbd_put_extent(rzs_conn_out(c), (uint32_t)(at - from), flags));
		nr++;
	}
	rzs_nbd_put_status(c->out + head, rq->nbd.cookie, c->pub.session.context, nr);
	return RZS_CONN_DONE;
}

/*
 * The client has gone while the request was parked: make the call that the back end expects, and no
 * other.  Its result goes nowhere: the reply buffer, which is for nothing else now, takes a page.
 */
static enum rzs_conn_progress serve_cancelled(struct conn *c)
{
	struct rzs_request *rq = c->rq;
	uint32_t n = rzs_conn_piece(rq);
	int err = 0;

	rq->err = -ESHUTDOWN;
	if (!rq->owes)
		return RZS_CONN_DONE;
	rq->owes = false;
	switch (rq->nbd.type) {
	case RZS_NBD_READ:
		err = rzs_dispatch_read(&c->dispatch, c->out, n, rq->at, rq);
		break;
	case RZS_NBD_WRITE:
		err = rzs_dispatch_write(&c->dispatch, c->in + c->in_at, n, rq->at, rq);
		break;
	case RZS_NBD_WRITE_ZEROES:
		err = rzs_dispatch_zero(&c->dispatch, range_piece(rq), rq->at, rq);
		break;
	}
	return err == -EINPROGRESS ? RZS_CONN_NO_ANSWER : RZS_CONN_DONE;
}

enum rzs_conn_progress rzs_conn_serve(struct conn *c)
{
	switch (c->rq->step) {
	case RZS_REQUEST_READ:
	case RZS_REQUEST_GATHER:
	case RZS_REQUEST_VERIFY:
	case RZS_REQUEST_STREAM:
		return rzs_conn_read(c);
	case RZS_REQUEST_WRITE:
		return serve_write(c);
	case RZS_REQUEST_TRIM:
	case RZS_REQUEST_ZERO:
		return serve_range(c);
	case RZS_REQUEST_STATUS:
		return serve_status(c);
	case RZS_REQUEST_CANCEL:
		return serve_cancelled(c);
	default:
		return RZS_CONN_BROKEN;
	}
}

static enum rzs_conn_progress go(struct rzs_request *rq, enum rzs_request_step step)
{
	rq->step = step;
	return RZS_CONN_SOME;
}

/* RAM is as durable at once as it ever will be: flush, FUA and cache have nothing to do. */
enum rzs_conn_progress rzs_conn_begin(struct conn *c)
{
	struct rzs_request *rq = c->rq;
	const struct rzs_nbd_request *r = &rq->nbd;

	rq->ticket = NULL;
	rq->at = r->offset;
	rq->left = r->length;
	rq->tries = 0;
	rq->err = rzs_nbd_request_check(r, &c->pub.session);
	if (unlikely(rq->err == -EPROTO))
		return RZS_CONN_BROKEN;
	if (unlikely(rq->err && !rzs_nbd_request_payload(r)))
		return rzs_conn_answer(c, rq->err);
	switch (r->type) {
	case RZS_NBD_READ:
		return go(rq, RZS_REQUEST_READ);
	case RZS_NBD_WRITE:
		return go(rq, RZS_REQUEST_WRITE);
	case RZS_NBD_TRIM:
		return go(rq, RZS_REQUEST_TRIM);
	case RZS_NBD_WRITE_ZEROES:
		return go(rq, RZS_REQUEST_ZERO);
	case RZS_NBD_BLOCK_STATUS:
		return go(rq, RZS_REQUEST_STATUS);
	case RZS_NBD_DISC:
		return RZS_CONN_BROKEN;
	default:
		return rzs_conn_answer(c, 0);
	}
}
