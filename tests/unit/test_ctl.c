/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control protocol's bytes: words, lines, limits, both sides, in pieces of any size. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "t.h"

#include "ctl.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* What one feed gave, as text: "word|word" for words, "!why" for an invalid request. */
static void show_words(const struct rzs_ctl_words *w, char *out, size_t size)
{
	size_t len = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < w->nr; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%s", i ? "|" : "", w->word[i]);
}

static const char *show_request(const struct rzs_ctl_request *r, enum rzs_ctl_input got)
{
	static char out[2 * RZS_CTL_REQUEST_MAX];

	T_EQ(r->why != NULL, got == RZS_CTL_BAD || got == RZS_CTL_TOO_LONG);
	T_EQ(r->words.nr != 0, got == RZS_CTL_REQUEST);
	show_words(&r->words, out, sizeof(out));
	if (r->why)
		snprintf(out, sizeof(out), "!%s", r->why);
	return out;
}

/* What many lines give, with '\n' after each; feeding step bytes at a time. */
static const char *requests_of(const char *in, size_t len, size_t step)
{
	static struct rzs_ctl_request r;
	static char out[64 * RZS_CTL_REQUEST_MAX];
	size_t at = 0, used, got_len = 0;

	memset(&r, 0, sizeof(r));
	out[0] = '\0';
	while (at < len) {
		size_t n = len - at < step ? len - at : step;
		/* Of its exact size, so that a sanitizer sees the first byte beyond. */
		char *piece = malloc(n);
		enum rzs_ctl_input got;

		T_NE(piece, NULL);
		memcpy(piece, in + at, n);
		got = rzs_ctl_request_feed(&r, piece, n, &used);
		free(piece);
		T_LE(used, n);
		at += used;
		if (got == RZS_CTL_MORE) {
			T_EQ(used, n);
			continue;
		}
		got_len += (size_t)snprintf(out + got_len, sizeof(out) - got_len, "%s\n",
					    show_request(&r, got));
		if (got == RZS_CTL_TOO_LONG)
			break;
		T_GT(used, 0);
	}
	return out;
}

static const char *request_of(const char *line)
{
	return requests_of(line, strlen(line), SIZE_MAX);
}

T_TEST(words_of_a_request)
{
	T_STR_EQ(request_of("server\n"), "server\n");
	T_STR_EQ(request_of("set a size=1G label=\n"), "set|a|size=1G|label=\n");
	T_STR_EQ(request_of("a %- b\n"), "a||b\n");
	T_STR_EQ(request_of("a%20b %41%7e%7E%25\n"), "a b|A~~%\n");
	T_STR_EQ(request_of("\xc3\xa4\xff \xfe\n"), "\xc3\xa4\xff|\xfe\n");
	T_STR_EQ(request_of("cr lf\r\n"), "cr|lf\n");
	T_STR_EQ(request_of("%0d%0A\n"), "\r\n\n");
	T_STR_EQ(request_of("one\ntwo\n\nthree\n"),
		 "one\ntwo\n!an empty line: a request begins with a verb\nthree\n");
	T_STR_EQ(request_of("no end"), "");
}

static void refused(const char *line, size_t len, const char *part)
{
	const char *got = requests_of(line, len, SIZE_MAX);

	if (got[0] != '!' || !strstr(got, part))
		T_FAIL("\"%s\" gives \"%s\", not \"%s\"", line, got, part);
}

#define REFUSED(line, part) refused(line, sizeof(line) - 1, part)

T_TEST(lines_that_are_no_requests)
{
	REFUSED("\n", "empty line");
	REFUSED("\r\n", "empty line");
	REFUSED(" a\n", "empty word");
	REFUSED("a \n", "empty word");
	REFUSED("a  b\n", "empty word");
	REFUSED("a\tb\n", "control character");
	REFUSED("a\rb\n", "control character");
	REFUSED("a\r\r\n", "control character");
	REFUSED("a\x7f\n", "control character");
	REFUSED("a\x1b[1m\n", "control character");
	REFUSED("a%\n", "without two hexadecimal");
	REFUSED("a%4\n", "without two hexadecimal");
	REFUSED("a%4 b\n", "without two hexadecimal");
	REFUSED("a%4g\n", "without two hexadecimal");
	REFUSED("a%g4\n", "without two hexadecimal");
	REFUSED("%-a\n", "without two hexadecimal");
	REFUSED("a%-\n", "without two hexadecimal");
	REFUSED("a%00\n", "zero byte");
	REFUSED("a\0b\n", "zero byte");
	REFUSED("\0\n", "zero byte");
}

