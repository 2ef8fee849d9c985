/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rzscontrol: shows and changes ramzswap's devices.  See rzscontrol(8).
 *
 * This file has the command line: a table of commands, a table of options, and which belong
 * together.
 *
 * Threading: one thread.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "rzsc.h"
#include "std_fds.h"

#define WORDS_MAX 64

/* --timeout, where it is not given. */
#define ANSWER_SECONDS	10
#define UPGRADE_SECONDS 60

/* The largest device, 2^32 - 256 pages, in KiB; and more memory than any machine has. */
#define DISKSIZE_KB_MOST  UINT64_C(17179868160)
#define MEMLIMIT_KB_MOST  (UINT64_C(1) << 43)
#define DISKSIZE_KB_LEAST 40 /* what mkswap(8) asks for */

/* ---- commands ---- */

enum command_id {
	CMD_DEVICE,
	CMD_LIST,
	CMD_PROCESS,
	CMD_PARAMS,
	CMD_CREATE,
	CMD_SET,
	CMD_COMPACT,
	CMD_REMOVE,
	CMD_IDLE,
	CMD_MERGE,
	CMD_SPILL,
	CMD_UPGRADE,
	CMD_WATCH,
	CMD_METRICS,
	CMD_ATTACH,
	CMD_DETACH,
	CMD_CHECK,
	CMD_REPORT,
	CMD_SETUP,
	COMMANDS,
};

#define OF(id) (1u << (id))

struct command {
	const char *word;      /* NULL: the first word is a device */
	unsigned least, most;  /* number of arguments, with the device */
	bool device_by_option; /* --device may replace the first */
	const char *words;     /* for messages */
	int (*run)(const struct rzsc_options *o);
};

static const struct command commands[COMMANDS] = {
	[CMD_DEVICE] = {NULL, 1, 1, true, "DEVICE and options", rzsc_cmd_device},
	[CMD_LIST] = {"list", 0, 0, false, "no arguments", rzsc_cmd_list},
	[CMD_PROCESS] = {"process", 0, 0, false, "no arguments", rzsc_cmd_process},
	[CMD_PARAMS] = {"params", 1, 1, true, "DEVICE", rzsc_cmd_params},
	[CMD_CREATE] = {"create", 1, WORDS_MAX, false, "NAME [KEY=VALUE]...", rzsc_cmd_create},
	[CMD_SET] = {"set", 2, WORDS_MAX, true, "DEVICE KEY=VALUE...", rzsc_cmd_set},
	[CMD_COMPACT] = {"compact", 1, 1, true, "DEVICE", rzsc_cmd_compact},
	[CMD_REMOVE] = {"remove", 1, 1, true, "DEVICE", rzsc_cmd_remove},
	[CMD_IDLE] = {"idle", 1, 1, true, "DEVICE", rzsc_cmd_idle},
	[CMD_MERGE] = {"merge", 1, WORDS_MAX, true, "DEVICE [KNOB=VALUE]...", rzsc_cmd_merge},
	[CMD_SPILL] = {"spill", 1, 1, true, "DEVICE", rzsc_cmd_spill},
	[CMD_UPGRADE] = {"upgrade", 0, 0, false, "no arguments", rzsc_cmd_upgrade},
	[CMD_WATCH] = {"watch", 0, 2, false, "[DEVICE] [SECONDS]", rzsc_cmd_watch},
	[CMD_METRICS] = {"metrics", 0, 0, false, "no arguments", rzsc_cmd_metrics},
	[CMD_ATTACH] = {"attach", 1, 2, false, "DEVICE [/dev/nbdN]", rzsc_cmd_attach},
	[CMD_DETACH] = {"detach", 1, 1, false, "DEVICE or /dev/nbdN", rzsc_cmd_detach},
	[CMD_CHECK] = {"check", 0, 1, false, "[DEVICE]", rzsc_cmd_check},
	[CMD_REPORT] = {"report", 1, WORDS_MAX, false, "/dev/nbdN KEY=VALUE...", rzsc_cmd_report},
	[CMD_SETUP] = {"setup", 0, WORDS_MAX, false, "[KEY=VALUE]...", rzsc_cmd_setup},
};

