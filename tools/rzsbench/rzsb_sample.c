/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Neighbouring pages are alike, so a sample consists of runs of pages, and its elements are runs,
 * not pages.  Runs have different numbers of units, as those of one repeated word are left out.  So
 * what is estimated is a ratio weighted by units, r = sum of bytes / sum of units.
 *
 * With n of N runs, and d_i = bytes_i - r * units_i, the variance of r is estimated by
 *
 *	V1 = n / (n - 1) * sum(d_i^2) / (sum of units)^2
 *
 * times (1 - n/N), as nothing is left to chance when all runs are measured: W. G. Cochran, Sampling
 * Techniques, 3rd edition (1977), 6.4 (the variance of a ratio estimate) and 9A (clusters of
 * unequal sizes, ratio to size); S. L. Lohr, Sampling: Design and Analysis, 2nd edition (2010),
 * 5.2.3.
 *
 * A slow method is measured on u of the U units of these runs, at random.  That adds, with s2 the
 * variance of a unit's bytes,
 *
 *	V2 = (1 - u/U) * s2 / u
 *
 * V1 was estimated from what was measured and includes that already, so the sum is
 * (1 - n/N) V1 + n/N V2, as in Cochran's 10.4 (subsampling).  Every source has its share of the
 * sample, which makes the true error smaller than this, not larger.
 */
#include "rzsb_sample.h"

#include <math.h>

#define QUANTILE 1.96 /* of the normal distribution: 2.5 % lie above */

double rzsb_sample_error(const struct rzsb_cluster *v, size_t nr, double of_clusters,
			 double of_units)
{
	double units = 0, bytes = 0, squares = 0, residues = 0, r, v1, v2, n = 0;

	if (of_clusters >= 1 && of_units >= 1)
		return 0;
	for (size_t i = 0; i < nr; i++) {
		units += v[i].units;
		bytes += v[i].bytes;
		squares += v[i].squares;
		n += v[i].units > 0;
	}
	if (n < 2 || units < 2 || bytes <= 0)
		return NAN;
	r = bytes / units;
	for (size_t i = 0; i < nr; i++) {
		double d = v[i].bytes - r * v[i].units;

		residues += d * d;
	}
	v1 = n / (n - 1) * residues / (units * units);
	v2 = (1 - fmin(of_units, 1)) * fmax(squares / units - r * r, 0) / (units - 1);
	of_clusters = fmin(of_clusters, 1);
	return QUANTILE * sqrt((1 - of_clusters) * v1 + of_clusters * v2) / r;
}
