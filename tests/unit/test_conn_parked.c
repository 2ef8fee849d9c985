/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parked requests of a connection (server/request.h): what passes them, in which order they come
 * back, and how they end.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "conn_private.h"
#include "conn_rig.h"

#define NBD_EIO 5u
#define DEVICE	(1u << 21) /* bytes of the device that are used */

/* What was asked, by cookie, since replies come in any order. */
struct asked {
	unsigned type;
	uint64_t offset;
	uint32_t length;
	const uint8_t *data; /* of a write */
	bool open;
	uint32_t error;
	uint32_t came; /* bytes of chunks */
};

enum { BOOK = 4096 };
static struct asked book[BOOK];
static unsigned open_nr;

static void ask(struct rig *r, unsigned type, unsigned flags, uint64_t cookie, uint64_t offset,
		uint32_t length)
{
	struct asked *a = &book[cookie];

	T_EQ(a->open, false);
	*a = (struct asked){.type = type, .offset = offset, .length = length, .open = true};
	open_nr++;
	if (type == WIRE_WRITE) {
		a->data = pattern + cookie * 64 % (1u << 19);
		rig_write(r, cookie, a->data, offset, length);
	} else {
		rig_ask(r, type, flags, cookie, offset, length);
	}
}

/* An answer in full. */
static void answered(struct asked *a, uint32_t error)
{
	a->open = false;
	a->error = error;
	open_nr--;
	if (!error && a->type == WIRE_WRITE)
		T_MEM_EQ(fake.bytes + a->offset, a->data, a->length);
}

/* The reply at got_at, in full; its data are left to be taken.  false: not all of it has come. */
static bool next_reply(struct rig *r, struct wire_reply *head)
{
	size_t there = r->got_end - r->got_at;
	uint32_t data;

	if (wire_head(r->got + r->got_at, there, head) != 1)
		return false;
	T_LT(head->cookie, (uint64_t)BOOK);
	T_EQ(book[head->cookie].open, true);
	data = head->length;
	if (!head->structured)
		data = book[head->cookie].type == WIRE_READ && !head->error
			       ? book[head->cookie].length
			       : 0;
	if (there < head->size + data)
		return false;
	rig_take(r, head->size);
	return true;
}

static void hear_chunk(struct rig *r, const struct wire_reply *head, struct asked *a)
{
	static uint8_t buf[2u << 20], seen[2u << 20];
	struct rig_read out = {0};

	T_LE(a->length, sizeof(buf));
	memset(seen, 0, a->length);
	rig_chunk(r, head, a->offset, a->length, buf, seen, &out);
	for (uint32_t i = 0; i < a->length; i++)
		if (seen[i] && buf[i] != fake.bytes[a->offset + i])
			T_FAIL("byte %u of cookie %u is wrong", i, (unsigned)head->cookie);
	a->came += out.bytes;
	if (!(head->flags & 1))
		return;
	if (!out.error)
		T_EQ(a->came, a->length);
	answered(a, out.error);
}

/* Take all replies that have come.  The data of reads are compared with the device. */
static void hear(struct rig *r)
{
	struct wire_reply head;

	while (next_reply(r, &head)) {
		struct asked *a = &book[head.cookie];

		if (head.structured) {
			hear_chunk(r, &head, a);
			continue;
		}
		if (a->type == WIRE_READ && !head.error)
			T_MEM_EQ(rig_take(r, a->length), fake.bytes + a->offset, a->length);
		answered(a, head.error);
	}
	memmove(r->got, r->got + r->got_at, r->got_end - r->got_at);
	r->got_end -= r->got_at;
	r->got_at = 0;
}

static void run(struct rig *r)
{
	rig_run(r);
	hear(r);
}

static void open_parked(struct rig *r, bool structured)
{
	static bool made;

	if (!made)
		make_pattern();
	made = true;
	rig_open(r, structured);
	fake_fill(0, DEVICE);
	memset(book, 0, sizeof(book));
	open_nr = 0;
}