static const char usage[] =
	"usage: rzscontrol DEVICE [-b|--backing_swap=PATH] [-m|--memlimit_kb=N]\n"
	"                  [-d|--disksize_kb=N] [-i|--init] [-r|--reset] [-s|--stats]\n"
	"                  [--json] [-v|--verbose] [-h|--help]\n"
	"       rzscontrol list | process | metrics [--output FILE]\n"
	"       rzscontrol DEVICE --watch [SECONDS] | watch [DEVICE] [SECONDS]\n"
	"       rzscontrol create NAME [KEY=VALUE...] | set DEVICE KEY=VALUE...\n"
	"       rzscontrol params DEVICE | compact DEVICE | remove DEVICE | DEVICE idle\n"
	"       rzscontrol DEVICE merge [run=0|1|2] [KNOB=VALUE...] [--json]\n"
	"       rzscontrol DEVICE spill [--json]\n"
	"       rzscontrol attach DEVICE [/dev/nbdN] [--priority N ...]\n"
	"       rzscontrol detach DEVICE|/dev/nbdN [--force] | check [DEVICE]\n"
	"       rzscontrol upgrade [--socket PATH] [--timeout SECONDS]\n"
	"       rzscontrol setup [form=server|module] [autoswap=yes] [KEY=VALUE...]\n"
	"                  [--yes|--dry-run]\n"
	"       rzscontrol setup --undo\n"
	"\n"
	"DEVICE   a name (swap0), /dev/nbdN, a control socket (/run/rzs/control.sock),\n"
	"         or one of several at it (/run/rzs/control.sock:swap0); or the kernel\n"
	"         module's own, /dev/ramzswapN\n"
	"\n"
	"  -b P   write to P the pages that do not fit (kernel module only)\n"
	"  -m N   limit on all memory held, KiB; 0: none\n"
	"  -d N   size of the device, KiB; by default a quarter of RAM\n"
	"  -i     initialise it; swapon then needs no mkswap\n"
	"  -r     drop everything that is stored; refused while it is attached\n"
	"  -s     print statistics\n"
	"  --socket PATH  --device NAME  --timeout SECONDS  --json  --count N  --version\n"
	"\n"
	"exit status: 0 success   1 failure   2 wrong usage   3 busy\n"
	"             4 no such device or server   5 not supported by this kind of device\n"
	"             attach, detach and check: as rzs-nbd-swap(8)\n"
	"See rzscontrol(8).\n";

/* ---- options ---- */

enum option_id {
	OPT_BACKING_SWAP = 'b',
	OPT_DISKSIZE_KB = 'd',
	OPT_HELP = 'h',
	OPT_INIT = 'i',
	OPT_MEMLIMIT_KB = 'm',
	OPT_RESET = 'r',
	OPT_STATS = 's',
	OPT_VERBOSE = 'v',
	OPT_VERSION = 'V',
	OPT_COUNT = 256,
	OPT_DEVICE_NAME,
	OPT_JSON,
	OPT_NBD_SOCKET,
	OPT_OUTPUT,
	OPT_PASS,	 /* passed on to rzs-nbd-swap, with a value */
	OPT_PASS_SWITCH, /* passed on to rzs-nbd-swap, without a value */
	OPT_SOCKET,
	OPT_TIMEOUT,
	OPT_UNDO,
	OPT_WATCH,
	OPT_YES,
};

#define ALL (OF(COMMANDS) - 1)
#define OF_ONE                                                                            \
	(OF(CMD_DEVICE) | OF(CMD_PARAMS) | OF(CMD_SET) | OF(CMD_COMPACT) | OF(CMD_REMOVE) |       \
	 OF(CMD_IDLE) |                                                                     \
	 OF(CMD_MERGE) | OF(CMD_SPILL) | OF(CMD_WATCH))
#define SAYS_JSON                                                                           \
	(OF(CMD_DEVICE) | OF(CMD_LIST) | OF(CMD_PROCESS) | OF(CMD_PARAMS) | OF(CMD_WATCH) | \
	 OF(CMD_CHECK) | OF(CMD_REPORT) | OF(CMD_MERGE) | OF(CMD_SPILL))

