/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The client, with libnbd's asynchronous calls.  A completion is only recorded: it must not call
 * libnbd.
 */
#define _GNU_SOURCE
#include "rzsb_nbd.h"

#include <errno.h>
#include <libnbd.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct client {
	struct nbd_handle *nbd[CLIENT_MAX_CONNS];
	unsigned nr;
};

struct flight {
	struct client_request request;
	struct flights *all;
	uint64_t start, end;
	unsigned conn;
	int error;
};

struct flights {
	struct flight *v;
	uint32_t *ready; /* indices of those that are done and not yet handled */
	unsigned nr_ready;
	unsigned in_flight;
	uint8_t *buffers;
};

static int complain(const char *what)
{
	int err = nbd_get_errno();

	rzst_say("%s: %s", what, nbd_get_error());
	return err > 0 ? -err : -EIO;
}

/* Where a server is: an NBD URI, or a socket and an export's name. */
struct address {
	const char *uri, *socket, *name;
	uint64_t deadline; /* until then connecting is tried again */
};

static int connect_to(struct nbd_handle *h, const struct address *a)
{
	if (a->uri)
		return nbd_connect_uri(h, a->uri);
	return nbd_set_export_name(h, a->name) == 0 ? nbd_connect_unix(h, a->socket) : -1;
}

static int connect_one(struct nbd_handle **out, const struct address *a)
{
	for (;;) {
		struct nbd_handle *h = *out = nbd_create();
		int err;

		if (!h)
			return complain("libnbd");
		if (nbd_set_pread_initialize(h, false) == 0 && connect_to(h, a) == 0)
			return 0;
		err = nbd_get_errno();
		if ((err != ENOENT && err != ECONNREFUSED) || rzst_now() > a->deadline)
			return complain(a->uri ? a->uri : a->socket);
		/* A handle that failed to connect cannot be used again. */
		nbd_close(h);
		rzsb_nap(5);
	}
}

static int connect_all(struct client **out, const struct address *a, unsigned conns)
{
	struct client *c = calloc(1, sizeof(*c));
	int err = 0;

	*out = NULL;
	if (!c)
		return -ENOMEM;
	for (; c->nr < conns && !err; c->nr++)
		err = connect_one(&c->nbd[c->nr], a);
	if (err) {
		rzsb_client_close(c);
		return err;
	}
	*out = c;
	return 0;
}

int rzsb_client_connect(struct client **out, const char *socket, const char *name, unsigned conns,
			uint64_t patience_ns)
{
	const struct address a = {
		.socket = socket, .name = name, .deadline = rzst_now() + patience_ns};

	return connect_all(out, &a, conns);
}

int rzsb_client_connect_uri(struct client **out, const char *uri, unsigned conns)
{
	const struct address a = {.uri = uri};

	return connect_all(out, &a, conns);
}

void rzsb_client_close(struct client *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < c->nr; i++) {
		if (c->nbd[i] && nbd_aio_is_ready(c->nbd[i]) > 0)
			nbd_shutdown(c->nbd[i], 0);
		nbd_close(c->nbd[i]);
	}
	free(c);
}

uint64_t rzsb_client_size(struct client *c)
{
	int64_t n = nbd_get_size(c->nbd[0]);

	return n > 0 ? (uint64_t)n : 0;
}

bool rzsb_client_can_trim(struct client *c)
{
	return nbd_can_trim(c->nbd[0]) > 0;
}

bool rzsb_client_is_read_only(struct client *c)
{
	return nbd_is_read_only(c->nbd[0]) > 0;
}

static int completed(void *user, int *error)
{
	struct flight *f = user;
	struct flights *all = f->all;

	f->end = rzst_now();
	f->error = *error;
	all->ready[all->nr_ready++] = (uint32_t)(f - all->v);
	return 1; /* libnbd forgets the command */
}

