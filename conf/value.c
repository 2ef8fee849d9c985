/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parsing values; see value.h. */
#include "value.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ram.h"
#include "size_expr.h"
#include "text.h"

#define SHOWN_MAX 80 /* bytes of a value, or of a key, in a message */
#define WORD_MAX  32 /* bytes of a word for rzs_value_nearest() */

/* How many bytes of text to show: SHOWN_MAX at most, without cutting a character in two. */
static int shown(const char *text)
{
	size_t len = strnlen(text, SHOWN_MAX + 1);

	if (len <= SHOWN_MAX)
		return (int)len;
	for (len = SHOWN_MAX; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80; len--)
		;
	return (int)len;
}

static const char *dots(const char *text)
{
	return text[shown(text)] ? "..." : "";
}

int rzs_value_fail(char why[RZS_WHY_MAX], int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, RZS_WHY_MAX, fmt, ap);
	va_end(ap);
	return err;
}

int rzs_value_bad(char why[RZS_WHY_MAX], const char *key, const char *value, const char *fmt, ...)
{
	size_t len = 0;
	va_list ap;

	why[0] = '\0';
	if (key && value)
		snprintf(why, RZS_WHY_MAX, "%.*s%s=%.*s%s: ", shown(key), key, dots(key),
			 shown(value), value, dots(value));
	else if (key)
		snprintf(why, RZS_WHY_MAX, "%.*s%s: ", shown(key), key, dots(key));
	len = strlen(why);
	va_start(ap, fmt);
	vsnprintf(why + len, RZS_WHY_MAX - len, fmt, ap);
	va_end(ap);
	rzs_text_tame(why);
	return -EINVAL;
}

static bool is_one_of(const char *value, const char *const *words)
{
	for (; *words; words++)
		if (strcasecmp(value, *words) == 0)
			return true;
	return false;
}

int rzs_value_bool(const char *key, const char *value, bool *out, char why[RZS_WHY_MAX])
{
	static const char *const yes[] = {"true", "yes", "on", "y", "t", "1", NULL};
	static const char *const no[] = {"false", "no", "off", "n", "f", "0", NULL};
	bool is_yes = is_one_of(value, yes);

	if (!is_yes && !is_one_of(value, no))
		return rzs_value_bad(why, key, value, "expected true or false");
	*out = is_yes;
	return 0;
}

int rzs_value_number(const char *key, const char *value, int least, int most, int *out,
		     char why[RZS_WHY_MAX])
{
	const char *digits = value + (*value == '-' || *value == '+');
	char *end;
	long n;

	errno = 0;
	n = strtol(value, &end, 0);
	if (*digits < '0' || *digits > '9' || *end)
		return rzs_value_bad(why, key, value, "expected a number");
	if (errno || n < least || n > most) {
		if (least == INT_MIN && most == INT_MAX)
			return rzs_value_bad(why, key, value, "expected a smaller number");
		return rzs_value_bad(why, key, value, "expected %d to %d", least, most);
	}
	*out = (int)n;
	return 0;
}

int rzs_value_size(const char *key, const char *value, uint64_t *out, char why[RZS_WHY_MAX])
{
	struct rzs_size_fault fault;
	uint64_t n;

	if (strlen(value) >= RZS_VALUE_SIZE_MAX)
		return rzs_value_bad(why, key, value, "longer than %u bytes",
				     RZS_VALUE_SIZE_MAX - 1);
	if (rzs_size_eval(value, rzs_ram_usable(), &n, &fault) < 0) {
		if (!fault.at)
			return rzs_value_bad(why, key, value, "%s", fault.what);
		if (*fault.at == '\0')
			return rzs_value_bad(why, key, value, "%s at its end", fault.what);
		return rzs_value_bad(why, key, value, "%s at \"%.24s%s\"", fault.what, fault.at,
				     strlen(fault.at) > 24 ? "..." : "");
	}
	*out = n;
	return 0;
}

/* How many letters must be inserted, deleted or changed to turn a into b (Levenshtein). */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[WORD_MAX + 1];
	size_t len = strlen(b);

	for (unsigned j = 0; j <= len; j++)
		row[j] = j;
	for (unsigned i = 1; a[i - 1]; i++) {
		unsigned left_above = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= len; j++) {
			unsigned best = left_above + (a[i - 1] != b[j - 1]);

			left_above = row[j];
			if (best > row[j] + 1)
				best = row[j] + 1;
			if (best > row[j - 1] + 1)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[len];
}

const char *rzs_value_nearest(const char *word, const char *const *names)
{
	const char *nearest = NULL;
	unsigned least = 3;

	if (strlen(word) > WORD_MAX)
		return NULL;
	for (; *names; names++) {
		unsigned d = distance(word, *names);

		/* Of two letters one may be wrong, of four and more two. */
		if (d < least && d < strlen(*names) && 2 * d <= strlen(word)) {
			least = d;
			nearest = *names;
		}
	}
	return nearest;
}
