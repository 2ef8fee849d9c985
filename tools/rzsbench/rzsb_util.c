/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clocks, random numbers, medians, memory: see rzsb.h. */
#define _GNU_SOURCE
#include "rzsb.h"

#include "hash.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) < 0)
		return 0;
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t rzsb_cpu_thread(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t rzsb_cpu_process(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

/* A counter and the mixing function of splitmix64. */
uint64_t rzsb_rand(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint64_t rzsb_rand_below(uint64_t *state, uint64_t n)
{
	uint64_t low = rzsb_rand(state), high = n;

	rzs_wy_multiply(&low, &high);
	return high;
}

size_t rzsb_share(size_t n, size_t part, size_t whole)
{
	return (size_t)((uint64_t)(n / whole) * part + (uint64_t)(n % whole) * part / whole);
}

void rzsb_shuffle(uint32_t *v, size_t n, uint64_t *state)
{
	for (size_t i = n; i > 1; i--) {
		size_t j = rzsb_rand_below(state, i);
		uint32_t t = v[i - 1];

		v[i - 1] = v[j];
		v[j] = t;
	}
}

void rzsb_nap(unsigned ms)
{
	const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	nanosleep(&t, NULL);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void rzsb_cell(int width, int decimals, double value, const char *then)
{
	if (isnan(value))
		printf("%*s%s", width, "-", then);
	else
		printf("%*.*f%s", width, decimals, value, then);
}

/* The value that the share q of n sorted ones does not exceed. */
static double at_quantile(const double *v, size_t n, double q)
{
	size_t i = (size_t)ceil(q * (double)n);

	return v[i == 0 ? 0 : i > n ? n - 1 : i - 1];
}

struct rzsb_latency rzsb_latency_of(double *times, size_t nr)
{
	if (nr == 0)
		return (struct rzsb_latency){0};
	qsort(times, nr, sizeof(*times), by_value);
	return (struct rzsb_latency){.p50 = at_quantile(times, nr, 0.5),
				     .p90 = at_quantile(times, nr, 0.9),
				     .p99 = at_quantile(times, nr, 0.99),
				     .p999 = at_quantile(times, nr, 0.999),
				     .most = times[nr - 1]};
}

double rzsb_over_rounds(const double *v, size_t stride, unsigned nr, double *out_spread)
{
	double x[RZSB_MAX_ROUNDS], median;

	for (unsigned i = 0; i < nr; i++)
		x[i] = *(const double *)((const char *)v + i * stride);
	median = rzsb_median(x, nr); /* sorts them */
	if (out_spread)
		*out_spread = median > 0 ? (x[nr - 1] - x[0]) / median : (double)NAN;
	return median;
}

/*
 * A round is below the median with a probability of 1/2.  So the k-th from either end is beyond the
 * median with the probability of fewer than k heads in nr throws of a coin.
 */
void rzsb_median_range(double *v, unsigned nr, double *out_least, double *out_most)
{
	double term = pow(0.5, nr), tail = term;
	unsigned k = 0;

	*out_least = *out_most = (double)NAN;
	if (nr == 0)
		return;
	qsort(v, nr, sizeof(*v), by_value);
	while (k + 1 < (nr + 1) / 2) {
		term *= (double)(nr - k) / (k + 1);
		tail += term;
		if (2 * tail > 1. / 16)
			break;
		k++;
	}
	*out_least = v[k];
	*out_most = v[nr - 1 - k];
}

struct rzsb_latency rzsb_latency_median(const struct rzsb_latency *v, size_t stride, unsigned nr)
{
	struct rzsb_latency out = {
		.p50 = rzsb_over_rounds(&v->p50, stride, nr, NULL),
		.p90 = rzsb_over_rounds(&v->p90, stride, nr, NULL),
		.p99 = rzsb_over_rounds(&v->p99, stride, nr, NULL),
		.p999 = rzsb_over_rounds(&v->p999, stride, nr, NULL),
	};

	for (unsigned i = 0; i < nr; i++) {
		double most = ((const struct rzsb_latency *)((const char *)v + i * stride))->most;

		out.most = most > out.most ? most : out.most;
	}
	return out;
}

double rzsb_median(double *v, size_t n)
{
	if (n == 0)
		return 0;
	qsort(v, n, sizeof(*v), by_value);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

uint64_t rzsb_rss(pid_t pid)
{
	unsigned long long size, resident;
	char path[40];
	FILE *f;
	int n;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	n = fscanf(f, "%llu %llu", &size, &resident);
	fclose(f);
	return n == 2 ? resident * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

void rzsb_stay_private(void)
{
	struct rlimit most;

	prctl(PR_SET_DUMPABLE, 0);
	/* With a limit later allocations would fail. */
	if (geteuid() == 0 ||
	    (getrlimit(RLIMIT_MEMLOCK, &most) == 0 && most.rlim_cur == RLIM_INFINITY))
		if (mlockall(MCL_CURRENT | MCL_FUTURE) == 0)
			return;
	rzst_say("this program's memory cannot be locked (ulimit -l) and may be swapped out");
}

/* Touched here, so that no first touch is measured. */
void *rzsb_alloc(size_t n)
{
	void *p = mmap(NULL, n ? n : 1, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (p == MAP_FAILED)
		rzst_die(99, "no memory for %zu bytes: %s", n, strerror(errno));
	return p;
}
