/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client's side of a handshake; see nbd_talk.h. */
#include "nbd_talk.h"

#include <stdlib.h>
#include <string.h>

#define OPTION_MAGIC 0x49484156454f5054u
#define REPLY_MAGIC  0x0003e889045565a9u
#define MAX_OPTIONS  64u
#define STRING_MAX   4096u

void talk_put(struct talk *t, const void *bytes, size_t len)
{
	if (t->len + len > t->room) {
		t->room = 2 * (t->len + len);
		t->bytes = realloc(t->bytes, t->room);
		if (!t->bytes)
			exit(99);
	}
	if (len)
		memcpy(t->bytes + t->len, bytes, len);
	t->len += len;
}

void talk_put16(struct talk *t, uint16_t v)
{
	uint8_t b[2] = {(uint8_t)(v >> 8), (uint8_t)v};

	talk_put(t, b, 2);
}

void talk_put32(struct talk *t, uint32_t v)
{
	talk_put16(t, (uint16_t)(v >> 16));
	talk_put16(t, (uint16_t)v);
}

void talk_put64(struct talk *t, uint64_t v)
{
	talk_put32(t, (uint32_t)(v >> 32));
	talk_put32(t, (uint32_t)v);
}

void talk_put_string(struct talk *t, const char *s)
{
	talk_put32(t, (uint32_t)strlen(s));
	talk_put(t, s, strlen(s));
}

void talk_free(struct talk *t)
{
	free(t->bytes);
	*t = (struct talk){0};
}

uint16_t talk_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] * 256u + p[1]);
}

uint32_t talk_get32(const uint8_t *p)
{
	return (uint32_t)talk_get16(p) << 16 | talk_get16(p + 2);
}

uint64_t talk_get64(const uint8_t *p)
{
	return (uint64_t)talk_get32(p) << 32 | talk_get32(p + 4);
}

void talk_option(struct talk *t, uint32_t option, const void *data, size_t len)
{
	talk_put64(t, OPTION_MAGIC);
	talk_put32(t, option);
	talk_put32(t, (uint32_t)len);
	talk_put(t, data, len);
}

void talk_info_data(struct talk *data, const char *name, const uint16_t *infos, uint16_t nr)
{
	uint16_t i;

	talk_put_string(data, name);
	talk_put16(data, nr);
	for (i = 0; i < nr; i++)
		talk_put16(data, infos[i]);
}

void talk_meta_data(struct talk *data, const char *name, const char *const *queries, uint32_t nr)
{
	uint32_t i;

	talk_put_string(data, name);
	talk_put32(data, nr);
	for (i = 0; i < nr; i++)
		talk_put_string(data, queries[i]);
}

void talk_reply(struct talk *t, uint32_t option, uint32_t type, const void *data, size_t len)
{
	talk_put64(t, REPLY_MAGIC);
	talk_put32(t, option);
	talk_put32(t, type);
	talk_put32(t, (uint32_t)len);
	talk_put(t, data, len);
}

/* ---- judging ---- */

struct judge {
	const uint8_t *in, *out;
	size_t in_left, out_left;
	enum rzs_nbd_progress end;
	bool shutdown, no_zeroes;
	struct talk_result *result;

	/* The option in hand. */
	uint32_t option, length;
	const uint8_t *data;
	unsigned infos, contexts; /* INFO_* received so far, as bits; contexts received so far */

	/* The last SET_META that selected something. */
	const uint8_t *context_name;
	uint32_t context_name_len;
};

static const uint8_t *next(const uint8_t **at, size_t *left, size_t n)
{
	const uint8_t *p = *at;

	if (n > *left)
		return NULL;
	*at += n;
	*left -= n;
	return p;
}

/* Nothing more was taken or put, and it ended like this. */
static const char *ends(const struct judge *j, enum rzs_nbd_progress how)
{
	if (j->in_left)
		return "more was taken than the handshake has";
	if (j->out_left)
		return "more was sent than the handshake has";
	if (j->end != how)
		return how == RZS_NBD_MORE    ? "it ended, and should go on"
		       : how == RZS_NBD_CLOSE ? "it should hang up"
					      : "it should be in transmission";
	return NULL;
}

/* What the option in hand asks for.  False: it is malformed. */
struct asked {
	const uint8_t *name;
	uint32_t name_len;
	unsigned infos;		/* as bits */
	bool context, wildcard; /* among the queries */
	uint32_t queries;
};

