/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control protocol as bytes.  See ctl.h.
 *
 * A line is kept until it is complete, then cut into words in place: a decoded word is never longer
 * than the encoded one, and the separator after it becomes its 0.
 */
#include <errno.h>
#include <string.h>

#include "ctl.h"
#include "size.h"
#include "text.h"

#define ERROR_TEXT_MAX 1000u /* bytes of an error's text */
#define ERRNO_MAX      4095u

_Static_assert(RZS_CTL_PROTOCOL == 1 && RZS_CTL_WORDS_MAX == 32 && RZS_CTL_REQUEST_MAX == 1024 &&
		       RZS_CTL_REPLY_MAX == 4096,
	       "these numbers appear in texts below");

/* ---- words ---- */

static bool must_escape(unsigned char c)
{
	return c <= 0x20 || c == 0x7f || c == '%';
}

/* Where a line is written.  len goes on counting when size is reached. */
struct writer {
	char *out;
	size_t size, len;
};

static void put_char(struct writer *w, char c)
{
	if (w->len < w->size)
		w->out[w->len] = c;
	w->len++;
}

static void put_text(struct writer *w, const char *text)
{
	while (*text)
		put_char(w, *text++);
}

static void put_word(struct writer *w, const char *word)
{
	static const char digits[] = "0123456789ABCDEF";

	if (!*word)
		put_text(w, "%-");
	for (; *word; word++) {
		unsigned char c = (unsigned char)*word;

		if (must_escape(c)) {
			put_char(w, '%');
			put_char(w, digits[c >> 4]);
			put_char(w, digits[c & 15]);
		} else {
			put_char(w, *word);
		}
	}
}

static void put_words(struct writer *w, const char *const *words, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		if (i)
			put_char(w, ' ');
		put_word(w, words[i]);
	}
	put_char(w, '\n');
}

static void put_number(struct writer *w, unsigned n)
{
	if (n >= 10)
		put_number(w, n / 10);
	put_char(w, (char)('0' + n % 10));
}

/*
 * Decode the word at *at, up to a space or the end of the line, in place.  *at then is after the
 * separator, or NULL after the last word.  NULL, or what is wrong with the word.
 */
static const char *cut_word(char **at, const char **out)
{
	char *from = *at, *to = *at;
	bool empty = strncmp(from, "%-", 2) == 0 && (from[2] == ' ' || from[2] == '\0');

	*out = *at;
	if (empty)
		from += 2;
	while (*from != ' ' && *from != '\0') {
		int high, low;

		if (*from != '%') {
			if (must_escape((unsigned char)*from))
				return "a control character in a word: write it %XX";
			*to++ = *from++;
			continue;
		}
		high = rzs_text_hex_digit(from[1]);
		low = high < 0 ? -1 : rzs_text_hex_digit(from[2]);
		if (low < 0)
			return "a % without two hexadecimal digits after it: write it %25";
		if (high == 0 && low == 0)
			return "%00 in a word: no word has a zero byte";
		*to++ = (char)(high << 4 | low);
		from += 3;
	}
	if (to == *at && !empty)
		return "an empty word: one space between words, none at the ends, %- for no text";
	*at = *from ? from + 1 : NULL;
	*to = '\0';
	return NULL;
}

/* Cut a line that ends with a 0 into words.  NULL, or what is wrong with it. */
static const char *cut_words(char *line, struct rzs_ctl_words *out)
{
	out->nr = 0;
	while (line) {
		const char *why;

		if (out->nr == RZS_CTL_WORDS_MAX)
			return "more than 32 words";
		why = cut_word(&line, &out->word[out->nr]);
		if (why)
			return why;
		out->nr++;
	}
	return NULL;
}

const char *rzs_ctl_value(const struct rzs_ctl_words *w, unsigned from, const char *key)
{
	size_t len = strlen(key);

	for (unsigned i = from; i < w->nr; i++)
		if (strncmp(w->word[i], key, len) == 0 && w->word[i][len] == '=')
			return w->word[i] + len + 1;
	return NULL;
}

/* ---- lines ---- */