/* Requests of all kinds pass a read that is parked, on its connection; it comes last. */
T_TEST(a_parked_read_delays_nobody)
{
	for (int structured = 0; structured < 2; structured++) {
		struct rig r;

		open_parked(&r, structured);
		parker.pages[5] = 1;
		ask(&r, WIRE_READ, 0, 1, 5 * PAGE, PAGE);
		ask(&r, WIRE_READ, 0, 2, 6 * PAGE, 3 * PAGE);
		ask(&r, WIRE_FLUSH, 0, 3, 0, 0);
		ask(&r, WIRE_WRITE, 0, 4, 9 * PAGE, 2 * PAGE);
		ask(&r, WIRE_TRIM, 0, 5, 20 * PAGE, PAGE);
		ask(&r, WIRE_ZEROES, 0, 6, 30 * PAGE + 1, PAGE);
		ask(&r, WIRE_READ, 0, 7, 100 * PAGE, 2 * RZS_CONN_OUT_SIZE);
		if (structured)
			rig_ask(&r, WIRE_CACHE, 0, 8, 0, PAGE);
		book[8] = (struct asked){.type = WIRE_CACHE, .open = structured};
		open_nr += structured;
		run(&r);
		T_EQ(book[1].open, true);
		T_EQ(open_nr, 1u);
		T_EQ(r.conn->wants, RZS_CONN_INPUT);
		T_OK(parker_complete(0, 0));
		run(&r);
		T_EQ(open_nr, 0u);
		T_EQ(book[1].error, 0u);
		T_EQ(fake.done[RZS_LATENCY_READ], 3u);
		rig_close(&r);
	}
}

/*
 * Reads of many pages, each page of which is parked, with every size on both sides of what may be
 * gathered.  A read of one page passes each of them at each moment, unless a reply that is larger
 * than half of the buffer is being sent.
 */
T_TEST(every_page_is_parked)
{
	static const uint32_t sizes[] = {
		PAGE - 1,
		PAGE + 1,
		3 * PAGE,
		RZS_CONN_OUT_SIZE / 2 - 28,
		RZS_CONN_OUT_SIZE / 2 - 27,
		RZS_CONN_OUT_SIZE / 2 - 16,
		RZS_CONN_OUT_SIZE / 2 - 15,
		RZS_CONN_OUT_SIZE - 16,
		2 * RZS_CONN_OUT_SIZE,
	};
	static const uint32_t skews[] = {0, 1, PAGE - 1};

	for (unsigned i = 0; i < 3 * 3 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint32_t size = sizes[i / 9], form = i % 3;
		uint64_t cookie = 2;
		struct rig r;

		open_parked(&r, form > 0);
		memset(parker.pages + 100, PARKER_ALWAYS, 100);
		ask(&r, WIRE_READ, form == 2 ? WIRE_DF : 0, 1, 100 * PAGE + skews[i / 3 % 3], size);
		run(&r);
		while (book[1].open) {
			T_EQ(parker.waiting, 1u);
			ask(&r, WIRE_READ, 0, cookie, cookie % 50 * PAGE, PAGE);
			run(&r);
			if (!((struct conn *)r.conn)->stream)
				T_EQ(book[cookie].open, false);
			cookie++;
			T_OK(parker_complete(0, 0));
			run(&r);
		}
		T_EQ(open_nr, 0u);
		T_EQ(book[1].error, 0u);
		T_GE(parker.all, (size + PAGE - 1) / PAGE);
		if (size < RZS_CONN_OUT_SIZE / 2 - 28)
			T_LE(parker.all, 2 * (size / PAGE + 1)); /* once, or twice if ahead */
		rig_close(&r);
	}
}

/*
 * Reads that come back fill the reply buffer but for some bytes, and then a request is answered
 * that came back too: red when that goes beyond the end, for the read after it seems to have any
 * amount of space then.
 */
T_TEST(answers_need_space)
{
	for (uint32_t left = 0; left <= 2 * RZS_CONN_REPLY_MAX; left++) {
		const uint32_t nr = RZS_CONN_OUT_SIZE / (PAGE + RZS_NBD_SIMPLE_SIZE);
		const uint32_t rest = RZS_CONN_OUT_SIZE - nr * (PAGE + RZS_NBD_SIMPLE_SIZE);
		struct rig r;

		open_parked(&r, false);
		memset(parker.pages, 1, nr + 3);
		/* The last one that was parked comes back first. */
		ask(&r, WIRE_READ, 0, nr + 2, (nr + 2) * PAGE, PAGE);
		ask(&r, WIRE_ZEROES, 0, nr + 1, (nr + 1) * PAGE, 1);
		ask(&r, WIRE_READ, 0, nr, nr * PAGE, rest - RZS_NBD_SIMPLE_SIZE - left);
		for (uint32_t i = 0; i < nr; i++)
			ask(&r, WIRE_READ, 0, i, i * PAGE, PAGE);
		run(&r);
		T_EQ(parker.waiting, nr + 3);
		while (parker.waiting)
			T_OK(parker_complete(parker.waiting - 1, 0));
		run(&r);
		T_EQ(open_nr, 0u);
		rig_close(&r);
	}
}

