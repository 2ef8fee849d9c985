/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsa_view.h.  docs/AUTOSWAP says where each number is from. */
#include "rzsa_view.h"

#include <string.h>

#define SOON_MS	     30000 /* memory that ends within this time is short now */
#define GAP_MS	     5000  /* ticks further apart say nothing about a slope: suspended, stopped */
#define CALM_AVG60   100   /* hundredths of a percent of time that some task waited for memory */
#define CALM_SWAPINS 1024  /* KiB/s */
#define BAD_RATIO    1300
#define BAD_MS	     60000
#define BAD_SOON_MS  10000 /* the first pages bring tables, and look worse than they are */
/* Without PSI: */
#define BUSY_SWAPINS	8192 /* KiB/s */
#define BUSY_STALLS	20   /* per second */
#define CRITICAL_STALLS 200

static void remember(struct rzsa_state *s, int64_t now, uint64_t free)
{
	if (s->nr_slope && now - s->slope_at[s->nr_slope - 1] > GAP_MS)
		s->nr_slope = 0;
	if (s->nr_slope == RZSA_SLOPE) {
		memmove(s->slope, s->slope + 1, sizeof(s->slope) - sizeof(s->slope[0]));
		memmove(s->slope_at, s->slope_at + 1, sizeof(s->slope_at) - sizeof(s->slope_at[0]));
		s->nr_slope--;
	}
	s->slope[s->nr_slope] = free;
	s->slope_at[s->nr_slope++] = now;
}

/* Whether free memory will have ended in SOON_MS if it goes on falling as it does. */
static bool ends_soon(const struct rzsa_state *s)
{
	const unsigned last = s->nr_slope - 1;
	int64_t ms = s->slope_at[last] - s->slope_at[0];

	if (s->nr_slope < RZSA_SLOPE || ms <= 0 || s->slope[last] >= s->slope[0])
		return false;
	/* free / (lost / ms) < SOON_MS; both products stay below 2^62. */
	return s->slope[last] * (uint64_t)ms < (s->slope[0] - s->slope[last]) * SOON_MS;
}

/* Since when, in ms; -1: it is not. */
static int64_t ratio_bad_for(struct rzsa_state *s, const struct rzsa_inputs *in, int64_t now)
{
	bool bad = false;

	for (unsigned i = 0; i < in->nr_areas; i++) {
		const struct rzsa_area *a = &in->area[i];

		bad |= a->kind == RZSA_COMPRESSED && a->managed && a->recent &&
		       a->recent < BAD_RATIO;
	}
	if (bad && !s->ratio_bad)
		s->ratio_bad_since = now;
	s->ratio_bad = bad;
	return bad ? now - s->ratio_bad_since : -1;
}

static bool under_pressure(const struct rzsa_inputs *in)
{
	if (in->psi)
		return in->psi_short;
	return in->stalls >= BUSY_STALLS || in->swapins >= BUSY_SWAPINS ||
	       in->refaults >= BUSY_SWAPINS;
}

/* Nothing but another area helps: the kernel has slots there, and what it writes is refused. */
static bool is_stuck(const struct rzsa_config *c, const struct rzsa_state *s,
		     const struct rzsa_inputs *in, const struct rzsa_area *a, int64_t now)
{
	bool diet = s->mode == RZSA_DIET && now < s->diet_until[RZSA_FOR_RAM];

	return !a->draining && a->used < a->size && rzsa_nearly_full(a) &&
	       (diet || rzsa_may_raise(c, in, a) == 0);
}

/* What is stored there now frees hardly anything. */
static bool is_bad(const struct rzsa_area *a)
{
	return a->kind == RZSA_COMPRESSED && a->managed && !a->draining && a->used < a->size &&
	       a->recent && a->recent < BAD_RATIO;
}

/* Pools that are full, and disks that the kernel takes before them. */
static void look_at_order(const struct rzsa_config *c, const struct rzsa_state *s,
			  const struct rzsa_inputs *in, int64_t now, bool bad,
			  struct rzsa_view *out)
{
	bool relieved = false;

	for (unsigned i = 0; i < in->nr_areas; i++) {
		const struct rzsa_area *a = &in->area[i];
		bool stuck = is_stuck(c, s, in, a, now);

		out->pool_full |= stuck;
		if (!out->before && (stuck || (bad && is_bad(a))))
			out->before = a->id;
		relieved |= a->first && !a->draining && a->used < a->size / 10 * 9;
		out->draining |= a->draining;
	}
	out->stuck = out->pool_full && !relieved;
}

void rzsa_look(const struct rzsa_config *c, struct rzsa_state *s, const struct rzsa_inputs *in,
	       int64_t now, struct rzsa_view *out)
{
	int64_t bad_for;
	unsigned bp;
	bool tight;

	memset(out, 0, sizeof(*out));
	rzsa_worth(c, in, &out->worth);
	bp = out->worth.free_bp;
	remember(s, now, out->worth.free);
	bad_for = ratio_bad_for(s, in, now);
	out->ratio_bad = bad_for >= BAD_MS;
	out->request = rzsa_request(c, &out->worth);
	out->ram_floor = rzsa_ram_floor(c, in->mem_total);
	/* With swap to go to, the kernel itself leaves little available: that alone is normal. */
	tight = bp < c->freetarget * 100 && in->mem_available < rzsa_critical(c, in->mem_total);
	out->stalled = in->psi ? in->psi_critical : in->stalls >= CRITICAL_STALLS;
	out->critical = tight || out->stalled;
	out->least = bp < c->lower_freelimit * 50;
	look_at_order(c, s, in, now, bad_for >= BAD_SOON_MS, out);
	out->low = out->stuck || bp < c->lower_freelimit * 100 ||
		   (bp < c->freetarget * 100 && under_pressure(in)) || ends_soon(s);
	out->high = bp > c->upper_freelimit * 100 && !out->low && !out->critical &&
		    in->swapins < CALM_SWAPINS && (!in->psi || in->psi_avg60 < CALM_AVG60);
}
