/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rzs-autoswap: as much swap as a machine needs.  See rzs-autoswap(8).
 *
 * This file has the command line.
 *
 * Threading: one thread.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "daemon.h"
#include "pid_file.h"
#include "protect_steps.h"
#include "rzsa_daemon.h"
#include "rzsa_live.h"
#include "rzsa_log.h"
#include "rzsa_settings.h"
#include "rzsa_simulate.h"
#include "rzst.h"
#include "rzst_swapon.h"
#include "std_fds.h"

#define GIVEN_MAX 64u

/* What getopt_long() gives for a key is OPT_KEY and its number, for others one of these. */
enum { OPT_JSON = 256, OPT_RECORD, OPT_SIMULATE, OPT_STATUS, OPT_TICKS, OPT_WATCH, OPT_KEY = 512 };

static const struct option known[] = {
#define RZSA_KEY(id, letter, value, help) {#id, (value) != NULL, NULL, OPT_KEY + RZSA_KEY_##id},
#include "rzsa_keys.def"
	{"config", required_argument, NULL, 'c'},
	{"configfile", required_argument, NULL, 'c'},
	{"help", no_argument, NULL, 'h'},
	{"json", no_argument, NULL, OPT_JSON},
	{"record", required_argument, NULL, OPT_RECORD},
	{"simulate", required_argument, NULL, OPT_SIMULATE},
	{"status", no_argument, NULL, OPT_STATUS},
	{"ticks", required_argument, NULL, OPT_TICKS},
	{"version", no_argument, NULL, 'V'},
	{"watch", no_argument, NULL, OPT_WATCH},
	{NULL, 0, NULL, 0},
};

static const struct {
	const char *name, *value, *help;
	char letter;
} help_of[RZSA_KEYS] = {
#define RZSA_KEY(id, letter, value, help) {#id, value, help, letter},
#include "rzsa_keys.def"
};

struct options {
	const char *simulate, *record, *config;
	bool json, status, watch;
	uint64_t ticks; /* 0: until a signal */
	struct {
		enum rzsa_key key;
		const char *value;
	} given[GIVEN_MAX];
	unsigned nr_given;
};

static void help(void)
{
	puts("usage: rzs-autoswap [OPTIONS]\n"
	     "       rzs-autoswap --status [--json] [OPTIONS]\n"
	     "       rzs-autoswap --watch [--ticks N]\n"
	     "       rzs-autoswap --record FILE [--ticks N] [OPTIONS]\n"
	     "       rzs-autoswap --simulate TRACE [--json] [OPTIONS]\n"
	     "       rzs-autoswap -i [OPTIONS]\n"
	     "\n"
	     "Without one of these it runs as a daemon does, in the foreground unless -d is\n"
	     "given.  SIGHUP reads the configuration again, SIGUSR1 logs the state, SIGUSR2 asks\n"
	     "for a diet.\n"
	     "\n"
	     "  --status           what memory and swap are worth, and what would be done\n"
	     "  --watch            what the daemon sees and does, a line a second\n"
	     "  --record FILE      write a trace of this machine, a line a second (-: to\n"
	     "                     standard output), until SIGINT or SIGTERM\n"
	     "  --ticks N          so many lines\n"
	     "  --simulate TRACE   replay a trace (- is standard input): states and actions\n"
	     "  --json             as JSON\n"
	     "  -c, --config FILE  in place of " RZSA_CONF_FILE "\n"
	     "  -h, --help  -V, --version\n"
	     "\n"
	     "Options that are keys of rzs-autoswap.conf(5) as well:");
	for (unsigned i = 0; i < RZSA_KEYS; i++) {
		char text[64], letter[] = {'-', help_of[i].letter, ',', ' ', '\0'};

		snprintf(text, sizeof(text), "%s--%s%s%s", help_of[i].letter ? letter : "    ",
			 help_of[i].name, help_of[i].value ? " " : "",
			 help_of[i].value ? help_of[i].value : "");
		printf("  %-30s %s\n", text, help_of[i].help);
	}
	puts("\nexit status: 0 done   1 failed, or the configuration is wrong   2 wrong usage\n"
	     "             3 another rzs-autoswap runs   4 none does, for --watch\n"
	     "See rzs-autoswap(8).");
}

static int bad_usage(const char *what)
{
	return rzst_fail(RZS_EXIT_USAGE, "%s; see rzs-autoswap --help", what);
}

