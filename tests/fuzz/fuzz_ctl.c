/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: the control protocol, both sides, on arbitrary bytes in pieces of arbitrary size.
 *
 * The first byte chooses the side, the second how the rest is cut.  However it is cut, the same
 * lines must come out; what comes out must be within its limits; and words that came out, put again
 * and read again, must be the same.
 *
 * Threading: none.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "fuzz.h"
#include "pages.h"

static void fail(const char *what)
{
	fprintf(stderr, "fuzz_ctl: %s\n", what);
	abort();
}

/* A hash over everything that came out. */
struct seen {
	uint64_t hash;
	unsigned lines;
};

static void see_text(struct seen *s, const char *text)
{
	for (; *text; text++)
		s->hash = pages_hash(s->hash, (unsigned char)*text);
	s->hash = pages_hash(s->hash, 0x100);
}

static void see_words(struct seen *s, const struct rzs_ctl_words *w)
{
	if (w->nr > RZS_CTL_WORDS_MAX)
		fail("too many words");
	for (unsigned i = 0; i < w->nr; i++)
		see_text(s, w->word[i]);
}

/* Nothing is longer than what it was read from, but for digits in another case and CR LF. */
static void put_again(const struct rzs_ctl_words *w, bool request)
{
	static struct rzs_ctl_request back_request;
	static struct rzs_ctl_reply back_reply;
	static const char hello[] = "ramzswap-control 1 rzsd 0.1.0\n";
	char *line = malloc(RZS_CTL_REPLY_MAX);
	const struct rzs_ctl_words *back;
	size_t len, used;

	if (line == NULL)
		exit(99);
	if (request) {
		len = rzs_ctl_put_request(line, RZS_CTL_REQUEST_MAX, w->word, w->nr);
		if (len == 0 && *w->word[0])
			fail("a request that came cannot be put");
		if (len == 0)
			goto out;
		memset(&back_request, 0, sizeof(back_request));
		if (rzs_ctl_request_feed(&back_request, line, len, &used) != RZS_CTL_REQUEST)
			fail("a request that was put is none");
		back = &back_request.words;
	} else {
		len = rzs_ctl_put_data(line, RZS_CTL_REPLY_MAX, w->word, w->nr);
		if (len > RZS_CTL_REPLY_MAX)
			fail("data that came cannot be put");
		memset(&back_reply, 0, sizeof(back_reply));
		if (rzs_ctl_reply_feed(&back_reply, hello, sizeof(hello) - 1, &used) !=
			    RZS_CTL_GREETING ||
		    rzs_ctl_reply_feed(&back_reply, line, len, &used) != RZS_CTL_DATA)
			fail("data that was put is none");
		back = &back_reply.words;
	}
	if (used != len || back->nr != w->nr)
		fail("another number of words came back");
	for (unsigned i = 0; i < w->nr; i++)
		if (strcmp(back->word[i], w->word[i]) != 0)
			fail("another word came back");
out:
	free(line);
}

