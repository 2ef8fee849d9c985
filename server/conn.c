/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A connection's bytes, which of its requests is served, and time slices.  See conn.h. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "clock.h"
#include "conn_private.h"
#include "memory.h"
#include "unlikely.h"

/* Ahead of the buffers: aligns the page that follows the first header of a batch. */
#define LINE	 64u
#define IN_SKEW	 (LINE - RZS_NBD_REQUEST_SIZE)
#define OUT_SKEW (LINE - RZS_NBD_SIMPLE_SIZE)

/* Requests that are prefetched for: one for each step of rzs_store_prefetch(). */
#define AHEAD 3u

#define HEAD	((sizeof(struct conn) + LINE - 1) & ~(size_t)(LINE - 1))
#define IN_OFF	(HEAD + IN_SKEW)
#define OUT_OFF (HEAD + LINE + RZS_CONN_IN_SIZE + OUT_SKEW)
#define BYTES	(HEAD + LINE + RZS_CONN_IN_SIZE + LINE + RZS_CONN_OUT_SIZE)

static void conn_requests_init(struct conn *c, struct rzs_request_inbox *inbox)
{
	for (unsigned i = RZS_CONN_REQUESTS; i-- > 0;) {
		struct rzs_request *rq = &c->requests[i];

		rq->conn = &c->pub;
		rq->inbox = inbox;
		rq->next = c->unused;
		c->unused = rq;
	}
	c->current = c->unused;
	c->unused = c->current->next;
}

int rzs_conn_alloc(struct rzs_conn **out)
{
	uint8_t *p = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*out = NULL;
	if (p == MAP_FAILED)
		return -ENOMEM;
	(void)madvise(p, BYTES, MADV_NOHUGEPAGE);
	(void)madvise(p, BYTES, MADV_DONTDUMP);
	if (rzs_memory_fill(p, BYTES)) {
		munmap(p, BYTES);
		return -ENOMEM;
	}
	*out = &((struct conn *)p)->pub;
	return 0;
}

void rzs_conn_set_up(struct rzs_conn *conn, int fd, const struct rzs_nbd_session *session,
		     struct rzs_request_inbox *inbox, const void *early, size_t early_len)
{
	struct conn *c = (struct conn *)conn;
	uint8_t *p = (uint8_t *)c;

	c->pub.fd = fd;
	c->pub.session = *session;
	c->dispatch.client = session->client;
	c->pub.readable = true;
	c->in = p + IN_OFF;
	c->out = p + OUT_OFF;
	c->out_max = RZS_CONN_OUT_SIZE;
	conn_requests_init(c, inbox);
	if (early_len)
		memcpy(c->in, early, early_len);
	c->in_end = (uint32_t)early_len;
	c->arrived = rzs_clock_ns();
}

int rzs_conn_create(int fd, const struct rzs_nbd_session *session, struct rzs_request_inbox *inbox,
		    const void *early, size_t early_len, struct rzs_conn **out)
{
	int err;

	*out = NULL;
	if (early_len > RZS_CONN_IN_SIZE)
		return -EINVAL;
	err = rzs_conn_alloc(out);
	if (err == 0)
		rzs_conn_set_up(*out, fd, session, inbox, early, early_len);
	return err;
}

void rzs_conn_destroy(struct rzs_conn *c)
{
	if (!c)
		return;
	rzs_port_wipe(c,
		      BYTES); /* even if the device does not ask for it: the device may be gone */
	munmap(c, BYTES);
}

/* Send all replies.  0; -EAGAIN: some are left; another error: close the connection. */
static int conn_send(struct conn *c)
{
	if (unlikely(c->dead)) /* what its requests still put there goes nowhere */
		c->out_at = c->out_end;
	while (c->out_at < c->out_end) {
		ssize_t n = send(c->pub.fd, c->out + c->out_at, c->out_end - c->out_at,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n >= 0)
			c->out_at += (uint32_t)n;
		else if (errno != EINTR)
			return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	}
	c->out_at = c->out_end = 0;
	return 0;
}

/*
 * Receive what has arrived.  Unserved bytes, less than a header or a page, are first moved to the
 * beginning of the buffer.
 *
 * A receive that returns less than the buffer holds has emptied the socket, which saves a call per
 * wake-up; except where receives are cut short.  File descriptors cut them short: msg has no buffer
 * for them, so the kernel drops them and sets MSG_CTRUNC.
 */
static int conn_receive(struct conn *c)
{
	uint32_t left = c->in_end - c->in_at;
	struct iovec iov = {c->in + left, RZS_CONN_IN_SIZE - left};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (c->in_at && left)
		memmove(c->in, c->in + c->in_at, left);
	c->in_at = 0;
	c->in_end = left;
	c->ready_nr = c->ready_next = 0;
	do
		n = recvmsg(c->pub.fd, &msg, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		c->pub.readable = false;
		return errno == EWOULDBLOCK ? 0 : -errno;
	}
	if (n == 0) {
		c->pub.readable = false;
		c->closing = true;
		return 0;
	}
	c->in_end += (uint32_t)n;
	c->pub.cut_short = c->pub.cut_short || (msg.msg_flags & MSG_CTRUNC);
	c->pub.readable = c->pub.cut_short || c->in_end == RZS_CONN_IN_SIZE;
	return 0;
}

