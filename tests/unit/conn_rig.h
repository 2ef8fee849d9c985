/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One connection (server/conn.h) on one end of a socket pair and its client on the other, in one
 * thread: the rig does what an I/O thread would, and hands the connection bytes as finely as a test
 * wants.  The device is an array (fake_dispatch.h) that refuses and fails on demand.
 */
#ifndef RZS_TEST_CONN_RIG_H
#define RZS_TEST_CONN_RIG_H

#include "t.h"

#include "conn.h"
#include "fake_dispatch.h"
#include "nbdwire.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#define RIG_GOT	 (72u << 20) /* bytes of replies that a test may have before it looks at them */
#define RIG_RECV (1u << 16)  /* asked for at once: valgrind looks at all of it, whatever comes */

#define PAGE RZS_PAGE_SIZE

/* Bytes to write, none like its neighbours. */
static uint8_t pattern[40u << 20];
#define PATTERN_MADE ((1u << 20) + 8) /* then they repeat: an offset that nothing here has */

static inline void make_pattern(void)
{
	uint64_t state = 1;

	for (size_t i = 0; i < PATTERN_MADE; i += 8) {
		uint64_t v = t_rand(&state);

		memcpy(pattern + i, &v, 8);
	}
	for (size_t i = PATTERN_MADE, n; i < sizeof(pattern); i += n) {
		n = sizeof(pattern) - i < PATTERN_MADE ? sizeof(pattern) - i : PATTERN_MADE;
		memcpy(pattern + i, pattern, n);
	}
}

/*
 * The libraries that are linked could start threads; these tests do not, or fail.  So they are on
 * the list RZS_ONE_THREAD_TESTS.
 */
int pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*start)(void *), void *arg)
{
	(void)id;
	(void)attr;
	(void)start;
	(void)arg;
	T_FAIL("a thread is started");
}

struct rig {
	int client, server, wake;
	struct rzs_conn *conn;
	struct rzs_conn_thread thread;
	struct rzs_nbd_session session;
	bool closed;	 /* the connection is over */
	bool deaf;	 /* the client does not read */
	unsigned pauses; /* that the connection wanted */
	unsigned turns;
	uint8_t *got;
	size_t got_end, got_at;
};

static inline struct rzs_nbd_session rig_session(bool structured)
{
	return (struct rzs_nbd_session){
		.tag = &fake_device,
		.size = FAKE_SIZE,
		.max_payload = RZS_NBD_MAX_PAYLOAD,
		.flags = RZS_NBD_FLAG_HAS_FLAGS | RZS_NBD_FLAG_FLUSH | RZS_NBD_FLAG_FUA |
			 RZS_NBD_FLAG_TRIM | RZS_NBD_FLAG_WRITE_ZEROES | RZS_NBD_FLAG_MULTI_CONN |
			 RZS_NBD_FLAG_CACHE | RZS_NBD_FLAG_FAST_ZERO |
			 (structured ? RZS_NBD_FLAG_DF : 0),
		.structured = structured,
		.block_status = structured,
		.context = 7,
	};
}

static inline void rig_open_early(struct rig *r, bool structured, const void *early, size_t n)
{
	static uint8_t *got; /* a new one for each case would be most of what a case costs */
	int fd[2];

	memset(r, 0, sizeof(*r));
	fake_reset();
	if (!got)
		got = malloc(RIG_GOT);
	T_OK(got != NULL);
	T_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	r->client = fd[0];
	r->server = fd[1];
	r->session = rig_session(structured);
	r->got = got;
	r->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	T_GE(r->wake, 0);
	rzs_request_inbox_init(&r->thread.inbox, r->wake);
	T_EQ(rzs_conn_create(r->server, &r->session, &r->thread.inbox, early, n, &r->conn), 0);
}

static inline void rig_open(struct rig *r, bool structured)
{
	rig_open_early(r, structured, NULL, 0);
}

static inline void rig_close(struct rig *r)
{
	if (r->client >= 0)
		close(r->client);
	T_EQ(parker.nr, 0u);
	close(r->server);
	close(r->wake);
	rzs_conn_destroy(r->conn);
}

