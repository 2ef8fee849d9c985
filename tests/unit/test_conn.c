/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A connection's requests and replies, of every kind, form and size. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "conn_rig.h"

#define NBD_EIO	   5u
#define NBD_ENOMEM 12u
#define NBD_EINVAL 22u
#define NBD_ENOSPC 28u

/* Every command that has a reply without data. */
T_TEST(commands_without_data)
{
	for (int structured = 0; structured < 2; structured++) {
		struct rig r;

		make_pattern();
		rig_open(&r, structured);
		fake_fill(0, 64 * PAGE);
		rig_write(&r, 1, pattern, 8 * PAGE, PAGE);
		rig_ask(&r, WIRE_FLUSH, 0, 2, 0, 0);
		rig_ask(&r, WIRE_TRIM, 0, 3, 10 * PAGE, 2 * PAGE);
		rig_ask(&r, WIRE_ZEROES, 0, 4, 20 * PAGE + 100, PAGE);
		rig_ask(&r, WIRE_CACHE, 0, 5, 0, PAGE);
		rig_ask(&r, 77, 0, 6, 0, 0);
		rig_ask(&r, WIRE_READ, 0, 7, FAKE_SIZE, PAGE);
		rig_run(&r);
		rig_expect(&r, 1, 0);
		rig_expect(&r, 2, 0);
		rig_expect(&r, 3, 0);
		rig_expect(&r, 4, 0);
		rig_expect(&r, 5, 0);
		rig_expect(&r, 6, NBD_EINVAL);
		T_EQ(rig_read(&r, 7, FAKE_SIZE, PAGE, NULL).error, NBD_EINVAL);
		rig_expect_nothing(&r);
		T_MEM_EQ(fake.bytes + 8 * PAGE, pattern, PAGE);
		T_EQ(fake.state[10], RZS_MAP_HOLE);
		T_EQ(fake.state[11], RZS_MAP_HOLE);
		T_EQ(fake.bytes[20 * PAGE + 100], 0);
		T_EQ(fake.bytes[21 * PAGE + 99], 0);
		T_NE(fake.bytes[20 * PAGE + 99], 0);
		T_EQ(fake.held, 0u);
		/* A refused request is not in the times. */
		T_EQ(fake.done[RZS_LATENCY_READ], 0u);
		T_EQ(fake.done[RZS_LATENCY_WRITE], 1u);
		T_EQ(fake.done[RZS_LATENCY_DISCARD], 2u);
		T_EQ(fake.done_bytes[RZS_LATENCY_DISCARD], 3 * PAGE);
		rig_close(&r);
	}
}

/* Sizes on both sides of every buffer, at places aligned and not. */
T_TEST(reads)
{
	static const uint32_t sizes[] = {
		1,
		511,
		PAGE,
		PAGE + 1,
		16 * PAGE,
		RZS_CONN_OUT_SIZE - 16,
		RZS_CONN_OUT_SIZE - 15,
		RZS_CONN_OUT_SIZE - 62,
		RZS_CONN_OUT_SIZE - 61,
		RZS_CONN_OUT_SIZE,
		RZS_CONN_OUT_SIZE + 1,
		3 * RZS_CONN_OUT_SIZE + 12345,
		RZS_NBD_MAX_PAYLOAD,
	};
	static const uint32_t skews[] = {0, 1, 28, PAGE - 1};

	for (int structured = 0; structured < 2; structured++) {
		struct rig r;

		rig_open(&r, structured);
		fake_fill(0, FAKE_SIZE);
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			for (size_t j = 0; j < sizeof(skews) / sizeof(skews[0]); j++) {
				struct rig_read read;

				read = rig_check(&r, 0, 5 * PAGE + skews[j], sizes[i]);
				T_EQ(read.error, 0u);
				T_EQ(read.holes, 0u);
				if (structured && sizes[i] <= RZS_CONN_OUT_SIZE - 62)
					T_EQ(read.chunks, 1u);
				if (!structured)
					continue;
				read = rig_check(&r, WIRE_DF, 5 * PAGE + skews[j], sizes[i]);
				T_EQ(read.error, 0u);
				T_EQ(read.chunks, 1u);
			}
		T_EQ(r.closed, false);
		rig_close(&r);
	}
}

