/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Turning the areas off, one after the other, with messages; and what is printed of them at the
 * end.
 *
 * Threading: one thread, which has SIGINT, SIGTERM and SIGHUP.
 */
#ifndef RZSF_OFF_H
#define RZSF_OFF_H

#include "rzsf.h"

/*
 * Refuse those that do not fit, together or one by one; turn off the others.  Sets their outcome.
 */
void rzsf_off(const struct rzsf_options *o, const struct rzst_areas *areas,
	      struct rzsf_targets *targets);

/* The exit status for all of them.  A pure function. */
int rzsf_off_code(const struct rzsf_options *o, const struct rzsf_targets *targets);

/* What became of them as one JSON object, on standard output. */
void rzsf_off_json(const struct rzsf_options *o, const struct rzst_areas *areas,
		   const struct rzsf_targets *targets);

#endif