static bool read_queries(struct asked *a, const uint8_t **p, size_t *left)
{
	const uint8_t *at = next(p, left, 4);
	uint32_t i;

	a->queries = at ? talk_get32(at) : 0;
	for (i = 0; at && i < a->queries; i++) {
		uint32_t len = (at = next(p, left, 4)) ? talk_get32(at) : 0;

		at = at && len <= STRING_MAX ? next(p, left, len) : NULL;
		if (!at || (len && memchr(at, 0, len)))
			return false;
		a->context |= len == 15 && memcmp(at, "base:allocation", 15) == 0;
		a->wildcard |= len == 5 && memcmp(at, "base:", 5) == 0;
	}
	return at && *left == 0;
}

static bool read_infos(struct asked *a, const uint8_t **p, size_t *left)
{
	const uint8_t *at = next(p, left, 2);
	unsigned nr = at ? talk_get16(at) : 0;

	if (!at || *left != nr * 2u)
		return false;
	for (; nr; nr--) {
		unsigned info = talk_get16(next(p, left, 2));

		a->infos |= info < 32 ? 1u << info : 0;
	}
	return true;
}

static bool read_asked(const struct judge *j, struct asked *a)
{
	size_t left = j->length;
	const uint8_t *p = j->data, *at;

	*a = (struct asked){.name = j->data, .name_len = j->length};
	if (j->option == TALK_LIST || j->option == TALK_STRUCTURED_REPLY)
		return left == 0;
	if (j->option < TALK_INFO || j->option > TALK_SET_META)
		return true;
	at = next(&p, &left, 4);
	a->name_len = at ? talk_get32(at) : 0;
	a->name = at && a->name_len <= STRING_MAX ? next(&p, &left, a->name_len) : NULL;
	if (!a->name || (a->name_len && memchr(a->name, 0, a->name_len)))
		return false;
	if (j->option == TALK_INFO || j->option == TALK_GO)
		return read_infos(a, &p, &left);
	return read_queries(a, &p, &left);
}

static void enter(struct judge *j)
{
	struct asked a;

	read_asked(j, &a);
	j->result->block_status =
		j->context_name && a.name_len == j->context_name_len &&
		(a.name_len == 0 || memcmp(a.name, j->context_name, a.name_len) == 0);
}

static const char *judge_flags(const struct judge *j, uint16_t flags)
{
	if (!(flags & RZS_NBD_FLAG_HAS_FLAGS))
		return "no HAS_FLAGS";
	if (!(flags & RZS_NBD_FLAG_DF) != !j->result->structured)
		return "DF goes with structured replies";
	return NULL;
}

static const char *judge_info(struct judge *j, const uint8_t *data, uint32_t len)
{
	unsigned type = len < 2 ? 0xffff : talk_get16(data);

	if (type > 3 || (j->infos & 1u << type))
		return "an unknown info, or one told twice";
	j->infos |= 1u << type;
	if (type == 0 && len == 12) {
		j->result->size = talk_get64(data + 2);
		j->result->flags = talk_get16(data + 10);
		return judge_flags(j, j->result->flags);
	}
	if (type == 3 && len == 14) {
		j->result->max_payload = talk_get32(data + 10);
		return NULL;
	}
	if ((type != 1 && type != 2) || len > 2 + STRING_MAX)
		return "an info of a wrong length";
	return NULL;
}

/* A reply that is not the last one of its option. */
static const char *judge_content(struct judge *j, uint32_t type, const uint8_t *data, uint32_t len)
{
	switch (type) {
	case TALK_SERVER:
		if (j->option != TALK_LIST)
			break;
		if (len < 4 || talk_get32(data) > len - 4 || talk_get32(data) > STRING_MAX ||
		    len - 4 - talk_get32(data) > STRING_MAX)
			return "a malformed entry of a list";
		return NULL;
	case TALK_REP_INFO:
		if (j->option != TALK_INFO && j->option != TALK_GO)
			break;
		return judge_info(j, data, len);
	case TALK_META_CONTEXT:
		if (j->option != TALK_LIST_META && j->option != TALK_SET_META)
			break;
		if (len != 4 + 15 || memcmp(data + 4, "base:allocation", 15) || j->contexts++)
			return "a context that is none, or twice";
		if (j->option == TALK_SET_META)
			j->result->context = talk_get32(data);
		return NULL;
	}
	return "a reply that does not go with its option";
}

static bool is_known(uint32_t option)
{
	return option == TALK_LIST || option == TALK_ABORT ||
	       (option >= TALK_INFO && option <= TALK_SET_META);
}