/* Small reads that fill the reply buffer to every extent before one that needs a chunk or more. */
T_TEST(reads_that_meet_the_end_of_the_buffer)
{
	for (int structured = 0; structured < 2; structured++)
		for (unsigned n = 0; n < 200; n++) {
			uint32_t first = RZS_CONN_OUT_SIZE - 190 + n, second = 2 * PAGE;
			uint8_t buf[2 * PAGE], head[2 * WIRE_REQUEST];
			uint8_t *large = malloc(first);
			struct rig r;

			T_OK(large != NULL);
			rig_open(&r, structured);
			fake_fill(0, 1u << 20);
			wire_request(head, WIRE_READ, 0, 1, 3, first);
			wire_request(head + WIRE_REQUEST, WIRE_READ, 0, 2, 700, second);
			rig_send(&r, head, sizeof(head));
			rig_run(&r);
			T_EQ(rig_read(&r, 1, 3, first, large).error, 0u);
			T_MEM_EQ(large, fake.bytes + 3, first);
			T_EQ(rig_read(&r, 2, 700, second, buf).error, 0u);
			T_MEM_EQ(buf, fake.bytes + 700, second);
			rig_expect_nothing(&r);
			rig_close(&r);
			free(large);
		}
}

/* A stream of writes of every size and alignment, reads between them; returns its length. */
static size_t stream_of_writes(uint8_t *p, unsigned nr, uint64_t *state)
{
	static const uint32_t sizes[] = {PAGE,	    PAGE,      PAGE, 2 * PAGE,
					 16 * PAGE, 40 * PAGE, 100,  PAGE + 100};
	size_t n = 0;

	for (unsigned i = 0; i < nr; i++) {
		uint32_t len = sizes[t_rand(state) % (sizeof(sizes) / sizeof(sizes[0]))];
		uint64_t at = t_rand(state) % 200 * PAGE;

		if (t_rand(state) % 8 == 0)
			at += 1 + t_rand(state) % (PAGE - 1);
		if (t_rand(state) % 4 == 0) {
			n += wire_request(p + n, WIRE_FLUSH, 0, i, 0, 0);
			continue;
		}
		if (t_rand(state) % 16 == 0)
			at = FAKE_SIZE; /* refused, and its data is passed over */
		n += wire_request(p + n, WIRE_WRITE, 0, i, at, len);
		memcpy(p + n, pattern + t_rand(state) % (1u << 19), len);
		n += len;
	}
	return n;
}

/*
 * Pages are prepared ahead of their writes.  The device is the same as if none had been, however
 * many the store takes at a time and however the bytes arrive.
 */
T_TEST(prepared_writes)
{
	enum { MOST = 64 * (40 * PAGE + WIRE_REQUEST) };
	uint8_t *stream = malloc(MOST), *want = malloc(300 * PAGE), *got;
	uint64_t state = t_seed();

	T_OK(stream != NULL && want != NULL);
	make_pattern();
	for (unsigned round = 0; round < 60 / t_scale(); round++) {
		size_t n = stream_of_writes(stream, 64, &state), want_got = 0, cut;
		struct rig r;

		got = NULL;
		for (unsigned most = 1; most <= RZS_PREPARE_MAX; most += 5) {
			rig_open(&r, false);
			fake.ready_most = most;
			cut = most == 1 ? n : t_rand(&state) % n;
			rig_send(&r, stream, cut);
			rig_run(&r);
			rig_send(&r, stream + cut, n - cut);
			rig_run(&r);
			T_EQ(r.closed, false);
			if (!got) {
				got = malloc(r.got_end);
				T_OK(got != NULL);
				memcpy(got, r.got, want_got = r.got_end);
				memcpy(want, fake.bytes, 300 * PAGE);
			}
			T_EQ(r.got_end, want_got);
			T_MEM_EQ(r.got, got, want_got);
			T_MEM_EQ(fake.bytes, want, 300 * PAGE);
			rig_close(&r);
		}
		free(got);
	}
	free(stream);
	free(want);
}