static int issue(struct client *c, struct flight *f)
{
	nbd_completion_callback cb = {.callback = completed, .user_data = f};
	struct client_request *r = &f->request;
	int64_t cookie = -1;

	f->start = rzst_now();
	switch (r->op) {
	case CLIENT_READ:
		cookie = nbd_aio_pread(c->nbd[f->conn], r->into, r->bytes, r->offset, cb, 0);
		break;
	case CLIENT_WRITE:
		cookie = nbd_aio_pwrite(c->nbd[f->conn], r->data, r->bytes, r->offset, cb, 0);
		break;
	case CLIENT_TRIM:
		cookie = nbd_aio_trim(c->nbd[f->conn], r->bytes, r->offset, cb, 0);
		break;
	}
	return cookie < 0 ? complain("request") : 0;
}

/* Wait until a connection can read or write, and let it. */
static int turn(struct client *c)
{
	struct pollfd fds[CLIENT_MAX_CONNS];
	unsigned n = c->nr;

	for (unsigned i = 0; i < n; i++) {
		unsigned dir = nbd_aio_get_direction(c->nbd[i]);

		fds[i].fd = nbd_aio_get_fd(c->nbd[i]);
		fds[i].events = (short)((dir & LIBNBD_AIO_DIRECTION_READ ? POLLIN : 0) |
					(dir & LIBNBD_AIO_DIRECTION_WRITE ? POLLOUT : 0));
		fds[i].revents = 0;
	}
	if (poll(fds, n, -1) < 0)
		return errno == EINTR ? 0 : -errno;
	for (unsigned i = 0; i < n; i++) {
		int r = 0;

		if (fds[i].revents & (POLLIN | POLLHUP))
			r = nbd_aio_notify_read(c->nbd[i]);
		else if (fds[i].revents & POLLOUT)
			r = nbd_aio_notify_write(c->nbd[i]);
		else if (fds[i].revents)
			return -ECONNRESET;
		if (r < 0)
			return complain("connection");
	}
	return 0;
}

/* Issue the next request, if there is one. */
static int refill(struct client *c, const struct client_load *l, struct flights *all,
		  struct flight *f, bool *more)
{
	if (!*more || !l->next(l->user, &f->request)) {
		*more = false;
		return 0;
	}
	all->in_flight++;
	return issue(c, f);
}

static int fly(struct client *c, const struct client_load *l, struct flights *all, unsigned nr)
{
	bool more = true;
	int err = 0;

	for (unsigned i = 0; i < nr && !err; i++)
		err = refill(c, l, all, &all->v[i], &more);
	while (all->in_flight && !err) {
		/* A command may have completed while it was issued. */
		if (all->nr_ready == 0) {
			err = turn(c);
			continue;
		}
		while (all->nr_ready && !err) {
			struct flight *f = &all->v[all->ready[--all->nr_ready]];

			all->in_flight--;
			err = -f->error;
			if (err)
				break;
			l->done(l->user, &f->request, f->end - f->start);
			err = refill(c, l, all, f, &more);
		}
	}
	return err;
}

int rzsb_client_run(struct client *c, const struct client_load *l)
{
	unsigned nr = l->conns * l->depth;
	struct client some = *c;
	struct flights all = {0};
	int err;

	if (l->conns == 0 || l->conns > c->nr || l->depth == 0 || l->depth > CLIENT_MAX_DEPTH)
		return -EINVAL;
	some.nr = l->conns;
	all.v = calloc(nr, sizeof(*all.v));
	all.ready = calloc(nr, sizeof(*all.ready));
	if (!all.v || !all.ready) {
		free(all.v);
		free(all.ready);
		return -ENOMEM;
	}
	all.buffers = rzsb_alloc((size_t)nr * l->max_bytes);
	for (unsigned i = 0; i < nr; i++) {
		all.v[i].all = &all;
		all.v[i].conn = i % l->conns;
		all.v[i].request.into = all.buffers + (size_t)i * l->max_bytes;
	}
	err = fly(&some, l, &all, nr);
	/* After an error libnbd may still use our buffers, until it is closed. */
	if (err)
		for (unsigned i = 0; i < c->nr; i++) {
			nbd_close(c->nbd[i]);
			c->nbd[i] = NULL;
		}
	munmap(all.buffers, (size_t)nr * l->max_bytes);
	free(all.ready);
	free(all.v);
	return err;
}
