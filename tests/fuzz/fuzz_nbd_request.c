/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: NBD requests and what is answered to them.
 *
 * The first bytes are a session, the rest a stream of requests, taken as an I/O thread takes them.
 * Each verdict is judged by the protocol's rules once more, in numbers wide enough that nothing
 * overflows; each reply must read back as what was put, in exactly the bytes it says.
 *
 * Threading: none.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "nbd.h"
#include "nbd_talk.h"
#include "pages.h"

#define HEAD	      16u /* bytes of the session */
#define REQUEST_MAGIC 0x25609513u

static void fail(const char *what)
{
	fprintf(stderr, "fuzz_nbd_request: %s\n", what);
	abort();
}

static void must(bool cond, const char *what)
{
	if (!cond)
		fail(what);
}

static struct rzs_nbd_session session_of(const uint8_t *p)
{
	struct rzs_nbd_session s = {
		.size = talk_get64(p) >> p[15] % 64,
		.max_payload = talk_get32(p + 8),
		.flags = talk_get16(p + 12),
		.structured = p[14] & 1,
		.block_status = p[14] & 2,
	};

	return s;
}

/* The rules once more, each by itself. */

static bool is_offered(const struct rzs_nbd_request *r, const struct rzs_nbd_session *s)
{
	switch (r->type) {
	case RZS_NBD_READ:
	case RZS_NBD_WRITE:
	case RZS_NBD_DISC:
		return true;
	case RZS_NBD_FLUSH:
		return s->flags & RZS_NBD_FLAG_FLUSH;
	case RZS_NBD_TRIM:
		return s->flags & RZS_NBD_FLAG_TRIM;
	case RZS_NBD_CACHE:
		return s->flags & RZS_NBD_FLAG_CACHE;
	case RZS_NBD_WRITE_ZEROES:
		return s->flags & RZS_NBD_FLAG_WRITE_ZEROES;
	case RZS_NBD_BLOCK_STATUS:
		return s->block_status;
	default:
		return false;
	}
}

static bool flags_are_good(const struct rzs_nbd_request *r, const struct rzs_nbd_session *s)
{
	unsigned good = s->flags & RZS_NBD_FLAG_FUA ? RZS_NBD_CMD_FUA : 0;

	if (r->type == RZS_NBD_READ && (s->flags & RZS_NBD_FLAG_DF))
		good |= RZS_NBD_CMD_DF;
	if (r->type == RZS_NBD_WRITE_ZEROES)
		good |= RZS_NBD_CMD_NO_HOLE;
	if (r->type == RZS_NBD_WRITE_ZEROES && (s->flags & RZS_NBD_FLAG_FAST_ZERO))
		good |= RZS_NBD_CMD_FAST_ZERO;
	if (r->type == RZS_NBD_BLOCK_STATUS)
		good |= RZS_NBD_CMD_REQ_ONE;
	return !(r->flags & ~good);
}

static bool writes(const struct rzs_nbd_request *r)
{
	return r->type == RZS_NBD_WRITE || r->type == RZS_NBD_WRITE_ZEROES;
}

static bool is_forbidden(const struct rzs_nbd_request *r, const struct rzs_nbd_session *s)
{
	return (writes(r) || r->type == RZS_NBD_TRIM) && (s->flags & RZS_NBD_FLAG_READ_ONLY);
}

static bool is_beyond(const struct rzs_nbd_request *r, const struct rzs_nbd_session *s)
{
	return r->type != RZS_NBD_FLUSH &&
	       (r->offset > s->size || r->length > s->size - r->offset);
}

static bool is_empty(const struct rzs_nbd_request *r)
{
	return r->type != RZS_NBD_FLUSH && r->length == 0;
}

static bool is_too_long(const struct rzs_nbd_request *r, const struct rzs_nbd_session *s)
{
	return (r->type == RZS_NBD_READ || r->type == RZS_NBD_WRITE) && r->length > s->max_payload;
}

/* Whether this refusal is right, though another one might be as well. */
static bool has_reason(const struct rzs_nbd_request *r, const struct rzs_nbd_session *s, int err)
{
	switch (err) {
	case -EPROTO:
		return r->type == RZS_NBD_WRITE && is_too_long(r, s);
	case -EPERM:
		return is_forbidden(r, s);
	case -ENOSPC:
		return writes(r) && is_beyond(r, s);
	case -EINVAL:
		return !is_offered(r, s) || !flags_are_good(r, s) || is_empty(r) ||
		       (!writes(r) && is_beyond(r, s)) ||
		       (r->type == RZS_NBD_READ && is_too_long(r, s));
	default:
		return false;
	}
}

static bool is_good(const struct rzs_nbd_request *r, const struct rzs_nbd_session *s)
{
	return r->type == RZS_NBD_DISC ||
	       (is_offered(r, s) && flags_are_good(r, s) && !is_forbidden(r, s) &&
		!is_beyond(r, s) && !is_empty(r) && !is_too_long(r, s));
}

/* Room of exactly what each reply says, so that a sanitizer sees a byte beyond it. */
static uint8_t *room(size_t size)
{
	uint8_t *p = malloc(size);

	if (!p)
		exit(99);
	return p;
}

