/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The handshake's options that tell or agree on something: LIST, INFO, GO, and contexts. */
#include "nbd_rig.h"

#define NEW (TALK_FIXED | TALK_NO_ZEROES)

#define FLAGS	   (RZS_NBD_FLAG_FLUSH | RZS_NBD_FLAG_FUA | RZS_NBD_FLAG_MULTI_CONN)
#define FLAGS_SENT (FLAGS | RZS_NBD_FLAG_HAS_FLAGS)

static char long_name[RZS_NBD_STRING_MAX + 1], long_text[RZS_NBD_STRING_MAX + 1];

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
	{.e = {.name = "bare", .size = 8192, .min_block = 1, .preferred_block = 512}},
	{.e = {.name = long_name, .description = long_text, .size = 1, .flags = RZS_NBD_FLAG_DF}},
	{.e = {.name = "busy"}, .err = -EBUSY, .why = WHY},
	{.e = {.name = "denied"}, .err = -EACCES},
	{.e = {.name = "leaving"}, .err = -ESHUTDOWN},
	{.e = {.name = "unready"}, .err = -ENOENT, .why = "not initialised"},
};
#define RZS0 (&list[0].e)
#define BARE (&list[1].e)

static const struct drive_exports all = {.list = list, .nr = 7};

__attribute__((constructor)) static void make_strings(void)
{
	memset(long_name, 'n', RZS_NBD_STRING_MAX);
	memset(long_text, 't', RZS_NBD_STRING_MAX);
}

/* INFO or GO to rzs0 without infos. */
static void info(uint32_t option, uint16_t flags)
{
	say_info(option, "rzs0", NULL, 0);
	want_export(option, RZS0->size, flags);
	want_sizes(option, RZS0);
	want_ack(option);
}

static void structured(void)
{
	say(TALK_STRUCTURED_REPLY, NULL, 0);
	want_ack(TALK_STRUCTURED_REPLY);
}

/* ---- LIST ---- */

T_TEST(an_empty_list_is_acknowledged)
{
	static const struct drive_exports none = {.list = NULL};

	begin(&none, NEW);
	say(TALK_LIST, NULL, 0);
	want_ack(TALK_LIST);
	ends(RZS_NBD_MORE);
}

T_TEST(a_list_has_names_and_descriptions)
{
	begin(&all, NEW);
	say(TALK_LIST, NULL, 0);
	want_server("rzs0", "a swap area");
	want_server("bare", NULL);
	want_server(long_name, long_text);
	want_server("busy", NULL);
	want_server("denied", NULL);
	want_server("leaving", NULL);
	want_server("unready", NULL);
	want_ack(TALK_LIST);
	say(TALK_ABORT, NULL, 0);
	want_ack(TALK_ABORT);
	ends(RZS_NBD_CLOSE);
}

/* Many times the room that there is, twice over. */
T_TEST(a_list_may_be_long)
{
	static struct drive_export many[500];
	static const struct drive_exports exports_many = {.list = many, .nr = 500};
	static char names[500][16];
	unsigned i, again;

	begin(&exports_many, NEW);
	for (i = 0; i < 500; i++) {
		snprintf(names[i], sizeof(names[i]), "rzs%u", i);
		many[i].e = (struct rzs_nbd_export){.name = names[i], .description = long_text};
	}
	for (again = 0; again < 2; again++) {
		say(TALK_LIST, NULL, 0);
		for (i = 0; i < 500; i++)
			want_server(names[i], long_text);
		want_ack(TALK_LIST);
	}
	ends(RZS_NBD_MORE);
}

T_TEST(a_list_with_data_is_invalid)
{
	begin(&all, NEW);
	say(TALK_LIST, "rzs0", 4);
	want_error(TALK_LIST, TALK_ERR_INVALID, NULL);
	info(TALK_GO, FLAGS_SENT);
	ends(RZS_NBD_TRANSMISSION);
}

