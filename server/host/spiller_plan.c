/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which pages a store spills next; see spiller_plan.h. */
#include "spiller_plan.h"

#include <limits.h>

static uint64_t mark(uint64_t limit, unsigned percent)
{
	return limit / 100 * percent;
}

static bool is_pressed(const struct rzs_spiller_facts *f, bool before)
{
	return f->limit && f->used > mark(f->limit, before ? RZS_SPILLER_LOW : RZS_SPILLER_HIGH);
}

/* Younger pages after each pass.  Blocks that are not full go when all pages were looked at. */
static struct rzs_spill_policy press(const struct rzs_spiller_facts *f,
				     const struct rzs_spiller_plan *before)
{
	unsigned age = before->pressed ? before->policy.min_age : RZS_SPILLER_OLDEST;
	bool last = before->pressed && f->passed && age == 0;

	if (before->pressed && f->passed && age)
		age--;
	return (struct rzs_spill_policy){.min_age = age, .flush = last};
}

static unsigned quiet_age(const struct rzs_spiller_knobs *k)
{
	if (!k->after || !k->step)
		return RZS_SPILLER_NO_AGE;
	return rzs_recompress_min_age(k->after, k->step);
}

struct rzs_spiller_plan rzs_spiller_decide(const struct rzs_spiller_knobs *knobs,
					   const struct rzs_spiller_facts *f,
					   const struct rzs_spiller_plan *before)
{
	struct rzs_spiller_plan plan = {.pressed = is_pressed(f, before->pressed)};

	if (plan.pressed)
		plan.policy = press(f, before);
	else
		plan.policy.min_age = quiet_age(knobs);
	plan.policy.raw = knobs->raw;
	plan.gather = plan.pressed ||
		      (f->due && (knobs->raw || plan.policy.min_age != RZS_SPILLER_NO_AGE));
	if (f->bad || f->wait_ms)
		plan.gather = false;
	return plan;
}
