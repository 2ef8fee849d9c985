/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rzs-swapon: what the command line says, and the commands.
 *
 * Threading: one thread.
 */
#ifndef RZSO_H
#define RZSO_H

#include <stdbool.h>
#include <stddef.h>

#include "rzso_policy.h"
#include "rzst_swapon.h"

/* Exit statuses, as those of util-linux's swapon. */
enum rzso_exit {
	RZSO_EXIT_DONE = 0,
	RZSO_EXIT_USAGE = 1,
	RZSO_EXIT_BLANK = 32,	/* of --check: nothing is stored there */
	RZSO_EXIT_OFF = 32,	/* of --is-on: nothing swaps to it, for certain */
	RZSO_EXIT_FAILED = 255, /* one area at least is not on */
};

#define RZSO_COLUMNS_MAX 32u /* of --show */

enum rzso_command {
	RZSO_ON,      /* -a, names, or both */
	RZSO_LIST,    /* -l */
	RZSO_SHOW,    /* --show */
	RZSO_SUMMARY, /* -s */
	RZSO_CHECK,   /* --check */
	RZSO_IS_ON,   /* --is-on */
};

struct rzso_options {
	enum rzso_command command;
	const char **names; /* in their order, -L and -U as LABEL= and UUID= */
	size_t nr_names;
	const char *symfile; /* of -l; NULL: none */

	bool all, riscix_fstab;
	const char *fstab; /* -T; NULL: the machine's */

	struct rzso_want want; /* by -p, --priority and -n */
	bool discard_given;
	enum rzst_discard discard;
	const char *options; /* -o; NULL: none */

	bool if_exists, fix_page_size, unchecked, force, dry_run, verbose;

	unsigned columns[RZSO_COLUMNS_MAX], nr_columns;
	bool bytes, raw, no_headings, json;
};

/*
 * Read the command line.  -1: go on; else an enum rzso_exit, and what was wrong, the help or the
 * version is printed.  o is for rzso_options_free() in any case.
 */
int rzso_options_read(int argc, char **argv, struct rzso_options *o);
void rzso_options_free(struct rzso_options *o);

/* The commands; all print what is wrong and return an enum rzso_exit. */
int rzso_cmd_on(const struct rzso_options *o);
int rzso_cmd_table(const struct rzso_options *o); /* of RZSO_LIST and RZSO_SHOW */
int rzso_cmd_summary(const struct rzso_options *o);
int rzso_cmd_check(const struct rzso_options *o);
int rzso_cmd_is_on(const struct rzso_options *o);

#endif
