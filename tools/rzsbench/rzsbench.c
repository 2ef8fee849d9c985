/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rzsbench: how well and how fast do my pages compress, and what could store them?
 *
 * This is the table of commands.  Each begins in rzsb_COMMAND.c.
 */
#include <stdio.h>
#include <string.h>

#include "rzsb_cmd.h"
#include "rzsb_files.h"
#include "rzst.h"
#include "std_fds.h"

static const struct {
	const char *name, *what;
	int (*run)(int argc, char **argv);
} commands[] = {
	{"capture", "saves the pages of a running program, as a swap device would get them",
	 rzsb_cmd_capture},
	{"pages", "estimates what swapping would save, with each algorithm", rzsb_cmd_pages},
	{"device", "measures NBD servers, block devices and zram side by side", rzsb_cmd_device},
	{"swap", "measures this machine's swap", rzsb_cmd_swap},
};

#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int usage(FILE *to, int status)
{
	fputs("usage: rzsbench COMMAND [options]\n\n", to);
	for (size_t i = 0; i < NR_COMMANDS; i++)
		fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].what);
	fputs("\nrzsbench COMMAND --help lists the options of a command.  See rzsbench(1).\n", to);
	return status;
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";

	if (rzs_std_fds_fill() < 0)
		return RZSB_FAILED;
	if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
		puts("rzsbench " PACKAGE_VERSION);
		return rzsb_finish(RZSB_OK);
	}
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0)
		return rzsb_finish(usage(stdout, RZSB_OK));
	for (size_t i = 0; i < NR_COMMANDS; i++)
		if (strcmp(word, commands[i].name) == 0)
			return rzsb_finish(commands[i].run(argc - 1, argv + 1));
	if (*word)
		rzst_say("no such command: %s", word);
	return usage(stderr, RZSB_USAGE);
}
