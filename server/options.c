/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line of rzsd.  Most options are keys of [server] in the configuration; config.c takes
 * their values.  server_keys.def says which options have a value, and has their text for --help.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "options.h"

/* getopt's values of options that are not keys; those of keys are FIRST_KEY + index. */
enum {
	OPT_CONFIG,
	OPT_CHECK,
	OPT_DEVICE,
	OPT_DAEMON,
	OPT_HELP,
	OPT_VERSION,
	FIRST_KEY = 256,
};

struct known {
	const char *name;
	const char *value; /* its name in --help; NULL: a switch */
	const char *help;  /* lines after the first begin with \n */
	int own;	   /* OPT_*, or FIRST_KEY: a key */
};

static const struct known known[] = {
	{"config", "FILE",
	 "read FILE and FILE.d/*.conf (default: " RZS_CONFIG_FILE "\nif it exists)", OPT_CONFIG},
	{"check-config", NULL, "report errors in files and options, and exit", OPT_CHECK},
	{"device", "NAME[,KEY=VALUE...]", "add a device and initialise it (keys: see below)",
	 OPT_DEVICE},
#define RZS_SERVER_KEY(id, name, value, help) {name, value, help, FIRST_KEY},
#include "server_keys.def"
	{"daemon", NULL, "go to the background when clients can connect", OPT_DAEMON},
	{"help", NULL, "show this text", OPT_HELP},
	{"version", NULL, "show the version", OPT_VERSION},
};
#define NR_KNOWN (sizeof(known) / sizeof(known[0]))

static void make_table(struct option table[NR_KNOWN + 1])
{
	memset(table, 0, (NR_KNOWN + 1) * sizeof(*table));
	for (unsigned i = 0; i < NR_KNOWN; i++) {
		table[i].name = known[i].name;
		table[i].has_arg = known[i].value ? required_argument : no_argument;
		table[i].val = known[i].own == FIRST_KEY ? FIRST_KEY + (int)i : known[i].own;
	}
}

#define HELP_COLUMN 27

static void print_option(const struct known *k)
{
	char left[64];
	const char *line = k->help;

	snprintf(left, sizeof(left), "--%s%s%s", k->name, k->value ? " " : "",
		 k->value ? k->value : "");
	printf("  %-*s", HELP_COLUMN - 3, left);
	if (strlen(left) >= HELP_COLUMN - 3)
		printf("\n%*s", HELP_COLUMN - 1, "");
	for (;;) {
		int len = (int)strcspn(line, "\n");

		printf(" %.*s\n", len, line);
		if (!line[len])
			break;
		line += len + 1;
		printf("%*s", HELP_COLUMN - 1, "");
	}
}

static void print_help(void)
{
	printf("usage: rzsd [OPTION...]\n"
	       "Serve compressed RAM as block devices over NBD, made to be swapped to.\n\n");
	for (unsigned i = 0; i < NR_KNOWN; i++)
		print_option(&known[i]);
	printf("\nKeys of a device:\n%s\nSee rzsd(8).\n", rzs_device_params_help);
}

static void complain(void *unused, const char *text)
{
	(void)unused;
	fprintf(stderr, "rzsd: %s\n", text);
}

/* Cut the first item off *rest; NULL: there is none.  Commas in () belong to a value. */
static char *next_item(char **rest)
{
	char *item = *rest, *at = item;
	int depth = 0;

	if (!item)
		return NULL;
	for (; *at && (*at != ',' || depth > 0); at++)
		depth += (*at == '(') - (*at == ')');
	*rest = *at ? at + 1 : NULL;
	*at = '\0';
	return item;
}

