/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rzs-swapoff: ends swapping to areas, without wedging the machine.  See rzs-swapoff(8).
 *
 * This file has the command line.
 *
 * Threading: one thread.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "rzsf_off.h"
#include "rzsf_targets.h"
#include "std_fds.h"

#define TIMEOUT 60u
#define GIVE_UP 3600u
#define LONGEST (UINT64_C(7) * 86400)

static const char usage[] =
	"usage: rzs-swapoff [options] NAME...\n"
	"       rzs-swapoff -a [options]\n"
	"\n"
	"NAME     a device or file that is swapped to, LABEL=, UUID=, PARTLABEL= or PARTUUID=\n"
	"\n"
	"  -a, --all          all areas, in whatever way they came on\n"
	"  -L LABEL, -U UUID  the area of that label, of that UUID\n"
	"  -e, --ifexists     names that do not exist are no failure\n"
	"  -f, --force        try although it does not seem to fit\n"
	"  --timeout SECONDS  then it goes on in the background (default 60; 0: at once)\n"
	"  --wait             never go on in the background\n"
	"  --give-up SECONDS  how long the background tries (default 3600; 0: only this once)\n"
	"  -n, --dry-run      only say what would be done, and whether it fits\n"
	"  --json             what became of it as JSON\n"
	"  -v, --verbose  -h, --help  -V, --version\n"
	"\n"
	"exit status, added up: 0 off   1 goes on in the background   2 does not fit in memory\n"
	"             4 failed, or interrupted   8 rzs-swapoff cannot work   16 wrong usage, not "
	"root\n"
	"             -a: 0 all off   32 none   64 some\n"
	"See rzs-swapoff(8).\n";

enum { OPT_TIMEOUT = 256, OPT_WAIT, OPT_GIVE_UP, OPT_JSON };

static const struct option known[] = {
	{"all", no_argument, NULL, 'a'},       {"dry-run", no_argument, NULL, 'n'},
	{"force", no_argument, NULL, 'f'},     {"give-up", required_argument, NULL, OPT_GIVE_UP},
	{"help", no_argument, NULL, 'h'},      {"ifexists", no_argument, NULL, 'e'},
	{"json", no_argument, NULL, OPT_JSON}, {"timeout", required_argument, NULL, OPT_TIMEOUT},
	{"verbose", no_argument, NULL, 'v'},   {"version", no_argument, NULL, 'V'},
	{"wait", no_argument, NULL, OPT_WAIT}, {NULL, 0, NULL, 0},
};

static int bad_usage(const char *what)
{
	return rzst_fail(RZSF_USAGE, "%s; see rzs-swapoff --help", what);
}

static void add_name(struct rzsf_options *o, const char *kind, const char *name)
{
	size_t size = strlen(kind) + strlen(name) + 1;
	char *copy = malloc(size);

	if (!copy)
		rzst_die(RZSF_SYSTEM, "no memory");
	snprintf(copy, size, "%s%s", kind, name);
	o->names[o->nr_names++] = copy;
}

static int seconds(const char *option, unsigned *out)
{
	char why[256];
	uint64_t n;

	if (rzst_number_option(option, optarg, "a number of seconds", 0, LONGEST, &n, why,
			       sizeof(why)) < 0)
		return bad_usage(why);
	*out = (unsigned)n;
	return RZSF_DONE;
}

static int take_option(struct rzsf_options *o, int id)
{
	switch (id) {
	case 'a':
		o->all = true;
		break;
	case 'e':
		o->if_exists = true;
		break;
	case 'f':
		o->force = true;
		break;
	case 'L':
		add_name(o, "LABEL=", optarg);
		break;
	case 'n':
		o->dry_run = true;
		break;
	case 'U':
		add_name(o, "UUID=", optarg);
		break;
	case 'v':
		o->verbose = true;
		break;
	case OPT_GIVE_UP:
		return seconds("--give-up", &o->give_up);
	case OPT_JSON:
		o->json = true;
		break;
	case OPT_TIMEOUT:
		return seconds("--timeout", &o->timeout);
	default:
		o->wait = true;
	}
	return RZSF_DONE;
}

/* -1: go on; else an exit status. */
static int read_options(int argc, char **argv, struct rzsf_options *o)
{
	char what[300];
	int id, code;

	o->names = calloc((size_t)argc, sizeof(o->names[0]));
	if (!o->names)
		return rzst_fail(RZSF_SYSTEM, "no memory");
	opterr = 0;
	while ((id = getopt_long(argc, argv, ":aefhL:nU:vV", known, NULL)) != -1) {
		if (id == '?' || id == ':') {
			snprintf(what, sizeof(what), "%s: %s", argv[optind - 1],
				 id == '?' ? "no such option, or it takes no value"
					   : "needs a value");
			return bad_usage(what);
		}
		if (id == 'h') {
			fputs(usage, stdout);
			return RZSF_DONE;
		}
		if (id == 'V') {
			puts("rzs-swapoff (ramzswap) " VERSION);
			return RZSF_DONE;
		}
		code = take_option(o, id);
		if (code != RZSF_DONE)
			return code;
	}
	for (int i = optind; i < argc; i++)
		add_name(o, "", argv[i]);
	if (!o->all && o->nr_names == 0)
		return bad_usage("no area is named; name one, or -a for all");
	return -1;
}

static int run(const struct rzsf_options *o)
{
	static struct rzst_areas areas;
	static struct rzsf_targets targets;

	rzst_areas_read(&areas);
	if (*areas.doubt && !o->json)
		rzst_say("%s", areas.doubt);
	if (rzsf_targets_find(o, &areas, &targets) < 0)
		return bad_usage("too many names");
	if (targets.nr == 0 && o->verbose && !o->json)
		puts("nothing is swapped to");
	rzsf_off(o, &areas, &targets);
	if (o->json)
		rzsf_off_json(o, &areas, &targets);
	return rzsf_off_code(o, &targets);
}

int main(int argc, char **argv)
{
	struct rzsf_options o = {.timeout = TIMEOUT, .give_up = GIVE_UP};
	int code;

	if (rzs_std_fds_fill() < 0)
		return RZSF_SYSTEM;
	code = read_options(argc, argv, &o);
	if (code < 0)
		code = run(&o);
	for (unsigned i = 0; i < o.nr_names; i++)
		free(o.names[i]);
	free(o.names);
	if (fflush(stdout) != 0 || ferror(stdout))
		code |= rzst_fail(RZSF_SYSTEM, "cannot write: %s", strerror(errno));
	return code;
}