T_TEST(a_list_may_end_in_an_error)
{
	static const struct drive_exports fails = {.list = list, .nr = 1, .list_err = -EACCES};

	begin(&fails, NEW);
	say(TALK_LIST, NULL, 0);
	want_server("rzs0", "a swap area");
	want_error(TALK_LIST, TALK_ERR_POLICY, NULL);
	info(TALK_GO, FLAGS_SENT);
	ends(RZS_NBD_TRANSMISSION);
}

/* ---- INFO and GO ---- */

T_TEST(go_enters_transmission)
{
	struct rzs_nbd_session s;

	begin(&all, NEW);
	info(TALK_GO, FLAGS_SENT);
	s = ends(RZS_NBD_TRANSMISSION);
	T_EQ(s.tag, RZS0->tag);
	T_EQ(s.size, RZS0->size);
	T_EQ(s.max_payload, RZS0->max_payload);
	T_EQ(s.flags, FLAGS_SENT);
	T_EQ(s.structured, false);
	T_EQ(s.block_status, false);
}

T_TEST(info_tells_the_same_and_changes_nothing)
{
	begin(&all, NEW);
	info(TALK_INFO, FLAGS_SENT);
	info(TALK_INFO, FLAGS_SENT);
	info(TALK_GO, FLAGS_SENT);
	ends(RZS_NBD_TRANSMISSION);
}

T_TEST(block_sizes_are_told_unasked_strings_when_asked)
{
	static const uint16_t infos[] = {3, 2, 1, 0, 4, 0xffff};

	begin(&all, NEW);
	say_info(TALK_INFO, "rzs0", infos, 6);
	want_export(TALK_INFO, RZS0->size, FLAGS_SENT);
	want_string(TALK_INFO, 1, "rzs0");
	want_string(TALK_INFO, 2, "a swap area");
	want_sizes(TALK_INFO, RZS0);
	want_ack(TALK_INFO);
	say_info(TALK_INFO, "bare", infos + 1, 2);
	want_export(TALK_INFO, BARE->size, RZS_NBD_FLAG_HAS_FLAGS);
	want_string(TALK_INFO, 1, "bare"); /* which has no description */
	want_sizes(TALK_INFO, BARE);
	want_ack(TALK_INFO);
	say_info(TALK_INFO, "rzs0", infos + 2, 1);
	want_export(TALK_INFO, RZS0->size, FLAGS_SENT);
	want_string(TALK_INFO, 1, "rzs0");
	want_sizes(TALK_INFO, RZS0);
	want_ack(TALK_INFO);
	ends(RZS_NBD_MORE);
}

T_TEST(what_is_asked_twice_is_told_once)
{
	static const uint16_t infos[] = {1, 1, 3, 3, 1};

	begin(&all, NEW);
	say_info(TALK_GO, "rzs0", infos, 5);
	want_export(TALK_GO, RZS0->size, FLAGS_SENT);
	want_string(TALK_GO, 1, "rzs0");
	want_sizes(TALK_GO, RZS0);
	want_ack(TALK_GO);
	ends(RZS_NBD_TRANSMISSION);
}

T_TEST(the_empty_name_is_the_default_export)
{
	static const uint16_t infos[] = {1};

	begin(&all, NEW);
	say_info(TALK_GO, "", infos, 1);
	want_export(TALK_GO, RZS0->size, FLAGS_SENT);
	want_string(TALK_GO, 1, "rzs0");
	want_sizes(TALK_GO, RZS0);
	want_ack(TALK_GO);
	T_EQ(ends(RZS_NBD_TRANSMISSION).tag, RZS0->tag);
}

T_TEST(the_longest_strings_fit)
{
	static const uint16_t infos[] = {1, 2};

	begin(&all, NEW);
	say_info(TALK_GO, long_name, infos, 2);
	want_export(TALK_GO, 1, RZS_NBD_FLAG_HAS_FLAGS);
	want_string(TALK_GO, 1, long_name);
	want_string(TALK_GO, 2, long_text);
	want_sizes(TALK_GO, &list[2].e);
	want_ack(TALK_GO);
	ends(RZS_NBD_TRANSMISSION);
}

