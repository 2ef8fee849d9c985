/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The handshake: greeting, framing, the ways into transmission and out of it. */
#include "nbd_rig.h"

#define NEW (TALK_FIXED | TALK_NO_ZEROES)

#define FLAGS	   (RZS_NBD_FLAG_FLUSH | RZS_NBD_FLAG_FUA | RZS_NBD_FLAG_MULTI_CONN)
#define FLAGS_SENT (FLAGS | RZS_NBD_FLAG_HAS_FLAGS)

static char long_name[RZS_NBD_STRING_MAX + 1], long_text[RZS_NBD_STRING_MAX + 1];

/* `why` of the one that is busy. */
#define WHY "a client is attached already"

static const struct drive_export list[] = {
	{.e = {.name = "rzs0",
	       .description = "a swap area",
	       .size = 0x123456789000,
	       .flags = FLAGS,
	       .min_block = 1,
	       .preferred_block = 4096,
	       .max_payload = 1u << 20,
	       .tag = long_text}},
	{.e = {.name = "bare", .size = 8192, .max_payload = RZS_NBD_MAX_PAYLOAD, .tag = long_name}},
	{.e = {.name = long_name, .description = long_text, .size = 1, .flags = RZS_NBD_FLAG_DF}},
	{.e = {.name = "rzs1", .size = 5, .flags = FLAGS}},
	{.e = {.name = "b"}, .err = -EBUSY},
	{.e = {.name = "busy"}, .err = -EBUSY, .why = WHY},
	{.e = {.name = "denied"}, .err = -EACCES},
	{.e = {.name = "leaving"}, .err = -ESHUTDOWN},
};
#define RZS0 (&list[0].e)
#define BARE (&list[1].e)

static const struct drive_exports all = {.list = list, .nr = sizeof(list) / sizeof(list[0])};
static const struct drive_exports none = {.list = NULL};

__attribute__((constructor)) static void make_strings(void)
{
	memset(long_name, 'n', RZS_NBD_STRING_MAX);
	memset(long_text, 't', RZS_NBD_STRING_MAX);
}

/* GO to rzs0, as most sessions end. */
static void go(void)
{
	say_info(TALK_GO, "rzs0", NULL, 0);
	want_export(TALK_GO, RZS0->size, FLAGS_SENT);
	want_sizes(TALK_GO, RZS0);
	want_ack(TALK_GO);
}

/* ---- greeting and framing ---- */

T_TEST(the_greeting_comes_first_and_needs_no_input)
{
	begin(&all, NEW);
	talk_free(&said);
	ends(RZS_NBD_MORE);
}

T_TEST(nothing_is_put_with_too_little_room)
{
	struct rzs_nbd_handshake *h = malloc(rzs_nbd_handshake_size());
	uint8_t out[RZS_NBD_HANDSHAKE_OUT_MIN];
	size_t used = 1, put = 1;

	drive_exports(&all, &exports);
	rzs_nbd_handshake_init(h, &exports);
	T_EQ(rzs_nbd_handshake_step(h, "xy", 2, &used, NULL, 0, &put), RZS_NBD_MORE);
	T_EQ(used, 0);
	T_EQ(put, 0);
	T_EQ(rzs_nbd_handshake_step(h, "xy", 2, &used, out, sizeof(out) - 1, &put), RZS_NBD_MORE);
	T_EQ(put, 0);
	T_EQ(rzs_nbd_handshake_step(h, NULL, 0, &used, out, sizeof(out), &put), RZS_NBD_MORE);
	T_EQ(put, TALK_GREETING);
	free(h);
}

T_TEST(unknown_client_flags_close)
{
	unsigned bit;

	for (bit = 2; bit < 32; bit++) {
		begin(&all, NEW | 1u << bit);
		say_after("IHAVEOPT", 8);
		ends(RZS_NBD_CLOSE);
	}
}

T_TEST(each_known_client_flag_may_be_missing)
{
	uint32_t flags;

	for (flags = 0; flags <= NEW; flags++) {
		begin(&all, flags);
		go(); /* never any padding */
		ends(RZS_NBD_TRANSMISSION);
	}
}

T_TEST(an_option_without_its_magic_closes)
{
	unsigned byte;

	for (byte = 0; byte < 8; byte++) {
		begin(&all, NEW);
		say(TALK_LIST, NULL, 0);
		said.bytes[4 + byte] ^= 0x20;
		say_after("more", 4);
		ends(RZS_NBD_CLOSE);
	}
}

