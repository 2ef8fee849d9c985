/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rzsbench: how well and how fast do my pages compress, and what would hold them?
 *
 * Here is the table of commands; each is a file rzsb_COMMAND.c, with others beside it.
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
	{"capture", "save the pages of a running program, as a swap device would get them",
	 rzsb_cmd_capture},
	{"pages", "what swapping these pages out would win, with each algorithm", rzsb_cmd_pages},
	{"device", "NBD servers and zram side by side", rzsb_cmd_device},
	{"swap", "this machine's swap: pages out and in again", rzsb_cmd_swap},
};

#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int usage(FILE *to, int status)
{
	fputs("usage: rzsbench COMMAND [options]\n\n", to);
	for (size_t i = 0; i < NR_COMMANDS; i++)
		fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].what);
	fputs("\nrzsbench COMMAND --help tells each one's options.  See rzsbench(1).\n", to);
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