/* In the order of the names, with the commands they belong to. */
static const struct {
	const char *name;
	int has_arg, id;
	unsigned of;
} known[] = {
	{"backing_swap", required_argument, OPT_BACKING_SWAP, OF(CMD_DEVICE)},
	{"connections", required_argument, OPT_PASS, OF(CMD_ATTACH)},
	{"count", required_argument, OPT_COUNT, OF(CMD_DEVICE) | OF(CMD_WATCH)},
	{"device", required_argument, OPT_DEVICE_NAME, OF_ONE | OF(CMD_ATTACH)},
	{"disksize_kb", required_argument, OPT_DISKSIZE_KB, OF(CMD_DEVICE)},
	{"dry-run", no_argument, OPT_PASS_SWITCH, OF(CMD_ATTACH) | OF(CMD_DETACH) | OF(CMD_SETUP)},
	{"force", no_argument, OPT_PASS_SWITCH, OF(CMD_DETACH)},
	{"help", no_argument, OPT_HELP, ALL},
	{"init", no_argument, OPT_INIT, OF(CMD_DEVICE)},
	{"json", no_argument, OPT_JSON, SAYS_JSON},
	{"max-sectors-kb", required_argument, OPT_PASS, OF(CMD_ATTACH)},
	{"memlimit_kb", required_argument, OPT_MEMLIMIT_KB, OF(CMD_DEVICE)},
	{"min-free", required_argument, OPT_PASS, OF(CMD_ATTACH)},
	{"mkswap", no_argument, OPT_PASS_SWITCH, OF(CMD_ATTACH)},
	{"nbd-socket", required_argument, OPT_NBD_SOCKET, OF(CMD_ATTACH)},
	{"no-discard", no_argument, OPT_PASS_SWITCH, OF(CMD_ATTACH)},
	{"no-tune", no_argument, OPT_PASS_SWITCH, OF(CMD_ATTACH)},
	{"nr-requests", required_argument, OPT_PASS, OF(CMD_ATTACH)},
	{"output", required_argument, OPT_OUTPUT, OF(CMD_METRICS)},
	{"priority", required_argument, OPT_PASS, OF(CMD_ATTACH)},
	{"reset", no_argument, OPT_RESET, OF(CMD_DEVICE)},
	{"socket", required_argument, OPT_SOCKET, ALL},
	{"stats", no_argument, OPT_STATS, OF(CMD_DEVICE)},
	{"timeout", required_argument, OPT_TIMEOUT, ALL},
	{"undo", no_argument, OPT_UNDO, OF(CMD_SETUP)},
	{"verbose", no_argument, OPT_VERBOSE, ALL},
	{"version", no_argument, OPT_VERSION, ALL},
	{"wait", required_argument, OPT_PASS, OF(CMD_ATTACH)},
	{"watch", no_argument, OPT_WATCH, OF(CMD_DEVICE)},
	{"yes", no_argument, OPT_YES, OF(CMD_SETUP)},
};

#define KNOWN (sizeof(known) / sizeof(known[0]))

/* The options that were given, to be compared with the command once that is known. */
struct given {
	bool option[KNOWN];
	char text[RZSC_PASS_MAX][64]; /* "--priority" and the like */
};

static int bad_usage(const char *what)
{
	return rzst_fail(RZS_EXIT_USAGE, "%s; see rzscontrol --help", what);
}

static int number(const char *option, const char *unit, uint64_t least, uint64_t most,
		  uint64_t *out)
{
	char why[256];

	if (rzst_number_option(option, optarg, unit, least, most, out, why, sizeof(why)) < 0)
		return bad_usage(why);
	return RZS_EXIT_DONE;
}

static int pass_on(struct rzsc_options *o, struct given *g, const char *name, const char *value)
{
	char *word = g->text[o->nr_pass];

	if (o->nr_pass + 2 > RZSC_PASS_MAX)
		return bad_usage("too many options");
	snprintf(word, sizeof(g->text[0]), "--%s", name);
	o->pass[o->nr_pass++] = word;
	if (value)
		o->pass[o->nr_pass++] = value;
	return RZS_EXIT_DONE;
}

static int take_numeric(struct rzsc_options *o, int id)
{
	uint64_t seconds;
	int code;

	switch (id) {
	case OPT_DISKSIZE_KB:
		o->disksize_given = true;
		return number("--disksize_kb", "a number of KiB (default: a quarter of RAM)",
			      DISKSIZE_KB_LEAST, DISKSIZE_KB_MOST, &o->disksize_kb);
	case OPT_MEMLIMIT_KB:
		o->memlimit_given = true;
		return number("--memlimit_kb", "a number of KiB (0: no limit)", 0, MEMLIMIT_KB_MOST,
			      &o->memlimit_kb);
	case OPT_COUNT:
		return number("--count", "how many samples to take", 1, UINT32_MAX, &o->count);
	default: /* OPT_TIMEOUT */
		code = number("--timeout", "a number of seconds", 1, 3600, &seconds);
		o->timeout = (unsigned)seconds;
		return code;
	}
}