/* A server's mistake, but the client is not to suffer from it, nor the room for output. */
T_TEST(strings_beyond_the_protocols_bound_are_cut)
{
	static char longer[3 * RZS_NBD_STRING_MAX];
	static const struct drive_export one[] = {
		{.e = {.name = longer, .description = longer}},
		{.e = {.name = "busy"}, .err = -EBUSY, .why = longer}};
	static const struct drive_exports exports_one = {.list = one, .nr = 2};
	static const uint16_t infos[] = {1, 2};

	memset(longer, 'n', sizeof(longer) - 1);
	begin(&exports_one, NEW);
	say(TALK_LIST, NULL, 0);
	want_server(long_name, long_name);
	want_server("busy", NULL);
	want_ack(TALK_LIST);
	say_info(TALK_INFO, "", infos, 2);
	want_export(TALK_INFO, 0, RZS_NBD_FLAG_HAS_FLAGS);
	want_string(TALK_INFO, 1, long_name);
	want_string(TALK_INFO, 2, long_name);
	want_sizes(TALK_INFO, &one[0].e);
	want_ack(TALK_INFO);
	say_info(TALK_INFO, "busy", NULL, 0);
	want_error(TALK_INFO, TALK_ERR_POLICY, long_name);
	ends(RZS_NBD_MORE);
}

T_TEST(an_export_that_is_not_to_be_had_is_refused_and_why)
{
	static const uint32_t options[] = {TALK_INFO, TALK_GO};
	unsigned i;

	begin(&all, NEW);
	for (i = 0; i < 2; i++) {
		say_info(options[i], "nowhere", NULL, 0);
		want_error(options[i], TALK_ERR_UNKNOWN, NULL);
		say_info(options[i], "busy", NULL, 0);
		want_error(options[i], TALK_ERR_POLICY, WHY);
		say_info(options[i], "denied", NULL, 0);
		want_error(options[i], TALK_ERR_POLICY, "");
		say_info(options[i], "leaving", NULL, 0);
		want_error(options[i], TALK_ERR_SHUTDOWN, "");
		say_info(options[i], "unready", NULL, 0);
		want_error(options[i], TALK_ERR_UNKNOWN, "not initialised");
	}
	info(TALK_GO, FLAGS_SENT);
	ends(RZS_NBD_TRANSMISSION);
}

/* Its data, and whether it is a good one. */
static void info_data(const char *name_len, const char *rest, size_t rest_len)
{
	struct talk data = {0};

	talk_put(&data, name_len, 4);
	talk_put(&data, rest, rest_len);
	say_talk(TALK_GO, &data);
	want_error(TALK_GO, TALK_ERR_INVALID, NULL);
}

T_TEST(malformed_infos_are_invalid)
{
	struct talk data = {0};

	begin(&all, NEW);
	say(TALK_GO, NULL, 0);
	want_error(TALK_GO, TALK_ERR_INVALID, NULL);
	say(TALK_GO, "\0\0\0", 3);
	want_error(TALK_GO, TALK_ERR_INVALID, NULL);
	info_data("\0\0\0\0", NULL, 0);		      /* no number of infos */
	info_data("\0\0\0\0", "\0", 1);		      /* half of it */
	info_data("\0\0\0\4", "rzs0", 4);	      /* the name, and no number */
	info_data("\0\0\0\5", "rzs0\0\0", 6);	      /* a name into the number */
	info_data("\0\0\0\7", "rzs0\0\0", 6);	      /* beyond the data */
	info_data("\xff\xff\xff\xff", "rzs0\0\0", 6); /* far beyond */
	info_data("\0\0\0\4", "rzs0\0\1", 6);	      /* an info that is not there */
	info_data("\0\0\0\4", "rzs0\0\1\0", 7);	      /* half of it */
	info_data("\0\0\0\4", "rzs0\0\0\0\0", 8);     /* one too many */
	info_data("\0\0\0\4", "rzs0\x80\0", 6);	      /* 2 * 0x8000 wraps in 16 bits */
	info_data("\0\0\0\4", "rz\0000\0\0", 6);      /* a 0 in the name */
	talk_put32(&data, RZS_NBD_STRING_MAX + 1);
	talk_put(&data, long_name, RZS_NBD_STRING_MAX);
	talk_put(&data, "n\0\0", 3);
	say_talk(TALK_GO, &data);
	want_error(TALK_GO, TALK_ERR_INVALID, NULL);
	info(TALK_GO, FLAGS_SENT);
	ends(RZS_NBD_TRANSMISSION);
}