static void conn_count(struct conn *c, const struct rzs_request *rq)
{
	enum rzs_latency_op op;

	if (unlikely(rq->err))
		return;
	switch (rq->nbd.type) {
	case RZS_NBD_READ:
		op = RZS_LATENCY_READ;
		break;
	case RZS_NBD_WRITE:
		op = RZS_LATENCY_WRITE;
		break;
	case RZS_NBD_TRIM:
	case RZS_NBD_WRITE_ZEROES:
		op = RZS_LATENCY_DISCARD;
		break;
	default:
		return;
	}
	rzs_dispatch_done(&c->dispatch, op, c->now - rq->begun, rq->nbd.length);
}

/*
 * Prefetch the pages of the requests that follow the current one.  Only while header follows
 * header, as with reads and trims: beside its compression, a write's cache misses cost little.
 */
static void conn_look_ahead(struct conn *c)
{
	const uint8_t *p = c->in + c->in_at;
	uint32_t n = (c->in_end - c->in_at) / RZS_NBD_REQUEST_SIZE;
	struct rzs_nbd_request r;

	n = n < AHEAD ? n : AHEAD;
	for (uint32_t i = 0; i < n; i++, p += RZS_NBD_REQUEST_SIZE) {
		if (rzs_nbd_request_parse(p, &r) || rzs_nbd_request_payload(&r))
			return;
		rzs_dispatch_prefetch(&c->dispatch, r.offset, AHEAD - 1 - i);
	}
}

/* Begin the next request, if its header is there. */
static enum rzs_conn_progress conn_next(struct conn *c)
{
	if (c->in_end - c->in_at < RZS_NBD_REQUEST_SIZE)
		return RZS_CONN_NO_INPUT;
	if (rzs_conn_out_free(c) < RZS_CONN_REPLY_MAX)
		return RZS_CONN_OUT_FULL;
	if (unlikely(rzs_nbd_request_parse(c->in + c->in_at, &c->rq->nbd)))
		return RZS_CONN_BROKEN;
	c->in_at += RZS_NBD_REQUEST_SIZE;
	c->rq->begun = c->arrived;
	if (!rzs_nbd_request_payload(&c->rq->nbd))
		conn_look_ahead(c);
	return rzs_conn_begin(c);
}

/* Read the clock.  The first reading of a time slice begins it. */
static void conn_tick(struct conn *c)
{
	c->now = rzs_clock_ns();
	if (!c->until)
		c->until = c->now + RZS_CONN_SLICE_NS;
}

/* ---- requests in use ---- */

/* The request to serve now.  NULL: none, until a parked one comes back. */
static struct rzs_request *conn_pick(struct conn *c)
{
	struct rzs_request *rq = c->current;

	if (unlikely(c->stream))
		rq = c->stream;
	else if (unlikely(c->woken.first))
		return rzs_request_take(&c->woken);
	else if (unlikely(c->closing || (c->holding && rzs_conn_may_rest(c))))
		return NULL;
	return rq && !rq->parked ? rq : NULL;
}

/* It is answered, or needs no answer any more. */
static void conn_finish(struct conn *c, struct rzs_request *rq)
{
	rq->step = RZS_REQUEST_NEXT;
	if (rq == c->current)
		return;
	if (!c->current) {
		c->current = rq;
		return;
	}
	rq->next = c->unused;
	c->unused = rq;
}

/* The back end has it.  The data of a write are next in `in`, so nothing else is begun. */
static void conn_park(struct conn *c, struct rzs_request *rq)
{
	rq->parked = true;
	c->nr_parked++;
	if (rq != c->current || rq->step == RZS_REQUEST_WRITE)
		return;
	c->current = c->unused;
	if (c->unused)
		c->unused = c->unused->next;
}

/* Where rq goes until it is served again. */
static void conn_keep(struct conn *c, struct rzs_request *rq, enum rzs_conn_progress p)
{
	if (p == RZS_CONN_NO_ANSWER)
		conn_park(c, rq);
	else if (p == RZS_CONN_NO_GATHER)
		rzs_request_append(&c->later, rq);
	else if (rq != c->current && rq != c->stream)
		rzs_request_prepend(&c->woken, rq);
}

void rzs_conn_gathered(struct conn *c)
{
	struct rzs_request *rq;

	c->gather = NULL;
	c->out_max = RZS_CONN_OUT_SIZE;
	while ((rq = rzs_request_take(&c->later)) != NULL)
		rzs_request_append(&c->woken, rq);
}

struct rzs_conn *rzs_conn_wake(struct rzs_request *rq)
{
	struct conn *c = (struct conn *)rq->conn;

	rq->parked = false;
	rq->owes = true;
	c->nr_parked--;
	if (c->dead)
		rq->step = RZS_REQUEST_CANCEL;
	if (rq != c->stream)
		rzs_request_append(&c->woken, rq);
	return rq->conn;
}

