/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line; see rzso.h. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rzso.h"
#include "rzso_columns.h"
#include "rzst.h"

static const char usage_text[] =
	"usage: rzs-swapon -a [-T FILE] [--riscix-fstab] [options]\n"
	"       rzs-swapon [-p PRIORITY] [-n] [-F] [options] NAME...\n"
	"       rzs-swapon --check NAME | --is-on NAME\n"
	"       rzs-swapon -l [SYMFILE] | --show[=COLUMN,...] | -s\n"
	"\n"
	"NAME is a block device, a file, LABEL=..., UUID=..., PARTLABEL=... or PARTUUID=...\n"
	"\n"
	"  -a, --all               all swap lines of fstab, but those with noauto\n"
	"  -p N                    RISC iX's priority: 0 (used first) to 7, or -1, the first\n"
	"                          that can take it; the kernel's 200 - 25 * N\n"
	"      --priority N        the kernel's priority: 0 to 32767, the highest is used first\n"
	"  -n, --exclusive         no other area has this priority\n"
	"  -F, --unchecked         leave out the check for what is stored there\n"
	"      --force             override the rules for priorities\n"
	"  -d, --discard[=HOW]     once, pages, none; or both: without HOW\n"
	"  -e, --ifexists          what does not exist is no failure\n"
	"  -f, --fixpgsz           write another header if it is for another page size\n"
	"  -o, --options LIST      options as in fstab: pri=, discard, nofail\n"
	"  -L LABEL, -U UUID       as LABEL= and UUID=\n"
	"  -T, --fstab FILE        instead of /etc/fstab\n"
	"      --riscix-fstab      the last two fields of its lines are priority and interleave\n"
	"      --dry-run           show what would be done\n"
	"      --check             only look whether NAME can be swapped to\n"
	"      --is-on             whether NAME is swapped to; its size, use and priority\n"
	"  -v, --verbose           say more\n"
	"\n"
	"  -l, --list              all areas, with reads, writes and state\n"
	"      --show[=COLUMN,..]  all areas; --output-all: all columns\n"
	"      --noheadings  --raw  --bytes  --json\n"
	"  -s, --summary           as in /proc/swaps\n"
	"  -h, --help    -V, --version\n"
	"\n";

static const char status_text[] =
	"\nexit status: 0 success   1 wrong usage   255 an area at least is not on\n"
	"of --check:  0 it can be swapped to   32 nothing is stored there   255 it cannot\n"
	"of --is-on:  0 it is swapped to   32 it is not   anything else: nobody knows\n"
	"See rzs-swapon(8).\n";

enum option_id {
	OPT_BYTES = 256,
	OPT_CHECK,
	OPT_DRY_RUN,
	OPT_FORCE,
	OPT_IS_ON,
	OPT_JSON,
	OPT_NO_HEADINGS,
	OPT_OUTPUT_ALL,
	OPT_PRIORITY,
	OPT_RAW,
	OPT_RISCIX_FSTAB,
	OPT_SHOW,
};