/* What the client's socket holds for it. */
static inline bool rig_drain(struct rig *r)
{
	size_t room = RIG_GOT - r->got_end;
	ssize_t n;

	if (r->deaf || r->client < 0 || !room)
		return false;
	n = recv(r->client, r->got + r->got_end, room < RIG_RECV ? room : RIG_RECV, MSG_DONTWAIT);
	if (n > 0)
		r->got_end += (size_t)n;
	return n > 0;
}

/* Parked requests that were completed go back to the connection.  Whether there were any. */
static inline bool rig_wake(struct rig *r)
{
	struct rzs_request *rq, *next;
	uint64_t woken;

	if (read(r->wake, &woken, sizeof(woken)) < 0)
		return false;
	T_EQ(woken, RZS_REQUEST_WAKE);
	for (rq = rzs_request_inbox_take(&r->thread.inbox); rq; rq = next) {
		next = rq->next;
		T_EQ(rzs_conn_wake(rq), r->conn);
	}
	if (r->conn->wants == RZS_CONN_INPUT || r->conn->wants == RZS_CONN_PARKED)
		r->conn->wants = RZS_CONN_YIELD;
	return true;
}

/* One turn, if the connection waits for something that is there. */
static inline bool rig_turn(struct rig *r)
{
	struct pollfd p = {.fd = r->server, .events = POLLIN | POLLOUT | POLLRDHUP};
	enum rzs_conn_wants wants;

	if (r->closed)
		return false;
	(void)rig_wake(r);
	wants = r->conn->wants;
	T_GE(poll(&p, 1, 0), 0);
	if (p.revents & (POLLIN | POLLRDHUP | POLLHUP | POLLERR))
		r->conn->readable = true;
	if (p.revents & (POLLRDHUP | POLLHUP | POLLERR))
		r->conn->cut_short = true;
	if (wants == RZS_CONN_PARKED || wants == RZS_CONN_STILL ||
	    (wants == RZS_CONN_INPUT && !r->conn->readable) ||
	    (wants == RZS_CONN_OUTPUT && !(p.revents & (POLLOUT | POLLHUP | POLLERR))))
		return false;
	r->turns++;
	wants = rzs_conn_run(r->conn, &r->thread);
	r->closed = wants == RZS_CONN_CLOSE;
	r->pauses += wants == RZS_CONN_PAUSE;
	T_EQ(fake.held, 0u);
	return true;
}

/* What it wants once it has had all the turns that a slow machine cuts one into. */
static inline enum rzs_conn_wants rig_turns(struct rig *r)
{
	enum rzs_conn_wants wants;

	do
		wants = rzs_conn_run(r->conn, &r->thread);
	while (wants == RZS_CONN_YIELD);
	return wants;
}

/* Until nothing moves any more. */
static inline void rig_run(struct rig *r)
{
	bool moved;

	do {
		moved = rig_turn(r);
		moved |= rig_drain(r);
	} while (moved);
}

/* Send, letting the connection work whenever the socket is full. */
static inline void rig_send(struct rig *r, const void *buf, size_t n)
{
	const uint8_t *p = buf;

	while (n) {
		ssize_t sent = send(r->client, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent > 0) {
			p += sent;
			n -= (size_t)sent;
			continue;
		}
		T_OK(errno == EAGAIN || errno == EWOULDBLOCK);
		rig_run(r);
	}
}

static inline void rig_ask(struct rig *r, unsigned type, unsigned flags, uint64_t cookie,
			   uint64_t offset, uint64_t length)
{
	uint8_t head[WIRE_REQUEST];

	wire_request(head, type, flags, cookie, offset, length);
	rig_send(r, head, sizeof(head));
}

static inline void rig_write(struct rig *r, uint64_t cookie, const void *data, uint64_t offset,
			     uint32_t length)
{
	rig_ask(r, WIRE_WRITE, 0, cookie, offset, length);
	rig_send(r, data, length);
}

/* ---- what came back ---- */

static inline const uint8_t *rig_take(struct rig *r, size_t n)
{
	T_LE(n, r->got_end - r->got_at);
	r->got_at += n;
	return r->got + r->got_at - n;
}