/* Two reads that gather: the second goes on after the first, also if that fails. */
T_TEST(gathering_one_by_one)
{
	for (int err = 0; err >= -EIO; err -= EIO)
		for (unsigned first = 0; first < 2; first++) {
			struct rig r;

			open_parked(&r, false);
			parker.pages[11] = parker.pages[12] = parker.pages[21] = 1;
			ask(&r, WIRE_READ, 0, 1, 10 * PAGE, 4 * PAGE);
			ask(&r, WIRE_READ, 0, 2, 20 * PAGE, 4 * PAGE);
			run(&r);
			T_EQ(parker.waiting, 2u);
			/* The first one gathers, and is parked again; the second one waits. */
			T_OK(parker_complete(0, 0));
			run(&r);
			T_EQ(parker.waiting, 2u);
			T_OK(parker_complete(first, first ? err : 0));
			run(&r);
			T_OK(parker_complete(0, first ? 0 : err));
			run(&r);
			T_EQ(open_nr, 0u);
			T_EQ(book[1].error + book[2].error, (uint32_t)-err);
			T_EQ(((struct conn *)r.conn)->out_max, RZS_CONN_OUT_SIZE);
			rig_close(&r);
		}
}

/* An error is that of one request. */
T_TEST(errors_of_parked_requests)
{
	for (unsigned form = 0; form < 3; form++) {
		struct rig r;

		open_parked(&r, form > 0);
		for (unsigned i = 1; i < 4; i++)
			parker.pages[i * 100 + 1] = 1;
		parker.pages[3] = parker.pages[4] = 1;
		ask(&r, WIRE_READ, form == 2 ? WIRE_DF : 0, 1, 101 * PAGE, PAGE);
		ask(&r, WIRE_READ, form == 2 ? WIRE_DF : 0, 2, 200 * PAGE, 5 * PAGE);
		ask(&r, WIRE_READ, form == 2 ? WIRE_DF : 0, 3, 300 * PAGE, 2 * RZS_CONN_OUT_SIZE);
		ask(&r, WIRE_READ, 0, 4, 3 * PAGE, PAGE);
		ask(&r, WIRE_ZEROES, 0, 5, 4 * PAGE, 1);
		run(&r);
		T_EQ(parker.waiting, 5u);
		T_OK(parker_complete(3, 0));
		for (unsigned i = 0; i < 4; i++)
			T_OK(parker_complete(0, -EIO));
		run(&r);
		for (unsigned i = 1; i <= 5; i++) {
			T_EQ(book[i].open, false);
			T_EQ(book[i].error, i == 4 ? 0u : NBD_EIO);
		}
		T_EQ(r.closed, false);
		T_EQ(fake.done[RZS_LATENCY_READ], 1u);
		rig_close(&r);
	}
}

/* The call is made again even if the answer is known without it: another request trims the page. */
T_TEST(a_call_that_is_owed_is_made)
{
	struct rig r;

	open_parked(&r, true);
	parker.pages[7] = parker.pages[10] = 1;
	ask(&r, WIRE_READ, 0, 1, 7 * PAGE, PAGE);
	ask(&r, WIRE_READ, 0, 2, 9 * PAGE, 3 * PAGE);
	ask(&r, WIRE_ZEROES, 0, 3, 7 * PAGE, PAGE);
	ask(&r, WIRE_ZEROES, 0, 4, 10 * PAGE, 2 * PAGE);
	run(&r);
	T_EQ(open_nr, 2u);
	T_EQ(parker.nr, 2u);
	T_OK(parker_complete(1, 0));
	T_OK(parker_complete(0, 0));
	run(&r);
	T_EQ(parker.nr, 0u);
	T_EQ(open_nr, 0u);
	rig_close(&r);
}

/* A worker is taken for a piece of a request, and by those only that need one. */
T_TEST(a_worker_for_each_piece)
{
	struct rig r;

	open_parked(&r, false);
	for (unsigned i = 0; i < 8; i++) {
		ask(&r, WIRE_READ, 0, 2 * i, i * PAGE, PAGE);
		ask(&r, WIRE_FLUSH, 0, 2 * i + 1, 0, 0);
	}
	run(&r);
	T_EQ(open_nr, 0u);
	T_EQ(fake.gets, 8u);
	rig_close(&r);
}