/* Put an error whose text came from outside, which clients show on terminals. */
static void put_an_error(const char *text)
{
	static struct rzs_ctl_reply r;
	char line[RZS_CTL_REQUEST_MAX];
	size_t len = rzs_ctl_put_error(line, sizeof(line), -EINVAL, text), used;

	if (len > sizeof(line))
		fail("an error of more than 1024 bytes");
	for (size_t i = 0; i + 1 < len; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			fail("a control character in an error");
	memset(&r, 0, sizeof(r));
	r.greeted = true;
	if (rzs_ctl_reply_feed(&r, line, len, &used) != RZS_CTL_ERROR || r.error != -EINVAL)
		fail("an error that was put is none");
}

static bool see_request(struct seen *s, const uint8_t *piece, size_t len, size_t *used,
			struct rzs_ctl_request *r)
{
	enum rzs_ctl_input got = rzs_ctl_request_feed(r, piece, len, used);

	if ((r->why != NULL) != (got == RZS_CTL_BAD || got == RZS_CTL_TOO_LONG))
		fail("a complaint too many or too few");
	if (got == RZS_CTL_MORE)
		return *used == len;
	s->lines++;
	if (got == RZS_CTL_REQUEST) {
		see_words(s, &r->words);
		put_again(&r->words, true);
		put_an_error(r->words.word[0]);
	} else {
		see_text(s, r->why);
	}
	return got != RZS_CTL_TOO_LONG;
}

static bool see_reply(struct seen *s, const uint8_t *piece, size_t len, size_t *used,
		      struct rzs_ctl_reply *r)
{
	enum rzs_ctl_output got = rzs_ctl_reply_feed(r, piece, len, used);

	if (got == RZS_CTL_WAIT)
		return *used == len;
	s->lines++;
	s->hash = pages_hash(s->hash, (uint64_t)got);
	see_words(s, &r->words);
	if (got == RZS_CTL_DATA)
		put_again(&r->words, false);
	if (got == RZS_CTL_ERROR)
		see_text(s, r->message);
	if (got == RZS_CTL_ERROR && (r->error >= 0 || r->error < -4095))
		fail("an error that is none");
	if (got == RZS_CTL_BROKEN)
		see_text(s, r->why);
	return got != RZS_CTL_BROKEN;
}

/* Feed it all; each piece in memory of its own size. */
static struct seen feed(bool server, const uint8_t *data, size_t size, uint64_t cut)
{
	static struct rzs_ctl_request request;
	static struct rzs_ctl_reply reply;
	struct pages_rng rng = {cut};
	struct seen s = {0, 0};
	bool go_on = true;
	size_t used;

	memset(&request, 0, sizeof(request));
	memset(&reply, 0, sizeof(reply));
	for (size_t at = 0; at < size && go_on; at += used) {
		size_t len = size - at;
		uint8_t *piece;

		if (cut)
			len = 1 + pages_below(&rng, len < 2 * cut ? len : 2 * cut);
		piece = malloc(len);
		if (piece == NULL)
			exit(99);
		memcpy(piece, data + at, len);
		go_on = server ? see_request(&s, piece, len, &used, &request)
			       : see_reply(&s, piece, len, &used, &reply);
		free(piece);
		if (used > len || (go_on && used == 0))
			fail("a number of bytes that cannot be");
	}
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole, cut;
	bool server;

	if (size < 3)
		return 0;
	server = data[0] % 2 == 0;
	whole = feed(server, data + 2, size - 2, 0);
	cut = feed(server, data + 2, size - 2, data[1] + 1u);
	if (whole.hash != cut.hash || whole.lines != cut.lines)
		fail("it matters how the bytes are cut");
	return 0;
}

static size_t add(uint8_t *buf, size_t size, size_t len, const char *text)
{
	size_t n = strlen(text);

	if (n > size - len)
		n = size - len;
	memcpy(buf + len, text, n);
	return len + n;
}

/* Lines of both sides in any order, some bytes changed. */
size_t fuzz_seed(uint64_t seed, uint8_t *buf, size_t size)
{
	static const char *const parts[] = {
		"server\n",
		"list\r\n",
		"stats rzs0\n",
		"create a size=1G label=%-\n",
		"set a%20b memlimit=25%25\n",
		"a b c d e f g h i j k l m n o p q r s t u v w x y z 1 2 3 4 5 6",
		" 7\n",
		"%41%7f%00\n",
		" rzs0 state=ready size=4096 memlimit=0 label=%-\n",
		" %C3%A4 \xc3\xa4\n",
		"ok\n",
		"error 28 below what is held\n",
		"error 4096\n",
		"\n",
	};
	struct pages_rng rng = {seed};
	size_t len = 2;

	if (size < 16)
		return 0;
	buf[0] = (uint8_t)seed;
	buf[1] = (uint8_t)pages_next(&rng);
	if (seed % 8)
		len = add(buf, size, len, "ramzswap-control 1 rzsd 0.1.0\n");
	for (uint64_t n = pages_below(&rng, 40); n; n--)
		len = add(buf, size, len,
			  parts[pages_below(&rng, sizeof(parts) / sizeof(parts[0]))]);
	if (seed % 5 == 0)
		for (uint64_t n = pages_below(&rng, 4100); n && len < size; n--)
			buf[len++] = 'x';
	for (uint64_t n = seed / 8 % 8; n && len > 3; n--)
		buf[2 + pages_below(&rng, len - 2)] = (uint8_t)pages_next(&rng);
	return len;
}
