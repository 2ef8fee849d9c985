/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzst_json.h. */
#include "rzst_json.h"

#include "text.h"

static void put_string(FILE *f, const char *text)
{
	fputc('"', f);
	while (*text) {
		unsigned nr = rzs_text_utf8_bytes(text);

		if (nr == 0)
			fputs("\\ufffd", f);
		else if (*text == '"' || *text == '\\')
			fprintf(f, "\\%c", *text);
		else if (nr == 1 && *text < 0x20)
			fprintf(f, "\\u%04x", (unsigned)*text);
		else
			fwrite(text, 1, nr, f);
		text += nr ? nr : 1;
	}
	fputc('"', f);
}

static void put_key(struct rzst_json *j, const char *key)
{
	if (j->more)
		fputc(',', j->f);
	j->more = true;
	if (key) {
		put_string(j->f, key);
		fputc(':', j->f);
	}
}

static void open_one(struct rzst_json *j, const char *key, char brace)
{
	put_key(j, key);
	fputc(brace, j->f);
	j->more = false;
}

static void close_one(struct rzst_json *j, char brace)
{
	fputc(brace, j->f);
	j->more = true;
}

void rzst_json_begin(struct rzst_json *j, FILE *f)
{
	j->f = f;
	j->more = false;
	j->digits = 9;
	open_one(j, NULL, '{');
}

void rzst_json_end(struct rzst_json *j)
{
	close_one(j, '}');
	fputc('\n', j->f);
}

void rzst_json_object(struct rzst_json *j, const char *key)
{
	open_one(j, key, '{');
}

void rzst_json_object_end(struct rzst_json *j)
{
	close_one(j, '}');
}

void rzst_json_array(struct rzst_json *j, const char *key)
{
	open_one(j, key, '[');
}

void rzst_json_array_end(struct rzst_json *j)
{
	close_one(j, ']');
}

void rzst_json_text(struct rzst_json *j, const char *key, const char *text)
{
	put_key(j, key);
	if (text)
		put_string(j->f, text);
	else
		fputs("null", j->f);
}

void rzst_json_number(struct rzst_json *j, const char *key, uint64_t value)
{
	put_key(j, key);
	fprintf(j->f, "%llu", (unsigned long long)value);
}

void rzst_json_integer(struct rzst_json *j, const char *key, int64_t value)
{
	put_key(j, key);
	fprintf(j->f, "%lld", (long long)value);
}

void rzst_json_fraction(struct rzst_json *j, const char *key, double value)
{
	put_key(j, key);
	/* NaN and infinity less themselves are NaN. */
	if (value - value == 0)
		fprintf(j->f, "%.*g", (int)j->digits, value);
	else
		fputs("null", j->f);
}

void rzst_json_bool(struct rzst_json *j, const char *key, bool value)
{
	put_key(j, key);
	fputs(value ? "true" : "false", j->f);
}

void rzst_json_null(struct rzst_json *j, const char *key)
{
	rzst_json_text(j, key, NULL);
}