/* Of queued writes of a page each, and of a large one, all pages that have arrived are prepared. */
T_TEST(pages_are_prepared)
{
	uint8_t stream[20 * (WIRE_REQUEST + PAGE)];
	size_t n = 0;
	struct rig r;

	make_pattern();
	rig_open(&r, false);
	for (unsigned i = 0; i < 20; i++) {
		n += wire_request(stream + n, WIRE_WRITE, 0, i, i * PAGE, PAGE);
		memcpy(stream + n, pattern + i * PAGE, PAGE);
		n += PAGE;
	}
	rig_send(&r, stream, n);
	rig_run(&r);
	T_EQ(fake.ready_used, 20u);
	T_GE(fake.ready_all, 20u); /* again after the end of a time slice */
	rig_write(&r, 99, pattern, 64 * PAGE + 5, 40 * PAGE);
	rig_run(&r);
	T_EQ(fake.ready_used, 20u + 39);
	T_GE(fake.ready_all, 20u + 39);
	T_MEM_EQ(fake.bytes + 64 * PAGE + 5, pattern, 40 * PAGE);
	rig_close(&r);
}

/* What was prepared for a refused write is not taken for a page that arrives at the same place. */
T_TEST(prepared_for_nothing)
{
	uint8_t stream[2 * (WIRE_REQUEST + PAGE)];
	struct rig r;

	make_pattern();
	rig_open(&r, false);
	for (unsigned i = 0; i < 4; i++) {
		uint8_t *p = stream + i % 2 * (WIRE_REQUEST + PAGE);

		wire_request(p, WIRE_WRITE, 0, i, i == 1 ? FAKE_SIZE : i * PAGE, PAGE);
		memcpy(p + WIRE_REQUEST, pattern + i * PAGE, PAGE);
		if (i % 2 == 0)
			continue;
		rig_send(&r, stream, sizeof(stream));
		rig_run(&r);
	}
	T_MEM_EQ(fake.bytes, pattern, PAGE);
	T_MEM_EQ(fake.bytes + 2 * PAGE, pattern + 2 * PAGE, 2 * PAGE);
	rig_close(&r);
}

/* A read of nothing but zeros costs no data, unless the client wants none of that. */
T_TEST(holes)
{
	struct rig_read read;
	struct rig r;

	rig_open(&r, true);
	fake_fill(100 * PAGE, PAGE);
	read = rig_check(&r, 0, 0, PAGE);
	T_EQ(read.holes, 1u);
	T_EQ(read.chunks, 1u);
	read = rig_check(&r, 0, 3, 90 * PAGE);
	T_EQ(read.holes, read.chunks);
	read = rig_check(&r, WIRE_DF, 0, PAGE);
	T_EQ(read.holes, 0u);
	T_EQ(read.chunks, 1u);
	read = rig_check(&r, 0, 99 * PAGE, 3 * PAGE);
	T_EQ(read.holes, 0u);
	T_EQ(read.chunks, 1u);
	/* Of a long one, those parts that are. */
	read = rig_check(&r, 0, 0, RZS_NBD_MAX_PAYLOAD);
	T_GE(read.holes, 1u);
	T_GE(read.chunks, read.holes + 1);
	rig_close(&r);
}

/* A page that cannot be read: nothing false comes, and the connection stays in step. */
T_TEST(read_errors)
{
	static const uint32_t lengths[] = {PAGE, 8 * PAGE, 2 * RZS_CONN_OUT_SIZE};

	for (int structured = 0; structured < 2; structured++)
		for (size_t i = 0; i < 3; i++) {
			uint32_t n = lengths[i];
			struct rig_read read;
			struct rig r;

			rig_open(&r, structured);
			fake_fill(0, FAKE_SIZE);
			fake.bad_read = (n - 1) / PAGE;
			read = rig_check(&r, 0, 0, n);
			T_EQ(read.error, NBD_EIO);
			if (structured) {
				T_EQ(read.error_at, fake.bad_read * PAGE);
				T_EQ(read.bytes, n - PAGE);
				read = rig_check(&r, WIRE_DF, 0, n);
				T_EQ(read.error, NBD_EIO);
				T_EQ(read.chunks, 0u);
			}
			T_EQ(fake.done[RZS_LATENCY_READ], 0u);
			T_EQ(rig_check(&r, 0, FAKE_SIZE - PAGE, PAGE).error, 0u);
			T_EQ(fake.done[RZS_LATENCY_READ], 1u);
			T_EQ(r.closed, false);
			rig_close(&r);
		}
}