T_TEST(unknown_options_are_skipped)
{
	static const uint32_t options[] = {
		0,    TALK_PEEK_EXPORT, TALK_STARTTLS, TALK_EXTENDED_HEADERS, 12,
		0xff, 0x80000001,	UINT32_MAX};
	char data[300];
	unsigned i;

	memset(data, 'x', sizeof(data));
	begin(&all, NEW);
	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		say(options[i], data, i * 37);
		want_error(options[i], TALK_ERR_UNSUP, "");
	}
	go();
	ends(RZS_NBD_TRANSMISSION);
}

T_TEST_TIMEOUT(data_is_skipped_up_to_a_bound, 120)
{
	char *data = calloc(1, TALK_SKIP_MAX + 1);

	begin(&all, NEW);
	say(77, data, TALK_OPTION_MAX);
	want_error(77, TALK_ERR_UNSUP, "");
	say(77, data, TALK_SKIP_MAX);
	want_error(77, TALK_ERR_UNSUP, "");
	go();
	ends(RZS_NBD_TRANSMISSION);
	begin(&all, NEW);
	say(77, NULL, 0);
	said.len -= 4;
	talk_put32(&said, TALK_SKIP_MAX + 1);
	say_after(data, 100);
	ends(RZS_NBD_CLOSE);
	free(data);
}

T_TEST(a_length_of_4_gib_closes)
{
	begin(&all, NEW);
	say(TALK_INFO, NULL, 0);
	said.len -= 4;
	talk_put32(&said, UINT32_MAX);
	ends(RZS_NBD_CLOSE);
}

T_TEST(more_data_than_is_kept_is_too_big)
{
	static const uint32_t options[] = {TALK_INFO, TALK_GO, TALK_LIST_META, TALK_SET_META};
	static uint16_t infos[TALK_OPTION_MAX / 2 + 1];
	struct talk data = {0};
	unsigned i;

	/* The longest that is kept, then one info more. */
	for (i = 0; i < 2; i++) {
		begin(&all, NEW);
		talk_info_data(&data, "rzs0", infos,
			       (uint16_t)((TALK_OPTION_MAX - 4 - 4 - 2) / 2 + i));
		T_EQ(data.len, TALK_OPTION_MAX + 2 * i);
		say_talk(TALK_INFO, &data);
		if (i) {
			want_error(TALK_INFO, TALK_ERR_TOO_BIG, NULL);
		} else {
			want_export(TALK_INFO, RZS0->size, FLAGS_SENT);
			want_sizes(TALK_INFO, RZS0);
			want_ack(TALK_INFO);
		}
		go();
		ends(RZS_NBD_TRANSMISSION);
	}
	begin(&all, NEW);
	say(TALK_STRUCTURED_REPLY, NULL, 0);
	want_ack(TALK_STRUCTURED_REPLY);
	for (i = 0; i < 4; i++) {
		say(options[i], infos, TALK_OPTION_MAX + 1);
		want_error(options[i], TALK_ERR_TOO_BIG, NULL);
	}
	ends(RZS_NBD_MORE);
}

/* Queries up to the last byte that is kept; the last one says it goes on behind it. */
T_TEST(no_length_leads_beyond_what_is_kept)
{
	struct talk data = {0};
	uint32_t nr;

	begin(&all, NEW);
	say(TALK_STRUCTURED_REPLY, NULL, 0);
	want_ack(TALK_STRUCTURED_REPLY);
	talk_put_string(&data, "rzs0");
	talk_put32(&data, 0);
	for (nr = 0; data.len < TALK_OPTION_MAX; nr++)
		talk_put_string(&data, "base:longest");
	T_EQ(data.len, TALK_OPTION_MAX + 12);
	data.len = TALK_OPTION_MAX;
	data.bytes[4 + 4 + 2] = (uint8_t)(nr >> 8);
	data.bytes[4 + 4 + 3] = (uint8_t)nr;
	say_talk(TALK_SET_META, &data);
	want_error(TALK_SET_META, TALK_ERR_INVALID, NULL);
	ends(RZS_NBD_MORE);
}