/* ---- STRUCTURED_REPLY ---- */

T_TEST(structured_replies_bring_df)
{
	struct rzs_nbd_session s;

	begin(&all, NEW);
	info(TALK_INFO, FLAGS_SENT);
	structured();
	info(TALK_INFO, FLAGS_SENT | RZS_NBD_FLAG_DF);
	info(TALK_GO, FLAGS_SENT | RZS_NBD_FLAG_DF);
	s = ends(RZS_NBD_TRANSMISSION);
	T_EQ(s.structured, true);
	T_EQ(s.block_status, false);
}

/* Whatever the server put in the export's flags. */
T_TEST(df_is_nothing_without_structured_replies)
{
	begin(&all, NEW);
	say(TALK_EXPORT_NAME, long_name, RZS_NBD_STRING_MAX);
	talk_put64(&wanted, 1);
	talk_put16(&wanted, RZS_NBD_FLAG_HAS_FLAGS);
	T_EQ(ends(RZS_NBD_TRANSMISSION).flags, RZS_NBD_FLAG_HAS_FLAGS);
}

T_TEST(structured_replies_may_be_asked_for_twice_and_without_data)
{
	begin(&all, NEW);
	say(TALK_STRUCTURED_REPLY, "x", 1);
	want_error(TALK_STRUCTURED_REPLY, TALK_ERR_INVALID, NULL);
	info(TALK_INFO, FLAGS_SENT);
	structured();
	structured();
	say(TALK_STRUCTURED_REPLY, "x", 1);
	want_error(TALK_STRUCTURED_REPLY, TALK_ERR_INVALID, NULL);
	info(TALK_GO, FLAGS_SENT | RZS_NBD_FLAG_DF);
	T_EQ(ends(RZS_NBD_TRANSMISSION).structured, true);
}

/* ---- LIST_META_CONTEXT and SET_META_CONTEXT ---- */

T_TEST(contexts_are_listed)
{
	static const char *const two[] = {"base:allocation", "base:"};
	struct talk data = {0};

	begin(&all, NEW);
	structured();
	say_meta(TALK_LIST_META, "rzs0", NULL); /* all there are */
	want_context(TALK_LIST_META, 0);
	want_ack(TALK_LIST_META);
	say_meta(TALK_LIST_META, "rzs0", "base:");
	want_context(TALK_LIST_META, 0);
	want_ack(TALK_LIST_META);
	say_meta(TALK_LIST_META, "", "base:allocation");
	want_context(TALK_LIST_META, 0);
	want_ack(TALK_LIST_META);
	talk_meta_data(&data, "rzs0", two, 2);
	say_talk(TALK_LIST_META, &data);
	want_context(TALK_LIST_META, 0);
	want_ack(TALK_LIST_META);
	ends(RZS_NBD_MORE);
}

T_TEST(listing_contexts_selects_none)
{
	begin(&all, NEW);
	structured();
	say_meta(TALK_LIST_META, "rzs0", "base:allocation");
	want_context(TALK_LIST_META, 0);
	want_ack(TALK_LIST_META);
	info(TALK_GO, FLAGS_SENT | RZS_NBD_FLAG_DF);
	T_EQ(ends(RZS_NBD_TRANSMISSION).block_status, false);
}

/* SET_META for rzs0 that succeeds. */
static void set(void)
{
	say_meta(TALK_SET_META, "rzs0", "base:allocation");
	want_context(TALK_SET_META, 1);
	want_ack(TALK_SET_META);
}

