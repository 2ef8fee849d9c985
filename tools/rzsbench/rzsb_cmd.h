/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The commands of rzsbench.  argv[0] is the command's name, its options follow.  Results go to
 * standard output, messages to standard error.  Each returns the exit status of the program.
 */
#ifndef RZSB_CMD_H
#define RZSB_CMD_H

enum rzsb_status {
	RZSB_OK = 0,
	RZSB_WRONG = 1, /* a page came back with wrong bytes */
	RZSB_USAGE = 2,
	RZSB_NOTHING = 77, /* there is nothing to work on */
	RZSB_FAILED = 99,
};

int rzsb_cmd_capture(int argc, char **argv);
int rzsb_cmd_device(int argc, char **argv);
int rzsb_cmd_pages(int argc, char **argv);
int rzsb_cmd_swap(int argc, char **argv);

#endif