enum line { LINE_MORE, LINE_COMPLETE, LINE_TOO_LONG };

/*
 * Add input to a line of at most size bytes with its LF.  A complete line ends with a 0 in place of
 * LF or CR LF.
 */
static enum line take_line(char *text, size_t size, size_t *len, const char *in, size_t in_len,
			   size_t *used)
{
	size_t n = in_len < size - *len ? in_len : size - *len;
	const char *end = memchr(in, '\n', n);

	if (end)
		n = (size_t)(end - in) + 1;
	memcpy(text + *len, in, n);
	*len += n;
	*used = n;
	if (!end)
		return *len == size ? LINE_TOO_LONG : LINE_MORE;
	text[--*len] = '\0';
	if (*len && text[*len - 1] == '\r')
		text[--*len] = '\0';
	return LINE_COMPLETE;
}

/* A received 0 would look like the end of the line. */
static bool has_zero(const char *text, size_t len)
{
	return memchr(text, '\0', len) != NULL;
}

/* ---- the server's side ---- */

static enum rzs_ctl_input bad_request(struct rzs_ctl_request *r, const char *why)
{
	r->why = why;
	r->words.nr = 0;
	return r->closed ? RZS_CTL_TOO_LONG : RZS_CTL_BAD;
}

enum rzs_ctl_input rzs_ctl_request_feed(struct rzs_ctl_request *r, const void *in, size_t in_len,
					size_t *used)
{
	const char *why;

	*used = 0;
	if (r->closed)
		return RZS_CTL_TOO_LONG;
	if (r->complete)
		r->len = 0;
	r->complete = false;
	r->why = NULL;
	r->words.nr = 0;
	if (in_len == 0)
		return RZS_CTL_MORE;
	switch (take_line(r->text, sizeof(r->text), &r->len, in, in_len, used)) {
	case LINE_MORE:
		return RZS_CTL_MORE;
	case LINE_TOO_LONG:
		r->closed = true;
		return bad_request(r, "a line of more than 1024 bytes");
	case LINE_COMPLETE:
		break;
	}
	r->complete = true;
	if (has_zero(r->text, r->len))
		return bad_request(r, "a zero byte: no word has one");
	if (r->len == 0)
		return bad_request(r, "an empty line: a request begins with a verb");
	why = cut_words(r->text, &r->words);
	return why ? bad_request(r, why) : RZS_CTL_REQUEST;
}

/* Write a line completely or not at all. */
static size_t put_line(char *out, size_t size, void (*put)(struct writer *w, const void *arg),
		       const void *arg)
{
	struct writer count = {0}, w = {.out = out, .size = size};

	put(&count, arg);
	if (count.len <= size)
		put(&w, arg);
	return count.len;
}

struct words_of {
	const char *const *words;
	unsigned nr;
};

static void put_bare(struct writer *w, const void *arg)
{
	const struct words_of *of = arg;

	put_words(w, of->words, of->nr);
}

static void put_indented(struct writer *w, const void *arg)
{
	put_char(w, ' ');
	put_bare(w, arg);
}

size_t rzs_ctl_put_greeting(char *out, size_t size, const char *program, const char *version)
{
	const char *words[] = {RZS_CTL_NAME, "1", program, version};
	struct words_of of = {words, sizeof(words) / sizeof(words[0])};

	return put_line(out, size, put_bare, &of);
}

size_t rzs_ctl_put_data(char *out, size_t size, const char *const *words, unsigned nr)
{
	struct words_of of = {words, nr};

	return put_line(out, size, put_indented, &of);
}

static void put_ok_line(struct writer *w, const void *unused)
{
	(void)unused;
	put_text(w, "ok\n");
}

size_t rzs_ctl_put_ok(char *out, size_t size)
{
	return put_line(out, size, put_ok_line, NULL);
}

struct error_of {
	unsigned number;
	const char *text;
};

