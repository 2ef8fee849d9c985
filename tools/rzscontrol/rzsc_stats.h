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
 * Print the original's lines, in its order; rzscontrol(8) explains each.  values: from the stats()
 * of a back end.  backing_swap: NULL or empty if there is none; its lines are then left out.
 * Errors are left in f.
 */
void rzsc_stats_classic(FILE *f, const struct rzst_values *values, const char *backing_swap);

/*
 * What merging gains, in bytes: what need not be stored, less the memory that merging needs.
 * Returns false, and 0 in *out, if the back end is too old to have these.
 */
bool rzsc_stats_profit(const struct rzst_values *values, int64_t *out);

/* Bytes stored for each byte of memory held; NaN or infinite if none is held. */
double rzsc_stats_ratio(uint64_t stored, uint64_t mem);

#endif
