/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How far a figure from a sample of pages may be from that of all pages.  Pure functions.
 */
#ifndef RZSB_SAMPLE_H
#define RZSB_SAMPLE_H

#include <stddef.h>

/* What was measured of a run of pages, the element that is chosen: units, and their bytes. */
struct rzsb_cluster {
	double units, bytes, squares; /* squares: the sum of the squares of the units' bytes */
};

/*
 * Half of the 95 % interval of bytes per unit, as a share of it.  of_clusters: the share of all
 * runs that were chosen, 1: all; of_units: the share of their units that was measured, 1: all.
 * 0 when everything was measured, else NAN when it cannot be told: fewer than two runs with units,
 * or nothing but empty ones.
 */
double rzsb_sample_error(const struct rzsb_cluster *v, size_t nr, double of_clusters,
			 double of_units);

#endif
