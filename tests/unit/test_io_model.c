/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random requests of several clients at once, against plain arrays: each client has a part of the
 * device to itself, and sends requests without waiting for the answers to those before.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "io_rig.h"
#include "model.h"

#include <pthread.h>

#define CLIENTS 4u
#define PART	600u /* pages; not a power of two, so that parts share chunks of the slot table */
#define BATCH	12u  /* requests in flight */
#define LONGEST (40u * PAGE)
#define REPLIES (96u << 10) /* bytes of replies in flight, which any socket takes */

struct ask {
	unsigned type;
	uint64_t offset; /* in the part */
	uint32_t length;
	uint8_t *want; /* what a read, or the model's states for a status, is to give */
};

struct client {
	struct io_rig *rig;
	pthread_t thread;
	unsigned index;
	bool structured, limited;
	int fd;
	uint64_t seed;
	unsigned batches;
	struct model model;
	uint8_t buf[LONGEST + PAGE];
	struct ask ask[BATCH];
};

static uint64_t base(const struct client *c)
{
	return (uint64_t)c->index * PART * PAGE;
}

static void some_data(struct client *c, uint32_t length)
{
	for (uint32_t i = 0; i < length; i += PAGE)
		pages_make_any(c->buf + i, t_rand(&c->seed));
}

/* Choose a range: whole pages as often as not. */
static void choose(struct client *c, struct ask *a)
{
	uint64_t size = (uint64_t)PART * PAGE;

	a->length = (uint32_t)(1 + t_rand(&c->seed) % LONGEST);
	a->offset = t_rand(&c->seed) % size;
	if (t_rand(&c->seed) % 2) {
		a->offset -= a->offset % PAGE;
		a->length = PAGE * (1 + a->length / PAGE / 4);
	}
	if (a->length > size - a->offset)
		a->length = (uint32_t)(size - a->offset);
}

static void keep(struct ask *a, const void *what, size_t n)
{
	a->want = malloc(n);
	T_OK(a->want != NULL);
	memcpy(a->want, what, n);
}

/* Send one request and note what is to come back; *room: of replies' bytes. */
static void ask(struct client *c, struct ask *a, uint64_t cookie, uint32_t *room)
{
	static const unsigned types[] = {WIRE_READ, WIRE_READ,	 WIRE_READ,  WIRE_WRITE, WIRE_WRITE,
					 WIRE_TRIM, WIRE_ZEROES, WIRE_FLUSH, WIRE_STATUS};
	struct model *m = &c->model;
	uint64_t first;

	a->type = types[t_rand(&c->seed) % (c->structured ? 9 : 8)];
	a->want = NULL;
	choose(c, a);
	if (a->type == WIRE_READ && a->length > *room)
		a->type = WIRE_FLUSH;
	if (a->type == WIRE_WRITE) {
		some_data(c, a->length);
		io_rig_write(c->fd, cookie, c->buf, base(c) + a->offset, a->length);
		model_write(m, c->buf, a->length, a->offset);
		return;
	}
	io_rig_ask(c->fd, a->type, 0, cookie, a->type == WIRE_FLUSH ? 0 : base(c) + a->offset,
		   a->type == WIRE_FLUSH ? 0 : a->length);
	switch (a->type) {
	case WIRE_READ:
		*room -= a->length;
		keep(a, m->bytes + a->offset, a->length);
		break;
	case WIRE_TRIM:
		model_trim(m, a->length, a->offset);
		break;
	case WIRE_ZEROES:
		model_zero(m, a->length, a->offset);
		break;
	case WIRE_STATUS:
		/* For each page its state, and behind these whether it is zero. */
		first = a->offset / PAGE;
		a->want = malloc(2 * PART);
		T_OK(a->want != NULL);
		for (uint64_t i = first; i < PART; i++) {
			a->want[i] = m->state[i];
			a->want[PART + i] = model_is_zero(m, i);
		}
		break;
	}
}