/* It was there when looked at, and a simple reply has promised it: no way but to hang up. */
T_TEST(read_error_behind_the_promise)
{
	struct rig r;

	rig_open(&r, false);
	fake_fill(0, FAKE_SIZE);
	fake.bad_read = 2 * RZS_CONN_OUT_SIZE / PAGE;
	fake.good_reads = 1;
	rig_ask(&r, WIRE_READ, 0, 1, 0, 4 * RZS_CONN_OUT_SIZE);
	rig_run(&r);
	T_EQ(r.closed, true);
	T_LT(r.got_end, 4 * RZS_CONN_OUT_SIZE);
	rig_close(&r);
}

T_TEST(writes)
{
	static const uint32_t sizes[] = {1,
					 PAGE - 1,
					 PAGE,
					 16 * PAGE + 5,
					 RZS_CONN_IN_SIZE - WIRE_REQUEST,
					 RZS_CONN_IN_SIZE,
					 3 * RZS_CONN_IN_SIZE + 777,
					 RZS_NBD_MAX_PAYLOAD};
	static const uint32_t skews[] = {0, 1, PAGE - 1};
	uint64_t cookie = 1;
	struct rig r;

	make_pattern();
	rig_open(&r, true);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (size_t j = 0; j < 3; j++, cookie++) {
			uint32_t from = 17 * (uint32_t)cookie;
			uint64_t to = 9 * PAGE + skews[j];

			memset(fake.bytes + to - 1, 0x55, sizes[i] + 2);
			rig_write(&r, cookie, pattern + from, to, sizes[i]);
			rig_run(&r);
			rig_expect(&r, cookie, 0);
			rig_expect_nothing(&r);
			T_MEM_EQ(fake.bytes + to, pattern + from, sizes[i]);
			T_EQ(fake.bytes[to - 1], 0x55);
			T_EQ(fake.bytes[to + sizes[i]], 0x55);
		}
	T_EQ(fake.done[RZS_LATENCY_WRITE], cookie - 1);
	rig_close(&r);
}

/* A write that is refused, at its beginning, middle or end: its data is not taken for requests. */
T_TEST(write_errors)
{
	uint32_t pages = 2 * RZS_CONN_IN_SIZE / PAGE;

	make_pattern();
	for (uint32_t bad = 0; bad < pages; bad += pages / 2 - 1) {
		struct rig r;

		rig_open(&r, false);
		fake.bad_write = bad;
		fake.write_error = -ENOSPC;
		rig_write(&r, 1, pattern, 0, pages * PAGE);
		rig_write(&r, 2, pattern, FAKE_SIZE - PAGE, 2 * PAGE); /* beyond the end */
		rig_write(&r, 3, pattern, 1000 * PAGE, PAGE);
		rig_run(&r);
		rig_expect(&r, 1, NBD_ENOSPC);
		rig_expect(&r, 2, NBD_ENOSPC);
		rig_expect(&r, 3, 0);
		rig_expect_nothing(&r);
		T_MEM_EQ(fake.bytes, pattern, bad * PAGE);
		T_EQ(fake.state[bad], RZS_MAP_HOLE);
		T_MEM_EQ(fake.bytes + 1000 * PAGE, pattern, PAGE);
		T_EQ(fake.done[RZS_LATENCY_WRITE], 1u);
		rig_close(&r);
	}
}

