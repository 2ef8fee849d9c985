/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A handshake in pieces; see nbd_drive.h. */
#include "nbd_drive.h"
#include "pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROOM RZS_NBD_HANDSHAKE_OUT_MIN

static int find(void *arg, const char *name, size_t len, struct rzs_nbd_export *out,
		const char **out_why)
{
	const struct drive_exports *e = arg;
	unsigned i;

	if (len > RZS_NBD_STRING_MAX || (len && memchr(name, 0, len)))
		abort();
	for (i = 0; i < e->nr; i++) {
		const char *has = e->list[i].e.name;

		if (len && (strlen(has) != len || memcmp(has, name, len)))
			continue;
		if (e->list[i].err && e->list[i].why)
			*out_why = e->list[i].why;
		if (!e->list[i].err)
			*out = e->list[i].e;
		return e->list[i].err;
	}
	return -ENOENT;
}

static int at(void *arg, unsigned i, struct rzs_nbd_export *out)
{
	const struct drive_exports *e = arg;

	if (i >= e->nr)
		return e->list_err ? e->list_err : -ENOENT;
	*out = e->list[i].e;
	return 0;
}

void drive_exports(const struct drive_exports *e, struct rzs_nbd_exports *out)
{
	*out = (struct rzs_nbd_exports){.find = find, .at = at, .arg = (void *)(uintptr_t)e};
}

struct driver {
	struct rzs_nbd_handshake *h;
	const uint8_t *in;
	size_t len, offered;
	const struct drive_pace *pace;
	struct pages_rng rng;
	struct drive_result *result;
};

/* How many bytes come next. */
static size_t next_piece(struct driver *d)
{
	const struct drive_pace *pace = d->pace;
	size_t left = d->len - d->offered, n = left;

	if (pace->split && d->offered == 0)
		n = pace->split;
	else if (pace->piece)
		n = pace->piece;
	else if (pace->seed)
		n = (size_t)pages_below(&d->rng, pages_below(&d->rng, 4) ? 32 : 20000);
	return n < left ? n : left;
}

/* Some room, by chance. */
static size_t some(struct driver *d)
{
	return d->pace->seed ? (size_t)pages_below(&d->rng, 2 * ROOM) : 0;
}

/* One call, on copies of the exact sizes, so that a sanitizer sees a byte beyond them. */
static const char *call(struct driver *d, size_t room, bool *progress)
{
	struct drive_result *r = d->result;
	size_t n = d->offered - r->used, used = SIZE_MAX, put = SIZE_MAX;
	uint8_t *from = malloc(n + !n), *to = malloc(room + !room);

	if (!from || !to)
		exit(99);
	if (n)
		memcpy(from, d->in + r->used, n);
	memset(to, 0xee, room);
	r->end = rzs_nbd_handshake_step(d->h, n ? from : NULL, n, &used, to, room, &put);
	if (used <= n && put <= room) {
		r->used += used;
		talk_put(&r->out, to, put);
		*progress = used || put;
	}
	free(from);
	free(to);
	if (used > n)
		return "more used than was given";
	if (put > room)
		return "more put than there was room";
	if (put && room < ROOM)
		return "something put with too little room";
	return NULL;
}

/* Once it has ended, that is so. */
static const char *call_again(struct driver *d)
{
	enum rzs_nbd_progress end = d->result->end;
	bool progress = false;
	const char *wrong;

	d->offered = d->len;
	wrong = call(d, ROOM, &progress);
	if (wrong)
		return wrong;
	return progress || d->result->end != end ? "it went on after its end" : NULL;
}

static const char *go_on(struct driver *d)
{
	const struct drive_pace *pace = d->pace;
	bool whole = !pace->split && !pace->piece && !pace->seed, progress;
	const char *wrong = NULL;

	for (;;) {
		if (pace->shut && d->result->used >= pace->shut_after)
			rzs_nbd_handshake_shutdown(d->h);
		if (!whole)
			wrong = call(d, pace->seed ? some(d) : ROOM - 1, &progress);
		if (!wrong && d->result->end == RZS_NBD_MORE)
			wrong = call(d, ROOM + some(d), &progress);
		if (wrong)
			return wrong;
		if (d->result->end != RZS_NBD_MORE)
			return call_again(d);
		if (progress)
			continue;
		if (d->result->used < d->offered)
			return "bytes are left, there is room, and it does not go on";
		if (d->offered == d->len)
			return NULL;
		d->offered += next_piece(d);
	}
}

const char *drive(const struct rzs_nbd_exports *exports, const uint8_t *in, size_t len,
		  const struct drive_pace *pace, struct drive_result *result)
{
	struct driver d = {.h = malloc(rzs_nbd_handshake_size()),
			   .in = in,
			   .len = len,
			   .pace = pace,
			   .rng = {pace->seed},
			   .result = result};
	const char *wrong;

	if (!d.h)
		exit(99);
	*result = (struct drive_result){.end = RZS_NBD_MORE};
	memset(d.h, 0xa5, rzs_nbd_handshake_size());
	rzs_nbd_handshake_init(d.h, exports);
	wrong = go_on(&d);
	if (!wrong && result->end == RZS_NBD_TRANSMISSION)
		result->session = *rzs_nbd_handshake_session(d.h);
	free(d.h);
	return wrong;
}

const char *drive_compare(const struct drive_result *a, const struct drive_result *b)
{
	const struct rzs_nbd_session *s = &a->session, *t = &b->session;

	if (a->out.len != b->out.len || memcmp(a->out.bytes, b->out.bytes, a->out.len))
		return "the output differs";
	if (a->used != b->used || a->end != b->end)
		return "the end differs";
	if (s->tag != t->tag || s->size != t->size || s->max_payload != t->max_payload ||
	    s->flags != t->flags || s->structured != t->structured ||
	    s->block_status != t->block_status || s->context != t->context)
		return "the session differs";
	return NULL;
}
