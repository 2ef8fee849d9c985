/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A connection's bytes: receiving, sending, and the turns in which requests are served. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

#include "conn.h"
#include "memory.h"

#define unlikely(x) __builtin_expect(!!(x), 0)

/* Ahead of the buffers, so that a page behind the first header of a batch is aligned. */
#define LINE	 64u
#define IN_SKEW	 (LINE - RZS_NBD_REQUEST_SIZE)
#define OUT_SKEW (LINE - RZS_NBD_SIMPLE_SIZE)

/* Requests looked at in advance: one for each thing that leads to a page (rzs_store_prefetch()). */
#define AHEAD 3u

#define HEAD	((sizeof(struct rzs_conn) + LINE - 1) & ~(size_t)(LINE - 1))
#define IN_OFF	(HEAD + IN_SKEW)
#define OUT_OFF (HEAD + LINE + RZS_CONN_IN_SIZE + OUT_SKEW)
#define BYTES	(HEAD + LINE + RZS_CONN_IN_SIZE + LINE + RZS_CONN_OUT_SIZE)

uint64_t rzs_conn_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

int rzs_conn_create(int fd, const struct rzs_nbd_session *session, const void *early,
		    size_t early_len, struct rzs_conn **out)
{
	struct rzs_conn *c;
	uint8_t *p;

	*out = NULL;
	if (early_len > RZS_CONN_IN_SIZE)
		return -EINVAL;
	p = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return -ENOMEM;
	(void)madvise(p, BYTES, MADV_NOHUGEPAGE);
	(void)madvise(p, BYTES, MADV_DONTDUMP);
	if (rzs_memory_fill(p, BYTES)) {
		munmap(p, BYTES);
		return -ENOMEM;
	}
	c = (struct rzs_conn *)p;
	c->fd = fd;
	c->session = *session;
	c->dispatch.client = session->client;
	c->readable = true;
	c->in = p + IN_OFF;
	c->out = p + OUT_OFF;
	if (early_len)
		memcpy(c->in, early, early_len);
	c->in_end = (uint32_t)early_len;
	c->came = rzs_conn_clock();
	*out = c;
	return 0;
}

void rzs_conn_destroy(struct rzs_conn *c)
{
	if (!c)
		return;
	rzs_port_wipe(c, BYTES); /* whatever its device wants: that may have gone before it */
	munmap(c, BYTES);
}

