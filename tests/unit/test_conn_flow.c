/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A connection's bytes in pieces of every size, a client that does not read, and all ends. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "clock.h"
#include "conn_private.h"
#include "conn_rig.h"

/* ---- bytes in pieces ---- */

/* Some of everything, with errors; returns its length. */
static size_t mixed_stream(uint8_t *p)
{
	size_t n = 0;

	n += wire_request(p + n, WIRE_WRITE, 0, 1, 3 * PAGE, PAGE);
	memcpy(p + n, pattern, PAGE);
	n += PAGE;
	n += wire_request(p + n, WIRE_READ, 0, 2, 3 * PAGE, PAGE);
	n += wire_request(p + n, WIRE_WRITE, 0, 3, 7 * PAGE + 4000, 300);
	memcpy(p + n, pattern + PAGE, 300);
	n += 300;
	n += wire_request(p + n, WIRE_WRITE, 0, 4, FAKE_SIZE, 50); /* beyond the end */
	memcpy(p + n, pattern, 50);
	n += 50;
	n += wire_request(p + n, WIRE_READ, 0, 5, 7 * PAGE + 3990, 400);
	n += wire_request(p + n, WIRE_TRIM, 0, 6, 3 * PAGE, PAGE);
	n += wire_request(p + n, WIRE_FLUSH, 0, 7, 0, 0);
	n += wire_request(p + n, WIRE_READ, 0, 8, 3 * PAGE, 2 * PAGE);
	n += wire_request(p + n, 200, 0, 9, 0, 0);
	n += wire_request(p + n, WIRE_ZEROES, 0, 10, 7 * PAGE, PAGE);
	return n;
}

/*
 * The replies to the stream are the same however it is cut: in two at every byte, and into single
 * bytes.
 */
T_TEST_TIMEOUT(split_at_every_byte, 300)
{
	static uint8_t stream[16384], want[65536];
	size_t n, want_len = 0, step = t_scale() > 1 ? 97 : 1;

	make_pattern();
	n = mixed_stream(stream);
	for (int structured = 0; structured < 2; structured++)
		for (size_t cut = 0; cut <= n + 1; cut += cut < 64 || cut > n - 64 ? 1 : step) {
			struct rig r;

			rig_open(&r, structured);
			if (cut <= n) {
				rig_send(&r, stream, cut);
				rig_run(&r);
				rig_send(&r, stream + cut, n - cut);
				rig_run(&r);
			} else {
				for (size_t i = 0; i < n; i++) {
					rig_send(&r, stream + i, 1);
					rig_run(&r);
				}
			}
			if (cut == 0) {
				want_len = r.got_end;
				T_LE(want_len, sizeof(want));
				memcpy(want, r.got, want_len);
				T_GT(want_len, PAGE);
			}
			T_EQ(r.got_end, want_len);
			T_MEM_EQ(r.got, want, want_len);
			T_EQ(r.closed, false);
			rig_close(&r);
		}
}

/* Bytes that came with the end of the handshake are served without any more coming. */
T_TEST(early_bytes)
{
	static uint8_t stream[16384];
	uint64_t before;
	size_t n;
	struct rig r;

	make_pattern();
	n = mixed_stream(stream);
	for (size_t early = 1; early <= n; early += 501) {
		before = rzs_clock_ns();
		rig_open_early(&r, false, stream, early);
		r.conn->readable = false; /* nothing but these */
		T_EQ(rig_turns(&r), RZS_CONN_INPUT);
		rig_drain(&r);
		if (early >= WIRE_REQUEST + PAGE)
			rig_expect(&r, 1, 0);
		rig_send(&r, stream + early, n - early);
		rig_run(&r);
		T_EQ(r.closed, false);
		T_MEM_EQ(fake.bytes + 7 * PAGE + PAGE, pattern + PAGE + 96, 204);
		/* They were not under way for longer than there was a connection. */
		T_GT(fake.longest_ns, 0);
		T_LE(fake.longest_ns, rzs_clock_ns() - before);
		rig_close(&r);
	}
}

/* ---- a client that does not read ---- */

