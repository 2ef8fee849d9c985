/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection's requests, each served in pieces of bounded size that end at the end of a page.
 * rzs_nbd_request_check() has made sure that they lie within the device and are not empty.
 *
 * A simple reply, or a reply of one chunk, reports success before its data.  It is therefore begun
 * only when every page could be read; if it does not fit the buffer, its pages are read twice.
 */
#include <errno.h>
#include <string.h>

#include "conn_private.h"
#include "unlikely.h"

/* Bytes trimmed or zeroed in one piece: a quarter of what a chunk of the slot table covers. */
#define RANGE_PIECE (4u << 20)

/* Requests that are looked through for pages to prepare: others may stand between writes. */
#define PREPARE_REQUESTS (2 * RZS_PREPARE_MAX)

/* The most extents of one reply, and the most bytes of the device that it describes. */
#define STATUS_EXTENTS 4096u
#define STATUS_BYTES   (1ull << 30)

static uint8_t *out(struct conn *c)
{
	return c->out + c->out_end;
}

static uint32_t out_free(const struct conn *c)
{
	return RZS_CONN_OUT_SIZE - c->out_end;
}

static void put(struct conn *c, size_t n)
{
	c->out_end += (uint32_t)n;
}

/* Whether the reply is sent as chunks.  One without data may always be simple. */
static bool wants_chunks(const struct conn *c)
{
	return c->pub.session.structured &&
	       (c->request.type == RZS_NBD_READ || c->request.type == RZS_NBD_BLOCK_STATUS);
}

static enum rzs_conn_progress answer(struct conn *c, int err)
{
	c->err = err;
	if (!wants_chunks(c))
		put(c, rzs_nbd_put_simple(out(c), c->request.cookie, err));
	else if (err)
		put(c, rzs_nbd_put_error(out(c), c->request.cookie, err));
	else
		put(c, rzs_nbd_put_none(out(c), c->request.cookie));
	return RZS_CONN_DONE;
}

/* The bytes that are left of the current page. */
static uint32_t piece(const struct conn *c)
{
	uint32_t n = RZS_PAGE_SIZE - (uint32_t)(c->at & (RZS_PAGE_SIZE - 1));

	return n < c->left ? n : c->left;
}

static void advance(struct conn *c, uint32_t n)
{
	c->at += n;
	c->left -= n;
	c->tries = 0;
}

/* A change has failed with err: whether to try it again after a pause. */
static bool patient(struct conn *c, int err)
{
	return unlikely(err == -ENOMEM) && rzs_dispatch_may_wait() &&
	       c->tries++ < RZS_CONN_PATIENCE;
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
	uint32_t at = c->in_at, left = c->left;
	uint64_t offset = c->at;
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
	if (n == RZS_PAGE_SIZE) {
		if (c->ready_next == c->ready_nr)
			prepare(c);
		while (c->ready_next < c->ready_nr && c->ready[c->ready_next] < c->in_at)
			c->ready_next++; /* it was not needed: its request was refused */
		if (c->ready_next < c->ready_nr && c->ready[c->ready_next] == c->in_at)
			return rzs_dispatch_write_prepared(&c->dispatch, c->ready_next++, c->at);
	}
	return rzs_dispatch_write(&c->dispatch, c->in + c->in_at, n, c->at);
}

static enum rzs_conn_progress serve_write(struct conn *c)
{
	while (c->left) {
		uint32_t there = c->in_end - c->in_at, n = piece(c);

		if (unlikely(c->err))
			n = there && there < c->left ? there : c->left;
		if (there < n)
			return RZS_CONN_NO_INPUT;
		if (!c->err) {
			rzs_threads_progress(c->entry, true);
			c->err = write_piece(c, n);
			if (patient(c, c->err)) {
				c->err = 0;
				return RZS_CONN_NO_MEMORY;
			}
		}
		c->in_at += n;
		advance(c, n);
	}
	return answer(c, c->err);
}

/* ---- reads ---- */

/* Read n bytes into buf.  *done: the bytes before the first error.  Does not advance. */
static int read_pages(struct conn *c, uint8_t *buf, uint32_t n, uint32_t *done)
{
	uint64_t at = c->at;
	int err = 0;

	*done = 0;
	while (*done < n) {
		uint32_t part = RZS_PAGE_SIZE - (uint32_t)(at & (RZS_PAGE_SIZE - 1));

		if (part > n - *done)
			part = n - *done;
		err = rzs_dispatch_read(&c->dispatch, buf + *done, part, at);
		if (unlikely(err))
			break;
		at += part;
		*done += part;
	}
	return err;
}

