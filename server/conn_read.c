/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection's reads.  See conn_private.h.
 *
 * A simple reply, or a reply of one chunk, reports success before its data.  It is therefore begun
 * only when every page could be read; if it does not fit the buffer, its pages are read twice.
 *
 * If such a read is parked, replies to other requests must be able to pass it.  When it comes back
 * it gathers its pages at the end of the reply buffer, and the others use what is in front.  The
 * first page that it reads then is the one that it was parked for, and those ahead of it are read
 * once more at the end.  One request at a time gathers.
 */
#include <errno.h>
#include <string.h>

#include "conn_private.h"
#include "unlikely.h"

/* The most that a request may gather.  What is left takes any reply without data, and 64 KiB. */
#define GATHER_MAX (RZS_CONN_OUT_SIZE / 2)

/* Read n bytes into buf.  *done: the bytes before the first error.  Does not advance. */
static int read_pages(struct conn *c, uint8_t *buf, uint32_t n, uint32_t *done)
{
	uint64_t at = c->rq->at;
	int err = 0;

	c->rq->owes = false;
	*done = 0;
	while (*done < n) {
		uint32_t part = RZS_PAGE_SIZE - (uint32_t)(at & (RZS_PAGE_SIZE - 1));

		if (part > n - *done)
			part = n - *done;
		err = rzs_dispatch_read(&c->dispatch, buf + *done, part, at, c->rq);
		if (unlikely(err))
			break;
		at += part;
		*done += part;
	}
	return err;
}

/* How many of the bytes left to put into max bytes: whole pages, except at the end. */
static uint32_t window(const struct rzs_request *rq, uint32_t max)
{
	if (rq->left <= max)
		return rq->left;
	return max - (uint32_t)((rq->at + max) & (RZS_PAGE_SIZE - 1));
}

/* What stands ahead of data that are sent as a whole. */
static uint32_t head_size(const struct conn *c)
{
	return c->pub.session.structured ? RZS_NBD_OFFSET_DATA_SIZE : RZS_NBD_SIMPLE_SIZE;
}

static void put_head(const struct conn *c, uint8_t *to)
{
	const struct rzs_nbd_request *r = &c->rq->nbd;

	if (c->pub.session.structured)
		rzs_nbd_put_offset_data(to, r->cookie, true, r->offset, r->length);
	else
		rzs_nbd_put_simple(to, r->cookie, 0);
}

/* A read that must be sent as a whole is parked, with done bytes of it read and dropped. */
static enum rzs_conn_progress park_whole(struct conn *c, uint32_t done)
{
	struct rzs_request *rq = c->rq;

	if (rzs_conn_piece(rq) == rq->nbd.length) /* within a page: there is nothing to gather */
		return RZS_CONN_NO_ANSWER;
	rzs_conn_advance(rq, done);
	rq->before = rq->nbd.length - rq->left;
	rq->step = head_size(c) + rq->nbd.length <= GATHER_MAX ? RZS_REQUEST_GATHER
							       : RZS_REQUEST_VERIFY;
	return RZS_CONN_NO_ANSWER;
}

static enum rzs_conn_progress read_simple(struct conn *c)
{
	uint32_t done;
	int err = read_pages(c, rzs_conn_out(c) + RZS_NBD_SIMPLE_SIZE, c->rq->left, &done);

	if (unlikely(err == -EINPROGRESS))
		return park_whole(c, done);
	if (unlikely(err))
		return rzs_conn_answer(c, err);
	rzs_conn_put(c, rzs_nbd_put_simple(rzs_conn_out(c), c->rq->nbd.cookie, 0));
	rzs_conn_put(c, done);
	return RZS_CONN_DONE;
}

/* End a structured reply: the data cannot be read from here on. */
static enum rzs_conn_progress read_failed(struct conn *c, int err)
{
	struct rzs_request *rq = c->rq;

	rq->err = err;
	rzs_conn_put(c, rzs_nbd_put_error_offset(rzs_conn_out(c), rq->nbd.cookie, err, rq->at));
	return RZS_CONN_DONE;
}

static enum rzs_conn_progress put_hole(struct conn *c, uint32_t n)
{
	struct rzs_request *rq = c->rq;

	rzs_conn_put(c, rzs_nbd_put_offset_hole(rzs_conn_out(c), rq->nbd.cookie, n == rq->left,
						rq->at, n));
	rzs_conn_advance(rq, n);
	return rq->left ? RZS_CONN_SOME : RZS_CONN_DONE;
}

/*
 * Put a chunk with as much data as fits.  An error ends the reply.  The chunks of a read that is
 * parked in between are sent without waiting for the rest.
 */
static enum rzs_conn_progress read_chunk(struct conn *c)
{
	struct rzs_request *rq = c->rq;
	uint32_t n = window(rq, rzs_conn_out_free(c) - RZS_NBD_OFFSET_DATA_SIZE -
					RZS_NBD_ERROR_OFFSET_SIZE);
	bool whole = rq->nbd.flags & RZS_NBD_CMD_DF;
	uint32_t done;
	int err;