T_TEST(limits_of_a_request)
{
	char line[RZS_CTL_REQUEST_MAX + 64];
	const char *got;

	/* 1023 bytes and the LF. */
	memset(line, 'x', sizeof(line));
	line[RZS_CTL_REQUEST_MAX - 1] = '\n';
	got = requests_of(line, RZS_CTL_REQUEST_MAX, SIZE_MAX);
	T_EQ(strlen(got), RZS_CTL_REQUEST_MAX);
	T_OK(got[0] == 'x');

	/* One more; and what comes after it is not looked at. */
	line[RZS_CTL_REQUEST_MAX - 1] = 'x';
	line[RZS_CTL_REQUEST_MAX] = '\n';
	memcpy(line + RZS_CTL_REQUEST_MAX + 1, "list\n", 5);
	for (size_t step = 1; step < 2000; step = 2 * step + 1)
		T_STR_EQ(requests_of(line, RZS_CTL_REQUEST_MAX + 6, step),
			 "!a line of more than 1024 bytes\n");

	/* 32 words, and 33. */
	for (unsigned i = 0; i < 33; i++)
		memcpy(line + 2 * i, "w ", 2);
	line[63] = '\n';
	T_STR_EQ(requests_of(line, 64, SIZE_MAX),
		 "w|w|w|w|w|w|w|w|w|w|w|w|w|w|w|w|w|w|w|w|w|w|w|w|w|w|w|w|w|w|w|w\n");
	line[63] = ' ';
	line[65] = '\n';
	memcpy(line + 66, "ok\n", 3);
	T_STR_EQ(requests_of(line, 69, SIZE_MAX), "!more than 32 words\nok\n");
}

T_TEST(a_closed_request_takes_nothing)
{
	static struct rzs_ctl_request r;
	char line[RZS_CTL_REQUEST_MAX];
	size_t used;

	memset(line, 'x', sizeof(line));
	T_EQ(rzs_ctl_request_feed(&r, line, sizeof(line), &used), RZS_CTL_TOO_LONG);
	T_EQ(used, sizeof(line));
	T_EQ(rzs_ctl_request_feed(&r, "list\n", 5, &used), RZS_CTL_TOO_LONG);
	T_EQ(used, 0);
	T_NE(r.why, NULL);
}

/* Random words, from what is most likely to be mistaken. */
static void random_word(uint64_t *rng, char *out, size_t max)
{
	static const char odd[] = " %-\n\r\t\x7f=\x01\xff%4%20";
	size_t len = t_rand(rng) % (max + 1);

	for (size_t i = 0; i < len; i++) {
		out[i] = (char)(t_rand(rng) % 2 ? odd[t_rand(rng) % (sizeof(odd) - 1)]
						: (int)(1 + t_rand(rng) % 255));
	}
	out[len] = '\0';
}

struct random_words {
	char text[RZS_CTL_WORDS_MAX][16];
	const char *word[RZS_CTL_WORDS_MAX];
	unsigned nr;
};

static void make_words(uint64_t *rng, struct random_words *w)
{
	w->nr = 1 + (unsigned)(t_rand(rng) % RZS_CTL_WORDS_MAX);
	for (unsigned i = 0; i < w->nr; i++) {
		w->word[i] = w->text[i];
		do
			random_word(rng, w->text[i], 9);
		while (i == 0 && !w->text[i][0]);
	}
}

static void same_words(const struct rzs_ctl_words *got, const struct random_words *want)
{
	T_EQ(got->nr, want->nr);
	for (unsigned i = 0; i < got->nr; i++)
		T_STR_EQ(got->word[i], want->word[i]);
}

T_TEST(round_trips_split_at_every_byte)
{
	static struct rzs_ctl_request request;
	static struct rzs_ctl_reply reply;
	char line[RZS_CTL_REPLY_MAX];
	uint64_t rng = t_seed();
	unsigned rounds = (unsigned)(200 / t_scale()) + 1;
	size_t len, used;

	len = rzs_ctl_put_greeting(line, sizeof(line), "rzsd", "0.1.0");
	T_EQ(rzs_ctl_reply_feed(&reply, line, len, &used), RZS_CTL_GREETING);
	while (rounds--) {
		struct random_words w;

		make_words(&rng, &w);
		len = rzs_ctl_put_request(line, sizeof(line), w.word, w.nr);
		T_GT(len, 0);
		T_LE(len, RZS_CTL_REQUEST_MAX);
		for (size_t cut = 0; cut <= len; cut++) {
			bool last = cut == len;

			T_EQ(rzs_ctl_request_feed(&request, line, cut, &used),
			     last ? RZS_CTL_REQUEST : RZS_CTL_MORE);
			T_EQ(used, cut);
			if (!last)
				T_EQ(rzs_ctl_request_feed(&request, line + cut, len - cut, &used),
				     RZS_CTL_REQUEST);
			same_words(&request.words, &w);
		}
		len = rzs_ctl_put_data(line, sizeof(line), w.word, w.nr);
		for (size_t cut = 0; cut < len; cut++) {
			T_EQ(rzs_ctl_reply_feed(&reply, line, cut, &used), RZS_CTL_WAIT);
			T_EQ(used, cut);
			T_EQ(rzs_ctl_reply_feed(&reply, line + cut, len - cut, &used),
			     RZS_CTL_DATA);
			T_EQ(used, len - cut);
			same_words(&reply.words, &w);
		}
	}
}

