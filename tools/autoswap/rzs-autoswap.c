/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rzs-autoswap: as much swap as a machine needs.  See rzs-autoswap(8).
 *
 * This file has the command line.
 *
 * Threading: one thread.
 */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "rzsa_simulate.h"
#include "rzst.h"
#include "std_fds.h"

static const char usage[] =
	"usage: rzs-autoswap --simulate TRACE [--json]\n"
	"\n"
	"  --simulate TRACE   replay a trace (- is standard input): states and actions\n"
	"  --json             as JSON\n"
	"  -h, --help  -V, --version\n"
	"\n"
	"exit status: 0 done   1 failed   2 wrong usage\n"
	"See rzs-autoswap(8).\n";

enum { OPT_JSON = 256, OPT_SIMULATE };

static const struct option known[] = {
	{"help", no_argument, NULL, 'h'},
	{"json", no_argument, NULL, OPT_JSON},
	{"simulate", required_argument, NULL, OPT_SIMULATE},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

struct options {
	const char *simulate;
	bool json;
};

static int bad_usage(const char *what)
{
	return rzst_fail(RZS_EXIT_USAGE, "%s; see rzs-autoswap --help", what);
}

/* -1: go on; else an exit status. */
static int read_options(int argc, char **argv, struct options *o)
{
	char what[300];
	int id;

	opterr = 0;
	while ((id = getopt_long(argc, argv, ":hV", known, NULL)) != -1) {
		switch (id) {
		case 'h':
			fputs(usage, stdout);
			return RZS_EXIT_DONE;
		case 'V':
			puts("rzs-autoswap (ramzswap) " VERSION);
			return RZS_EXIT_DONE;
		case OPT_JSON:
			o->json = true;
			break;
		case OPT_SIMULATE:
			o->simulate = optarg;
			break;
		default:
			snprintf(what, sizeof(what), "%s: %s", argv[optind - 1],
				 id == '?' ? "no such option, or it takes no value"
					   : "needs a value");
			return bad_usage(what);
		}
	}
	if (optind < argc) {
		snprintf(what, sizeof(what), "%s: unexpected", argv[optind]);
		return bad_usage(what);
	}
	return -1;
}

static int simulate(const struct options *o)
{
	bool standard = strcmp(o->simulate, "-") == 0;
	FILE *trace = standard ? stdin : fopen(o->simulate, "re");
	struct rzsa_config c;
	char why[600];
	int err;

	if (!trace)
		return rzst_fail(RZS_EXIT_FAILED, "%s: cannot be opened: %s", o->simulate,
				 strerror(errno));
	rzsa_config_init(&c);
	c.files = true;
	err = rzsa_simulate(&c, trace, standard ? "standard input" : o->simulate, o->json, stdout,
			    why, sizeof(why));
	if (!standard)
		fclose(trace);
	return err < 0 ? rzst_fail(RZS_EXIT_FAILED, "%s", why) : RZS_EXIT_DONE;
}

int main(int argc, char **argv)
{
	struct options o = {0};
	int code;

	if (rzs_std_fds_fill() < 0)
		return RZS_EXIT_FAILED;
	code = read_options(argc, argv, &o);
	if (code < 0)
		code = o.simulate ? simulate(&o) : bad_usage("nothing to do: --simulate TRACE");
	if (fflush(stdout) != 0 || ferror(stdout))
		code = rzst_fail(RZS_EXIT_FAILED, "cannot write: %s", strerror(errno));
	return code;
}