/* getopt's text of short options.  As swapspace's: -p may be without a path. */
static void short_options(char out[3 * RZSA_KEYS + 6])
{
	char *end = stpcpy(out, ":c:hV");

	for (unsigned i = 0; i < RZSA_KEYS; i++) {
		if (!help_of[i].letter)
			continue;
		*end++ = help_of[i].letter;
		if (help_of[i].value)
			*end++ = ':';
		if (help_of[i].letter == 'p')
			*end++ = ':';
	}
	*end = '\0';
}

static int add_key(struct options *o, int id)
{
	unsigned i = 0;

	if (id >= OPT_KEY)
		i = (unsigned)(id - OPT_KEY);
	else
		while (help_of[i].letter != id)
			i++;
	if (o->nr_given == GIVEN_MAX)
		return bad_usage("too many options");
	o->given[o->nr_given].key = (enum rzsa_key)i;
	o->given[o->nr_given++].value = optarg;
	return -1;
}

/* -1: go on; else an exit status. */
static int take_option(struct options *o, int id, const char *word)
{
	char what[300];

	switch (id) {
	case 'h':
		help();
		return RZS_EXIT_DONE;
	case 'V':
		puts("rzs-autoswap (ramzswap) " VERSION);
		return RZS_EXIT_DONE;
	case 'c':
		o->config = optarg;
		return -1;
	case OPT_JSON:
		o->json = true;
		return -1;
	case OPT_RECORD:
		o->record = optarg;
		return -1;
	case OPT_SIMULATE:
		o->simulate = optarg;
		return -1;
	case OPT_STATUS:
		o->status = true;
		return -1;
	case OPT_WATCH:
		o->watch = true;
		return -1;
	case OPT_TICKS:
		if (rzst_number_option("--ticks", optarg, "a number of seconds", 1, UINT32_MAX,
				       &o->ticks, what, sizeof(what)) < 0)
			return bad_usage(what);
		return -1;
	case '?':
	case ':':
		snprintf(what, sizeof(what), "%s: %s", word,
			 id == '?' ? "no such option, or it takes no value" : "needs a value");
		return bad_usage(what);
	default:
		return add_key(o, id);
	}
}

static int read_options(int argc, char **argv, struct options *o)
{
	char letters[3 * RZSA_KEYS + 6], what[300];
	int id, code = -1;

	short_options(letters);
	opterr = 0;
	while (code < 0 && (id = getopt_long(argc, argv, letters, known, NULL)) != -1)
		code = take_option(o, id, argv[optind - 1]);
	if (code < 0 && optind < argc) {
		snprintf(what, sizeof(what), "%s: unexpected", argv[optind]);
		code = bad_usage(what);
	}
	return code;
}

/* ---- the configuration ---- */

static void hear(void *arg, bool error, const char *text)
{
	const struct rzsa_settings *s = arg;

	/* A note is for those who ask. */
	if (error || s->inspect || s->verbose)
		rzst_say("%s%s", error ? "" : "note: ", text);
}

/* -1: go on; else an exit status. */
static int configure(const struct options *o, struct rzsa_settings *s)
{
	struct rzsa_hearer h = {.hear = hear, .arg = s};
	char why[RZS_WHY_MAX];

	rzsa_settings_init(s);
	rzsa_settings_read(s, o->config, &h);
	for (unsigned i = 0; i < o->nr_given; i++) {
		if (rzsa_settings_set(s, rzsa_keys[o->given[i].key], o->given[i].value, why) < 0) {
			h.errors++;
			rzst_say("--%s", why);
		}
	}
	rzsa_settings_check(s, &h);
	if (h.errors)
		return RZS_EXIT_FAILED;
	if (!s->inspect)
		return -1;
	puts("rzs-autoswap: the configuration is valid");
	return RZS_EXIT_DONE;
}

/* ---- a trace ---- */

static int simulate(const struct options *o, const struct rzsa_settings *s)
{
	bool standard = strcmp(o->simulate, "-") == 0;
	FILE *trace = standard ? stdin : fopen(o->simulate, "re");
	char why[600];
	int err;

	if (!trace)
		return rzst_fail(RZS_EXIT_FAILED, "%s: cannot be opened: %s", o->simulate,
				 strerror(errno));
	err = rzsa_simulate(&s->rules, trace, standard ? "standard input" : o->simulate, o->json,
			    stdout, why, sizeof(why));
	if (!standard)
		fclose(trace);
	return err < 0 ? rzst_fail(RZS_EXIT_FAILED, "%s", why) : RZS_EXIT_DONE;
}