/* Every request that was begun and is not parked ends here, or with the call that it owes. */
static void conn_die(struct conn *c)
{
	struct rzs_request *rq;

	c->closing = c->dead = true;
	rzs_conn_gathered(c);
	for (rq = c->woken.first; rq; rq = rq->next)
		rq->step = RZS_REQUEST_CANCEL;
	if (c->stream && !c->stream->parked && c->stream->owes) {
		c->stream->step = RZS_REQUEST_CANCEL;
		rzs_request_append(&c->woken, c->stream);
	}
	c->stream = NULL;
}

void rzs_conn_hang_up(struct rzs_conn *conn)
{
	conn_die((struct conn *)conn);
}

/* ---- time slices ---- */

/*
 * A worker is for one piece of a request, or for as many as it has prepared.  So others may have it
 * in between, and no request has one while it is parked.
 */
static enum rzs_conn_progress conn_serve(struct conn *c)
{
	enum rzs_conn_progress p;

	if (!c->working)
		rzs_dispatch_get(&c->dispatch);
	p = rzs_conn_serve(c);
	c->working = c->ready_next < c->ready_nr;
	if (!c->working)
		rzs_dispatch_put(&c->dispatch);
	return p;
}

/* Serve requests until something is missing; RZS_CONN_SOME: until the time slice is over. */
static enum rzs_conn_progress conn_work(struct conn *c)
{
	for (;;) {
		struct rzs_request *rq = conn_pick(c);
		enum rzs_conn_progress p = RZS_CONN_SOME;

		if (unlikely(!rq))
			return RZS_CONN_NO_REQUEST;
		rzs_threads_progress(c->entry, true);
		c->rq = rq;
		if (rq->step == RZS_REQUEST_NEXT)
			p = conn_next(c);
		else if (unlikely(rzs_conn_out_free(c) < RZS_CONN_REPLY_MAX))
			p = RZS_CONN_OUT_FULL; /* it may have come back to be answered */
		if (p == RZS_CONN_SOME)
			p = conn_serve(c);
		if (p != RZS_CONN_DONE) {
			conn_keep(c, rq, p);
			if (p >= RZS_CONN_NO_INPUT)
				return p;
		}
		conn_tick(c);
		if (p == RZS_CONN_DONE) {
			conn_count(c, rq);
			if (unlikely(rq == c->stream))
				c->stream = NULL;
			conn_finish(c, rq);
		}
		if (c->now >= c->until)
			return RZS_CONN_SOME;
	}
}

/* All replies are sent: what next?  RZS_CONN_OUTPUT: go on at once. */
static enum rzs_conn_wants conn_after(struct conn *c, enum rzs_conn_progress p)
{
	switch (p) {
	case RZS_CONN_NO_INPUT:
		if (!c->pub.readable)
			return RZS_CONN_INPUT;
		if (conn_receive(c)) {
			conn_die(c);
			return RZS_CONN_OUTPUT;
		}
		conn_tick(c);
		c->arrived = c->now;
		return c->now < c->until ? RZS_CONN_OUTPUT : RZS_CONN_YIELD;
	case RZS_CONN_NO_MEMORY:
		conn_tick(c);
		c->pub.pause_until = c->now + RZS_CONN_PAUSE_NS;
		return RZS_CONN_PAUSE;
	case RZS_CONN_NO_REQUEST:
		if (c->nr_parked)
			return RZS_CONN_PARKED;
		return c->closing ? RZS_CONN_CLOSE : RZS_CONN_STILL;
	case RZS_CONN_SOME:
		return RZS_CONN_YIELD;
	default: /* the reply buffer was full, and is empty now; or the end has begun */
		conn_tick(c);
		return c->now < c->until ? RZS_CONN_OUTPUT : RZS_CONN_YIELD;
	}
}

static enum rzs_conn_wants conn_run(struct conn *c)
{
	enum rzs_conn_wants wants;

	do {
		enum rzs_conn_progress p = conn_work(c);
		int err;

		if (p == RZS_CONN_BROKEN)
			c->closing = true;
		if (p == RZS_CONN_DEAD)
			conn_die(c);
		rzs_threads_progress(c->entry, false);
		err = conn_send(c);
		if (err == -EAGAIN)
			return RZS_CONN_OUTPUT;
		if (err) {
			conn_die(c);
			p = RZS_CONN_DEAD;
		}
		wants = conn_after(c, p);
	} while (wants == RZS_CONN_OUTPUT);
	return wants;
}

enum rzs_conn_wants rzs_conn_run(struct rzs_conn *conn, const struct rzs_conn_thread *thread)
{
	struct conn *c = (struct conn *)conn;

	c->entry = thread->entry;
	c->until = 0;
	c->ready_nr = c->ready_next = 0;    /* they were another worker's, or are gone */
	if (c->pub.wants != RZS_CONN_INPUT) /* else the next receive begins the time slice */
		conn_tick(c);
	rzs_dispatch_begin(&c->dispatch, c->pub.session.tag, thread->index);
	c->pub.wants = conn_run(c);
	if (c->working)
		rzs_dispatch_put(&c->dispatch);
	c->working = false;
	return c->pub.wants;
}