	if (!whole && !rq->owes && rzs_dispatch_is_zero(&c->dispatch, n, rq->at))
		return put_hole(c, n);
	err = read_pages(c, rzs_conn_out(c) + RZS_NBD_OFFSET_DATA_SIZE, n, &done);
	if (unlikely(err && whole)) {
		if (err == -EINPROGRESS)
			return park_whole(c, done);
		done = 0; /* an error beside data would make two chunks */
	}
	if (done) {
		rzs_conn_put(c, rzs_nbd_put_offset_data(rzs_conn_out(c), rq->nbd.cookie,
							done == rq->left, rq->at, done));
		rzs_conn_put(c, done);
		rzs_conn_advance(rq, done);
	}
	if (unlikely(err == -EINPROGRESS))
		return RZS_CONN_NO_ANSWER;
	if (unlikely(err))
		return read_failed(c, err);
	return rq->left ? RZS_CONN_SOME : RZS_CONN_DONE;
}

static uint32_t read_overhead(const struct conn *c)
{
	return c->pub.session.structured ? RZS_NBD_OFFSET_DATA_SIZE + RZS_NBD_ERROR_OFFSET_SIZE
					 : RZS_NBD_SIMPLE_SIZE;
}

static enum rzs_conn_progress serve_read(struct conn *c)
{
	struct rzs_request *rq = c->rq;

	if (unlikely(rq->left + read_overhead(c) > rzs_conn_out_free(c))) {
		if (c->out_end)
			return RZS_CONN_OUT_FULL;
		if (!c->pub.session.structured || (rq->nbd.flags & RZS_NBD_CMD_DF)) {
			rq->step = RZS_REQUEST_VERIFY;
			return RZS_CONN_SOME;
		}
	}
	return c->pub.session.structured ? read_chunk(c) : read_simple(c);
}

/* ---- gathering ---- */

/* All is there: it becomes the batch of replies, when the replies ahead of it are sent. */
static enum rzs_conn_progress send_gathered(struct conn *c)
{
	if (c->out_end)
		return RZS_CONN_OUT_FULL;
	put_head(c, c->out + c->out_max);
	c->out_at = c->out_max;
	c->out_end = RZS_CONN_OUT_SIZE;
	rzs_conn_gathered(c);
	return RZS_CONN_DONE;
}

static enum rzs_conn_progress serve_gather(struct conn *c)
{
	struct rzs_request *rq = c->rq;
	uint32_t size = head_size(c) + rq->nbd.length, done;
	int err;

	if (c->gather && c->gather != rq)
		return RZS_CONN_NO_GATHER;
	if (!c->gather) {
		if (c->out_end > RZS_CONN_OUT_SIZE - size)
			return RZS_CONN_OUT_FULL;
		c->gather = rq;
		c->out_max = RZS_CONN_OUT_SIZE - size;
	}
	err = read_pages(c, c->out + RZS_CONN_OUT_SIZE - rq->nbd.length + (rq->at - rq->nbd.offset),
			 rq->left, &done);
	rzs_conn_advance(rq, done);
	if (err == -EINPROGRESS)
		return RZS_CONN_NO_ANSWER;
	if (err) {
		rzs_conn_gathered(c);
		return c->pub.session.structured ? read_failed(c, err) : rzs_conn_answer(c, err);
	}
	if (!rq->before)
		return send_gathered(c);
	rq->at = rq->nbd.offset;
	rq->left = rq->before;
	rq->before = 0;
	return RZS_CONN_SOME;
}

/* ---- reads that do not fit the buffer ---- */

/* Read into the empty reply buffer, only to see whether that succeeds. */
static enum rzs_conn_progress serve_verify(struct conn *c)
{
	struct rzs_request *rq = c->rq;
	uint32_t done;
	int err;

	if (c->out_end)
		return RZS_CONN_OUT_FULL;
	err = read_pages(c, c->out, window(rq, c->out_max), &done);
	rzs_conn_advance(rq, done);
	if (unlikely(err == -EINPROGRESS))
		return RZS_CONN_NO_ANSWER;
	if (unlikely(err))
		return c->pub.session.structured ? read_failed(c, err) : rzs_conn_answer(c, err);
	if (rq->left)
		return RZS_CONN_SOME;
	rq->at = rq->nbd.offset;
	rq->left = rq->nbd.length;
	put_head(c, rzs_conn_out(c));
	rzs_conn_put(c, head_size(c));
	rq->step = RZS_REQUEST_STREAM;
	c->stream = rq;
	return RZS_CONN_SOME;
}

static enum rzs_conn_progress serve_stream(struct conn *c)
{
	struct rzs_request *rq = c->rq;
	uint32_t done, n = window(rq, rzs_conn_out_free(c));
	int err = read_pages(c, rzs_conn_out(c), n, &done);

	/* Success was reported already: for a page that fails now there is no reply left. */
	if (unlikely(err && err != -EINPROGRESS))
		return RZS_CONN_DEAD;
	rzs_conn_put(c, done);
	rzs_conn_advance(rq, done);
	if (unlikely(err))
		return RZS_CONN_NO_ANSWER;
	return rq->left ? RZS_CONN_OUT_FULL : RZS_CONN_DONE;
}

enum rzs_conn_progress rzs_conn_read(struct conn *c)
{
	switch (c->rq->step) {
	case RZS_REQUEST_GATHER:
		return serve_gather(c);
	case RZS_REQUEST_VERIFY:
		return serve_verify(c);
	case RZS_REQUEST_STREAM:
		return serve_stream(c);
	default:
		return serve_read(c);
	}
}
