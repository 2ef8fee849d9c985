/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection that is held, and another one that goes on with its socket and what it had received
 * (server/conn_hold.c): the client must not be able to tell.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "conn_private.h"
#include "conn_rig.h"

static uint8_t unserved[RZS_CONN_IN_SIZE];

/* Replace the connection of the rig by one that has only what is unserved. */
static void succeed(struct rig *r)
{
	uint32_t n = rzs_conn_unserved(r->conn, unserved);

	T_LE(n, RZS_CONN_IN_SIZE);
	rzs_conn_destroy(r->conn);
	T_EQ(rzs_conn_create(r->server, &r->session, &r->thread.inbox, unserved, n, &r->conn), 0);
}

/* Hold it, and run it to its end: RZS_CONN_STILL, or what else it waits for. */
static enum rzs_conn_wants hold(struct rig *r)
{
	rzs_conn_hold(r->conn);
	return rig_turns(r);
}

/* Some of everything, with errors; returns its length. */
static size_t mixed_stream(uint8_t *p)
{
	size_t n = 0;

	n += wire_request(p + n, WIRE_WRITE, 0, 1, 3 * PAGE, 2 * PAGE);
	memcpy(p + n, pattern, 2 * PAGE);
	n += 2 * PAGE;
	n += wire_request(p + n, WIRE_READ, 0, 2, 3 * PAGE, PAGE);
	n += wire_request(p + n, WIRE_WRITE, 0, 3, 7 * PAGE + 4000, 300);
	memcpy(p + n, pattern + PAGE, 300);
	n += 300;
	n += wire_request(p + n, WIRE_WRITE, 0, 4, FAKE_SIZE, 50); /* beyond the end */
	memcpy(p + n, pattern, 50);
	n += 50;
	n += wire_request(p + n, WIRE_READ, 0, 5, 7 * PAGE + 3990, 400);
	n += wire_request(p + n, WIRE_TRIM, 0, 6, 3 * PAGE, PAGE);
	n += wire_request(p + n, WIRE_READ, 0, 7, 3 * PAGE, 2 * PAGE);
	n += wire_request(p + n, 200, 0, 8, 0, 0);
	return n;
}

/* The replies are the same wherever in the stream the connection is replaced, and as often. */
T_TEST_TIMEOUT(replaced_at_every_byte, 300)
{
	static uint8_t stream[16384], want[65536];
	size_t n, want_len = 0, step = t_scale() > 1 ? 97 : 7;

	make_pattern();
	n = mixed_stream(stream);
	for (int structured = 0; structured < 2; structured++)
		for (size_t cut = 0; cut <= n; cut += cut < 64 || cut > n - 64 ? 1 : step) {
			struct rig r;

			rig_open(&r, structured);
			rig_send(&r, stream, cut);
			rig_run(&r);
			if (cut) {
				T_EQ(hold(&r), RZS_CONN_STILL);
				succeed(&r);
				rig_run(&r);
				T_EQ(hold(&r), RZS_CONN_STILL);
				succeed(&r);
			}
			rig_send(&r, stream + cut, n - cut);
			rig_run(&r);
			T_EQ(r.closed, false);
			if (cut == 0) {
				want_len = r.got_end;
				memcpy(want, r.got, want_len);
			}
			T_EQ(r.got_end, want_len);
			T_MEM_EQ(r.got, want, want_len);
			rig_close(&r);
		}
}

/* Requests that were received but not begun are the successor's. */
T_TEST(what_was_not_begun_stays)
{
	struct rig r;
	uint8_t head[3 * WIRE_REQUEST];

	for (unsigned i = 0; i < 3; i++)
		wire_request(head + i * WIRE_REQUEST, WIRE_FLUSH, 0, i, 0, 0);
	rig_open_early(&r, false, head, sizeof(head));
	T_EQ(hold(&r), RZS_CONN_STILL);
	T_EQ(rzs_conn_unserved(r.conn, unserved), sizeof(head));
	T_MEM_EQ(unserved, head, sizeof(head));
	succeed(&r);
	rig_run(&r);
	for (unsigned i = 0; i < 3; i++)
		rig_expect(&r, i, 0);
	rig_close(&r);
}