/* No memory for the moment: tried again, unless that could be in vain or goes on for too long. */
T_TEST(patience)
{
	struct rig r;

	make_pattern();
	rig_open(&r, false);
	fake.refusals = 20;
	rig_write(&r, 1, pattern, 0, 3 * PAGE);
	rig_run(&r);
	rig_expect(&r, 1, 0);
	T_EQ(r.pauses, 20u);
	T_MEM_EQ(fake.bytes, pattern, 3 * PAGE);

	fake.refusals = 1000;
	rig_write(&r, 2, pattern, 8 * PAGE, 3 * PAGE);
	rig_run(&r);
	rig_expect(&r, 2, NBD_ENOMEM);
	T_EQ(r.pauses, 20u + RZS_CONN_PATIENCE);
	T_EQ(fake.refusals, 1000u - RZS_CONN_PATIENCE - 1);
	T_EQ(fake.state[9], RZS_MAP_HOLE);

	fake.refusals = 3;
	rig_ask(&r, WIRE_ZEROES, 0, 3, 100, 10);
	rig_run(&r);
	rig_expect(&r, 3, 0);
	T_EQ(r.pauses, 23u + RZS_CONN_PATIENCE);

	fake.refusals = 1;
	fake.may_wait = false;
	rig_write(&r, 4, pattern, 8 * PAGE, PAGE);
	rig_run(&r);
	rig_expect(&r, 4, NBD_ENOMEM);
	T_EQ(r.pauses, 23u + RZS_CONN_PATIENCE);
	rig_expect_nothing(&r);
	rig_close(&r);
}

/* What is answered already goes out before a pause. */
T_TEST(replies_do_not_wait_for_a_pause)
{
	uint8_t stream[WIRE_REQUEST + WIRE_REQUEST + PAGE];
	struct rig r;

	rig_open(&r, false);
	fake.refusals = 2;
	wire_request(stream, WIRE_FLUSH, 0, 1, 0, 0);
	wire_request(stream + WIRE_REQUEST, WIRE_WRITE, 0, 2, 0, PAGE);
	memset(stream + 2 * WIRE_REQUEST, 1, PAGE);
	rig_send(&r, stream, sizeof(stream));
	r.conn->readable = true;
	T_EQ(rig_turns(&r), RZS_CONN_PAUSE);
	T_EQ(rig_drain(&r), true);
	rig_expect(&r, 1, 0);
	rig_expect_nothing(&r);
	rig_run(&r);
	rig_expect(&r, 2, 0);
	rig_close(&r);
}

/* A huge trim is done bit by bit, in many turns. */
T_TEST(huge_ranges)
{
	static const unsigned types[] = {WIRE_TRIM, WIRE_ZEROES};

	for (int i = 0; i < 2; i++) {
		struct rig r;
		unsigned turns;

		rig_open(&r, false);
		fake_fill(0, FAKE_SIZE);
		fake.slow_ns = 2 * RZS_CONN_SLICE_NS;
		rig_ask(&r, types[i], 0, 1, 100, FAKE_SIZE - 200);
		rig_run(&r);
		rig_expect(&r, 1, 0);
		rig_expect_nothing(&r);
		turns = r.turns;
		T_GE(turns, fake.ranges);
		T_GE(fake.ranges, 16u);
		T_EQ(fake.bytes[PAGE], 0);
		T_EQ(fake.bytes[FAKE_SIZE - PAGE - 1], 0);
		if (types[i] == WIRE_TRIM) {
			T_NE(fake.bytes[100], 0);
			T_NE(fake.bytes[PAGE - 2], 0);
		} else {
			T_NE(fake.bytes[99], 0);
			T_EQ(fake.bytes[100], 0);
			T_EQ(fake.bytes[FAKE_SIZE - 101], 0);
		}
		rig_close(&r);
	}
}