T_TEST(many_requests_in_pieces_of_any_size)
{
	char in[4096], *whole;
	uint64_t rng = t_seed();
	size_t len = 0;

	for (;;) {
		struct random_words w;
		size_t n;

		make_words(&rng, &w);
		n = rzs_ctl_put_request(in + len, sizeof(in) - len, w.word, w.nr);
		if (n > sizeof(in) - len)
			break;
		len += n;
		if (len + 8 < sizeof(in) && t_rand(&rng) % 3 == 0)
			len += (size_t)sprintf(in + len, "%s", "bad  one\n");
	}
	whole = strdup(requests_of(in, len, SIZE_MAX));
	T_NE(whole, NULL);
	T_OK(strlen(whole) > 100);
	for (size_t step = 1; step < 64; step++)
		T_STR_EQ(requests_of(in, len, step), whole);
	free(whole);
}

/* Each writer puts all or nothing, and says what it needs. */
static void exactly(size_t (*put)(char *out, size_t room), const char *want)
{
	char out[256];
	size_t need = put(NULL, 0);

	T_EQ(need, strlen(want));
	for (size_t room = 0; room <= need + 1; room++) {
		memset(out, '#', sizeof(out));
		T_EQ(put(out, room), need);
		for (size_t i = 0; i < sizeof(out); i++)
			if (out[i] != (room >= need && i < need ? want[i] : '#'))
				T_FAIL("byte %zu of \"%s\" with room %zu", i, want, room);
	}
}

static size_t put_a_greeting(char *out, size_t room)
{
	return rzs_ctl_put_greeting(out, room, "nbdkit", "0.1 rc");
}

static size_t put_some_data(char *out, size_t room)
{
	static const char *const words[] = {"label", "", "two words", "100%"};

	return rzs_ctl_put_data(out, room, words, ARRAY_SIZE(words));
}

static size_t put_an_error(char *out, size_t room)
{
	return rzs_ctl_put_error(out, room, -ENODEV, "rzs0: not initialised");
}

static size_t put_a_request(char *out, size_t room)
{
	static const char *const words[] = {"set", "rzs0", "label=a b"};

	return rzs_ctl_put_request(out, room, words, ARRAY_SIZE(words));
}

T_TEST(writers_put_all_or_nothing)
{
	exactly(put_a_greeting, "ramzswap-control 1 nbdkit 0.1%20rc\n");
	exactly(put_some_data, " label %- two%20words 100%25\n");
	exactly(rzs_ctl_put_ok, "ok\n");
	exactly(put_an_error, "error 19 rzs0: not initialised\n");
	exactly(put_a_request, "set rzs0 label=a%20b\n");
}

