/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A scripted handshake: what the client says, what the server should say to it, and how it ends.
 * ends() has it played whole, byte by byte, cut in two at every place and in random pieces, and
 * every time it must come out the same.
 */
#ifndef NBD_RIG_H
#define NBD_RIG_H

#include "t.h"

#include "nbd_drive.h"

/* Longer sessions are cut in two at some places only; valgrind, the slowest, cuts fewer. */
#define CUTS_ALL  (t_scale() > 10 ? 700u : 20000u)
#define CUTS_SOME 100u

static struct rzs_nbd_exports exports;
static struct talk said;
static struct talk wanted;
static size_t said_to; /* what comes after is not the handshake's */
static bool is_shut;
static size_t shut_after;

/* Replies whose message is nobody's business: where their length stands in `wanted`. */
static size_t any_message[256];
static unsigned nr_any;

/* These exports, and the client's flags. */
static inline void begin(const struct drive_exports *e, uint32_t flags)
{
	drive_exports(e, &exports);
	talk_put(&wanted, "NBDMAGICIHAVEOPT\0\3", TALK_GREETING);
	talk_put32(&said, flags);
}

static inline void say(uint32_t option, const void *data, size_t len)
{
	talk_option(&said, option, data, len);
}

static inline void say_talk(uint32_t option, struct talk *data)
{
	say(option, data->bytes, data->len);
	talk_free(data);
}

/* INFO or GO. */
static inline void say_info(uint32_t option, const char *name, const uint16_t *infos, unsigned nr)
{
	struct talk data = {0};

	talk_info_data(&data, name, infos, (uint16_t)nr);
	say_talk(option, &data);
}

/* LIST_META or SET_META, with one query or (NULL) none. */
static inline void say_meta(uint32_t option, const char *name, const char *query)
{
	struct talk data = {0};

	talk_meta_data(&data, name, &query, query != NULL);
	say_talk(option, &data);
}

static inline void want(uint32_t option, uint32_t type, const void *data, size_t len)
{
	talk_reply(&wanted, option, type, data, len);
}

static inline void want_ack(uint32_t option)
{
	want(option, TALK_ACK, NULL, 0);
}

static inline void want_talk(uint32_t option, uint32_t type, struct talk *data)
{
	want(option, type, data->bytes, data->len);
	talk_free(data);
}

/* why NULL: whatever the message. */
static inline void want_error(uint32_t option, uint32_t type, const char *why)
{
	if (!why)
		any_message[nr_any++] = wanted.len + 16;
	want(option, type, why, why ? strlen(why) : 0);
}

static inline void want_export(uint32_t option, uint64_t size, uint16_t flags)
{
	struct talk data = {0};

	talk_put16(&data, 0);
	talk_put64(&data, size);
	talk_put16(&data, flags);
	want_talk(option, TALK_REP_INFO, &data);
}

static inline void want_string(uint32_t option, uint16_t info, const char *text)
{
	struct talk data = {0};

	talk_put16(&data, info);
	talk_put(&data, text, strlen(text));
	want_talk(option, TALK_REP_INFO, &data);
}

static inline void want_sizes(uint32_t option, const struct rzs_nbd_export *e)
{
	struct talk data = {0};

	talk_put16(&data, 3);
	talk_put32(&data, e->min_block);
	talk_put32(&data, e->preferred_block);
	talk_put32(&data, e->max_payload);
	want_talk(option, TALK_REP_INFO, &data);
}

static inline void want_server(const char *name, const char *description)
{
	struct talk data = {0};

	talk_put_string(&data, name);
	if (description)
		talk_put(&data, description, strlen(description));
	want_talk(TALK_LIST, TALK_SERVER, &data);
}

static inline void want_context(uint32_t option, uint32_t id)
{
	struct talk data = {0};

	talk_put32(&data, id);
	talk_put(&data, "base:allocation", 15);
	want_talk(option, TALK_META_CONTEXT, &data);
}