/* Send all replies.  0, -EAGAIN: the rest another time, or the connection's end. */
static int conn_send(struct rzs_conn *c)
{
	while (c->out_at < c->out_end) {
		ssize_t n = send(c->fd, c->out + c->out_at, c->out_end - c->out_at,
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
 * Receive what is there, behind what is left: less than a header or a page's part, which makes room
 * for itself at the buffer's beginning.
 *
 * Who receives less than he asked for has all there was, which saves one call for each wake-up; but
 * not where a receive stops early.  There is no room for descriptors that a client sends along, so
 * that the kernel drops them, and says so: they are a place where it stops.
 */
static int conn_receive(struct rzs_conn *c)
{
	uint32_t left = c->in_end - c->in_at;
	struct iovec iov = {c->in + left, RZS_CONN_IN_SIZE - left};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (c->in_at && left)
		memmove(c->in, c->in + c->in_at, left);
	c->in_at = 0;
	c->in_end = left;
	do
		n = recvmsg(c->fd, &msg, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		c->readable = false;
		return errno == EWOULDBLOCK ? 0 : -errno;
	}
	if (n == 0) {
		c->readable = false;
		c->closing = true;
		return 0;
	}
	c->in_end += (uint32_t)n;
	c->cut_short = c->cut_short || (msg.msg_flags & MSG_CTRUNC);
	c->readable = c->cut_short || c->in_end == RZS_CONN_IN_SIZE;
	return 0;
}

static void conn_count(struct rzs_conn *c)
{
	enum rzs_latency_op op;

	if (unlikely(c->err))
		return;
	switch (c->request.type) {
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
	rzs_dispatch_done(&c->dispatch, op, c->now - c->begun, c->request.length);
}

/*
 * The requests that have come already, behind the one at hand: their pages are on their way to the
 * caches while this one is served.  Only where headers follow each other, as those of reads and
 * trims do; what a write takes of memory is little beside its encoding.
 */
static void conn_look_ahead(struct rzs_conn *c)
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

/* The next request, if it is there. */
static enum rzs_conn_progress conn_next(struct rzs_conn *c)
{
	if (c->in_end - c->in_at < RZS_NBD_REQUEST_SIZE)
		return RZS_CONN_NO_INPUT;
	if (RZS_CONN_OUT_SIZE - c->out_end < RZS_CONN_REPLY_MAX)
		return RZS_CONN_OUT_FULL;
	if (unlikely(rzs_nbd_request_parse(c->in + c->in_at, &c->request)))
		return RZS_CONN_BROKEN;
	c->in_at += RZS_NBD_REQUEST_SIZE;
	c->begun = c->came;
	if (!rzs_nbd_request_payload(&c->request))
		conn_look_ahead(c);
	return rzs_conn_begin(c);
}

/* Read the clock, from whose first reading a turn is timed. */
static void conn_tick(struct rzs_conn *c)
{
	c->now = rzs_conn_clock();
	if (!c->until)
		c->until = c->now + RZS_CONN_SLICE_NS;
}

/* Serve until something is missing, or, with RZS_CONN_SOME, the turn is over. */
static enum rzs_conn_progress conn_work(struct rzs_conn *c)
{
	for (;;) {
		enum rzs_conn_progress p = RZS_CONN_SOME;

		rzs_threads_progress(c->entry, true);
		if (c->step == RZS_CONN_NEXT)
			p = conn_next(c);
		if (p == RZS_CONN_SOME)
			p = rzs_conn_serve(c);
		if (p != RZS_CONN_DONE && p != RZS_CONN_SOME)
			return p;
		conn_tick(c);
		if (p == RZS_CONN_DONE) {
			c->step = RZS_CONN_NEXT;
			conn_count(c);
		}
		if (c->now >= c->until)
			return RZS_CONN_SOME;
	}
}

/* Everything is sent that there was to send; what now?  RZS_CONN_OUTPUT: go on. */
static enum rzs_conn_wants conn_after(struct rzs_conn *c, enum rzs_conn_progress p)
{
	switch (p) {
	case RZS_CONN_NO_INPUT:
		if (!c->readable)
			return RZS_CONN_INPUT;
		if (conn_receive(c))
			return RZS_CONN_CLOSE;
		conn_tick(c);
		c->came = c->now;
		return c->now < c->until ? RZS_CONN_OUTPUT : RZS_CONN_YIELD;
	case RZS_CONN_NO_MEMORY:
		conn_tick(c);
		c->pause_until = c->now + RZS_CONN_PAUSE_NS;
		return RZS_CONN_PAUSE;
	case RZS_CONN_SOME:
		return RZS_CONN_YIELD;
	default: /* room was needed, and is there now */
		conn_tick(c);
		return c->now < c->until ? RZS_CONN_OUTPUT : RZS_CONN_YIELD;
	}
}

static enum rzs_conn_wants conn_run(struct rzs_conn *c)
{
	enum rzs_conn_wants wants;

	do {
		enum rzs_conn_progress p = RZS_CONN_OUT_FULL;
		int err;

		if (!c->closing)
			p = conn_work(c);
		if (p == RZS_CONN_BROKEN)
			c->closing = true;
		rzs_threads_progress(c->entry, false);
		err = conn_send(c);
		if (err)
			return err == -EAGAIN ? RZS_CONN_OUTPUT : RZS_CONN_CLOSE;
		if (c->closing)
			return RZS_CONN_CLOSE;
		wants = conn_after(c, p);
	} while (wants == RZS_CONN_OUTPUT);
	return wants;
}

enum rzs_conn_wants rzs_conn_run(struct rzs_conn *c, const struct rzs_conn_thread *thread)
{
	c->entry = thread->entry;
	c->until = 0;
	if (c->wants != RZS_CONN_INPUT) /* else the bytes that come begin it */
		conn_tick(c);
	rzs_dispatch_begin(&c->dispatch, c->session.tag, thread->index);
	c->wants = conn_run(c);
	rzs_dispatch_end(&c->dispatch);
	return c->wants;
}
