/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The answers to the options of the handshake; see nbd_options.h.
 *
 * A cursor that knows how much is left reads the data of an option.  Data that is too short, too
 * long or has an invalid string is refused with ERR_INVALID.  An answer is written completely, in
 * RZS_NBD_HANDSHAKE_OUT_MIN bytes at most.
 */
#include <errno.h>

#include "nbd_options.h"
#include "nbd_wire.h"

#define REPLY_MAGIC 0x0003e889045565a9u

enum option {
	OPT_EXPORT_NAME = 1,
	OPT_ABORT = 2,
	OPT_LIST = 3,
	OPT_INFO = 6,
	OPT_GO = 7,
	OPT_STRUCTURED_REPLY = 8,
	OPT_LIST_META_CONTEXT = 9,
	OPT_SET_META_CONTEXT = 10,
};

#define REP_ACK		 1u
#define REP_SERVER	 2u
#define REP_INFO	 3u
#define REP_META_CONTEXT 4u
#define REP_ERR(n)	 (1u << 31 | (n))
#define REP_ERR_UNSUP	 REP_ERR(1u)
#define REP_ERR_POLICY	 REP_ERR(2u)
#define REP_ERR_INVALID	 REP_ERR(3u)
#define REP_ERR_UNKNOWN	 REP_ERR(6u)
#define REP_ERR_SHUTDOWN REP_ERR(7u)
#define REP_ERR_TOO_BIG	 REP_ERR(9u)

#define INFO_EXPORT	 0u
#define INFO_NAME	 1u
#define INFO_DESCRIPTION 2u
#define INFO_BLOCK_SIZE	 3u

#define REPLY_HEADER_SIZE 20u
#define OLD_PADDING	  124u /* after EXPORT_NAME, unless NO_ZEROES */

#define CONTEXT_NAME "base:allocation"
#define CONTEXT_ALL  "base:"
#define CONTEXT_ID   1u

/* The longest answers: to GO with all infos, and an entry of a list. */
_Static_assert(5 * REPLY_HEADER_SIZE + 12 + 2 * (2 + RZS_NBD_STRING_MAX) + 14 <=
		       RZS_NBD_HANDSHAKE_OUT_MIN,
	       "an answer to GO must fit");
_Static_assert(REPLY_HEADER_SIZE + 4 + 2 * RZS_NBD_STRING_MAX <= RZS_NBD_HANDSHAKE_OUT_MIN,
	       "an entry of a list must fit");

/* ---- reading ---- */

struct cursor {
	const uint8_t *at;
	size_t left;
};

struct string {
	const char *at;
	uint32_t len;
};

/* The data of the option, as far as it was kept: see reads_data(). */
static struct cursor data_of(const struct rzs_nbd_handshake *h)
{
	return (struct cursor){h->data, h->length < sizeof(h->data) ? h->length : sizeof(h->data)};
}

static bool get16(struct cursor *c, uint16_t *out)
{
	if (c->left < 2)
		return false;
	*out = rzs_nbd_get16(c->at);
	c->at += 2;
	c->left -= 2;
	return true;
}

static bool get32(struct cursor *c, uint32_t *out)
{
	if (c->left < 4)
		return false;
	*out = rzs_nbd_get32(c->at);
	c->at += 4;
	c->left -= 4;
	return true;
}

/* A string of len bytes. */
static bool get_bytes(struct cursor *c, uint32_t len, struct string *out)
{
	if (len > c->left || len > RZS_NBD_STRING_MAX || memchr(c->at, 0, len))
		return false;
	*out = (struct string){(const char *)c->at, len};
	c->at += len;
	c->left -= len;
	return true;
}

/* A length, and as many bytes. */
static bool get_string(struct cursor *c, struct string *out)
{
	uint32_t len;

	return get32(c, &len) && get_bytes(c, len, out);
}

static bool is(const struct string *s, const char *text)
{
	return s->len == strlen(text) && memcmp(s->at, text, s->len) == 0;
}

/* ---- replies ---- */