/* Bytes that come with the last ones of the handshake and are not its. */
static inline void say_after(const void *bytes, size_t len)
{
	said_to = said.len;
	talk_put(&said, bytes, len);
}

/* The server begins to shut down between what has been said and what follows. */
static inline void shut_down_now(void)
{
	is_shut = true;
	shut_after = said.len;
}

/* Take the messages that do not matter out of what was heard. */
static inline void forget_messages(struct talk *heard)
{
	unsigned i;

	for (i = 0; i < nr_any; i++) {
		size_t end = any_message[i] + 4;
		uint32_t len;

		if (heard->len < end)
			return;
		len = talk_get32(heard->bytes + any_message[i]);
		if (len > heard->len - end || len > RZS_NBD_STRING_MAX)
			return;
		memset(heard->bytes + any_message[i], 0, 4);
		memmove(heard->bytes + end, heard->bytes + end + len, heard->len - end - len);
		heard->len -= len;
	}
}

static inline void play_again(const struct drive_pace *pace, const struct drive_result *first)
{
	struct drive_result r;
	const char *wrong = drive(&exports, said.bytes, said.len, pace, &r);

	if (!wrong)
		wrong = drive_compare(first, &r);
	if (wrong)
		T_FAIL("split %zu, piece %zu, seed %llu: %s", pace->split, pace->piece,
		       (unsigned long long)pace->seed, wrong);
	talk_free(&r.out);
}

/* A session that is shut down has that moment for its only cut. */
static inline void play_in_pieces(const struct drive_result *first, uint64_t *seed)
{
	struct drive_pace pace = {.piece = 1, .shut = is_shut, .shut_after = shut_after};
	size_t i, last = said.len ? said.len - 1 : 0, cuts = last < CUTS_ALL ? last : CUTS_SOME;

	play_again(&pace, first);
	if (is_shut)
		return;
	pace.piece = 0;
	for (i = 1; i <= cuts; i++) {
		pace.split = cuts == last ? i : 1 + t_rand(seed) % last;
		play_again(&pace, first);
	}
	pace.split = 0;
	for (i = 0; i < 20; i++) {
		pace.seed = t_rand(seed) | 1;
		play_again(&pace, first);
	}
}

/* Play it.  What was agreed on, when the end is TRANSMISSION. */
static inline struct rzs_nbd_session ends(enum rzs_nbd_progress end)
{
	struct drive_pace pace = {
		.split = is_shut ? shut_after : 0, .shut = is_shut, .shut_after = shut_after};
	uint64_t seed = t_seed();
	struct talk_result judged;
	struct drive_result r;
	const char *wrong = drive(&exports, said.bytes, said.len, &pace, &r);

	if (wrong)
		T_FAIL("%s", wrong);
	play_in_pieces(&r, &seed);
	wrong = talk_judge(said.bytes, r.used, r.out.bytes, r.out.len, r.end, is_shut, &judged);
	if (wrong)
		T_FAIL("a client would say: %s", wrong);
	forget_messages(&r.out);
	if (r.out.len < wanted.len)
		T_MEM_EQ(r.out.bytes, wanted.bytes, r.out.len);
	else
		T_MEM_EQ(r.out.bytes, wanted.bytes, wanted.len);
	T_EQ(r.out.len, wanted.len);
	T_EQ(r.end, end);
	T_EQ(r.used, said_to ? said_to : said.len);
	if (end == RZS_NBD_TRANSMISSION) {
		T_EQ(r.session.structured, judged.structured);
		T_EQ(r.session.block_status, judged.block_status);
		T_EQ(r.session.size, judged.size);
		T_EQ(r.session.flags, judged.flags);
	}
	talk_free(&r.out);
	talk_free(&said);
	talk_free(&wanted);
	said_to = nr_any = 0;
	is_shut = false;
	return r.session;
}

#endif
