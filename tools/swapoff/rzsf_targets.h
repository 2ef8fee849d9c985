/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the names of the command line to areas.  One thread.
 */
#ifndef RZSF_TARGETS_H
#define RZSF_TARGETS_H

#include "rzsf.h"

/*
 * The areas meant: of -a all that are on, least used first; else those named, each once, in their
 * order.  One that cannot be named or is not on has its outcome, code and why already.  0; -E2BIG:
 * there are too many names.
 */
int rzsf_targets_find(const struct rzsf_options *o, const struct rzst_areas *areas,
		      struct rzsf_targets *out);

#endif
