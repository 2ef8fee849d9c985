/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The commands of rzsbench.  Each gets its own name as argv[0] and its options behind it, prints
 * for people on stdout and complaints on stderr, and returns the program's exit status.
 */
#ifndef RZSB_CMD_H
#define RZSB_CMD_H

enum rzsb_status {
	RZSB_OK = 0,
	RZSB_WRONG = 1, /* something gave back wrong bytes */
	RZSB_USAGE = 2,
	RZSB_NOTHING = 77, /* nothing to work on, and why was said */
	RZSB_FAILED = 99,
};

int rzsb_cmd_capture(int argc, char **argv);
int rzsb_cmd_device(int argc, char **argv);
int rzsb_cmd_pages(int argc, char **argv);
int rzsb_cmd_swap(int argc, char **argv);

#endif
