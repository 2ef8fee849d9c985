/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the program shows and records of the machine that it runs on.  One thread. */
#ifndef RZSA_LIVE_H
#define RZSA_LIVE_H

#include "rzsa_settings.h"

struct rzst_json;

/*
 * Write a tick each second to a new file, or with "-" to standard output: `ticks` of them, or with
 * 0 until SIGINT or SIGTERM.  Prints what is wrong; an enum rzs_exit.
 */
int rzsa_record(const struct rzsa_settings *s, const char *file, uint64_t ticks);

/*
 * Print what the running daemon sees and does, a line a second: `ticks` of them, or with 0 until
 * SIGINT or SIGTERM.  An enum rzs_exit: RZS_EXIT_NONE if none runs.
 */
int rzsa_watch(uint64_t ticks);

/* Print what the running daemon has done: as lines, or as a member of the object j. */
void rzsa_watch_status(struct rzst_json *j);

/* Print what the machine's memory and swap are worth, and what would be done first. */
void rzsa_status(const struct rzsa_settings *s, bool json);

#endif