static int take_option(struct rzsc_options *o, struct given *g, int id, const char *name)
{
	switch (id) {
	case OPT_BACKING_SWAP:
		o->backing_swap = optarg;
		break;
	case OPT_DEVICE_NAME:
		o->name = optarg;
		break;
	case OPT_INIT:
		o->init = true;
		break;
	case OPT_JSON:
		o->json = true;
		break;
	case OPT_NBD_SOCKET:
		o->nbd_socket = optarg;
		break;
	case OPT_OUTPUT:
		o->output = optarg;
		break;
	case OPT_PASS:
		return pass_on(o, g, name, optarg);
	case OPT_PASS_SWITCH:
		o->dry_run |= strcmp(name, "dry-run") == 0;
		return pass_on(o, g, name, NULL);
	case OPT_RESET:
		o->reset = true;
		break;
	case OPT_SOCKET:
		o->socket = optarg;
		break;
	case OPT_STATS:
		o->stats = true;
		break;
	case OPT_UNDO:
		o->undo = true;
		break;
	case OPT_VERBOSE:
		o->verbose = true;
		break;
	case OPT_WATCH:
		o->watch = true;
		break;
	case OPT_YES:
		o->yes = true;
		break;
	default:
		return take_numeric(o, id);
	}
	return RZS_EXIT_DONE;
}

static size_t index_of(int id, int at)
{
	size_t i;

	if (at >= 0)
		return (size_t)at;
	for (i = 0; known[i].id != id; i++)
		;
	return i;
}

/* -1: go on; else an exit status. */
static int read_options(int argc, char **argv, struct rzsc_options *o, struct given *g)
{
	struct option all[KNOWN + 1] = {{NULL, 0, NULL, 0}};

	for (size_t i = 0; i < KNOWN; i++)
		all[i] = (struct option){known[i].name, known[i].has_arg, NULL, known[i].id};
	opterr = 0;
	for (;;) {
		int at = -1, code, id;
		size_t i;
		char what[300];

		id = getopt_long(argc, argv, ":b:d:him:rsvV", all, &at);
		if (id == -1)
			return -1;
		if (id == '?' || id == ':') {
			snprintf(what, sizeof(what), "%s: %s", argv[optind - 1],
				 id == '?' ? "no such option, or it takes no value"
					   : "needs a value");
			return bad_usage(what);
		}
		if (id == OPT_HELP) {
			fputs(usage, stdout);
			return RZS_EXIT_DONE;
		}
		if (id == OPT_VERSION) {
			puts("rzscontrol (ramzswap) " VERSION);
			return RZS_EXIT_DONE;
		}
		i = index_of(id, at);
		g->option[i] = true;
		code = take_option(o, g, id, known[i].name);
		if (code != RZS_EXIT_DONE)
			return code;
	}
}

/* ---- both together ---- */

static const struct command *find_command(const char *word)
{
	for (unsigned i = 0; i < COMMANDS; i++)
		if (commands[i].word && strcmp(commands[i].word, word) == 0)
			return &commands[i];
	return &commands[CMD_DEVICE];
}

/* "DEVICE --watch 5", "watch 5", "watch DEVICE 5": the last word is the interval. */
static int take_interval(struct rzsc_options *o, char **words, unsigned *nr)
{
	if (*nr == 0)
		return RZS_EXIT_DONE;
	/* A lone word of DEVICE --watch is the device. */
	if (o->watch && *nr == 1 && !o->name)
		return RZS_EXIT_DONE;
	if (rzst_number_seconds(words[*nr - 1], &o->interval_ms) == 0) {
		--*nr;
		return RZS_EXIT_DONE;
	}
	if (words[*nr - 1][strspn(words[*nr - 1], "0123456789.")] != '\0')
		return RZS_EXIT_DONE; /* a device's name, such as 0day */
	return bad_usage("the interval: expected seconds, from 0.1 to 86400");
}