/* A string of the server, cut to what the protocol allows. */
static struct string of_server(const char *text)
{
	return (struct string){text, text ? (uint32_t)strnlen(text, RZS_NBD_STRING_MAX) : 0};
}

static uint8_t *put_string(uint8_t *out, struct string s)
{
	if (s.len)
		memcpy(out, s.at, s.len);
	return out + s.len;
}

static uint8_t *put_header(const struct rzs_nbd_handshake *h, uint8_t *out, uint32_t type,
			   uint32_t length)
{
	out = rzs_nbd_put64(out, REPLY_MAGIC);
	out = rzs_nbd_put32(out, h->option);
	out = rzs_nbd_put32(out, type);
	return rzs_nbd_put32(out, length);
}

static uint8_t *put_ack(const struct rzs_nbd_handshake *h, uint8_t *out)
{
	return put_header(h, out, REP_ACK, 0);
}

/* why: for a human, or NULL. */
static uint8_t *put_refusal(const struct rzs_nbd_handshake *h, uint8_t *out, uint32_t type,
			    const char *why)
{
	struct string message = of_server(why);

	return put_string(put_header(h, out, type, message.len), message);
}

static uint8_t *put_invalid(const struct rzs_nbd_handshake *h, uint8_t *out, const char *why)
{
	return put_refusal(h, out, REP_ERR_INVALID, why);
}

/* ---- exports ---- */

static int find(const struct rzs_nbd_handshake *h, const struct string *name,
		struct rzs_nbd_export *e, const char **why)
{
	*why = NULL;
	return h->exports->find(h->exports->arg, name->at, name->len, e, why);
}

/* Answer an error of find() or at().  If it is -EAGAIN, the next step asks again. */
static uint8_t *put_no_export(struct rzs_nbd_handshake *h, uint8_t *out, int err, const char *why)
{
	switch (err) {
	case -EAGAIN:
		h->phase = RZS_NBD_PHASE_ANSWER;
		return out;
	case -ENOENT:
		return put_refusal(h, out, REP_ERR_UNKNOWN, why ? why : "no such export");
	case -ESHUTDOWN:
		return put_refusal(h, out, REP_ERR_SHUTDOWN, why);
	default:
		return put_refusal(h, out, REP_ERR_POLICY, why);
	}
}

static uint16_t flags_of(const struct rzs_nbd_handshake *h, const struct rzs_nbd_export *e)
{
	uint16_t flags = e->flags | RZS_NBD_FLAG_HAS_FLAGS;

	return h->session.structured ? flags | RZS_NBD_FLAG_DF : flags & (uint16_t)~RZS_NBD_FLAG_DF;
}

/* The client chose this export, by this name. */
static void agree(struct rzs_nbd_handshake *h, const struct rzs_nbd_export *e,
		  const struct string *name)
{
	struct rzs_nbd_session *s = &h->session;

	s->tag = e->tag;
	s->size = e->size;
	s->max_payload = e->max_payload;
	s->flags = flags_of(h, e);
	s->block_status = h->context_set && name->len == h->context_name_len &&
			  memcmp(name->at, h->context_name, name->len) == 0;
	s->context = CONTEXT_ID;
	h->phase = RZS_NBD_PHASE_OVER;
	h->outcome = RZS_NBD_TRANSMISSION;
}

/* ---- the options ---- */

/* The oldest option.  Its data is the name.  It has no error reply: refuse by closing. */
static uint8_t *answer_export_name(struct rzs_nbd_handshake *h, uint8_t *out)
{
	struct cursor c = data_of(h);
	struct rzs_nbd_export e = {0};
	struct string name;
	const char *why;
	int err = -EINVAL;

	if (!h->shutdown && get_bytes(&c, h->length, &name))
		err = find(h, &name, &e, &why);
	if (err == -EAGAIN) {
		h->phase = RZS_NBD_PHASE_ANSWER;
		return out;
	}
	if (err) {
		h->phase = RZS_NBD_PHASE_OVER;
		h->outcome = RZS_NBD_CLOSE;
		return out;
	}
	agree(h, &e, &name);
	out = rzs_nbd_put64(out, h->session.size);
	out = rzs_nbd_put16(out, h->session.flags);
	if (h->no_zeroes)
		return out;
	memset(out, 0, OLD_PADDING);
	return out + OLD_PADDING;
}

