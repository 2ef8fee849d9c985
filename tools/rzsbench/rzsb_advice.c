/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cost of a choice is its RAM times its time to the power of w.  w is such that 0.9 times the
 * RAM and 2 times the time cost the same.  The least cost is the best.  Another choice is close if
 * it costs no more with its least time and the best's largest.  All choices hold the same pages, so
 * the error of the sample affects all alike.
 */
#include "rzsb_advice.h"

#include <math.h>
#include <stdio.h>

#define GAIN  0.9
#define TIMES 2.0
#define SAME  0.02 /* values that differ by less are called about the same */
#define FEW   0.2  /* smaller differences are given in percent, larger ones in times */

static double cost(const struct rzsb_choice *c, double ns)
{
	return c->ram * pow(ns, -log(GAIN) / log(TIMES));
}

static bool possible(const struct rzsb_choice *c)
{
	return isfinite(c->ram) && isfinite(c->ns) && c->ns > 0;
}

struct rzsb_advice rzsb_advise(const struct rzsb_choice *v, unsigned nr, double whole)
{
	struct rzsb_advice a = {.best = -1};

	for (unsigned i = 0; i < nr; i++)
		if (possible(&v[i]) &&
		    (a.best < 0 || cost(&v[i], v[i].ns) < cost(&v[a.best], v[a.best].ns)))
			a.best = (int)i;
	if (a.best < 0)
		return a;
	a.worthwhile = v[a.best].ram <= GAIN * whole;
	for (unsigned i = 0; i < nr; i++)
		if ((int)i != a.best && possible(&v[i]) &&
		    cost(&v[i], v[i].least_ns) <= cost(&v[a.best], v[a.best].most_ns))
			a.close |= 1ul << i;
	return a;
}

void rzsb_advice_close(const struct rzsb_advice *a, const struct rzsb_choice *v, unsigned nr,
		       char *out, size_t size)
{
	size_t n = 0;

	out[0] = 0;
	for (unsigned i = 0; i < nr && n < size; i++)
		if (a->close >> i & 1)
			n += (size_t)snprintf(out + n, size - n, "%s%s", n ? ", " : "", v[i].name);
}

void rzsb_advice_compare(const struct rzsb_choice *best, const struct rzsb_choice *other, char *out,
			 size_t size)
{
	double ram = other->ram / best->ram - 1, times = other->ns / best->ns;
	bool slower = times > 1, more = ram > 0;
	bool as_fast = fabs(times - 1) < SAME, as_large = fabs(ram) < SAME;
	char speed[64], memory[64];

	if (!possible(other)) {
		snprintf(out, size, "%s is not one of the store's", other->name);
		return;
	}
	if (as_fast)
		snprintf(speed, sizeof(speed), "takes about as long");
	else if (fabs(times - 1) < FEW)
		snprintf(speed, sizeof(speed), "takes %.0f %% %s time", 100 * fabs(times - 1),
			 slower ? "more" : "less");
	else if (slower)
		snprintf(speed, sizeof(speed), "takes %.1f times as long", times);
	else
		snprintf(speed, sizeof(speed), "is %.1f times as fast", 1 / times);
	if (as_large)
		snprintf(memory, sizeof(memory), "needs about as much RAM");
	else
		snprintf(memory, sizeof(memory), "needs %.0f %% %s RAM", 100 * fabs(ram),
			 more ? "more" : "less");
	snprintf(out, size, "%s %s %s %s", other->name, speed,
		 as_fast || as_large || slower == more ? "and" : "but", memory);
}