static int check_words(const struct command *c, const struct rzsc_options *o, unsigned nr)
{
	unsigned least = c->least;
	char what[200];

	if (c->device_by_option && o->name && least)
		least--;
	if (nr >= least && nr <= c->most)
		return RZS_EXIT_DONE;
	snprintf(what, sizeof(what), "%s: expected %s", c->word ? c->word : "rzscontrol", c->words);
	return bad_usage(what);
}

static int check_options(const struct command *c, const struct rzsc_options *o,
			 const struct given *g)
{
	char what[200];

	for (size_t i = 0; i < KNOWN; i++)
		if (g->option[i] && !(known[i].of & OF(c - commands))) {
			snprintf(what, sizeof(what), "--%s is not an option of %s", known[i].name,
				 c->word ? c->word : "a device");
			return bad_usage(what);
		}
	if (c->word)
		return RZS_EXIT_DONE;
	if (o->watch && (o->init || o->reset || o->stats || o->disksize_given ||
			 o->memlimit_given || o->backing_swap))
		return bad_usage("--watch cannot be combined with other actions");
	if (o->count && !o->watch)
		return bad_usage("--count needs --watch");
	if (o->json && !o->watch && !o->stats)
		return bad_usage("--json needs --stats or --watch");
	if (!o->watch && !o->init && !o->reset && !o->stats && !o->disksize_given &&
	    !o->memlimit_given && !o->backing_swap)
		return bad_usage("nothing to do: expected --stats, --init, or another option");
	return RZS_EXIT_DONE;
}

/* Take the command from among the words: the first, or the second of "DEVICE merge" and others. */
static const struct command *take_command(char **words, unsigned *nr)
{
	const struct command *c = *nr ? find_command(words[0]) : &commands[CMD_DEVICE];
	unsigned at = 0;

	for (unsigned i = CMD_IDLE; !c->word && i <= CMD_SPILL && *nr > 1; i++)
		if (strcmp(words[1], commands[i].word) == 0) {
			c = &commands[i];
			at = 1;
		}
	if (!c->word)
		return c;
	--*nr;
	memmove(words + at, words + at + 1, (*nr - at) * sizeof(*words));
	return c;
}

/* "set --device NAME KEY=VALUE" has no other device, setup has none. */
static bool has_device(const struct command *c, const struct rzsc_options *o, const char *first)
{
	if (c == &commands[CMD_SETUP])
		return false;
	return !((c == &commands[CMD_SET] || c == &commands[CMD_MERGE]) && o->name &&
		 strchr(first, '='));
}

static int run(struct rzsc_options *o, struct given *g, char **words, unsigned nr)
{
	const struct command *c = take_command(words, &nr);
	int code;

	if (!o->timeout)
		o->timeout = c == &commands[CMD_UPGRADE] ? UPGRADE_SECONDS : ANSWER_SECONDS;
	code = check_options(c, o, g);
	if (code == RZS_EXIT_DONE && (o->watch || c == &commands[CMD_WATCH]))
		code = take_interval(o, words, &nr);
	if (code == RZS_EXIT_DONE)
		code = check_words(c, o, nr);
	if (code != RZS_EXIT_DONE)
		return code;
	if (nr && has_device(c, o, words[0])) {
		o->device = *words++;
		nr--;
	}
	o->words = (const char **)words;
	o->nr_words = nr;
	if (o->verbose && (c == &commands[CMD_ATTACH] || c == &commands[CMD_DETACH]))
		code = pass_on(o, g, "verbose", NULL);
	if (code != RZS_EXIT_DONE)
		return code;
	return o->watch ? rzsc_cmd_watch(o) : c->run(o);
}

int main(int argc, char **argv)
{
	struct rzsc_options o = {.interval_ms = 1000};
	static struct given g;
	int code;

	if (rzs_std_fds_fill() < 0)
		return RZS_EXIT_FAILED;
	if (argc < 2) {
		fputs(usage, stderr);
		return RZS_EXIT_USAGE;
	}
	code = read_options(argc, argv, &o, &g);
	if (code < 0)
		code = run(&o, &g, argv + optind, (unsigned)(argc - optind));
	if ((fflush(stdout) != 0 || ferror(stdout)) && code == RZS_EXIT_DONE)
		code = rzst_fail(RZS_EXIT_FAILED, "cannot write: %s", strerror(errno));
	return code;
}
