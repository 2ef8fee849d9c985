/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsa_state.h. */
#include "rzsa_state.h"

#include <string.h>

#include "rzsa_ladder.h"

#define STARVED_AFTER_MS 10000 /* a shortage that passes by itself is not worth a message */
#define STARVED_AGAIN_MS 60000

void rzsa_state_init(struct rzsa_state *s)
{
	memset(s, 0, sizeof(*s));
	s->mode = RZSA_HUNGRY;
}

static void enter(const struct rzsa_config *c, struct rzsa_state *s, enum rzsa_mode mode,
		  int64_t now)
{
	s->mode = mode;
	s->until = now + c->cooldown;
	if (mode != RZSA_DIET)
		s->asked_until = 0;
}

static void begin_diet(const struct rzsa_config *c, struct rzsa_state *s,
		       enum rzsa_resource resource, int64_t now)
{
	if (s->mode != RZSA_DIET)
		memset(s->diet_until, 0, sizeof(s->diet_until));
	enter(c, s, RZSA_DIET, now);
	s->diet_until[resource] = s->until;
}

/* ---- results ---- */

static enum rzsa_resource resource_of(enum rzsa_act act)
{
	return act == RZSA_PREPARE_FILE || act == RZSA_ADD_FILE ? RZSA_FOR_DISK : RZSA_FOR_RAM;
}

/* What gives back, or only helps, may fail: it does not say that there is no room to grow. */
static bool tells_of_resource(enum rzsa_act act)
{
	return act == RZSA_RAISE_LIMIT || act == RZSA_ADD_DEVICE || act == RZSA_ADD_FILE ||
	       act == RZSA_PREPARE_FILE || act == RZSA_RETIRE;
}

static void take_result(const struct rzsa_config *c, struct rzsa_state *s,
			const struct rzsa_inputs *in, const struct rzsa_result *r, int64_t now)
{
	enum rzsa_resource resource = resource_of(r->act);

	if (r->act >= RZSA_ACTS)
		return;
	s->pending &= ~(1u << r->act);
	if (r->outcome == RZSA_DONE || !tells_of_resource(r->act))
		return;
	if (r->outcome == RZSA_TOO_BIG && r->kib && (!s->max_file || r->kib < s->max_file))
		s->max_file = r->kib;
	if (r->outcome == RZSA_NO_SLOT) {
		resource = RZSA_FOR_SLOTS;
		if (in->nr_areas && (!s->max_areas || in->nr_areas < s->max_areas))
			s->max_areas = in->nr_areas;
	}
	if (r->outcome == RZSA_NO_MEMORY)
		resource = RZSA_FOR_RAM;
	begin_diet(c, s, resource, now);
}

/* The administrator's diet is one of all resources. */
static void take_order(const struct rzsa_config *c, struct rzsa_state *s, int64_t now)
{
	for (unsigned i = 0; i < RZSA_RESOURCES; i++)
		begin_diet(c, s, i, now);
	s->asked_until = s->until;
}

/* ---- the machine ---- */

static bool diet_is_over(const struct rzsa_state *s, int64_t now)
{
	for (unsigned i = 0; i < RZSA_RESOURCES; i++)
		if (now < s->diet_until[i])
			return false;
	return true;
}

/* Memory is short, and no step is left. */
static void starve(struct rzsa_state *s, int64_t now, struct rzsa_actions *out)
{
	if (!s->short_of)
		s->short_since = now;
	s->short_of = true;
	if (now - s->short_since < STARVED_AFTER_MS ||
	    (s->starved && now - s->starved_said < STARVED_AGAIN_MS))
		return;
	s->starved = true;
	s->starved_said = now;
	if (out->nr < RZSA_ACTIONS_MAX)
		out->v[out->nr++] = (struct rzsa_action){RZSA_STARVED, 0, 0};
}

static void when_short(const struct rzsa_config *c, struct rzsa_state *s,
		       const struct rzsa_inputs *in, const struct rzsa_view *v, int64_t now,
		       struct rzsa_actions *out)
{
	enum rzsa_step step = rzsa_grow(c, s, in, v, now, out);

	if (step == RZSA_STEP_NONE && (v->stalled || v->least)) {
		starve(s, now, out);
	} else {
		s->short_of = false;
		s->starved = s->starved && step == RZSA_STEP_NONE;
	}
	if (step == RZSA_STEP_TAKEN && s->mode != RZSA_DIET)
		enter(c, s, RZSA_HUNGRY, now);
	else if (s->mode == RZSA_OVERFED)
		enter(c, s, RZSA_STEADY, now);
}

static void when_not_short(const struct rzsa_config *c, struct rzsa_state *s,
			   const struct rzsa_inputs *in, const struct rzsa_view *v, int64_t now,
			   struct rzsa_actions *out)
{
	bool ample = v->worth.free_bp > c->upper_freelimit * 100;

	s->short_of = false;
	s->starved = s->starved && v->worth.free_bp < c->freetarget * 100;
	switch (s->mode) {
	case RZSA_HUNGRY:
		if (now >= s->until)
			enter(c, s, RZSA_STEADY, now);
		break;
	case RZSA_STEADY:
		if (v->high)
			enter(c, s, RZSA_OVERFED, now);
		break;
	case RZSA_OVERFED:
		if (!v->high ||
		    (now >= s->until && rzsa_release(c, s, in, v, now, out) != RZSA_STEP_WAIT))
			enter(c, s, RZSA_STEADY, now);
		break;
	default:
		if (v->high || (now < s->asked_until && ample))
			(void)rzsa_release(c, s, in, v, now, out);
		break;
	}
	if (v->worth.free_bp < c->freetarget * 100 || v->pool_full)
		(void)rzsa_prepare(c, s, in, v, now, out);
}

void rzsa_step(const struct rzsa_config *c, struct rzsa_state *s, const struct rzsa_inputs *seen,
	       int64_t now, struct rzsa_actions *out)
{
	struct rzsa_inputs clamped, *in = &clamped;
	struct rzsa_view v;

	out->nr = 0;
	rzsa_clamp(seen, &clamped);
	if (now < s->now)
		now = s->now;
	if (now > RZSA_TIME_MAX)
		now = RZSA_TIME_MAX;
	s->now = now;
	for (unsigned i = 0; i < in->nr_results; i++)
		take_result(c, s, in, &in->result[i], now);
	if (in->diet_asked)
		take_order(c, s, now);
	rzsa_look(c, s, in, now, &v);
	if (s->mode == RZSA_DIET && diet_is_over(s, now))
		enter(c, s, RZSA_STEADY, now);
	if (v.low || v.critical)
		when_short(c, s, in, &v, now, out);
	else
		when_not_short(c, s, in, &v, now, out);
}