static void check_page(const struct client *c, const struct ask *a, uint64_t slot, uint32_t flags)
{
	bool hole = flags & RZS_NBD_STATE_HOLE, zero = flags & RZS_NBD_STATE_ZERO;

	if (c->limited)
		T_OK(hole);
	else if (a->want[slot] != MODEL_EITHER)
		T_EQ(hole, a->want[slot] == MODEL_HOLE);
	/* Pages of zeros that came piece by piece are stored as such as well. */
	T_EQ(zero, a->want[PART + slot]);
}

static void check_status(struct client *c, const struct ask *a, uint64_t cookie)
{
	struct wire_reply head;
	uint64_t at = a->offset, end = a->offset + a->length;
	uint8_t p[20];

	io_rig_recv(c->fd, p, 20);
	T_EQ(wire_head(p, 20, &head), 1);
	T_EQ(head.cookie, cookie);
	T_EQ(head.type, WIRE_BLOCK_STATUS);
	T_LE(head.length, sizeof(c->buf));
	io_rig_recv(c->fd, c->buf, head.length);
	for (uint32_t i = 4; i < head.length; i += 8) {
		uint64_t n = wire_get(c->buf + i, 4);

		T_GT(n, 0u);
		T_LE(n, end - at);
		for (uint64_t slot = at / PAGE; slot <= (at + n - 1) / PAGE; slot++)
			check_page(c, a, slot, (uint32_t)wire_get(c->buf + i + 4, 4));
		at += n;
	}
	T_EQ(at, end);
}

static void check(struct client *c, struct ask *a, uint64_t cookie)
{
	switch (a->type) {
	case WIRE_READ:
		T_EQ(io_rig_data(c->fd, cookie, c->buf, base(c) + a->offset, a->length,
				 c->structured),
		     0u);
		T_MEM_EQ(c->buf, a->want, a->length);
		break;
	case WIRE_STATUS:
		check_status(c, a, cookie);
		break;
	default:
		T_EQ(io_rig_answer(c->fd, cookie), 0u);
	}
	free(a->want);
}

static void *client_main(void *arg)
{
	struct client *c = arg;

	for (unsigned b = 0; b < c->batches; b++) {
		unsigned n = 1 + (unsigned)(t_rand(&c->seed) % BATCH);
		uint32_t room = REPLIES;

		for (unsigned i = 0; i < n; i++)
			ask(c, &c->ask[i], b * BATCH + i, &room);
		for (unsigned i = 0; i < n; i++)
			check(c, &c->ask[i], b * BATCH + i);
	}
	return NULL;
}

static void run(uint64_t limit, unsigned batches)
{
	static struct client client[CLIENTS];
	uint64_t seed = t_seed();
	struct io_rig r;

	if (t_scale() > 1)
		batches = (unsigned)(batches / t_scale());
	io_rig_open(&r, 2, CLIENTS, CLIENTS * PART, limit);
	for (unsigned i = 0; i < CLIENTS; i++) {
		struct client *c = &client[i];

		c->rig = &r;
		c->index = i;
		c->structured = i % 2;
		c->limited = limit != 0;
		c->seed = seed + i;
		c->batches = batches;
		c->fd = io_rig_connect(&r, c->structured);
		model_init(&c->model, PART);
		T_EQ(pthread_create(&c->thread, NULL, client_main, c), 0);
	}
	for (unsigned i = 0; i < CLIENTS; i++) {
		pthread_join(client[i].thread, NULL);
		model_free(&client[i].model);
		close(client[i].fd);
	}
	io_rig_close(&r);
}

T_TEST_TIMEOUT(random_requests, 240)
{
	run(0, 300);
}

/* The same with a memlimit that is never reached, which makes everything a hole. */
T_TEST_TIMEOUT(random_requests_limited, 240)
{
	run(64u << 20, 100);
}