static const char *judge_error(const struct judge *j, uint32_t type, const uint8_t *data,
			       uint32_t len)
{
	struct asked a;

	if (len > STRING_MAX || (len && memchr(data, 0, len)))
		return "a message that is no string";
	if (type == TALK_ERR_SHUTDOWN && j->shutdown)
		return j->option == TALK_ABORT ? "ABORT refused" : NULL;
	if (j->option == TALK_ABORT)
		return "ABORT refused";
	if ((type == TALK_ERR_UNSUP) == is_known(j->option))
		return "UNSUP is for options that are not known, and those get nothing else";
	if (type == TALK_ERR_INVALID && read_asked(j, &a) &&
	    (j->option != TALK_SET_META || j->result->structured))
		return "INVALID, and there is nothing wrong with it";
	if (type != TALK_ERR_UNSUP && type != TALK_ERR_POLICY && type != TALK_ERR_INVALID &&
	    type != TALK_ERR_UNKNOWN && type != TALK_ERR_SHUTDOWN && type != TALK_ERR_TOO_BIG)
		return "an error nobody knows";
	return NULL;
}

static const char *judge_infos(const struct judge *j, const struct asked *a)
{
	if ((j->infos & 9) != 9)
		return "acknowledged without telling export or block sizes";
	if ((j->infos & 2) != (a->infos & 2) || (j->infos & ~a->infos & 4))
		return "name or description told unasked, or no name";
	return NULL;
}

static const char *judge_contexts(struct judge *j, const struct asked *a)
{
	bool set = j->option == TALK_SET_META;

	if (set && !j->result->structured)
		return "contexts without structured replies";
	if (j->contexts != (a->context || (!set && (a->wildcard || !a->queries))))
		return "contexts other than were asked for";
	if (set && j->contexts) {
		j->context_name = a->name;
		j->context_name_len = a->name_len;
	}
	return NULL;
}

static const char *judge_ack(struct judge *j)
{
	struct asked a;

	if (!is_known(j->option))
		return "an option that is not known is acknowledged";
	if (j->option == TALK_ABORT)
		return NULL;
	if (!read_asked(j, &a))
		return "a malformed option is acknowledged";
	switch (j->option) {
	case TALK_INFO:
	case TALK_GO:
		return judge_infos(j, &a);
	case TALK_LIST_META:
	case TALK_SET_META:
		return judge_contexts(j, &a);
	case TALK_STRUCTURED_REPLY:
		j->result->structured = true;
		return NULL;
	default:
		return NULL;
	}
}

/* The replies to the option in hand.  *acked: the last one says so. */
static const char *judge_replies(struct judge *j, bool *acked)
{
	j->infos = j->contexts = 0;
	if (j->option == TALK_SET_META)
		j->context_name = NULL;
	for (;;) {
		const uint8_t *header = next(&j->out, &j->out_left, 20), *data;
		const char *wrong;
		uint32_t type, len;

		if (!header || talk_get64(header) != REPLY_MAGIC ||
		    talk_get32(header + 8) != j->option)
			return "no reply, or no reply to this option";
		type = talk_get32(header + 12);
		len = talk_get32(header + 16);
		data = next(&j->out, &j->out_left, len);
		if (!data)
			return "a reply longer than what was sent";
		*acked = type == TALK_ACK;
		if (*acked)
			return len ? "ACK has no data" : judge_ack(j);
		if (type & 0x80000000u)
			return judge_error(j, type, data, len);
		wrong = judge_content(j, type, data, len);
		if (wrong)
			return wrong;
	}
}

static const char *judge_export_name(struct judge *j)
{
	static const uint8_t zeroes[124];
	const uint8_t *reply, *padding;
	const char *wrong;

	if (j->end != RZS_NBD_TRANSMISSION)
		return ends(j, RZS_NBD_CLOSE);
	reply = next(&j->out, &j->out_left, 10);
	if (!reply)
		return "no reply to EXPORT_NAME";
	j->result->size = talk_get64(reply);
	j->result->flags = talk_get16(reply + 8);
	wrong = judge_flags(j, j->result->flags);
	if (wrong)
		return wrong;
	if (!j->no_zeroes) {
		padding = next(&j->out, &j->out_left, 124);
		if (!padding || memcmp(padding, zeroes, 124))
			return "no padding";
	}
	enter(j);
	return ends(j, RZS_NBD_TRANSMISSION);
}