static void chunk(uint8_t *p, size_t put, size_t size, const struct rzs_nbd_request *r,
		  unsigned type, bool done, uint32_t more)
{
	must(put == size, "a reply of another size");
	must(talk_get32(p) == 0x668e33ef && talk_get16(p + 4) == done &&
		     talk_get16(p + 6) == type && talk_get64(p + 8) == r->cookie,
	     "the head of a chunk");
	must(RZS_NBD_CHUNK_SIZE + talk_get32(p + 16) == size + more, "the length of a chunk");
	free(p);
}

static void put_errors(const struct rzs_nbd_request *r, int err)
{
	uint32_t number = rzs_nbd_error(err);
	uint8_t *p = room(RZS_NBD_SIMPLE_SIZE);

	must(!err == !number, "an error that is none");
	must(rzs_nbd_put_simple(p, r->cookie, err) == RZS_NBD_SIMPLE_SIZE, "a size");
	must(talk_get32(p) == 0x67446698 && talk_get32(p + 4) == number &&
		     talk_get64(p + 8) == r->cookie,
	     "a simple reply");
	free(p);
	if (!err)
		return;
	p = room(RZS_NBD_ERROR_SIZE);
	chunk(p, rzs_nbd_put_error(p, r->cookie, err), RZS_NBD_ERROR_SIZE, r, 0x8001, true, 0);
	p = room(RZS_NBD_ERROR_OFFSET_SIZE);
	chunk(p, rzs_nbd_put_error_offset(p, r->cookie, err, r->offset), RZS_NBD_ERROR_OFFSET_SIZE,
	      r, 0x8002, true, 0);
}

static void put_replies(const struct rzs_nbd_request *r)
{
	uint32_t length = r->length % (RZS_NBD_MAX_PAYLOAD + 1), nr = r->length % 100 + 1;
	bool done = r->flags & 1;
	uint8_t *p = room(RZS_NBD_CHUNK_SIZE);

	chunk(p, rzs_nbd_put_none(p, r->cookie), RZS_NBD_CHUNK_SIZE, r, 0, true, 0);
	p = room(RZS_NBD_OFFSET_DATA_SIZE);
	chunk(p, rzs_nbd_put_offset_data(p, r->cookie, done, r->offset, length),
	      RZS_NBD_OFFSET_DATA_SIZE, r, 1, done, length);
	p = room(RZS_NBD_OFFSET_HOLE_SIZE);
	chunk(p, rzs_nbd_put_offset_hole(p, r->cookie, done, r->offset, length),
	      RZS_NBD_OFFSET_HOLE_SIZE, r, 2, done, 0);
	p = room(RZS_NBD_STATUS_SIZE);
	chunk(p, rzs_nbd_put_status(p, r->cookie, 1, nr), RZS_NBD_STATUS_SIZE, r, 5, true,
	      nr * RZS_NBD_EXTENT_SIZE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rzs_nbd_session s;

	if (size < HEAD)
		return 0;
	s = session_of(data);
	data += HEAD;
	size -= HEAD;
	while (size >= RZS_NBD_REQUEST_SIZE) {
		struct rzs_nbd_request r;
		int err = rzs_nbd_request_parse(data, &r);

		must(!err == (talk_get32(data) == REQUEST_MAGIC), "the magic");
		err = rzs_nbd_request_check(&r, &s);
		must(err ? has_reason(&r, &s, err) : is_good(&r, &s), "a wrong verdict");
		put_errors(&r, err);
		put_replies(&r);
		data += RZS_NBD_REQUEST_SIZE;
		size -= RZS_NBD_REQUEST_SIZE;
		if (err == -EPROTO || rzs_nbd_request_payload(&r) > size)
			break;
		data += rzs_nbd_request_payload(&r);
		size -= rzs_nbd_request_payload(&r);
	}
	return 0;
}

/* Sessions that offer most things, requests that are good or nearly so. */
size_t fuzz_seed(uint64_t seed, uint8_t *buf, size_t size)
{
	struct pages_rng rng = {seed};
	uint64_t export_size = pages_below(&rng, 1u << 20), len;
	unsigned nr = 1 + (unsigned)pages_below(&rng, 20);
	struct talk t = {0};

	talk_put64(&t, export_size);
	talk_put32(&t, (uint32_t)pages_below(&rng, 1u << 16));
	talk_put16(&t, (uint16_t)(pages_next(&rng) | pages_next(&rng)));
	talk_put16(&t, (uint16_t)(pages_below(&rng, 4) << 8));
	while (nr--) {
		uint32_t length = (uint32_t)pages_below(&rng, 600);
		uint16_t type = (uint16_t)pages_below(&rng, 9);

		talk_put32(&t, pages_below(&rng, 16) ? REQUEST_MAGIC : 0);
		talk_put16(&t, (uint16_t)(pages_below(&rng, 4) ? 0 : pages_below(&rng, 64)));
		talk_put16(&t, type);
		talk_put64(&t, pages_next(&rng));
		talk_put64(&t, pages_below(&rng, export_size + 100));
		talk_put32(&t, length);
		for (; type == RZS_NBD_WRITE && length; length--)
			talk_put(&t, "x", 1);
	}
	len = t.len < size ? t.len : size;
	memcpy(buf, t.bytes, len);
	talk_free(&t);
	return len;
}
