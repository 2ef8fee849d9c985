/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Giving back; see rzsa_ladder.h. */
#include "rzsa_ladder.h"

#include <stddef.h>

/* A tenth above what the pool holds. */
static uint64_t lowered(const struct rzsa_area *a)
{
	uint64_t limit = a->mem + a->mem / 10;

	return limit > a->limit_min ? limit : a->limit_min;
}

/* The limit that can be lowered most; by less than a sixty-fourth of RAM it is not worth it. */
static const struct rzsa_area *limit_to_lower(const struct rzsa_inputs *in)
{
	uint64_t most = in->mem_total / 64;
	const struct rzsa_area *best = NULL;

	for (unsigned i = 0; i < in->nr_areas; i++) {
		const struct rzsa_area *a = &in->area[i];

		if (a->kind != RZSA_COMPRESSED || !a->managed || a->draining ||
		    a->limit <= lowered(a) || a->limit - lowered(a) <= most)
			continue;
		most = a->limit - lowered(a);
		best = a;
	}
	return best;
}

/* What the area holds must fit elsewhere, and half of the memory must stay. */
static bool may_retire(const struct rzsa_config *c, const struct rzsa_inputs *in,
		       const struct rzsa_view *v, const struct rzsa_area *a)
{
	uint64_t elsewhere = v->worth.disk_free, own = rzsa_area_free(c, in, a);

	if (!a->managed || a->permanent || a->draining || a->used > in->mem_available / 2 ||
	    v->request >= 0 || rzsa_area_total(c, in, a) > (uint64_t)-v->request)
		return false;
	if (a->kind == RZSA_DISK)
		elsewhere -= own < elsewhere ? own : elsewhere;
	if (in->mem_available > v->ram_floor)
		elsewhere += in->mem_available - v->ram_floor;
	return a->used <= elsewhere;
}

/* The least used; of equal ones the larger. */
static const struct rzsa_area *
area_to_retire(const struct rzsa_config *c, const struct rzsa_inputs *in, const struct rzsa_view *v)
{
	const struct rzsa_area *best = NULL;

	for (unsigned i = 0; i < in->nr_areas; i++) {
		const struct rzsa_area *a = &in->area[i];

		if (may_retire(c, in, v, a) && (!best || a->used < best->used ||
						(a->used == best->used && a->size > best->size)))
			best = a;
	}
	return best;
}

static bool choose(const struct rzsa_config *c, const struct rzsa_state *s,
		   const struct rzsa_inputs *in, const struct rzsa_view *v, struct rzsa_action *out)
{
	const struct rzsa_area *a = limit_to_lower(in);

	if (a) {
		*out = (struct rzsa_action){RZSA_LOWER_LIMIT, a->id, lowered(a)};
		return true;
	}
	a = area_to_retire(c, in, v);
	if (a) {
		*out = (struct rzsa_action){RZSA_RETIRE, a->id, a->used};
		return true;
	}
	*out = (struct rzsa_action){RZSA_DROP_FILE, 0, in->spare};
	return in->spare && !(s->pending & (1u << RZSA_ADD_FILE));
}

enum rzsa_step rzsa_release(const struct rzsa_config *c, struct rzsa_state *s,
			    const struct rzsa_inputs *in, const struct rzsa_view *v, int64_t now,
			    struct rzsa_actions *out)
{
	const unsigned way = 1u << RZSA_RETIRE | 1u << RZSA_LOWER_LIMIT | 1u << RZSA_RAISE_LIMIT |
			     1u << RZSA_DROP_FILE;
	struct rzsa_action action;

	if (!choose(c, s, in, v, &action))
		return RZSA_STEP_NONE;
	if (v->draining || (s->pending & way) || out->nr == RZSA_ACTIONS_MAX)
		return RZSA_STEP_WAIT;
	if (s->released && now >= s->asked_until && now - s->released_at < c->cooldown)
		return RZSA_STEP_WAIT;
	if (action.act == RZSA_LOWER_LIMIT) {
		if (now < s->lower_after)
			return RZSA_STEP_WAIT;
		s->raise_after = s->lower_after = now + RZSA_LOWER_HOLD_MS;
	}
	s->released = true;
	s->released_at = now;
	s->pending |= 1u << action.act;
	out->v[out->nr++] = action;
	/* It commits to nothing, so it does not count as what is given back. */
	(void)rzsa_reclaim(s, in, now, out);
	return RZSA_STEP_TAKEN;
}