T_TEST(requests_that_cannot_be_put)
{
	static const char *const no_verb[] = {"", "x"};
	const char *words[RZS_CTL_WORDS_MAX + 1];
	char line[RZS_CTL_REQUEST_MAX], longest[RZS_CTL_REQUEST_MAX + 1];

	T_EQ(rzs_ctl_put_request(line, sizeof(line), no_verb, 2), 0);
	T_EQ(rzs_ctl_put_request(line, sizeof(line), no_verb, 0), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
		words[i] = "w";
	T_EQ(rzs_ctl_put_request(line, sizeof(line), words, RZS_CTL_WORDS_MAX + 1), 0);
	T_EQ(rzs_ctl_put_request(line, sizeof(line), words, RZS_CTL_WORDS_MAX),
	     2 * RZS_CTL_WORDS_MAX);
	memset(longest, 'x', sizeof(longest));
	longest[RZS_CTL_REQUEST_MAX] = '\0';
	words[0] = longest;
	T_EQ(rzs_ctl_put_request(line, sizeof(line), words, 1), 0);
	words[0] = longest + 1;
	T_EQ(rzs_ctl_put_request(line, sizeof(line), words, 1), RZS_CTL_REQUEST_MAX);
}

static const char *error_line(int err, const char *text)
{
	static char out[2048];
	size_t len = rzs_ctl_put_error(out, sizeof(out) - 1, err, text);

	T_LT(len, sizeof(out));
	out[len] = '\0';
	return out;
}

T_TEST(errors_are_fit_to_be_shown)
{
	char longest[3000];

	T_STR_EQ(error_line(-EINVAL, "a\nb\tc\x7f \x1b[1m"), "error 22 a?b?c? ?[1m\n");
	T_STR_EQ(error_line(-EINVAL, "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x90\x98"),
		 "error 22 \xc3\xa4 \xe2\x82\xac \xf0\x9f\x90\x98\n");
	/* C1 controls; cut off; too long a form; surrogates; beyond the last. */
	T_STR_EQ(error_line(-EINVAL, "\xc2\x9b"), "error 22 ??\n");
	T_STR_EQ(error_line(-EINVAL, "\xc2\xa0"), "error 22 \xc2\xa0\n");
	T_STR_EQ(error_line(-EINVAL, "\xe2\x82"), "error 22 ??\n");
	T_STR_EQ(error_line(-EINVAL, "\xf0\x9f\x90"), "error 22 ???\n");
	T_STR_EQ(error_line(-EINVAL, "\xff\x80\xc0\x80"), "error 22 ????\n");
	T_STR_EQ(error_line(-EINVAL, "\xe0\x81\x81"), "error 22 ???\n");
	T_STR_EQ(error_line(-EINVAL, "\xf0\x80\x81\x81"), "error 22 ????\n");
	T_STR_EQ(error_line(-EINVAL, "\xed\xa0\x80"), "error 22 ???\n");
	T_STR_EQ(error_line(-EINVAL, "\xf4\x90\x80\x80"), "error 22 ????\n");
	T_STR_EQ(error_line(-1, ""), "error 1 \n");
	T_STR_EQ(error_line(0, "x"), "error 5 x\n");
	T_STR_EQ(error_line(-100000, "x"), "error 5 x\n");
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	T_EQ(strlen(error_line(-ENOSPC, longest)), strlen("error 28 ") + 1000 + 1);
	/* Not in the middle of a character. */
	memcpy(longest + 999, "\xc3\xa4", 2);
	T_EQ(strlen(error_line(-ENOSPC, longest)), strlen("error 28 ") + 999 + 1);
}

/* What a client sees of lines that follow a greeting; "!why" when it is not a control socket's. */
static const char *reply_of(const char *line, size_t len)
{
	static const char hello[] = "ramzswap-control 1 rzsd 0.1.0\n";
	static struct rzs_ctl_reply r;
	static char out[2 * RZS_CTL_REPLY_MAX];
	size_t used;

	memset(&r, 0, sizeof(r));
	T_EQ(rzs_ctl_reply_feed(&r, hello, sizeof(hello) - 1, &used), RZS_CTL_GREETING);
	switch (rzs_ctl_reply_feed(&r, line, len, &used)) {
	case RZS_CTL_DATA:
		show_words(&r.words, out, sizeof(out));
		break;
	case RZS_CTL_OK:
		snprintf(out, sizeof(out), "ok");
		break;
	case RZS_CTL_ERROR:
		snprintf(out, sizeof(out), "%d %s", r.error, r.message);
		break;
	case RZS_CTL_BROKEN:
		snprintf(out, sizeof(out), "!%s", r.why);
		T_EQ(rzs_ctl_reply_feed(&r, "ok\n", 3, &used), RZS_CTL_BROKEN);
		T_EQ(used, 0);
		break;
	default:
		return "?";
	}
	return out;
}

#define REPLY(line, want) T_STR_EQ(reply_of(line, sizeof(line) - 1), want)

T_TEST(lines_of_a_reply)
{
	REPLY(" writes 12\n", "writes|12");
	REPLY(" label %-\n", "label|");
	REPLY("ok\n", "ok");
	REPLY("ok\r\n", "ok");
	REPLY("error 28 below what is held: give more\n", "-28 below what is held: give more");
	REPLY("error 5\n", "-5 ");
	REPLY("error 5 \n", "-5 ");
	REPLY("error 4095 x\n", "-4095 x");
}

T_TEST(lines_that_are_no_reply)
{
	static char longest[RZS_CTL_REPLY_MAX + 1];

	REPLY("\n", "!a line that is neither data nor the end of a reply");
	REPLY("okay\n", "!a line that is neither data nor the end of a reply");
	REPLY("ok \n", "!a line that is neither data nor the end of a reply");
	REPLY("HTTP/1.1 400 Bad Request\r\n",
	      "!a line that is neither data nor the end of a reply");
	REPLY("error\n", "!a line that is neither data nor the end of a reply");
	REPLY("error x\n", "!an error without a number");
	REPLY("error 0 x\n", "!an error without a number");
	REPLY("error -5 x\n", "!an error without a number");
	REPLY("error 4096 x\n", "!an error without a number");
	REPLY("error 99999999999999999999 x\n", "!an error without a number");
	REPLY("error 5x\n", "!an error without a number");
	REPLY(" \n", "!a line of data whose words cannot be read");
	REPLY(" a  b\n", "!a line of data whose words cannot be read");
	REPLY(" a\0b\n", "!a zero byte in a line");
	memset(longest, 'x', sizeof(longest));
	longest[0] = ' ';
	T_STR_EQ(reply_of(longest, sizeof(longest)), "!a line of more than 4096 bytes");
	longest[RZS_CTL_REPLY_MAX - 1] = '\n';
	T_EQ(strlen(reply_of(longest, sizeof(longest))), RZS_CTL_REPLY_MAX - 2);
}

static enum rzs_ctl_output greet(const char *line, struct rzs_ctl_reply *r)
{
	size_t used;

	memset(r, 0, sizeof(*r));
	return rzs_ctl_reply_feed(r, line, strlen(line), &used);
}

T_TEST(greetings)
{
	static struct rzs_ctl_reply r;

	T_EQ(greet("ramzswap-control 1 rzsd 0.1.0\n", &r), RZS_CTL_GREETING);
	T_EQ(r.protocol, 1);
	T_STR_EQ(r.words.word[2], "rzsd");
	T_STR_EQ(r.words.word[3], "0.1.0");
	/* Of another version, or with more in it: for the client to judge. */
	T_EQ(greet("ramzswap-control 7 other 9 more=x\n", &r), RZS_CTL_GREETING);
	T_EQ(r.protocol, 7);
	T_EQ(greet("ramzswap-control 0 rzsd 1\n", &r), RZS_CTL_BROKEN);
	T_EQ(greet("ramzswap-control x rzsd 1\n", &r), RZS_CTL_BROKEN);
	T_EQ(greet("ramzswap-control 1x rzsd 1\n", &r), RZS_CTL_BROKEN);
	T_EQ(greet("ramzswap-control 10000 rzsd 1\n", &r), RZS_CTL_BROKEN);
	T_EQ(greet("ramzswap-control 1 rzsd\n", &r), RZS_CTL_BROKEN);
	T_EQ(greet("ramzswap 1 rzsd 0.1.0\n", &r), RZS_CTL_BROKEN);
	T_EQ(greet("ok\n", &r), RZS_CTL_BROKEN);
	/* Turned away. */
	T_EQ(greet("error 11 too many clients at once\n", &r), RZS_CTL_ERROR);
	T_EQ(r.error, -11);
	T_STR_EQ(r.message, "too many clients at once");
	T_EQ(r.protocol, 0);
	T_EQ(greet("\n", &r), RZS_CTL_BROKEN);
	T_STR_EQ(r.why, "the greeting is not a ramzswap control socket's");
	/* Too many clients, or not one to be served. */
	T_EQ(greet("error 11 16 clients are served already\n", &r), RZS_CTL_ERROR);
	T_EQ(r.error, -EAGAIN);
	T_STR_EQ(r.message, "16 clients are served already");
	T_EQ(greet("ramzswap-control 1 rzsd 0.1.0", &r), RZS_CTL_WAIT);
	/* The NBD socket given by mistake: it greets too, without an end of line. */
	T_EQ(greet("NBDMAGICIHAVEOPT", &r), RZS_CTL_WAIT);
}

T_TEST(values_by_their_keys)
{
	struct rzs_ctl_words w = {5, {"size=no", "size=4096", "sizes=1", "memlimit", "label=a=b"}};

	T_STR_EQ(rzs_ctl_value(&w, 1, "size"), "4096");
	T_STR_EQ(rzs_ctl_value(&w, 0, "size"), "no");
	T_STR_EQ(rzs_ctl_value(&w, 0, "label"), "a=b");
	T_EQ(rzs_ctl_value(&w, 0, "memlimit"), NULL);
	T_EQ(rzs_ctl_value(&w, 2, "size"), NULL);
	T_EQ(rzs_ctl_value(&w, 9, "size"), NULL);
}
