/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What must never be done, whatever the decision was: rules that know nothing of states and
 * thresholds.  The program asks them before it acts, and the tests at each tick.
 *
 * Pure functions; any thread.
 */
#ifndef RZSA_GUARD_H
#define RZSA_GUARD_H

#include "rzsa.h"

/* What it has seen so far.  Zeroed at first. */
struct rzsa_guard {
	bool retiring; /* a retirement was asked for, and its result has not come */
	bool released; /* something was given back, at: */
	int64_t released_at;
	bool limited; /* a limit was changed, at: */
	int64_t limited_at;
	int64_t asked_until; /* the administrator wants memory back */
	unsigned pending;    /* actions without a result: bits 1 << act */
};

/*
 * Look at a tick's actions.  NULL: each may be done; else the rule that is broken, a constant
 * string, and *which is the number of the action.
 */
const char *rzsa_guard(struct rzsa_guard *g, const struct rzsa_config *c,
		       const struct rzsa_inputs *in, int64_t now, const struct rzsa_actions *a,
		       unsigned *which);

#endif