T_TEST(only_so_many_options_are_answered)
{
	unsigned i, extra;

	for (extra = 0; extra < 2; extra++) {
		begin(&all, NEW);
		for (i = 1; i < RZS_NBD_MAX_OPTIONS + extra; i++) {
			say(99, NULL, 0);
			want_error(99, TALK_ERR_UNSUP, "");
		}
		if (!extra) {
			go();
			ends(RZS_NBD_TRANSMISSION);
		} else {
			say(TALK_ABORT, NULL, 0);
			ends(RZS_NBD_CLOSE);
		}
	}
}

/* ---- EXPORT_NAME ---- */

static void want_old(const struct rzs_nbd_export *e, uint16_t flags, bool padding)
{
	static const uint8_t zeroes[124];

	talk_put64(&wanted, e->size);
	talk_put16(&wanted, flags);
	if (padding)
		talk_put(&wanted, zeroes, sizeof(zeroes));
}

T_TEST(export_name_enters_transmission)
{
	struct rzs_nbd_session s;

	begin(&all, NEW);
	say(TALK_EXPORT_NAME, "rzs0", 4);
	want_old(RZS0, FLAGS_SENT, false);
	s = ends(RZS_NBD_TRANSMISSION);
	T_EQ(s.tag, RZS0->tag);
	T_EQ(s.size, RZS0->size);
	T_EQ(s.max_payload, RZS0->max_payload);
	T_EQ(s.flags, FLAGS_SENT);
	T_EQ(s.structured, false);
	T_EQ(s.block_status, false);
}

T_TEST(export_name_is_padded_for_old_clients)
{
	begin(&all, 0);
	say(TALK_EXPORT_NAME, "bare", 4);
	want_old(BARE, RZS_NBD_FLAG_HAS_FLAGS, true);
	T_EQ(ends(RZS_NBD_TRANSMISSION).tag, BARE->tag);
	begin(&all, TALK_FIXED);
	say(TALK_EXPORT_NAME, "bare", 4);
	want_old(BARE, RZS_NBD_FLAG_HAS_FLAGS, true);
	ends(RZS_NBD_TRANSMISSION);
}

T_TEST(export_name_may_be_empty_or_long)
{
	begin(&all, NEW);
	say(TALK_EXPORT_NAME, NULL, 0);
	want_old(RZS0, FLAGS_SENT, false);
	ends(RZS_NBD_TRANSMISSION);
	begin(&all, NEW);
	say(TALK_EXPORT_NAME, long_name, RZS_NBD_STRING_MAX);
	want_old(&list[2].e, RZS_NBD_FLAG_HAS_FLAGS, false);
	ends(RZS_NBD_TRANSMISSION);
}

T_TEST(export_name_closes_where_there_is_no_export)
{
	static const struct {
		const char *name;
		size_t len;
	} bad[] = {{"rzs2", 4},	  {"rzs", 3},  {"rzs0 ", 5},  {"rzs0\0", 5}, {"rzs\0000", 5},
		   {"\0rzs0", 5}, {"busy", 4}, {"denied", 6}, {"leaving", 7}};
	char *longer = calloc(1, TALK_SKIP_MAX);
	unsigned i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin(&all, NEW);
		say(TALK_EXPORT_NAME, bad[i].name, bad[i].len);
		say_after("more", 4);
		ends(RZS_NBD_CLOSE);
	}
	memset(longer, 'n', TALK_SKIP_MAX);
	for (i = 0; i < 3; i++) {
		static const size_t lens[] = {RZS_NBD_STRING_MAX + 1, TALK_OPTION_MAX + 1,
					      TALK_SKIP_MAX};

		begin(&all, NEW);
		say(TALK_EXPORT_NAME, longer, lens[i]);
		ends(RZS_NBD_CLOSE);
	}
	begin(&none, NEW);
	say(TALK_EXPORT_NAME, NULL, 0);
	ends(RZS_NBD_CLOSE);
	free(longer);
}

/* Servers were made to crash by this order. */
T_TEST(export_name_may_follow_info)
{
	begin(&all, NEW);
	say_info(TALK_INFO, "rzs0", NULL, 0);
	want_export(TALK_INFO, RZS0->size, FLAGS_SENT);
	want_sizes(TALK_INFO, RZS0);
	want_ack(TALK_INFO);
	say(TALK_EXPORT_NAME, "bare", 4);
	want_old(BARE, RZS_NBD_FLAG_HAS_FLAGS, false);
	T_EQ(ends(RZS_NBD_TRANSMISSION).tag, BARE->tag);
}

