/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsb_args.h. */
#include "rzsb_args.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "rzsb_cmd.h"
#include "rzsb_files.h"

#define MAX_OPTIONS 40u
#define ID_VERSION  1000

/* What stands between two words if there is a command: "rzsbench store", "store: wrong". */
static const char *after(const struct rzsb_args *a, const char *text)
{
	return *a->command ? text : "";
}

static void help(const struct rzsb_args *a)
{
	printf("usage: %s%s%s [options] %s\n\n", program_invocation_short_name, after(a, " "),
	       a->command, a->words);
	for (const struct rzsb_option *o = a->options; o->name; o++) {
		char left[80];

		snprintf(left, sizeof(left), "%s%c%s--%s%s%s", o->id < 256 ? "-" : " ",
			 o->id < 256 ? o->id : ' ', o->id < 256 ? ", " : "  ", o->name,
			 o->value ? "=" : "", o->value ? o->value : "");
		printf("  %-30s %s\n", left, o->what);
	}
	printf("  %-30s %s\n", "-h, --help", "show this");
	if (a->about)
		printf("\n%s", a->about);
	exit(rzsb_finish(RZSB_OK));
}

void rzsb_complain(const struct rzsb_args *a, const char *fmt, ...)
{
	char text[RZST_PATH_MAX + 256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	rzst_say("%s%s%s", a->command, after(a, ": "), text);
	rzst_die(RZSB_USAGE, "try %s%s%s --help", program_invocation_short_name, after(a, " "),
		 a->command);
}

/* The table as getopt_long() wants it. */
static void translate(const struct rzsb_args *a, struct option *to, char *letters)
{
	const struct rzsb_option *from = a->options;
	unsigned n = 0;

	if (a->stop_at_word)
		*letters++ = '+';
	*letters++ = ':'; /* the messages are ours */
	for (; from->name && n < MAX_OPTIONS; from++, n++) {
		to[n] = (struct option){from->name, from->value ? required_argument : no_argument,
					NULL, from->id};
		if (from->id >= 256)
			continue;
		*letters++ = (char)from->id;
		if (from->value)
			*letters++ = ':';
	}
	*letters++ = 'h';
	*letters = 0;
	to[n++] = (struct option){"help", no_argument, NULL, 'h'};
	to[n++] = (struct option){"version", no_argument, NULL, ID_VERSION};
	to[n] = (struct option){0};
}

static const char *name_of(const struct rzsb_args *a, int id)
{
	for (const struct rzsb_option *o = a->options; o->name; o++)
		if (o->id == id)
			return o->name;
	return "?";
}

int rzsb_next_option(struct rzsb_args *a, int argc, char **argv)
{
	struct option known[MAX_OPTIONS + 3];
	char letters[2 * MAX_OPTIONS + 4];
	int id;

	translate(a, known, letters);
	opterr = 0;
	id = getopt_long(argc, argv, letters, known, NULL);
	switch (id) {
	case -1:
		return -1;
	case 'h':
		help(a);
		break;
	case ID_VERSION:
		printf("%s " PACKAGE_VERSION "\n", program_invocation_short_name);
		exit(rzsb_finish(RZSB_OK));
	case ':':
		rzsb_complain(a, "--%s needs a value", name_of(a, optopt));
	case '?':
		rzsb_complain(a, "no such option, or it takes no value: %s",
			      argv[optind - 1]);
	default:
		break;
	}
	a->now = name_of(a, id);
	return id;
}

static uint64_t number_of(const struct rzsb_args *a, const char *text, uint64_t least,
			  uint64_t most)
{
	char *end;
	uint64_t v;

	errno = 0;
	/* A leading 0 does not mean octal: 010 is ten. */
	v = strtoull(text, &end, strncasecmp(text, "0x", 2) == 0 ? 16 : 10);
	if (!isdigit((unsigned char)*text) || *end || errno || v < least || v > most)
		rzsb_complain(a, "--%s %s: not a number from %" PRIu64 " to %" PRIu64, a->now, text,
			      least, most);
	return v;
}

uint64_t rzsb_number(const struct rzsb_args *a, uint64_t least, uint64_t most)
{
	return number_of(a, optarg, least, most);
}

void rzsb_numbers(const struct rzsb_args *a, struct rzsb_list *l, uint64_t least, uint64_t most)
{
	char *save = NULL;

	l->nr = 0;
	for (char *s = strtok_r(optarg, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
		if (l->nr == RZSB_MAX_LIST)
			rzsb_complain(a, "--%s: at most %u numbers", a->now, RZSB_MAX_LIST);
		l->v[l->nr++] = number_of(a, s, least, most);
	}
	if (l->nr == 0)
		rzsb_complain(a, "--%s: no number", a->now);
}

unsigned rzsb_choice(const struct rzsb_args *a, const char *const *words)
{
	char all[200] = "";
	size_t n = 0;

	for (unsigned i = 0; words[i]; i++) {
		if (strcmp(words[i], optarg) == 0)
			return i;
		n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s", i ? ", " : "", words[i]);
	}
	rzsb_complain(a, "--%s %s: expected one of %s", a->now, optarg, all);
}

bool rzsb_record_option(struct rzsb_record *r, const struct rzsb_args *a, int id)
{
	switch (id) {
	case 'e':
		r->seed = rzsb_number(a, 0, UINT64_MAX);
		return true;
	case 'o':
		r->path = optarg;
		return true;
	case 'V':
		r->versions = optarg;
		return true;
	default:
		return false;
	}
}

const char *rzsb_corpus_argument(const struct rzsb_args *a, int argc, char **argv)
{
	if (argc - optind != 1)
		rzsb_complain(a, "one directory of captured pages is needed");
	return argv[optind];
}
