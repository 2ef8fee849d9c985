/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the program shows and records of the machine that it runs on.  One thread. */
#ifndef RZSA_LIVE_H
#define RZSA_LIVE_H

#include "rzsa_settings.h"

/*
 * Write a tick each second to a new file, or with "-" to standard output: `ticks` of them, or with
 * 0 until SIGINT or SIGTERM.  Prints what is wrong; an enum rzs_exit.
 */
int rzsa_record(const struct rzsa_settings *s, const char *file, uint64_t ticks);

/* Print what the machine's memory and swap are worth, and what would be done first. */
void rzsa_status(const struct rzsa_settings *s, bool json);

#endif