/* A write of which a part has failed fails, although all that is left could be written. */
T_TEST(a_failed_write_stays_failed)
{
	struct rig r;

	make_pattern();
	rig_open(&r, false);
	fake.bad_write = 5;
	fake.write_error = -EIO;
	rig_ask(&r, WIRE_WRITE, 0, 1, 5 * PAGE, 3 * PAGE);
	rig_send(&r, pattern, 2 * PAGE);
	rig_run(&r);
	rig_expect_nothing(&r);
	T_EQ(hold(&r), RZS_CONN_STILL);
	succeed(&r);
	rig_send(&r, pattern + 2 * PAGE, PAGE);
	rig_run(&r);
	T_NE(rig_head(&r).error, 0u);
	rig_check(&r, 0, 8 * PAGE, PAGE);
	rig_close(&r);
}

/* A write that waits for memory rests with all its data, and is tried again by the successor. */
T_TEST(a_write_without_memory_rests)
{
	struct rig r;

	make_pattern();
	rig_open(&r, false);
	fake.refusals = 1;
	rig_write(&r, 1, pattern, 0, PAGE);
	r.conn->readable = true;
	T_EQ(rig_turns(&r), RZS_CONN_PAUSE);
	T_EQ(hold(&r), RZS_CONN_STILL);
	rig_expect_nothing(&r);
	succeed(&r);
	rig_run(&r);
	rig_expect(&r, 1, 0);
	T_MEM_EQ(fake.bytes, pattern, PAGE);
	rig_close(&r);
}

/* As long as replies are not taken it is not still: they are in no successor's buffer. */
T_TEST(replies_are_sent_first)
{
	struct rig r;

	rig_open(&r, false);
	fake_fill(0, 4u << 20);
	r.deaf = true;
	rig_ask(&r, WIRE_READ, 0, 1, 0, 4u << 20);
	rig_ask(&r, WIRE_FLUSH, 0, 2, 0, 0);
	rig_run(&r);
	T_EQ(hold(&r), RZS_CONN_OUTPUT);
	r.deaf = false;
	rig_run(&r);
	T_EQ(r.conn->wants, RZS_CONN_STILL);
	T_EQ(rig_head(&r).cookie, 1u);
	T_MEM_EQ(rig_take(&r, 4u << 20), fake.bytes, 4u << 20);
	rig_expect_nothing(&r);
	succeed(&r);
	rig_run(&r);
	rig_expect(&r, 2, 0);
	rig_close(&r);
}

T_TEST(released_it_goes_on)
{
	struct rig r;

	make_pattern();
	rig_open(&r, false);
	rig_ask(&r, WIRE_WRITE, 0, 1, PAGE, 2 * PAGE);
	rig_send(&r, pattern, PAGE + 5);
	rig_run(&r);
	T_EQ(hold(&r), RZS_CONN_STILL);
	rig_send(&r, pattern + PAGE + 5, PAGE - 5);
	rzs_conn_release(r.conn);
	T_EQ(rig_turns(&r), RZS_CONN_INPUT);
	rig_drain(&r);
	rig_expect(&r, 1, 0);
	T_MEM_EQ(fake.bytes + PAGE, pattern, 2 * PAGE);
	rig_close(&r);
}

/* Parked requests come back first. */
T_TEST(parked_requests_are_waited_for)
{
	struct rig r;

	rig_open(&r, false);
	parker.pages[0] = 1;
	rig_ask(&r, WIRE_READ, 0, 1, 0, PAGE);
	rig_run(&r);
	T_EQ(parker.nr, 1u);
	T_EQ(hold(&r), RZS_CONN_PARKED);
	T_OK(parker_complete(0, 0));
	rig_run(&r);
	T_EQ(r.conn->wants, RZS_CONN_STILL);
	T_EQ(rig_head(&r).cookie, 1u);
	rig_close(&r);
}

T_TEST(a_client_that_leaves_is_let_go)
{
	struct rig r;

	rig_open(&r, false);
	rig_ask(&r, WIRE_DISC, 0, 1, 0, 0);
	rig_run(&r);
	T_EQ(hold(&r), RZS_CONN_CLOSE);
	rig_close(&r);
}