/* One option.  *done: the verdict is final. */
static const char *judge_option(struct judge *j, bool *done)
{
	const uint8_t *header = next(&j->in, &j->in_left, 16);
	const char *wrong;
	bool acked = false;

	*done = true;
	if (!header) { /* it is to be gone on with */
		j->in_left = 0;
		return ends(j, RZS_NBD_MORE);
	}
	j->option = talk_get32(header + 8);
	j->length = talk_get32(header + 12);
	if (talk_get64(header) != OPTION_MAGIC || j->length > TALK_SKIP_MAX ||
	    j->result->options == MAX_OPTIONS)
		return ends(j, RZS_NBD_CLOSE);
	j->data = next(&j->in, &j->in_left, j->length);
	if (!j->data) {
		j->in_left = 0;
		return ends(j, RZS_NBD_MORE);
	}
	j->result->options++;
	j->result->max_payload = 0; /* was of another export */
	if (j->option == TALK_EXPORT_NAME)
		return judge_export_name(j);
	wrong = judge_replies(j, &acked);
	if (wrong)
		return wrong;
	if (acked && j->option == TALK_ABORT)
		return ends(j, RZS_NBD_CLOSE);
	if (acked && j->option == TALK_GO) {
		enter(j);
		return ends(j, RZS_NBD_TRANSMISSION);
	}
	*done = false;
	return NULL;
}

const char *talk_judge(const uint8_t *in, size_t used, const uint8_t *out, size_t out_len,
		       enum rzs_nbd_progress end, bool shutdown, struct talk_result *result)
{
	static const uint8_t greeting[] = "NBDMAGICIHAVEOPT\0\3";
	struct judge j = {.in = in,
			  .in_left = used,
			  .out = out,
			  .out_left = out_len,
			  .end = end,
			  .shutdown = shutdown,
			  .result = result};
	const uint8_t *p = next(&j.out, &j.out_left, TALK_GREETING);
	const char *wrong;
	bool done = false;

	*result = (struct talk_result){0};
	if (!p || memcmp(p, greeting, TALK_GREETING))
		return "no greeting";
	p = next(&j.in, &j.in_left, 4);
	if (!p) {
		j.in_left = 0;
		return ends(&j, RZS_NBD_MORE);
	}
	if (talk_get32(p) & ~(TALK_FIXED | TALK_NO_ZEROES))
		return ends(&j, RZS_NBD_CLOSE);
	j.no_zeroes = talk_get32(p) & TALK_NO_ZEROES;
	do
		wrong = judge_option(&j, &done);
	while (!wrong && !done);
	return wrong;
}

/* ---- sessions by chance ---- */

/* The data that goes with the option, mostly. */
static void random_data(struct talk *data, uint32_t option, struct pages_rng *rng)
{
	static const char *const names[] = {"",	 "rzs0", "rzs0", "rzs0", "rzs1",
					    "b", "a",	 "s",	 "none"};
	static const char *const queries[] = {"base:allocation", "base:allocation", "base:", "",
					      "x:y"};
	static char too_long[STRING_MAX + 2];
	const char *name = names[pages_below(rng, 9)], *some[3];
	uint16_t infos[4];
	unsigned i;

	memset(too_long, 'n', STRING_MAX + 1);
	if (pages_below(rng, 64) == 0)
		name = too_long + pages_below(rng, 3);
	for (i = 0; i < 4; i++)
		infos[i] = (uint16_t)pages_below(rng, 5);
	for (i = 0; i < 3; i++)
		some[i] = queries[pages_below(rng, 5)];
	if (option == TALK_EXPORT_NAME)
		talk_put(data, name, strlen(name));
	else if (option == TALK_INFO || option == TALK_GO)
		talk_info_data(data, name, infos, (uint16_t)pages_below(rng, 5));
	else if (option == TALK_LIST_META || option == TALK_SET_META)
		talk_meta_data(data, name, some, (uint32_t)pages_below(rng, 4));
	if (pages_below(rng, 16) == 0)
		talk_put(data, names, (size_t)pages_below(rng, 9));
	if (data->len && pages_below(rng, 32) == 0)
		data->bytes[pages_below(rng, data->len)] ^= (uint8_t)(1u << pages_below(rng, 8));
}

static void random_option(struct talk *t, uint32_t option, struct pages_rng *rng)
{
	struct talk data = {0};

	random_data(&data, option, rng);
	talk_option(t, option, data.bytes, data.len);
	talk_free(&data);
}

void talk_random(struct talk *t, unsigned options, struct pages_rng *rng)
{
	static const uint32_t often[] = {TALK_LIST,	 TALK_INFO,	TALK_STRUCTURED_REPLY,
					 TALK_LIST_META, TALK_SET_META, TALK_STARTTLS};

	talk_put32(t, (uint32_t)pages_below(rng, pages_below(rng, 32) ? 4 : 8));
	while (options--)
		random_option(t,
			      pages_below(rng, 16) ? often[pages_below(rng, 6)]
						   : (uint32_t)pages_below(rng, 13),
			      rng);
	random_option(t, pages_below(rng, 4) ? TALK_GO : TALK_EXPORT_NAME, rng);
	if (pages_below(rng, 8) == 0)
		t->bytes[pages_below(rng, t->len)] ^= (uint8_t)(1u << pages_below(rng, 8));
}
