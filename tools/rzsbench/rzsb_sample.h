/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How far a result from a sample of pages may be from that of all pages.  Pure functions; any
 * thread.
 */
#ifndef RZSB_SAMPLE_H
#define RZSB_SAMPLE_H

#include <stddef.h>

/* What was measured of a run of pages, which is the element of the sample. */
struct rzsb_cluster {
	double units, bytes, squares; /* squares: the sum of the squares of the units' bytes */
};

/*
 * Half of the 95 % interval of bytes per unit, as a share of it.  of_clusters: the share of all
 * runs that is in the sample; of_units: the share of their units that was measured; 1: all.
 * 0 when everything was measured; NAN when it cannot be computed, from fewer than two runs with
 * units, or from empty ones.
 */
double rzsb_sample_error(const struct rzsb_cluster *v, size_t nr, double of_clusters,
			 double of_units);

#endif
