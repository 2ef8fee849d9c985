/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files, and what depends on several values; see rzsa_settings.h. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "conf_read.h"
#include "rzsa_settings.h"
#include "rzst.h"

struct reader {
	struct rzsa_settings *s;
	struct rzsa_hearer *h;
	bool foreign; /* a section that is not ours */
};

static const struct rzsa_place nowhere;

__attribute__((format(printf, 5, 6))) static void say(const struct rzsa_settings *s,
						      struct rzsa_hearer *h, bool error,
						      struct rzsa_place place, const char *fmt, ...)
{
	char text[RZSA_COMPLAINT];
	size_t len = 0;
	va_list ap;

	text[0] = '\0';
	if (place.line && place.file)
		len = (size_t)snprintf(text, sizeof(text), "%s:%u: ", s->file[place.file],
				       place.line);
	va_start(ap, fmt);
	vsnprintf(text + len, sizeof(text) - len, fmt, ap);
	va_end(ap);
	rzst_tame(text);
	h->errors += error;
	h->hear(h->arg, error, text);
}

static bool begin_file(void *arg, const char *name)
{
	struct reader *r = arg;
	struct rzsa_settings *s = r->s;

	if (s->nr_files == RZSA_FILES || strlen(name) >= sizeof(s->file[0])) {
		say(s, r->h, true, nowhere, "%.255s: not read: %s", name,
		    s->nr_files == RZSA_FILES ? "too many files" : "its path is too long");
		return false;
	}
	strcpy(s->file[s->nr_files], name);
	s->now = (struct rzsa_place){s->nr_files++, 0};
	r->foreign = false;
	return true;
}

static void end_file(void *arg)
{
	struct reader *r = arg;

	r->s->now = (struct rzsa_place){0, 1};
}

/* swapspace's file has no sections; ours may have one. */
static void begin_section(void *arg, unsigned line, char *text)
{
	struct reader *r = arg;
	char *end = strchr(text, ']');

	r->s->now.line = line;
	if (end)
		end[1] = '\0';
	r->foreign = strcmp(text, "[autoswap]") != 0;
	if (r->foreign)
		say(r->s, r->h, true, r->s->now, "%.80s: expected [autoswap], or no section", text);
}

static void take(struct reader *r, unsigned line, const char *key, const char *value)
{
	char why[RZS_WHY_MAX];

	r->s->now.line = line;
	if (!r->foreign && rzsa_settings_set(r->s, key, value, why) < 0)
		say(r->s, r->h, true, r->s->now, "%s", why);
}

/* As in swapspace's file: a value may stand in quotes, and # begins a comment after a blank. */
static void on_pair(void *arg, unsigned line, const char *key, const char *value)
{
	char text[256], *begin = text, *end;

	snprintf(text, sizeof(text), "%s", value);
	if (*text == '"' && (end = strchr(text + 1, '"'))) {
		*end = '\0';
		begin++;
	} else if ((end = strstr(text, " #")) || (end = strstr(text, "\t#"))) {
		while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
			end--;
		*end = '\0';
	}
	take(arg, line, key, begin);
}

static bool on_word(void *arg, unsigned line, const char *word)
{
	take(arg, line, word, NULL);
	return true;
}

static void hear(void *arg, unsigned line, const char *text)
{
	struct reader *r = arg;

	if (line)
		r->s->now.line = line;
	say(r->s, r->h, true, line ? r->s->now : nowhere, "%s", text);
}

void rzsa_settings_read(struct rzsa_settings *s, const char *file, struct rzsa_hearer *h)
{
	struct reader r = {.s = s, .h = h};
	const struct rzs_conf conf = {
		.arg = &r,
		.expected = "KEY = VALUE, [autoswap], or # and a comment",
		.begin = begin_file,
		.end = end_file,
		.section = begin_section,
		.pair = on_pair,
		.bare = on_word,
		.complain = hear,
	};

	rzs_conf_read(&conf, file ? file : RZSA_CONF_FILE, file != NULL);
}

/* The later of two places: what was given last is most likely what is wrong. */
static struct rzsa_place later(const struct rzsa_settings *s, enum rzsa_key a, enum rzsa_key b)
{
	struct rzsa_place p = s->place[a], q = s->place[b];

	if (!p.line || !q.line)
		return p.line ? p : q;
	if (!p.file || !q.file)
		return p.file ? q : p;
	return p.file > q.file || (p.file == q.file && p.line > q.line) ? p : q;
}

static void note_unused(struct rzsa_settings *s, struct rzsa_hearer *h)
{
	static const enum rzsa_key keys[] = {RZSA_KEY_buffer_elasticity, RZSA_KEY_cache_elasticity};

	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (s->place[keys[i]].line)
			say(s, h, false, s->place[keys[i]],
			    "%s: has no effect: the kernel says itself what is available; remove "
			    "it",
			    rzsa_keys[keys[i]]);
}

void rzsa_settings_check(struct rzsa_settings *s, struct rzsa_hearer *h)
{
	const struct rzsa_config *c = &s->rules;

	if (c->lower_freelimit > c->upper_freelimit)
		say(s, h, true, later(s, RZSA_KEY_lower_freelimit, RZSA_KEY_upper_freelimit),
		    "lower_freelimit=%u is more than upper_freelimit=%u; raise the latter",
		    c->lower_freelimit, c->upper_freelimit);
	else if (c->freetarget < c->lower_freelimit || c->freetarget > c->upper_freelimit)
		say(s, h, true, later(s, RZSA_KEY_freetarget, RZSA_KEY_lower_freelimit),
		    "freetarget=%u: expected %u to %u, between lower_freelimit and "
		    "upper_freelimit",
		    c->freetarget, c->lower_freelimit, c->upper_freelimit);
	if (c->min_file > c->max_file)
		say(s, h, true, later(s, RZSA_KEY_min_swapsize, RZSA_KEY_max_swapsize),
		    "min_swapsize is more than max_swapsize: no file could be made; raise the "
		    "latter");
	if (s->limit_max && s->limit_min > s->limit_max)
		say(s, h, true, later(s, RZSA_KEY_limit_min, RZSA_KEY_limit_max),
		    "limit_min is more than limit_max; lower the former");
	if (s->quiet && s->verbose)
		say(s, h, true, later(s, RZSA_KEY_quiet, RZSA_KEY_verbose),
		    "quiet and verbose exclude each other; remove one");
	note_unused(s, h);
}