static void put_error_line(struct writer *w, const void *arg)
{
	const struct error_of *e = arg;
	const char *text = e->text;
	size_t end;

	put_text(w, "error ");
	put_number(w, e->number);
	put_char(w, ' ');
	for (end = w->len + ERROR_TEXT_MAX; *text;) {
		unsigned nr = rzs_text_control_bytes(text) ? 0 : rzs_text_utf8_bytes(text);

		if (w->len + (nr ? nr : 1) > end)
			break;
		if (nr == 0)
			put_char(w, '?');
		for (unsigned i = 0; i < nr; i++)
			put_char(w, text[i]);
		text += nr ? nr : 1;
	}
	put_char(w, '\n');
}

size_t rzs_ctl_put_error(char *out, size_t size, int err, const char *text)
{
	struct error_of e = {.text = text};

	e.number = err < 0 && err >= -(int)ERRNO_MAX ? (unsigned)-err : EIO;
	return put_line(out, size, put_error_line, &e);
}

/* ---- the client's side ---- */

size_t rzs_ctl_put_request(char *out, size_t size, const char *const *words, unsigned nr)
{
	struct words_of of = {words, nr};
	struct writer count = {0};

	if (nr == 0 || nr > RZS_CTL_WORDS_MAX || !*words[0])
		return 0;
	put_bare(&count, &of);
	return count.len <= RZS_CTL_REQUEST_MAX ? put_line(out, size, put_bare, &of) : 0;
}

static enum rzs_ctl_output broken(struct rzs_ctl_reply *r, const char *why)
{
	r->closed = true;
	r->why = why;
	r->words.nr = 0;
	return RZS_CTL_BROKEN;
}

/* A decimal number of at most max; moves *at past it.  0: there is none. */
static unsigned read_number(const char **at, unsigned max)
{
	uint64_t n;

	return rzs_size_digits(at, &n) == 0 && n <= max ? (unsigned)n : 0;
}

static enum rzs_ctl_output read_error(struct rzs_ctl_reply *r, const char *at)
{
	unsigned number = read_number(&at, ERRNO_MAX);

	if (number == 0 || (*at != ' ' && *at != '\0'))
		return broken(r, "an error without a number");
	r->error = -(int)number;
	r->message = *at ? at + 1 : at;
	return RZS_CTL_ERROR;
}

static enum rzs_ctl_output read_greeting(struct rzs_ctl_reply *r)
{
	static const char why[] = "the greeting is not a ramzswap control socket's";
	const char *number;

	if (cut_words(r->text, &r->words) || r->words.nr < 4 ||
	    strcmp(r->words.word[0], RZS_CTL_NAME) != 0)
		return broken(r, why);
	number = r->words.word[1];
	r->protocol = read_number(&number, 9999);
	if (r->protocol == 0 || *number)
		return broken(r, why);
	r->greeted = true;
	return RZS_CTL_GREETING;
}

enum rzs_ctl_output rzs_ctl_reply_feed(struct rzs_ctl_reply *r, const void *in, size_t in_len,
				       size_t *used)
{
	*used = 0;
	if (r->closed)
		return RZS_CTL_BROKEN;
	if (r->complete)
		r->len = 0;
	r->complete = false;
	r->words.nr = 0;
	r->error = 0;
	r->message = NULL;
	if (in_len == 0)
		return RZS_CTL_WAIT;
	switch (take_line(r->text, sizeof(r->text), &r->len, in, in_len, used)) {
	case LINE_MORE:
		return RZS_CTL_WAIT;
	case LINE_TOO_LONG:
		return broken(r, "a line of more than 4096 bytes");
	case LINE_COMPLETE:
		break;
	}
	r->complete = true;
	if (has_zero(r->text, r->len))
		return broken(r, "a zero byte in a line");
	if (strncmp(r->text, "error ", 6) == 0)
		return read_error(r, r->text + 6); /* of a request, or in place of the greeting */
	if (!r->greeted)
		return read_greeting(r);
	if (strcmp(r->text, "ok") == 0)
		return RZS_CTL_OK;
	if (r->text[0] != ' ')
		return broken(r, "a line that is neither data nor the end of a reply");
	if (cut_words(r->text + 1, &r->words))
		return broken(r, "a line of data whose words cannot be read");
	return RZS_CTL_DATA;
}