/* NAME[,KEY=VALUE...] */
static int set_device(struct rzsd_config *config, const char *text, char why[RZS_WHY_MAX])
{
	char copy[1024], *rest = copy, *name, *item = NULL;
	int err;

	if (strlen(text) >= sizeof(copy)) {
		snprintf(why, RZS_WHY_MAX, "%.60s...: too long", text);
		return -EINVAL;
	}
	strcpy(copy, text);
	name = next_item(&rest);
	err = rzs_config_set_device(config, name, "init", "true", why);
	while (err == 0 && (item = next_item(&rest)) != NULL) {
		char *value = strchr(item, '=');

		if (!value) {
			snprintf(why, RZS_WHY_MAX, "%.60s: expected KEY=VALUE after the comma",
				 item);
			return -EINVAL;
		}
		*value++ = '\0';
		err = rzs_config_set_device(config, name, item, value, why);
	}
	if (err < 0 && item) {
		char what[RZS_WHY_MAX];

		strcpy(what, why);
		snprintf(why, RZS_WHY_MAX, "%.63s: %.180s", name, what);
	}
	return err;
}

/* Handle the options that come before the files.  *out_file: the value of --config. */
static enum rzs_options_result look_ahead(int argc, char **argv, const struct option *table,
					  const char **out_file)
{
	int c;

	*out_file = NULL;
	optind = 0;
	while ((c = getopt_long(argc, argv, ":", table, NULL)) != -1) {
		switch (c) {
		case OPT_CONFIG:
			*out_file = optarg;
			break;
		case OPT_HELP:
			print_help();
			return RZS_OPTIONS_DONE;
		case OPT_VERSION:
			printf("rzsd %s\n", PACKAGE_VERSION);
			return RZS_OPTIONS_DONE;
		case '?':
			fprintf(stderr,
				"rzsd: %s: no such option, or it takes no value; see --help\n",
				argv[optind - 1]);
			return RZS_OPTIONS_WRONG;
		case ':':
			fprintf(stderr, "rzsd: %s: needs a value; see --help\n", argv[optind - 1]);
			return RZS_OPTIONS_WRONG;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "rzsd: %s: not an option; see --help\n", argv[optind]);
		return RZS_OPTIONS_WRONG;
	}
	return RZS_OPTIONS_GO;
}

/* Set the options in config.  Returns the number of complaints. */
static unsigned apply(int argc, char **argv, const struct option *table, struct rzsd_config *config,
		      struct rzs_options *out)
{
	unsigned complaints = 0;
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, ":", table, NULL)) != -1) {
		char why[RZS_WHY_MAX] = "";
		const char *name = "device";
		int err = 0;

		if (c == OPT_CHECK) {
			out->check = true;
		} else if (c == OPT_DAEMON) {
			out->daemon = true;
		} else if (c == OPT_DEVICE) {
			err = set_device(config, optarg, why);
		} else if (c >= FIRST_KEY) {
			name = known[c - FIRST_KEY].name;
			err = rzs_config_set(config, name, optarg ? optarg : "true", why);
		}
		if (err < 0) {
			/* why may begin with the option's name already. */
			bool named = strncmp(why, name, strlen(name)) == 0;

			fprintf(stderr, "rzsd: --%s%s%s\n", named ? "" : name, named ? "" : ": ",
				why);
			complaints++;
		}
	}
	return complaints;
}

enum rzs_options_result rzs_options_parse(int argc, char **argv, struct rzsd_config *config,
					  struct rzs_options *out)
{
	struct option table[NR_KNOWN + 1];
	enum rzs_options_result result;
	unsigned complaints;
	const char *file;

	*out = (struct rzs_options){.daemon = false};
	rzs_config_init(config);
	make_table(table);
	result = look_ahead(argc, argv, table, &file);
	if (result != RZS_OPTIONS_GO)
		return result;
	complaints = rzs_config_read(config, file, complain, NULL);
	complaints += apply(argc, argv, table, config, out);
	/* After errors, more complaints might be wrong themselves. */
	if (complaints == 0)
		complaints = rzs_config_complete(config, complain, NULL);
	if (complaints == 0 && out->daemon && config->survive) {
		fprintf(stderr, "rzsd: --daemon: not with survive=yes; let a service manager or a "
				"shell start it\n");
		complaints++;
	}
	return complaints ? RZS_OPTIONS_WRONG : RZS_OPTIONS_GO;
}