/* ---- the end ---- */

T_TEST(abort_is_acknowledged)
{
	begin(&all, NEW);
	say(TALK_ABORT, NULL, 0);
	want_ack(TALK_ABORT);
	say_after("more", 4);
	ends(RZS_NBD_CLOSE);
	begin(&all, NEW);
	say(TALK_ABORT, "because", 7);
	want_ack(TALK_ABORT);
	ends(RZS_NBD_CLOSE);
}

T_TEST(requests_right_behind_go_are_left)
{
	begin(&all, NEW);
	go();
	say_after("\x25\x60\x95\x13 and so on", 14);
	ends(RZS_NBD_TRANSMISSION);
}

T_TEST(a_server_that_shuts_down_refuses_all_but_abort)
{
	begin(&all, NEW);
	say(TALK_STRUCTURED_REPLY, NULL, 0);
	want_ack(TALK_STRUCTURED_REPLY);
	shut_down_now();
	say_info(TALK_GO, "rzs0", NULL, 0);
	want_error(TALK_GO, TALK_ERR_SHUTDOWN, NULL);
	say(TALK_LIST, NULL, 0);
	want_error(TALK_LIST, TALK_ERR_SHUTDOWN, NULL);
	say(77, "data", 4);
	want_error(77, TALK_ERR_SHUTDOWN, NULL);
	say_meta(TALK_SET_META, "rzs0", "base:allocation");
	want_error(TALK_SET_META, TALK_ERR_SHUTDOWN, NULL);
	say(TALK_ABORT, NULL, 0);
	want_ack(TALK_ABORT);
	ends(RZS_NBD_CLOSE);
}

T_TEST(a_server_that_shuts_down_hangs_up_on_export_name)
{
	begin(&all, NEW);
	shut_down_now();
	say(TALK_EXPORT_NAME, "rzs0", 4);
	ends(RZS_NBD_CLOSE);
}

T_TEST(a_server_that_shuts_down_ends_a_list)
{
	struct rzs_nbd_handshake *h = malloc(rzs_nbd_handshake_size());
	uint8_t out[RZS_NBD_HANDSHAKE_OUT_MIN];
	size_t used, put;

	drive_exports(&all, &exports);
	rzs_nbd_handshake_init(h, &exports);
	talk_put32(&said, NEW);
	say(TALK_LIST, NULL, 0);
	rzs_nbd_handshake_step(h, NULL, 0, &used, out, sizeof(out), &put);
	rzs_nbd_handshake_step(h, said.bytes, said.len, &used, out, sizeof(out), &put);
	T_EQ(used, said.len);
	T_EQ(talk_get32(out + 12), TALK_SERVER);
	rzs_nbd_handshake_shutdown(h);
	T_EQ(rzs_nbd_handshake_step(h, NULL, 0, &used, out, sizeof(out), &put), RZS_NBD_MORE);
	T_EQ(talk_get32(out + 12), TALK_ERR_SHUTDOWN);
	T_EQ(put, 20 + talk_get32(out + 16));
	talk_free(&said);
	free(h);
}

/* ---- answers that are not certain yet ---- */

static unsigned asked, uncertain;

static int find_later(void *arg, const char *name, size_t len, struct rzs_nbd_export *out,
		      const char **out_why)
{
	(void)arg;
	(void)name;
	(void)len;
	*out_why = NULL;
	*out = (struct rzs_nbd_export){.name = "later", .size = 4096, .tag = &asked};
	asked++;
	return uncertain ? -EAGAIN : 0;
}