/* How many of the bytes left to put into max bytes: whole pages, except at the end. */
static uint32_t window(const struct conn *c, uint32_t max)
{
	if (c->left <= max)
		return c->left;
	return max - (uint32_t)((c->at + max) & (RZS_PAGE_SIZE - 1));
}

static enum rzs_conn_progress read_simple(struct conn *c)
{
	uint32_t done;
	int err = read_pages(c, out(c) + RZS_NBD_SIMPLE_SIZE, c->left, &done);

	if (unlikely(err))
		return answer(c, err);
	put(c, rzs_nbd_put_simple(out(c), c->request.cookie, 0));
	put(c, done);
	return RZS_CONN_DONE;
}

/* End a structured reply: the data cannot be read from here on. */
static enum rzs_conn_progress read_failed(struct conn *c, int err)
{
	c->err = err;
	put(c, rzs_nbd_put_error_offset(out(c), c->request.cookie, err, c->at));
	return RZS_CONN_DONE;
}

/* Put a chunk with as much data as fits.  An error ends the reply. */
static enum rzs_conn_progress read_chunk(struct conn *c)
{
	uint32_t n = window(c, out_free(c) - RZS_NBD_OFFSET_DATA_SIZE - RZS_NBD_ERROR_OFFSET_SIZE);
	uint64_t cookie = c->request.cookie;
	uint32_t done;
	int err;

	if (!(c->request.flags & RZS_NBD_CMD_DF) && rzs_dispatch_is_zero(&c->dispatch, n, c->at)) {
		put(c, rzs_nbd_put_offset_hole(out(c), cookie, n == c->left, c->at, n));
		advance(c, n);
		return c->left ? RZS_CONN_SOME : RZS_CONN_DONE;
	}
	err = read_pages(c, out(c) + RZS_NBD_OFFSET_DATA_SIZE, n, &done);
	if (unlikely(err && (c->request.flags & RZS_NBD_CMD_DF)))
		done = 0; /* an error beside data would make two chunks */
	if (done) {
		put(c, rzs_nbd_put_offset_data(out(c), cookie, done == c->left, c->at, done));
		put(c, done);
		advance(c, done);
	}
	if (unlikely(err))
		return read_failed(c, err);
	return c->left ? RZS_CONN_SOME : RZS_CONN_DONE;
}

static uint32_t read_overhead(const struct conn *c)
{
	return c->pub.session.structured ? RZS_NBD_OFFSET_DATA_SIZE + RZS_NBD_ERROR_OFFSET_SIZE
					 : RZS_NBD_SIMPLE_SIZE;
}

static enum rzs_conn_progress serve_read(struct conn *c)
{
	if (unlikely(c->left + read_overhead(c) > out_free(c))) {
		if (c->out_end)
			return RZS_CONN_OUT_FULL;
		if (!c->pub.session.structured || (c->request.flags & RZS_NBD_CMD_DF)) {
			c->step = RZS_CONN_VERIFY;
			return RZS_CONN_SOME;
		}
	}
	return c->pub.session.structured ? read_chunk(c) : read_simple(c);
}

/* Read into the empty reply buffer, only to see whether that succeeds. */
static enum rzs_conn_progress serve_verify(struct conn *c)
{
	uint32_t done;
	int err = read_pages(c, c->out, window(c, RZS_CONN_OUT_SIZE), &done);

	advance(c, done);
	if (unlikely(err))
		return c->pub.session.structured ? read_failed(c, err) : answer(c, err);
	if (c->left)
		return RZS_CONN_SOME;
	c->at = c->request.offset;
	c->left = c->request.length;
	if (c->pub.session.structured)
		put(c, rzs_nbd_put_offset_data(out(c), c->request.cookie, true, c->at, c->left));
	else
		put(c, rzs_nbd_put_simple(out(c), c->request.cookie, 0));
	c->step = RZS_CONN_STREAM;
	return RZS_CONN_SOME;
}

static enum rzs_conn_progress serve_stream(struct conn *c)
{
	uint32_t done, n = window(c, out_free(c));