static bool go_and_see(void)
{
	struct rzs_nbd_session s;

	info(TALK_GO, FLAGS_SENT | RZS_NBD_FLAG_DF);
	s = ends(RZS_NBD_TRANSMISSION);
	if (s.block_status)
		T_EQ(s.context, 1);
	return s.block_status;
}

T_TEST(a_context_is_selected)
{
	begin(&all, NEW);
	structured();
	set();
	T_OK(go_and_see());
	begin(&all, NEW);
	structured();
	set();
	set();
	info(TALK_INFO, FLAGS_SENT | RZS_NBD_FLAG_DF);
	T_OK(go_and_see());
}

T_TEST(a_context_goes_with_export_name_as_well)
{
	begin(&all, NEW);
	structured();
	set();
	say(TALK_EXPORT_NAME, "rzs0", 4);
	talk_put64(&wanted, RZS0->size);
	talk_put16(&wanted, FLAGS_SENT | RZS_NBD_FLAG_DF);
	T_OK(ends(RZS_NBD_TRANSMISSION).block_status);
}

T_TEST(other_queries_select_nothing)
{
	static const char *const queries[] = {"base:",
					      "base",
					      "base:allocatio",
					      "base:allocation:",
					      "base:allocations",
					      "qemu:allocation",
					      "allocation",
					      ":",
					      "",
					      "BASE:ALLOCATION"};
	struct talk data = {0};
	unsigned i;

	begin(&all, NEW);
	structured();
	for (i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		say_meta(TALK_SET_META, "rzs0", queries[i]);
		want_ack(TALK_SET_META);
		say_meta(TALK_LIST_META, "rzs0", queries[i]);
		if (strcmp(queries[i], "base:") == 0)
			want_context(TALK_LIST_META, 0);
		want_ack(TALK_LIST_META);
	}
	say_meta(TALK_SET_META, "rzs0", NULL);
	want_ack(TALK_SET_META);
	T_OK(!go_and_see());

	begin(&all, NEW);
	structured();
	talk_meta_data(&data, "rzs0", queries, 10); /* among others it is found, */
	talk_put_string(&data, "base:allocation");
	data.bytes[4 + 4 + 3] += 2;
	talk_put_string(&data, "base:allocation"); /* and named once */
	say_talk(TALK_SET_META, &data);
	want_context(TALK_SET_META, 1);
	want_ack(TALK_SET_META);
	T_OK(go_and_see());
}

T_TEST(a_selection_needs_structured_replies)
{
	begin(&all, NEW);
	say_meta(TALK_SET_META, "rzs0", "base:allocation");
	want_error(TALK_SET_META, TALK_ERR_INVALID, NULL);
	say_meta(TALK_LIST_META, "rzs0", "base:allocation"); /* which may be asked any time */
	want_context(TALK_LIST_META, 0);
	want_ack(TALK_LIST_META);
	structured();
	T_OK(!go_and_see());
}

T_TEST(a_new_selection_replaces_the_old)
{
	begin(&all, NEW);
	structured();
	set();
	say_meta(TALK_SET_META, "rzs0", "base:");
	want_ack(TALK_SET_META);
	T_OK(!go_and_see());
	begin(&all, NEW);
	structured();
	set();
	say_meta(TALK_SET_META, "rzs0", NULL);
	want_ack(TALK_SET_META);
	T_OK(!go_and_see());
}

T_TEST(a_selection_that_fails_undoes_the_old)
{
	static const char too_big[TALK_OPTION_MAX + 1];
	unsigned i;

	for (i = 0; i < 4; i++) {
		begin(&all, NEW);
		structured();
		set();
		switch (i) {
		case 0:
			say_meta(TALK_SET_META, "nowhere", "base:allocation");
			want_error(TALK_SET_META, TALK_ERR_UNKNOWN, NULL);
			break;
		case 1:
			say_meta(TALK_SET_META, "busy", "base:allocation");
			want_error(TALK_SET_META, TALK_ERR_POLICY, WHY);
			break;
		case 2:
			say(TALK_SET_META, "\0\0\0\1", 4);
			want_error(TALK_SET_META, TALK_ERR_INVALID, NULL);
			break;
		default:
			say(TALK_SET_META, too_big, sizeof(too_big));
			want_error(TALK_SET_META, TALK_ERR_TOO_BIG, NULL);
			break;
		}
		T_OK(!go_and_see());
	}
}