/* ---- the daemon ---- */

static struct rzs_protect protect;

/* Also in its helpers, because locks are not inherited. */
static void lock_memory(void)
{
	(void)rzs_protect_process(&protect);
}

static void at_risk(void *arg, const char *text)
{
	(void)arg;
	rzsa_log(RZSA_LOG_WARN, "%s", text);
}

static int configure_again(void *arg, struct rzsa_settings *s)
{
	return configure(arg, s) < 0 ? 0 : -1;
}

static int begin(struct rzsa_daemon *d)
{
	char why[RZS_WHY_MAX];
	pid_t other;
	int err = rzsa_daemon_begin(d, &other, why);

	if (err == -EBUSY && other)
		return rzst_fail(RZS_EXIT_BUSY, "%s (process %d); end it first", why, (int)other);
	return err < 0 ? rzst_fail(err == -EBUSY ? RZS_EXIT_BUSY : RZS_EXIT_FAILED, "%s", why)
		       : RZS_EXIT_DONE;
}

/* Ready for work, in the background if it is to be there; the pid file is of that process. */
static int start(struct rzsa_daemon *d, int *pid_fd)
{
	char why[RZS_WHY_MAX];
	int code;

	*pid_fd = -1;
	if (!rzst_swap_allowed())
		return rzst_fail(RZS_EXIT_FAILED,
				 "only root may turn swap on and off, with CAP_SYS_ADMIN of the "
				 "machine and not of a container; be root");
	if (d->settings.daemon && !d->settings.erase && rzs_daemon_fork() < 0)
		return rzst_fail(RZS_EXIT_FAILED, "cannot go to the background: %s",
				 strerror(errno));
	if (*d->settings.pidfile && !d->settings.erase) {
		*pid_fd = rzs_pid_file_open(d->settings.pidfile, why);
		if (*pid_fd < 0)
			return rzst_fail(*pid_fd == -EBUSY ? RZS_EXIT_BUSY : RZS_EXIT_FAILED, "%s",
					 why);
	}
	rzs_protect_init(&protect, RZS_PROTECT_AUTO, false);
	(void)rzs_protect_early(&protect);
	d->actors.settle = lock_memory;
	code = begin(d);
	if (code != RZS_EXIT_DONE)
		return code;
	lock_memory();
	rzs_protect_report(&protect, false, at_risk, NULL);
	return RZS_EXIT_DONE;
}

static int run_daemon(const struct options *o, const struct rzsa_settings *s)
{
	static struct rzsa_daemon d;
	int pid_fd, code;

	d.settings = *s;
	d.configure = configure_again;
	d.configure_arg = (void *)o;
	code = start(&d, &pid_fd);
	if (code == RZS_EXIT_DONE) {
		if (s->erase) {
			code = rzsa_daemon_erase(&d) ? RZS_EXIT_FAILED : RZS_EXIT_DONE;
		} else {
			if (s->daemon && rzsa_log_to_system() < 0)
				rzst_say("the system's log cannot be reached: messages are lost");
			rzs_daemon_ready();
			rzsa_daemon_run(&d);
		}
		rzsa_daemon_end(&d);
	}
	if (pid_fd >= 0)
		rzs_pid_file_close(s->pidfile, pid_fd);
	return code;
}

/* ---- what it does ---- */

static int work(const struct options *o, const struct rzsa_settings *s)
{
	unsigned modes = o->status + o->watch + !!o->record + !!o->simulate;

	if (modes > 1)
		return bad_usage("expected at most one of --status, --watch, --record, --simulate");
	if (modes == 0)
		return run_daemon(o, s);
	if (o->simulate)
		return simulate(o, s);
	if (o->record)
		return rzsa_record(s, o->record, o->ticks);
	if (o->watch)
		return rzsa_watch(o->ticks);
	rzsa_status(s, o->json);
	return RZS_EXIT_DONE;
}

int main(int argc, char **argv)
{
	static struct options o;
	static struct rzsa_settings s;
	int code;

	if (rzs_std_fds_fill() < 0)
		return RZS_EXIT_FAILED;
	code = read_options(argc, argv, &o);
	if (code < 0)
		code = configure(&o, &s);
	if (code < 0)
		code = work(&o, &s);
	if (fflush(stdout) != 0 || ferror(stdout))
		code = rzst_fail(RZS_EXIT_FAILED, "cannot write: %s", strerror(errno));
	return code;
}