	/* Success was reported already: for a page that fails now there is no reply left. */
	if (unlikely(read_pages(c, out(c), n, &done)))
		return RZS_CONN_BROKEN;
	put(c, done);
	advance(c, done);
	return c->left ? RZS_CONN_OUT_FULL : RZS_CONN_DONE;
}

/* ---- ranges ---- */

static enum rzs_conn_progress serve_range(struct conn *c)
{
	uint32_t n = RANGE_PIECE - (uint32_t)(c->at & (RANGE_PIECE - 1));
	int err;

	n = n < c->left ? n : c->left;
	if (c->step == RZS_CONN_TRIM)
		err = rzs_dispatch_trim(&c->dispatch, n, c->at);
	else
		err = rzs_dispatch_zero(&c->dispatch, n, c->at);
	if (patient(c, err))
		return RZS_CONN_NO_MEMORY;
	advance(c, n);
	if (err)
		return answer(c, err);
	return c->left ? RZS_CONN_SOME : answer(c, 0);
}

/* Runs with equal flags are merged into one extent, which is put when its end is known. */
static enum rzs_conn_progress serve_status(struct conn *c)
{
	uint32_t most = c->request.flags & RZS_NBD_CMD_REQ_ONE ? 1 : STATUS_EXTENTS;
	uint64_t len = c->left < STATUS_BYTES ? c->left : STATUS_BYTES;
	uint64_t at = 0, from = 0, run;
	uint32_t nr = 0, flags = 0, next;
	size_t head = c->out_end;
	int err = 0;

	if (out_free(c) < RZS_NBD_STATUS_SIZE + STATUS_EXTENTS * RZS_NBD_EXTENT_SIZE)
		return RZS_CONN_OUT_FULL;
	put(c, RZS_NBD_STATUS_SIZE);
	while (at < len && nr < most) {
		err = rzs_dispatch_extent(&c->dispatch, len - at, c->at + at, &run, &next);
		if (err)
			break;
		if (at > from && next != flags) {
			put(c, rzs_nbd_put_extent(out(c), (uint32_t)(at - from), flags));
			from = at;
			nr++;
		}
		flags = next;
		at += run;
	}
	if (unlikely(err)) {
		c->out_end = (uint32_t)head;
		return answer(c, err);
	}
	if (nr < most) {
		put(c, rzs_nbd_put_extent(out(c), (uint32_t)(at - from), flags));
		nr++;
	}
	rzs_nbd_put_status(c->out + head, c->request.cookie, c->pub.session.context, nr);
	return RZS_CONN_DONE;
}

enum rzs_conn_progress rzs_conn_serve(struct conn *c)
{
	switch (c->step) {
	case RZS_CONN_READ:
		return serve_read(c);
	case RZS_CONN_WRITE:
		return serve_write(c);
	case RZS_CONN_VERIFY:
		return serve_verify(c);
	case RZS_CONN_STREAM:
		return serve_stream(c);
	case RZS_CONN_TRIM:
	case RZS_CONN_ZERO:
		return serve_range(c);
	case RZS_CONN_STATUS:
		return serve_status(c);
	default:
		return RZS_CONN_BROKEN;
	}
}

static enum rzs_conn_progress go(struct conn *c, enum rzs_conn_step step)
{
	c->step = step;
	return RZS_CONN_SOME;
}

/* RAM is as durable at once as it ever will be: flush, FUA and cache have nothing to do. */
enum rzs_conn_progress rzs_conn_begin(struct conn *c)
{
	const struct rzs_nbd_request *r = &c->request;

	c->at = r->offset;
	c->left = r->length;
	c->tries = 0;
	c->err = rzs_nbd_request_check(r, &c->pub.session);
	if (unlikely(c->err == -EPROTO))
		return RZS_CONN_BROKEN;
	if (unlikely(c->err && !rzs_nbd_request_payload(r)))
		return answer(c, c->err);
	switch (r->type) {
	case RZS_NBD_READ:
		return go(c, RZS_CONN_READ);
	case RZS_NBD_WRITE:
		return go(c, RZS_CONN_WRITE);
	case RZS_NBD_TRIM:
		return go(c, RZS_CONN_TRIM);
	case RZS_NBD_WRITE_ZEROES:
		return go(c, RZS_CONN_ZERO);
	case RZS_NBD_BLOCK_STATUS:
		return go(c, RZS_CONN_STATUS);
	case RZS_NBD_DISC:
		return RZS_CONN_BROKEN;
	default:
		return answer(c, 0);
	}
}