static inline struct wire_reply rig_head(struct rig *r)
{
	struct wire_reply head;

	T_EQ(wire_head(r->got + r->got_at, r->got_end - r->got_at, &head), 1);
	rig_take(r, head.size);
	return head;
}

/* A simple reply without data. */
static inline void rig_expect(struct rig *r, uint64_t cookie, uint32_t error)
{
	struct wire_reply head = rig_head(r);

	T_EQ(head.structured, 0);
	T_EQ(head.cookie, cookie);
	T_EQ(head.error, error);
}

static inline void rig_expect_nothing(struct rig *r)
{
	T_EQ(r->got_end - r->got_at, 0u);
}

/* An answer to a read, in whatever form. */
struct rig_read {
	uint32_t error; /* 0: all came */
	uint64_t error_at;
	unsigned chunks, holes;
	uint32_t bytes; /* that came */
};

static inline void rig_chunk(struct rig *r, const struct wire_reply *head, uint64_t offset,
			     uint32_t length, uint8_t *buf, uint8_t *seen, struct rig_read *out)
{
	const uint8_t *p = rig_take(r, head->length);
	uint64_t at = head->length >= 8 ? wire_get(p, 8) : 0;
	uint32_t n = head->type == WIRE_HOLE ? (uint32_t)wire_get(p + 8, 4) : head->length - 8;

	if (head->type == WIRE_ERROR || head->type == WIRE_ERROR_OFFSET) {
		out->error = (uint32_t)wire_get(p, 4);
		T_EQ(wire_get(p + 4, 2), 0u);
		T_EQ(head->length, head->type == WIRE_ERROR ? 6u : 14u);
		out->error_at = head->type == WIRE_ERROR_OFFSET ? wire_get(p + 6, 8) : 0;
		T_OK(head->flags & 1);
		return;
	}
	T_OK(head->type == WIRE_DATA || head->type == WIRE_HOLE);
	T_GT(n, 0u);
	T_GE(at, offset);
	T_LE(at + n, offset + length);
	out->chunks++;
	out->bytes += n;
	seen += at - offset;
	T_EQ(seen[0], 0);
	T_MEM_EQ(seen, seen + 1, n - 1);
	memset(seen, 1, n);
	if (head->type == WIRE_HOLE) {
		T_EQ(head->length, 12u);
		out->holes++;
		memset(buf + (at - offset), 0, n);
	} else {
		memcpy(buf + (at - offset), p + 8, n);
	}
}

static inline struct rig_read rig_read(struct rig *r, uint64_t cookie, uint64_t offset,
				       uint32_t length, uint8_t *buf)
{
	struct rig_read out = {0};
	struct wire_reply head;
	uint8_t *seen;

	if (!r->session.structured) {
		head = rig_head(r);
		T_EQ(head.structured, 0);
		T_EQ(head.cookie, cookie);
		out.error = head.error;
		if (!out.error) {
			memcpy(buf, rig_take(r, length), length);
			out.bytes = length;
		}
		return out;
	}
	seen = calloc(1, length);
	T_OK(seen != NULL);
	do {
		head = rig_head(r);
		T_EQ(head.structured, 1);
		T_EQ(head.cookie, cookie);
		rig_chunk(r, &head, offset, length, buf, seen, &out);
	} while (!(head.flags & 1));
	free(seen);
	if (!out.error)
		T_EQ(out.bytes, length);
	return out;
}

/* Ask for a range, and compare it with the device. */
static inline struct rig_read rig_check(struct rig *r, unsigned flags, uint64_t offset,
					uint32_t length)
{
	uint8_t *buf = malloc(length);
	struct rig_read read;

	T_OK(buf != NULL);
	r->got_at = r->got_end = 0;
	rig_ask(r, WIRE_READ, flags, offset + 1, offset, length);
	rig_run(r);
	read = rig_read(r, offset + 1, offset, length, buf);
	rig_expect_nothing(r);
	if (!read.error)
		T_MEM_EQ(buf, fake.bytes + offset, length);
	free(buf);
	return read;
}

#endif
