/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The error of a sample: computed by hand, and compared with the errors of real samples. */
#include "t.h"

#include <math.h>

#include "rzsb.h"
#include "rzsb_sample.h"

#define CLUSTERS 400u
#define MOST	 16u /* units of a cluster */
#define DRAWS	 3000u

static bool near(double a, double b)
{
	return fabs(a - b) < 1e-9 * fabs(b);
}

T_TEST(by_hand)
{
	/* r = 50 / 3; the bytes are 20 / 3 too few and too many. */
	const struct rzsb_cluster v[] = {{1, 10, 100}, {2, 40, 800}};
	double v1 = 2. * 2 * (20. / 3 * 20 / 3) / 9, r = 50. / 3;
	/* Of the same units singly: 10, 20, 20. */
	double v2 = 0.75 * (900. / 3 - r * r) / 2;

	T_OK(near(rzsb_sample_error(v, 2, 0, 1), 1.96 * sqrt(v1) / r));
	T_OK(near(rzsb_sample_error(v, 2, 0.5, 1), 1.96 * sqrt(v1 / 2) / r));
	T_OK(near(rzsb_sample_error(v, 2, 1, 0.25), 1.96 * sqrt(v2) / r));
	T_OK(near(rzsb_sample_error(v, 2, 0.5, 0.25), 1.96 * sqrt((v1 + v2) / 2) / r));
	T_OK(rzsb_sample_error(v, 2, 1, 1) == 0);
	T_OK(rzsb_sample_error(v, 0, 1, 1) == 0);
	T_OK(isnan(rzsb_sample_error(v, 1, 0.5, 1)));
	T_OK(isnan(rzsb_sample_error(v, 0, 0.5, 1)));
}

/* Runs without units do not count, and there is no error if bytes are proportional to units. */
T_TEST(clusters_of_unequal_sizes)
{
	const struct rzsb_cluster even[] = {{1, 10, 100}, {0, 0, 0}, {7, 70, 700}, {2, 20, 200}};
	const struct rzsb_cluster odd[] = {{1, 10, 100}, {0, 0, 0}, {2, 40, 800}};
	const struct rzsb_cluster same[] = {{1, 10, 100}, {2, 40, 800}};

	T_OK(rzsb_sample_error(even, 4, 0.1, 1) < 1e-9);
	T_OK(near(rzsb_sample_error(odd, 3, 0.1, 1), rzsb_sample_error(same, 2, 0.1, 1)));
}

/* A population whose larger clusters have the larger units, which are alike in a cluster. */
static struct {
	unsigned units;
	double bytes[MOST];
} all[CLUSTERS];

static double populate(uint64_t *seed)
{
	double bytes = 0, units = 0;

	for (unsigned i = 0; i < CLUSTERS; i++) {
		double base = 500;

		all[i].units = 1 + (unsigned)rzsb_rand_below(seed, MOST);
		base += 100 * all[i].units + (double)rzsb_rand_below(seed, 800);
		for (unsigned k = 0; k < all[i].units; k++) {
			all[i].bytes[k] = base + (double)rzsb_rand_below(seed, 400);
			bytes += all[i].bytes[k];
		}
		units += all[i].units;
	}
	return bytes / units;
}

/* A ratio from a sample of both stages, and what is said of its error. */
static double draw(double of_clusters, double of_units, uint64_t *seed, double *out_error)
{
	static struct rzsb_cluster v[CLUSTERS];
	static uint32_t order[CLUSTERS], unit[CLUSTERS * MOST];
	unsigned n = (unsigned)(of_clusters * CLUSTERS), units = 0, used;
	double bytes = 0;

	for (unsigned i = 0; i < CLUSTERS; i++)
		order[i] = i;
	rzsb_shuffle(order, CLUSTERS, seed);
	for (unsigned i = 0; i < n; i++) {
		v[i] = (struct rzsb_cluster){0};
		for (unsigned k = 0; k < all[order[i]].units; k++)
			unit[units++] = i * MOST + k;
	}
	rzsb_shuffle(unit, units, seed);
	used = (unsigned)(of_units * units);
	for (unsigned i = 0; i < used; i++) {
		unsigned c = unit[i] / MOST;
		double b = all[order[c]].bytes[unit[i] % MOST];

		v[c].units++;
		v[c].bytes += b;
		v[c].squares += b * b;
		bytes += b;
	}
	*out_error = rzsb_sample_error(v, n, of_clusters, (double)used / units);
	return bytes / used;
}

/* The estimated error is the real one: the mean square, and how many are larger. */
static void try_out(double of_clusters, double of_units, uint64_t seed)
{
	double truth = populate(&seed), estimated = 0, found = 0, covered = 0;

	for (unsigned i = 0; i < DRAWS; i++) {
		double error, r = draw(of_clusters, of_units, &seed, &error);
		double off = (r - truth) / truth;

		estimated += error * error / (1.96 * 1.96);
		found += off * off;
		covered += fabs(off) <= error;
	}
	if (estimated / found < 0.85 || estimated / found > 1.15)
		T_FAIL("%g of clusters, %g of units: variance %g estimated, %g found", of_clusters,
		       of_units, estimated / DRAWS, found / DRAWS);
	if (covered / DRAWS < 0.92 || covered / DRAWS > 0.975)
		T_FAIL("%g of clusters, %g of units: %.1f %% are within the estimate", of_clusters,
		       of_units, 100 * covered / DRAWS);
}

T_TEST(errors_are_as_large_as_estimated)
{
	uint64_t seed = t_seed();

	try_out(0.2, 1, seed);
	try_out(0.6, 1, seed);
	try_out(0.2, 0.3, seed);
	try_out(0.7, 0.2, seed);
	try_out(1, 0.2, seed);
}

T_TEST(range_of_a_median)
{
	double v[50], least, most;

	for (unsigned nr = 1; nr <= 50; nr++) {
		unsigned beyond = nr < 9 ? 0 : nr == 9 ? 1 : UINT32_MAX;

		for (unsigned i = 0; i < nr; i++)
			v[i] = (double)(i * 7 % nr);
		if (nr % 7 == 0)
			continue;
		rzsb_median_range(v, nr, &least, &most);
		if (beyond != UINT32_MAX)
			T_OK(least == beyond && most == nr - 1 - beyond);
		T_OK(least + most == nr - 1); /* the same from both ends */
	}
	/* Twice the chance of fewer than 18 heads in 50 throws is 3.3 %, than 19 6.5 %. */
	for (unsigned i = 0; i < 50; i++)
		v[i] = i;
	rzsb_median_range(v, 50, &least, &most);
	T_OK(least == 17 && most == 32);
	rzsb_median_range(v, 0, &least, &most);
	T_OK(isnan(least) && isnan(most));
}