/* Many slow requests that came at once are many turns. */
T_TEST(turns_are_short)
{
	enum { N = 8 };
	uint8_t stream[N * (WIRE_REQUEST + PAGE)];
	struct rig r;

	rig_open(&r, false);
	fake.slow_ns = RZS_CONN_SLICE_NS;
	memset(stream, 3, sizeof(stream));
	for (unsigned i = 0; i < N; i++)
		wire_request(stream + i * (WIRE_REQUEST + PAGE), WIRE_WRITE, 0, i, i * PAGE, PAGE);
	rig_send(&r, stream, sizeof(stream));
	for (unsigned i = 0; i < N; i++) {
		T_EQ(rig_turn(&r), true);
		rig_drain(&r);
		rig_expect(&r, i, 0);
		rig_expect_nothing(&r);
	}
	rig_close(&r);
}

/* ---- block status ---- */

struct extent {
	uint32_t length, flags;
};

static unsigned status(struct rig *r, unsigned flags, uint64_t offset, uint64_t length,
		       struct extent *out, unsigned max)
{
	struct wire_reply head;
	const uint8_t *p;
	unsigned nr;

	rig_ask(r, WIRE_STATUS, flags, 9, offset, length);
	rig_run(r);
	head = rig_head(r);
	T_EQ(head.cookie, 9u);
	T_EQ(head.type, WIRE_BLOCK_STATUS);
	T_EQ(head.flags, 1u);
	p = rig_take(r, head.length);
	T_EQ(wire_get(p, 4), r->session.context);
	nr = (head.length - 4) / 8;
	T_EQ(head.length, 4 + nr * 8);
	T_LE(nr, max);
	for (unsigned i = 0; i < nr; i++) {
		out[i].length = (uint32_t)wire_get(p + 4 + i * 8, 4);
		out[i].flags = (uint32_t)wire_get(p + 8 + i * 8, 4);
		T_GT(out[i].length, 0u);
	}
	rig_expect_nothing(r);
	return nr;
}

T_TEST(block_status)
{
	static struct extent e[1u << 16];
	uint64_t covered = 0;
	unsigned nr;
	struct rig r;

	rig_open(&r, true);
	fake_fill(8 * PAGE, 16 * PAGE);
	fake.state[30] = RZS_MAP_ZERO;
	nr = status(&r, 0, 0, 64 * PAGE, e, 1u << 16);
	T_EQ(nr, 5u);
	T_EQ(e[0].length, 8 * PAGE);
	T_EQ(e[0].flags, 3u);
	T_EQ(e[1].length, 16 * PAGE);
	T_EQ(e[1].flags, 0u);
	T_EQ(e[2].length, 6 * PAGE);
	T_EQ(e[3].length, PAGE);
	T_EQ(e[3].flags, 2u);
	T_EQ(e[4].length, 33 * PAGE);

	nr = status(&r, WIRE_REQ_ONE, 9 * PAGE + 5, 64 * PAGE, e, 1u << 16);
	T_EQ(nr, 1u);
	T_EQ(e[0].length, 15 * PAGE - 5);
	T_EQ(e[0].flags, 0u);
	nr = status(&r, WIRE_REQ_ONE, 9 * PAGE + 5, 7, e, 1u << 16);
	T_EQ(nr, 1u);
	T_EQ(e[0].length, 7u);

	/* More extents than one reply has: the first of them, none cut. */
	for (uint64_t i = 0; i < FAKE_PAGES; i++)
		fake.state[i] = i % 2 ? RZS_MAP_DATA : RZS_MAP_HOLE;
	nr = status(&r, 0, 0, FAKE_SIZE, e, 1u << 16);
	T_GE(nr, 1000u);
	for (unsigned i = 0; i < nr; i++) {
		T_EQ(e[i].length, PAGE);
		T_EQ(e[i].flags, i % 2 ? 0u : 3u);
		covered += e[i].length;
	}
	T_LT(covered, FAKE_SIZE);
	T_EQ(covered, (uint64_t)nr * PAGE);

	fake.bad_read = 40;
	rig_ask(&r, WIRE_STATUS, 0, 4, 0, FAKE_SIZE);
	rig_run(&r);
	T_EQ(rig_read(&r, 4, 0, 1, NULL).error, NBD_EIO);
	rig_expect_nothing(&r);
	rig_close(&r);
}