/* In the order of the names. */
static const struct option known[] = {
	{"all", no_argument, NULL, 'a'},
	{"bytes", no_argument, NULL, OPT_BYTES},
	{"check", no_argument, NULL, OPT_CHECK},
	{"discard", optional_argument, NULL, 'd'},
	{"dry-run", no_argument, NULL, OPT_DRY_RUN},
	{"exclusive", no_argument, NULL, 'n'},
	{"fixpgsz", no_argument, NULL, 'f'},
	{"force", no_argument, NULL, OPT_FORCE},
	{"fstab", required_argument, NULL, 'T'},
	{"help", no_argument, NULL, 'h'},
	{"ifexists", no_argument, NULL, 'e'},
	{"is-on", no_argument, NULL, OPT_IS_ON},
	{"json", no_argument, NULL, OPT_JSON},
	{"list", no_argument, NULL, 'l'},
	{"noheadings", no_argument, NULL, OPT_NO_HEADINGS},
	{"options", required_argument, NULL, 'o'},
	{"output-all", no_argument, NULL, OPT_OUTPUT_ALL},
	{"priority", required_argument, NULL, OPT_PRIORITY},
	{"raw", no_argument, NULL, OPT_RAW},
	{"riscix-fstab", no_argument, NULL, OPT_RISCIX_FSTAB},
	{"show", optional_argument, NULL, OPT_SHOW},
	{"summary", no_argument, NULL, 's'},
	{"unchecked", no_argument, NULL, 'F'},
	{"verbose", no_argument, NULL, 'v'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

/* What was given, to be compared when all is known. */
struct given {
	bool number, priority, list, show, summary, check, is_on;
};

static int bad_usage(const char *what)
{
	return rzst_fail(RZSO_EXIT_USAGE, "%s; see rzs-swapon --help", what);
}

static int print_help(void)
{
	fputs(usage_text, stdout);
	puts("columns of --show:");
	for (unsigned i = 0; i < RZSO_COLUMNS; i++)
		printf("  %-10s  %s\n", rzso_columns[i].name, rzso_columns[i].help);
	fputs(status_text, stdout);
	return RZSO_EXIT_DONE;
}

/* ---- values ---- */

/* tag: "LABEL=" or the like, or "". */
static void add_name(struct rzso_options *o, const char *tag, const char *name)
{
	size_t size = strlen(tag) + strlen(name) + 1;
	char *text = malloc(size);

	if (!text)
		rzst_die(RZSO_EXIT_FAILED, "no memory");
	snprintf(text, size, "%s%s", tag, name);
	o->names = rzst_grow(o->names, o->nr_names, sizeof(*o->names));
	o->names[o->nr_names++] = text;
}

/* RISC iX's: whether there is such a number is the policy's to say. */
static int take_number(struct rzso_options *o, struct given *g)
{
	bool negative = optarg[0] == '-';
	uint64_t n;

	if (rzst_number_parse(optarg + negative, &n) < 0 || n > RZST_PRIORITY_MOST)
		return rzst_fail(RZSO_EXIT_USAGE,
				 "-p %s: expected 0 (used first) to 7, or -1 for the first that "
				 "can take it; for a priority of the kernel's write --priority",
				 optarg);
	g->number = true;
	o->want.by_number = true;
	o->want.number = negative ? -(int)n : (int)n;
	return RZSO_EXIT_DONE;
}

static int take_priority(struct rzso_options *o, struct given *g)
{
	char why[256];
	uint64_t n;

	if (rzst_number_option("--priority", optarg, "a priority of the kernel's", 0,
			       RZST_PRIORITY_MOST, &n, why, sizeof(why)) < 0)
		return rzst_fail(RZSO_EXIT_USAGE, "%s; for RISC iX's write -p", why);
	g->priority = true;
	o->want.priority = (int)n;
	return RZSO_EXIT_DONE;
}

static int take_discard(struct rzso_options *o)
{
	static const struct {
		const char *word;
		enum rzst_discard discard;
	} words[] = {
		{"once", RZST_DISCARD_ONCE},
		{"pages", RZST_DISCARD_PAGES},
		{"none", RZST_DISCARD_NONE},
	};
	const char *how = optarg;

	o->discard_given = true;
	o->discard = RZST_DISCARD_BOTH;
	if (!how)
		return RZSO_EXIT_DONE;
	if (*how == '=') /* -d=once */
		how++;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(how, words[i].word) == 0) {
			o->discard = words[i].discard;
			return RZSO_EXIT_DONE;
		}
	return rzst_fail(RZSO_EXIT_USAGE, "--discard=%s: expected once, pages or none", how);
}

static int take_columns(struct rzso_options *o, struct given *g)
{
	char why[128];

	g->show = true;
	if (optarg && rzso_columns_parse(optarg, o->columns, RZSO_COLUMNS_MAX, &o->nr_columns, why,
					 sizeof(why)) < 0)
		return bad_usage(why);
	return RZSO_EXIT_DONE;
}

static void take_all_columns(struct rzso_options *o)
{
	for (unsigned i = 0; i < RZSO_COLUMNS; i++)
		o->columns[i] = i;
	o->nr_columns = RZSO_COLUMNS;
}

static int take_with_value(struct rzso_options *o, struct given *g, int id)
{
	switch (id) {
	case 'd':
		return take_discard(o);
	case 'L':
		add_name(o, "LABEL=", optarg);
		break;
	case 'o':
		o->options = optarg;
		break;
	case 'p':
		return take_number(o, g);
	case OPT_PRIORITY:
		return take_priority(o, g);
	case OPT_SHOW:
		return take_columns(o, g);
	case 'T':
		o->fstab = optarg;
		break;
	case 'U':
		add_name(o, "UUID=", optarg);
		break;
	}
	return RZSO_EXIT_DONE;
}

/* Where a switch is kept; NULL: it is none. */
static bool *switch_of(struct rzso_options *o, struct given *g, int id)
{
	switch (id) {
	case 'a':
		return &o->all;
	case 'e':
		return &o->if_exists;
	case 'f':
		return &o->fix_page_size;
	case 'F':
		return &o->unchecked;
	case 'l':
		return &g->list;
	case 'n':
		return &o->want.exclusive;
	case 's':
		return &g->summary;
	case 'v':
		return &o->verbose;
	case OPT_BYTES:
		return &o->bytes;
	case OPT_CHECK:
		return &g->check;
	case OPT_DRY_RUN:
		return &o->dry_run;
	case OPT_FORCE:
		return &o->force;
	case OPT_IS_ON:
		return &g->is_on;
	case OPT_JSON:
		return &o->json;
	case OPT_NO_HEADINGS:
		return &o->no_headings;
	case OPT_RAW:
		return &o->raw;
	case OPT_RISCIX_FSTAB:
		return &o->riscix_fstab;
	default:
		return NULL;
	}
}

/* ---- together ---- */

/* What no list of areas can make right. */
static int check_place(const struct rzso_options *o)
{
	static const struct rzst_areas none;
	struct rzso_place place;
	char why[512];

	rzso_place_choose(&none, &o->want, &place);
	if (place.broken == RZSO_RULE_KEPT || (place.broken != RZSO_RULE_NUMBER && o->force))
		return -1;
	return bad_usage(rzso_place_why(&place, &o->want, why, sizeof(why)));
}

static int check_on(struct rzso_options *o, const struct given *g)
{
	if (g->number && g->priority)
		return bad_usage("-p is RISC iX's priority and --priority the kernel's: give one");
	if (o->want.exclusive && !g->number && !g->priority) {
		o->want.by_number = true;
		o->want.number = RZSO_NUMBER_ANY;
	}
	if (o->all && o->options)
		return bad_usage("-o is for names, with -a the options stand in fstab");
	if (!o->all && (o->fstab || o->riscix_fstab))
		return bad_usage("-T and --riscix-fstab belong to -a");
	if (o->nr_columns || o->bytes || o->raw || o->no_headings || o->json)
		return bad_usage("--bytes, --raw, --noheadings, --json and --output-all belong to "
				 "--show and -l");
	return check_place(o);
}

/* --check and --is-on only look. */
static int check_look(struct rzso_options *o, const struct given *g)
{
	if (g->check + g->is_on > 1 || o->all || o->unchecked || g->number || g->priority ||
	    o->want.exclusive || g->list || g->show || g->summary)
		return bad_usage("--check and --is-on only look, give it alone: one of them, with "
				 "a NAME");
	if (o->nr_names != 1)
		return bad_usage("--check takes one NAME, and so does --is-on");
	o->command = g->check ? RZSO_CHECK : RZSO_IS_ON;
	o->dry_run = true;
	return -1;
}

static int check_lists(struct rzso_options *o, const struct given *g)
{
	if (g->list + g->show + g->summary > 1)
		return bad_usage("-l, --show and -s: give one");
	if (o->all || g->number || g->priority || o->want.exclusive || o->options)
		return bad_usage("-l, --show and -s change nothing: give them alone");
	if (g->list && o->nr_names == 1)
		o->symfile = o->names[0];
	else if (o->nr_names)
		return bad_usage("-l takes one SYMFILE at most, --show and -s no name");
	if (o->json && (o->raw || o->no_headings))
		return bad_usage("--json has neither headings nor --raw");
	o->command = g->list ? RZSO_LIST : g->summary ? RZSO_SUMMARY : RZSO_SHOW;
	return -1;
}

static int read_all(int argc, char **argv, struct rzso_options *o, struct given *g)
{
	char what[300];
	int id, code;

	opterr = 0;
	while ((id = getopt_long(argc, argv, ":ad::efFhlL:no:p:sT:U:vV", known, NULL)) != -1) {
		bool *is = switch_of(o, g, id);

		if (id == '?' || id == ':') {
			snprintf(what, sizeof(what), "%s: %s", argv[optind - 1],
				 id == '?' ? "no such option, or it takes no value"
					   : "needs a value");
			return bad_usage(what);
		}
		if (id == 'h')
			return print_help();
		if (id == 'V') {
			puts("rzs-swapon (ramzswap) " VERSION);
			return RZSO_EXIT_DONE;
		}
		if (is) {
			*is = true;
			continue;
		}
		if (id == OPT_OUTPUT_ALL) {
			take_all_columns(o);
			continue;
		}
		code = take_with_value(o, g, id);
		if (code != RZSO_EXIT_DONE)
			return code;
	}
	return -1;
}

int rzso_options_read(int argc, char **argv, struct rzso_options *o)
{
	struct given g = {.number = false};
	int code;

	memset(o, 0, sizeof(*o));
	o->want.priority = RZST_PRIORITY_NONE;
	code = read_all(argc, argv, o, &g);
	if (code >= 0)
		return code;
	for (int i = optind; i < argc; i++)
		add_name(o, "", argv[i]);
	if (g.check || g.is_on)
		return check_look(o, &g);
	/* As util-linux: to ask for nothing is to ask what there is. */
	if (g.list || g.show || g.summary || (!o->all && !o->nr_names))
		return check_lists(o, &g);
	return check_on(o, &g);
}

void rzso_options_free(struct rzso_options *o)
{
	for (size_t i = 0; i < o->nr_names; i++)
		free((char *)o->names[i]);
	free(o->names);
	o->names = NULL;
	o->nr_names = 0;
}
