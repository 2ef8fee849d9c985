/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which pages a store spills next; see spiller_plan.h. */
#include "spiller_plan.h"

#include <limits.h>

/* A target with fewer places free is nearly full. */
#define NEARLY_FULL_SHARE 8u

static uint64_t mark(uint64_t limit, unsigned percent)
{
	return limit / 100 * percent;
}

static bool is_pressed(const struct rzs_spiller_facts *f, bool before)
{
	return f->wanted ||
	       (f->limit && f->used > mark(f->limit, before ? RZS_SPILLER_LOW : RZS_SPILLER_HIGH));
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
	if (f->bad || f->wait_ms || f->full)
		plan.gather = false;
	return plan;
}

bool rzs_spiller_is_full(const struct rzs_spiller_places *p)
{
	return p->nr - p->used <= p->kept;
}

unsigned rzs_spiller_sparse(const struct rzs_spiller_places *p)
{
	uint64_t there = p->used * RZS_BLOCK_SIZE;

	if (p->used <= p->nr / 2)
		return 0;
	if (p->nr - p->used <= p->nr / NEARLY_FULL_SHARE + p->kept)
		return p->bytes < there / 4 * 3 ? 75 : 0;
	return p->bytes < there / 2 ? 50 : 0;
}