static uint8_t *answer_abort(struct rzs_nbd_handshake *h, uint8_t *out)
{
	h->phase = RZS_NBD_PHASE_OVER;
	h->outcome = RZS_NBD_CLOSE;
	return put_ack(h, out);
}

static uint8_t *answer_list(struct rzs_nbd_handshake *h, uint8_t *out)
{
	if (h->length)
		return put_invalid(h, out, "LIST has no data");
	h->listed = 0;
	h->phase = RZS_NBD_PHASE_LIST;
	return out;
}

uint8_t *rzs_nbd_option_list_next(struct rzs_nbd_handshake *h, uint8_t *out)
{
	int err = h->shutdown ? -ESHUTDOWN : 0;
	struct rzs_nbd_export e = {0};
	struct string name, description;

	if (!err)
		err = h->exports->at(h->exports->arg, h->listed, &e);
	if (err) {
		h->phase = RZS_NBD_PHASE_OPTION;
		return err == -ENOENT ? put_ack(h, out) : put_no_export(h, out, err, NULL);
	}
	h->listed++;
	name = of_server(e.name);
	description = of_server(e.description);
	out = put_header(h, out, REP_SERVER, 4 + name.len + description.len);
	out = rzs_nbd_put32(out, name.len);
	return put_string(put_string(out, name), description);
}

static uint8_t *put_info_string(const struct rzs_nbd_handshake *h, uint8_t *out, uint16_t info,
				const char *text)
{
	struct string s = of_server(text);

	out = put_header(h, out, REP_INFO, 2 + s.len);
	return put_string(rzs_nbd_put16(out, info), s);
}

/* asked: bits 1 << INFO_*.  Block sizes are always sent. */
static uint8_t *put_infos(const struct rzs_nbd_handshake *h, uint8_t *out,
			  const struct rzs_nbd_export *e, unsigned asked)
{
	out = put_header(h, out, REP_INFO, 2 + 8 + 2);
	out = rzs_nbd_put16(out, INFO_EXPORT);
	out = rzs_nbd_put64(out, e->size);
	out = rzs_nbd_put16(out, flags_of(h, e));
	if (asked & (1u << INFO_NAME))
		out = put_info_string(h, out, INFO_NAME, e->name);
	if ((asked & (1u << INFO_DESCRIPTION)) && e->description)
		out = put_info_string(h, out, INFO_DESCRIPTION, e->description);
	out = put_header(h, out, REP_INFO, 2 + 3 * 4);
	out = rzs_nbd_put16(out, INFO_BLOCK_SIZE);
	out = rzs_nbd_put32(out, e->min_block);
	out = rzs_nbd_put32(out, e->preferred_block);
	return rzs_nbd_put32(out, e->max_payload);
}

/* Name, number of infos, infos.  Unknown infos are ignored. */
static bool read_info(const struct rzs_nbd_handshake *h, struct string *name, unsigned *asked)
{
	struct cursor c = data_of(h);
	uint16_t nr, info;

	*asked = 0;
	if (!get_string(&c, name) || !get16(&c, &nr) || c.left != 2u * nr)
		return false;
	while (get16(&c, &info))
		if (info <= INFO_BLOCK_SIZE)
			*asked |= 1u << info;
	return true;
}

/* INFO and GO; GO also ends the handshake. */
static uint8_t *answer_info(struct rzs_nbd_handshake *h, uint8_t *out)
{
	struct rzs_nbd_export e = {0};
	struct string name;
	unsigned asked;
	const char *why;
	int err;

	if (!read_info(h, &name, &asked))
		return put_invalid(h, out, "malformed name or list of infos");
	err = find(h, &name, &e, &why);
	if (err)
		return put_no_export(h, out, err, why);
	out = put_infos(h, out, &e, asked);
	if (h->option == OPT_GO)
		agree(h, &e, &name);
	return put_ack(h, out);
}