/* All requests are parked: nothing more is received until one of them comes back. */
T_TEST(the_pool_runs_empty)
{
	enum { N = 3 * RZS_CONN_REQUESTS };
	uint64_t state = t_seed();
	struct rig r;

	open_parked(&r, false);
	memset(parker.pages, 1, N);
	for (unsigned i = 0; i < N; i++)
		ask(&r, WIRE_READ, 0, i, i * PAGE, PAGE);
	run(&r);
	T_EQ(parker.waiting, RZS_CONN_REQUESTS);
	T_EQ(r.conn->wants, RZS_CONN_PARKED);
	for (unsigned i = 0; i < N; i++) {
		unsigned left = N - i;

		T_EQ(parker.waiting, left < RZS_CONN_REQUESTS ? left : RZS_CONN_REQUESTS);
		T_OK(parker_complete(t_rand(&state) % parker.waiting, 0));
		run(&r);
		T_EQ(open_nr, N - i - 1);
	}
	T_EQ(r.conn->wants, RZS_CONN_INPUT);
	rig_close(&r);
}

/*
 * A write of part of a page is parked where it stands.  What is behind it waits, what was parked
 * before it does not.
 */
T_TEST(parked_writes)
{
	struct rig r;

	open_parked(&r, false);
	parker.pages[1] = parker.pages[10] = parker.pages[12] = 1;
	ask(&r, WIRE_READ, 0, 1, PAGE, PAGE);
	ask(&r, WIRE_WRITE, 0, 2, 10 * PAGE + 100, 2 * PAGE);
	ask(&r, WIRE_READ, 0, 3, 50 * PAGE, PAGE);
	run(&r);
	T_EQ(parker.waiting, 2u);
	T_EQ(r.conn->wants, RZS_CONN_PARKED);
	T_EQ(open_nr, 3u);
	T_OK(parker_complete(0, 0));
	run(&r);
	T_EQ(book[1].open, false);
	T_EQ(open_nr, 2u);
	T_OK(parker_complete(0, 0)); /* its first page; now its last one is parked */
	run(&r);
	T_EQ(parker.waiting, 1u);
	T_EQ(open_nr, 2u);
	T_OK(parker_complete(0, 0));
	run(&r);
	T_EQ(open_nr, 0u);

	parker.pages[10] = 1;
	ask(&r, WIRE_WRITE, 0, 4, 10 * PAGE + 100, 3 * PAGE);
	ask(&r, WIRE_WRITE, 0, 5, 60 * PAGE, PAGE);
	run(&r);
	T_OK(parker_complete(0, -EIO));
	run(&r);
	T_EQ(open_nr, 0u);
	T_EQ(book[4].error, NBD_EIO);
	T_EQ(book[5].error, 0u);
	rig_close(&r);
}

/* ---- ends ---- */

/* Some of everything, so that each kind is parked. */
static void ask_all(struct rig *r)
{
	memset(parker.pages, PARKER_ALWAYS, 20);
	memset(parker.pages + 100, PARKER_ALWAYS, 200);
	ask(r, WIRE_READ, 0, 1, PAGE, PAGE);
	ask(r, WIRE_READ, 0, 2, 50 * PAGE, PAGE);
	ask(r, WIRE_READ, 0, 3, 2 * PAGE, 3 * PAGE);
	ask(r, WIRE_READ, 0, 4, 6 * PAGE + 5, 3 * PAGE);
	ask(r, WIRE_ZEROES, 0, 5, 10 * PAGE + 5, PAGE);
	ask(r, WIRE_READ, 0, 6, 100 * PAGE, RZS_CONN_OUT_SIZE + PAGE);
	ask(r, WIRE_WRITE, 0, 7, 12 * PAGE + 5, 2 * PAGE);
}

/* DISC, or the end of the client's bytes: everything is answered first. */
T_TEST(disconnect_with_parked_requests)
{
	uint64_t state = t_seed();

	for (unsigned i = 0; i < 8; i++) {
		struct rig r;

		open_parked(&r, i & 1);
		ask_all(&r);
		if (i & 2)
			rig_ask(&r, WIRE_DISC, 0, 99, 0, 0);
		else
			T_EQ(shutdown(r.client, SHUT_WR), 0);
		run(&r);
		while (parker.waiting) {
			T_EQ(r.closed, false);
			T_OK(parker_complete(i & 4 ? t_rand(&state) % parker.waiting : 0, 0));
			run(&r);
		}
		T_EQ(open_nr, 0u);
		T_EQ(r.closed, true);
		rig_close(&r);
	}
}

/*
 * The client vanishes after every number of completions; what is parked then comes back in any
 * order.  The connection lasts until all has, and makes each call that is owed once (rig_close()).
 */
