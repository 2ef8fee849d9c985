/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Replaying a trace: what rzs-autoswap would have done, and when.  The load stays as it was
 * recorded; what the decisions change is laid over it (rzsa_overlay.h).
 *
 * Threading: one thread; reads and writes files.
 */
#ifndef RZSA_SIMULATE_H
#define RZSA_SIMULATE_H

#include <stddef.h>
#include <stdio.h>

#include "rzsa.h"

/*
 * Replay the trace, print what happens as lines or, with json, as one object on one line.  0;
 * -EINVAL: a line is not a trace's, or its time goes back; -EPROTO: a decision broke a rule of
 * rzsa_guard.h; another negative errno: the trace cannot be read.  why has the message then, with
 * name and the line's number.  Ends the program if there is no memory.
 */
int rzsa_simulate(const struct rzsa_config *c, FILE *trace, const char *name, bool json, FILE *out,
		  char *why, size_t why_size);

#endif