static uint8_t *answer_structured_reply(struct rzs_nbd_handshake *h, uint8_t *out)
{
	if (h->length)
		return put_invalid(h, out, "STRUCTURED_REPLY has no data");
	h->session.structured = true;
	return put_ack(h, out);
}

/*
 * Name, number of queries, queries.  *matches: whether a query selects base:allocation.  No query
 * lists all contexts, and sets none.
 */
static bool read_queries(const struct rzs_nbd_handshake *h, struct string *name, bool *matches)
{
	bool listing = h->option == OPT_LIST_META_CONTEXT;
	struct cursor c = data_of(h);
	struct string query;
	uint32_t nr, i;

	*matches = false;
	if (!get_string(&c, name) || !get32(&c, &nr))
		return false;
	if (nr == 0)
		*matches = listing;
	for (i = 0; i < nr; i++) {
		if (!get_string(&c, &query))
			return false;
		if (is(&query, CONTEXT_NAME) || (listing && is(&query, CONTEXT_ALL)))
			*matches = true;
	}
	return c.left == 0;
}

static uint8_t *put_context(const struct rzs_nbd_handshake *h, uint8_t *out, uint32_t id)
{
	struct string name = of_server(CONTEXT_NAME);

	out = put_header(h, out, REP_META_CONTEXT, 4 + name.len);
	return put_string(rzs_nbd_put32(out, id), name);
}

/* A SET that fails has unset the context already; see rzs_nbd_option_answer(). */
static uint8_t *answer_meta_context(struct rzs_nbd_handshake *h, uint8_t *out)
{
	bool setting = h->option == OPT_SET_META_CONTEXT, matches;
	struct rzs_nbd_export e = {0};
	struct string name;
	const char *why;
	int err;

	if (setting && !h->session.structured)
		return put_invalid(h, out, "structured replies come first");
	if (!read_queries(h, &name, &matches))
		return put_invalid(h, out, "malformed name or queries");
	err = find(h, &name, &e, &why);
	if (err)
		return put_no_export(h, out, err, why);
	if (matches)
		out = put_context(h, out, setting ? CONTEXT_ID : 0);
	if (matches && setting) {
		h->context_set = true;
		h->context_name_len = name.len;
		memcpy(h->context_name, name.at, name.len);
	}
	return put_ack(h, out);
}

/* Whether the answer depends on the data, which must then have been kept completely. */
static bool reads_data(uint32_t option)
{
	return option == OPT_INFO || option == OPT_GO || option == OPT_LIST_META_CONTEXT ||
	       option == OPT_SET_META_CONTEXT;
}

/* Options that have an error reply. */
static uint8_t *answer_refusable(struct rzs_nbd_handshake *h, uint8_t *out)
{
	if (h->shutdown)
		return put_refusal(h, out, REP_ERR_SHUTDOWN, "the server is shutting down");
	if (h->length > sizeof(h->data) && reads_data(h->option))
		return put_refusal(h, out, REP_ERR_TOO_BIG, NULL);
	switch (h->option) {
	case OPT_LIST:
		return answer_list(h, out);
	case OPT_INFO:
	case OPT_GO:
		return answer_info(h, out);
	case OPT_STRUCTURED_REPLY:
		return answer_structured_reply(h, out);
	case OPT_LIST_META_CONTEXT:
	case OPT_SET_META_CONTEXT:
		return answer_meta_context(h, out);
	default:
		return put_refusal(h, out, REP_ERR_UNSUP, NULL);
	}
}

uint8_t *rzs_nbd_option_answer(struct rzs_nbd_handshake *h, uint8_t *out)
{
	h->phase = RZS_NBD_PHASE_OPTION;
	switch (h->option) {
	case OPT_EXPORT_NAME:
		return answer_export_name(h, out);
	case OPT_ABORT:
		return answer_abort(h, out);
	case OPT_SET_META_CONTEXT:
		h->context_set = false;
		return answer_refusable(h, out);
	default:
		return answer_refusable(h, out);
	}
}
