/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device's statistics, as the original tool printed them.
 *
 * Threading: one thread.
 */
#ifndef RZSC_STATS_H
#define RZSC_STATS_H

#include "rzst_backend.h"

/*
 * The original's lines, in its order.  values: what a back end's stats() gives.  backing_swap: NULL
 * or empty when there is none, and then no line of it.  The manual has a table of what each is.
 */
void rzsc_stats_classic(FILE *f, const struct rzst_values *values, const char *backing_swap);

/* What is stored, for each byte of memory held; not a number when there is none. */
double rzsc_stats_ratio(uint64_t stored, uint64_t mem);

#endif