/* Not a byte is said to an option before that, and all that there is to say once, after. */
static void wait_for_answer(uint32_t option, bool ends)
{
	static const struct rzs_nbd_exports later = {.find = find_later};
	struct rzs_nbd_handshake *h = malloc(rzs_nbd_handshake_size());
	static uint8_t out[2 * RZS_NBD_HANDSHAKE_OUT_MIN];
	struct talk data = {0};
	size_t used, put;

	T_OK(h != NULL);
	asked = 0;
	talk_put32(&said, TALK_FIXED | TALK_NO_ZEROES);
	if (option == TALK_SET_META)
		talk_option(&said, TALK_STRUCTURED_REPLY, NULL, 0);
	if (option == TALK_SET_META)
		talk_meta_data(&data, "later", NULL, 0);
	else if (option == TALK_EXPORT_NAME)
		talk_put(&data, "later", 5);
	else
		talk_info_data(&data, "later", NULL, 0);
	talk_option(&said, option, data.bytes, data.len);
	talk_put(&said, "more", 4);
	rzs_nbd_handshake_init(h, &later);
	for (uncertain = 3; uncertain; uncertain--) {
		T_EQ(rzs_nbd_handshake_step(h, said.bytes, uncertain == 3 ? said.len : 0, &used,
					    out, sizeof(out), &put),
		     RZS_NBD_MORE);
		T_EQ(asked, 4 - uncertain);
		T_EQ(used, uncertain == 3 ? said.len - 4 : 0);
		T_EQ(put, uncertain < 3 ? 0 : option == TALK_SET_META ? 38 : TALK_GREETING);
	}
	T_EQ(rzs_nbd_handshake_step(h, "more", 4, &used, out, sizeof(out), &put),
	     ends ? RZS_NBD_TRANSMISSION : RZS_NBD_MORE);
	T_EQ(asked, 4);
	T_EQ(used, ends ? 0 : 4);
	T_GT(put, 0);
	talk_free(&said);
	talk_free(&data);
	free(h);
}

T_TEST(an_answer_may_have_to_wait)
{
	wait_for_answer(TALK_INFO, false);
	wait_for_answer(TALK_SET_META, false);
	wait_for_answer(TALK_GO, true);
	wait_for_answer(TALK_EXPORT_NAME, true);
}

/* A server that ends meanwhile says so. */
T_TEST(who_waits_for_an_answer_is_told_of_the_end)
{
	static const struct rzs_nbd_exports later = {.find = find_later};
	struct rzs_nbd_handshake *h = malloc(rzs_nbd_handshake_size());
	static uint8_t out[2 * RZS_NBD_HANDSHAKE_OUT_MIN];
	struct talk data = {0};
	size_t used, put;

	T_OK(h != NULL);
	uncertain = 1;
	talk_put32(&said, TALK_FIXED | TALK_NO_ZEROES);
	talk_info_data(&data, "later", NULL, 0);
	talk_option(&said, TALK_GO, data.bytes, data.len);
	rzs_nbd_handshake_init(h, &later);
	T_EQ(rzs_nbd_handshake_step(h, said.bytes, said.len, &used, out, sizeof(out), &put),
	     RZS_NBD_MORE);
	rzs_nbd_handshake_shutdown(h);
	T_EQ(rzs_nbd_handshake_step(h, NULL, 0, &used, out, sizeof(out), &put), RZS_NBD_MORE);
	T_EQ(talk_get32(out + 12), TALK_ERR_SHUTDOWN);
	talk_free(&said);
	talk_free(&data);
	free(h);
}

/* ---- whatever comes ---- */

T_TEST_TIMEOUT(random_sessions_come_out_as_a_client_expects, 120)
{
	uint64_t seed = t_seed();
	unsigned i, entered = 0, rounds = (unsigned)(2000 / t_scale());

	drive_exports(&all, &exports);
	for (i = 0; i < rounds; i++) {
		struct drive_pace whole = {0}, pieces = {.seed = t_rand(&seed) | 1};
		struct pages_rng rng = {t_rand(&seed)};
		struct talk_result judged;
		struct drive_result r;
		const char *wrong;

		talk_random(&said, (unsigned)pages_below(&rng, i % 8 ? 16 : 70), &rng);
		wrong = drive(&exports, said.bytes, said.len, &whole, &r);
		if (!wrong)
			wrong = talk_judge(said.bytes, r.used, r.out.bytes, r.out.len, r.end, false,
					   &judged);
		if (wrong)
			T_FAIL("round %u: %s", i, wrong);
		if (r.end == RZS_NBD_TRANSMISSION) {
			entered++;
			T_EQ(r.session.structured, judged.structured);
			T_EQ(r.session.block_status, judged.block_status);
			T_EQ(r.session.size, judged.size);
			T_EQ(r.session.flags, judged.flags);
		}
		play_again(&pieces, &r);
		talk_free(&r.out);
		talk_free(&said);
	}
	T_GT(entered, rounds / 10);
}