T_TEST(a_selection_is_good_for_its_export_only)
{
	static const char *const others[] = {"bare", "", long_name};
	unsigned i;

	for (i = 0; i < 3; i++) {
		begin(&all, NEW);
		structured();
		say_meta(TALK_SET_META, others[i], "base:allocation");
		want_context(TALK_SET_META, 1);
		want_ack(TALK_SET_META);
		T_OK(!go_and_see());
	}
	/* Going elsewhere in vain, or asking about elsewhere, changes nothing. */
	begin(&all, NEW);
	structured();
	set();
	say_info(TALK_GO, "nowhere", NULL, 0);
	want_error(TALK_GO, TALK_ERR_UNKNOWN, NULL);
	say_info(TALK_INFO, "bare", NULL, 0);
	want_export(TALK_INFO, BARE->size, RZS_NBD_FLAG_HAS_FLAGS | RZS_NBD_FLAG_DF);
	want_sizes(TALK_INFO, BARE);
	want_ack(TALK_INFO);
	T_OK(go_and_see());
	/* The longest name is kept whole. */
	begin(&all, NEW);
	structured();
	say_meta(TALK_SET_META, long_name, "base:allocation");
	want_context(TALK_SET_META, 1);
	want_ack(TALK_SET_META);
	say(TALK_EXPORT_NAME, long_name, RZS_NBD_STRING_MAX);
	talk_put64(&wanted, 1);
	talk_put16(&wanted, RZS_NBD_FLAG_HAS_FLAGS | RZS_NBD_FLAG_DF);
	T_OK(ends(RZS_NBD_TRANSMISSION).block_status);
}

static void bad_meta(const char *data, size_t len)
{
	say(TALK_LIST_META, data, len);
	want_error(TALK_LIST_META, TALK_ERR_INVALID, NULL);
	say(TALK_SET_META, data, len);
	want_error(TALK_SET_META, TALK_ERR_INVALID, NULL);
}

T_TEST(malformed_queries_are_invalid)
{
	struct talk data = {0};

	begin(&all, NEW);
	structured();
	bad_meta("", 0);
	bad_meta("\0\0\0\4rzs0", 8);			      /* no number */
	bad_meta("\0\0\0\4rzs0\0\0\0", 11);		      /* part of it */
	bad_meta("\0\0\0\5rzs0", 8);			      /* a name beyond the data */
	bad_meta("\xff\xff\xff\xffrzs0\0\0\0\0", 12);	      /* far beyond */
	bad_meta("\0\0\0\4rz\0000\0\0\0\0", 12);	      /* a 0 in the name */
	bad_meta("\0\0\0\4rzs0\0\0\0\1", 12);		      /* a query that is not there */
	bad_meta("\0\0\0\4rzs0\0\0\0\1\0\0\0\1", 16);	      /* nor its only byte */
	bad_meta("\0\0\0\4rzs0\0\0\0\0\0", 13);		      /* a byte too many */
	bad_meta("\0\0\0\4rzs0\xff\xff\xff\xff\0\0\0\0", 16); /* 4 Gi queries, one there */
	bad_meta("\0\0\0\4rzs0\0\0\0\1\0\0\0\0x", 17);
	talk_put_string(&data, "rzs0");
	talk_put32(&data, 1);
	talk_put32(&data, RZS_NBD_STRING_MAX + 1);
	talk_put(&data, long_text, RZS_NBD_STRING_MAX);
	talk_put(&data, "t", 1);
	bad_meta((const char *)data.bytes, data.len);
	talk_free(&data);
	T_OK(!go_and_see());
}