T_TEST(back_pressure)
{
	enum { N = 2000 };
	static uint8_t stream[N * WIRE_REQUEST];
	uint8_t buf[PAGE];
	size_t at = 0;
	unsigned idle = 0;
	struct rig r;

	rig_open(&r, false);
	fake_fill(0, FAKE_SIZE);
	for (unsigned i = 0; i < N; i++)
		wire_request(stream + (size_t)i * WIRE_REQUEST, WIRE_READ, 0, i, i * PAGE, PAGE);
	r.deaf = true;
	/* As much as fits anywhere; then the server asks for room, and for nothing else. */
	while (idle < 2 && at < sizeof(stream)) {
		ssize_t n = send(r.client, stream + at, sizeof(stream) - at,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		at += n > 0 ? (size_t)n : 0;
		idle = rig_turn(&r) || n > 0 ? 0 : idle + 1;
	}
	while (rig_turn(&r))
		;
	T_EQ(r.conn->wants, RZS_CONN_OUTPUT);
	T_LE(((struct conn *)r.conn)->out_end, RZS_CONN_OUT_SIZE);
	T_LT(fake.done[RZS_LATENCY_READ], N / 2);
	r.deaf = false;
	rig_send(&r, stream + at, sizeof(stream) - at);
	rig_run(&r);
	for (unsigned i = 0; i < N; i++) {
		T_EQ(rig_read(&r, i, i * PAGE, PAGE, buf).error, 0u);
		T_MEM_EQ(buf, fake.bytes + (size_t)i * PAGE, PAGE);
	}
	rig_expect_nothing(&r);
	rig_close(&r);
}

/* ---- ends ---- */

/* What came before DISC is answered; what comes behind it is not looked at. */
T_TEST(disconnect)
{
	for (int deaf = 0; deaf < 2; deaf++) {
		uint8_t stream[100 * WIRE_REQUEST], buf[PAGE];
		size_t n = 0;
		struct rig r;

		rig_open(&r, false);
		fake_fill(0, FAKE_SIZE);
		for (unsigned i = 0; i < 90; i++)
			n += wire_request(stream + n, WIRE_READ, 0, i, i * PAGE, PAGE);
		n += wire_request(stream + n, WIRE_DISC, 0, 90, 0, 0);
		n += wire_request(stream + n, WIRE_TRIM, 0, 91, 0, PAGE);
		r.deaf = deaf;
		rig_send(&r, stream, n);
		rig_run(&r);
		T_EQ(r.closed, !deaf); /* the replies are more than the socket holds */
		r.deaf = false;
		rig_run(&r);
		T_EQ(r.closed, true);
		for (unsigned i = 0; i < 90; i++)
			T_EQ(rig_read(&r, i, i * PAGE, PAGE, buf).error, 0u);
		rig_expect_nothing(&r);
		T_EQ(fake.state[0], RZS_MAP_DATA);
		rig_close(&r);
	}
}

/* A client that has said all it has to say and still reads. */
T_TEST(half_closed)
{
	static uint8_t stream[16384];
	size_t n;
	struct rig r;

	make_pattern();
	rig_open(&r, false);
	n = mixed_stream(stream);
	rig_send(&r, stream, n);
	T_EQ(shutdown(r.client, SHUT_WR), 0);
	rig_run(&r);
	T_EQ(r.closed, true);
	rig_expect(&r, 1, 0);
	r.got_at = r.got_end - 16;
	rig_expect(&r, 10, 0);
	rig_close(&r);
}

/* One event reports both bytes and an end: after only reading the bytes the end would be missed. */
T_TEST(an_end_behind_the_last_bytes)
{
	struct rig r;

	rig_open(&r, false);
	rig_ask(&r, WIRE_FLUSH, 0, 1, 0, 0);
	T_EQ(shutdown(r.client, SHUT_WR), 0);
	r.conn->cut_short = true;
	T_EQ(rig_turns(&r), RZS_CONN_CLOSE);
	rig_drain(&r);
	rig_expect(&r, 1, 0);
	rig_close(&r);
}

/*
 * What is announced of requests that have come: the nearest is furthest on; nothing beyond a write,
 * whose data are no header, and nothing of half a header.
 */
T_TEST(looks_ahead)
{
	static const struct {
		uint64_t page;
		unsigned step;
	} want[] = {{11, 2}, {12, 1}, {13, 0}, {12, 2}, {13, 1}, {13, 2}};
	uint8_t stream[7 * WIRE_REQUEST + PAGE] = {0}, *p = stream;
	struct rig r;

	for (unsigned i = 0; i < 4; i++, p += WIRE_REQUEST)
		wire_request(p, i == 2 ? WIRE_TRIM : WIRE_READ, 0, i, (10 + i) * PAGE, PAGE);
	wire_request(p, WIRE_WRITE, 0, 4, 0, PAGE);
	p += WIRE_REQUEST + PAGE;
	wire_request(p, WIRE_READ, 0, 5, 20 * PAGE, PAGE);
	wire_request(p + WIRE_REQUEST, WIRE_READ, 0, 6, 21 * PAGE, PAGE);
	rig_open(&r, false);
	rig_send(&r, stream, sizeof(stream) - 1);
	rig_run(&r);
	T_EQ(fake.prefetches, sizeof(want) / sizeof(want[0]));
	for (unsigned i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		T_EQ(fake.prefetch[i].offset, want[i].page * PAGE);
		T_EQ(fake.prefetch[i].step, want[i].step);
	}
	rig_close(&r);
}

T_TEST(not_a_request)
{
	struct rig r;
	uint8_t junk[2 * WIRE_REQUEST];

	rig_open(&r, false);
	wire_request(junk, WIRE_FLUSH, 0, 1, 0, 0);
	memset(junk + WIRE_REQUEST, 0x5a, WIRE_REQUEST);
	rig_send(&r, junk, sizeof(junk));
	rig_run(&r);
	T_EQ(r.closed, true);
	rig_expect(&r, 1, 0);
	rig_expect_nothing(&r);
	rig_close(&r);

	/* More data than anybody may send. */
	rig_open(&r, false);
	rig_ask(&r, WIRE_WRITE, 0, 1, 0, RZS_NBD_MAX_PAYLOAD + 1);
	rig_run(&r);
	T_EQ(r.closed, true);
	rig_expect_nothing(&r);
	rig_close(&r);
}

/*
 * The client goes away after every number of bytes sent, with or without having read a word: the
 * connection ends, always.
 */
T_TEST_TIMEOUT(hang_up_at_every_byte, 300)
{
	static uint8_t stream[16384];
	size_t n, step = t_scale() > 1 ? 97 : 1;

	make_pattern();
	n = mixed_stream(stream);
	for (int when = 0; when < 3; when++)
		for (size_t cut = 0; cut <= n; cut += cut < 64 || cut > n - 64 ? 1 : step) {
			struct rig r;

			rig_open(&r, when % 2);
			fake.refusals = when == 2 ? 3 : 0;
			rig_send(&r, stream, cut);
			if (when)
				rig_turn(&r);
			close(r.client);
			r.client = -1;
			rig_run(&r);
			T_EQ(r.closed, true);
			T_EQ(fake.held, 0u);
			rig_close(&r);
		}
}

/* 64 requests of each sort in flight, replies filling the socket, and the client gone. */
T_TEST(hang_up_with_64_in_flight)
{
	static const unsigned types[] = {WIRE_READ, WIRE_WRITE, WIRE_TRIM};
	static uint8_t stream[64 * (WIRE_REQUEST + PAGE)];

	for (size_t t = 0; t < 3; t++)
		for (unsigned turns = 0; turns < 4; turns++) {
			size_t n = 0;
			struct rig r;

			rig_open(&r, false);
			fake_fill(0, sizeof(stream));
			r.deaf = true;
			for (unsigned i = 0; i < 64; i++) {
				n += wire_request(stream + n, types[t], 0, i, i * PAGE, PAGE);
				if (types[t] == WIRE_WRITE)
					n += PAGE;
			}
			(void)!send(r.client, stream, n, MSG_DONTWAIT | MSG_NOSIGNAL);
			for (unsigned i = 0; i < turns; i++)
				rig_turn(&r);
			close(r.client);
			r.client = -1;
			rig_run(&r);
			T_EQ(r.closed, true);
			rig_close(&r);
		}
}