T_TEST(hang_up_with_parked_requests)
{
	uint64_t state = t_seed(), all;

	for (unsigned when = 0; when < 40; when += t_scale())
		for (unsigned how = 0; how < 6; how++) {
			struct rig r;

			open_parked(&r, how & 1);
			ask_all(&r);
			run(&r);
			for (unsigned i = 0; i < when && parker.waiting; i++) {
				T_OK(parker_complete(t_rand(&state) % parker.waiting, 0));
				if (i % 5)
					run(&r);
			}
			if (how < 4) {
				close(r.client);
				r.client = -1;
			}
			if (how >= 2)
				rzs_conn_hang_up(r.conn);
			if (how >= 2 && r.conn->wants != RZS_CONN_YIELD)
				r.conn->wants = RZS_CONN_YIELD;
			rig_run(&r);
			all = parker.all;
			while (parker.waiting) {
				T_EQ(r.closed, false);
				T_OK(parker_complete(t_rand(&state) % parker.waiting,
						     t_rand(&state) % 4 ? 0 : -EIO));
				rig_run(&r);
			}
			T_EQ(r.closed, true);
			if (how >= 2)
				T_EQ(parker.all, all); /* nothing was begun for nobody */
			rig_close(&r);
		}
}

/* ---- any order ---- */

/* Whether no request that is under way touches these pages; none is when a request ends. */
static bool untouched(uint64_t first, uint64_t nr)
{
	for (unsigned i = 0; i < BOOK; i++) {
		const struct asked *a = &book[i];

		if (a->open && a->length && a->offset / PAGE < first + nr &&
		    (a->offset + a->length - 1) / PAGE >= first)
			return false;
	}
	return true;
}

static void ask_any(struct rig *r, uint64_t cookie, uint64_t *state)
{
	unsigned flags = r->session.structured && t_rand(state) % 4 == 0 ? WIRE_DF : 0;
	static const unsigned types[] = {WIRE_READ,  WIRE_READ,	  WIRE_READ, WIRE_READ,
					 WIRE_WRITE, WIRE_ZEROES, WIRE_TRIM, WIRE_FLUSH};
	unsigned type = types[t_rand(state) % 8];
	uint32_t size = t_rand(state) % 4 ? PAGE : 1 + t_rand(state) % (24 * PAGE);
	uint64_t at = t_rand(state) % 440 * PAGE;

	if (type == WIRE_FLUSH) {
		ask(r, type, 0, cookie, 0, 0);
		return;
	}
	if (type == WIRE_READ && t_rand(state) % 16 == 0)
		size += t_rand(state) % (50 * PAGE);
	if (t_rand(state) % 4 == 0)
		at += t_rand(state) % PAGE;
	if (!untouched(at / PAGE, size / PAGE + 2))
		return;
	for (uint64_t i = 0; i < size / PAGE + 2; i++)
		parker.pages[at / PAGE + i] = t_rand(state) % 5 ? 0 : t_rand(state) % 3;
	ask(r, type, type == WIRE_READ ? flags : 0, cookie, at, size);
}

static void complete_any(uint64_t *state, bool errors)
{
	T_OK(parker_complete(t_rand(state) % parker.waiting,
			     errors && t_rand(state) % 8 == 0 ? -EIO : 0));
}

/* Until the connection receives again: what is sent then is sure to fit the socket. */
static void unblock(struct rig *r, uint64_t *state, bool errors)
{
	run(r);
	while (parker.waiting && r->conn->wants == RZS_CONN_PARKED) {
		complete_any(state, errors);
		run(r);
	}
}

/* Requests of all kinds and sizes, completed in any order, some of them with an error. */
T_TEST(any_order)
{
	uint64_t state = t_seed();

	for (unsigned round = 0; round < 6; round++) {
		bool errors = round >= 4;
		struct rig r;

		open_parked(&r, round & 1);
		/* With errors the connection may end: a reply that had promised its data. */
		for (unsigned step = 0; step < 2000 / t_scale() && !r.closed; step++) {
			if (step % 8 == 0 || t_rand(&state) % 4 == 0)
				unblock(&r, &state, errors);
			if (!r.closed && !book[step % BOOK].open)
				ask_any(&r, step % BOOK, &state);
			while (parker.waiting && t_rand(&state) % 2)
				complete_any(&state, errors);
		}
		run(&r);
		while (parker.waiting) {
			complete_any(&state, errors);
			run(&r);
		}
		if (!r.closed)
			T_EQ(open_nr, 0u);
		T_OK(errors || !r.closed);
		rig_close(&r);
	}
}
