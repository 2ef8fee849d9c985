/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsa_guard.h.  It takes nothing from the ladders: a fault there is to be seen here. */
#include "rzsa_guard.h"

#include <stddef.h>

#include "rzsa_worth.h"

#define LOWER_HOLD_MS 10000
#define RAISE_HOLD_MS 2000

struct look {
	struct rzsa_guard *g;
	const struct rzsa_config *c;
	const struct rzsa_inputs *in;
	int64_t now;
	uint64_t raised;       /* by this tick's actions so far */
	unsigned grown, given; /* how many of them */
};

static const struct rzsa_area *find(const struct rzsa_inputs *in, uint32_t id)
{
	for (unsigned i = 0; i < in->nr_areas; i++)
		if (in->area[i].id == id)
			return &in->area[i];
	return NULL;
}

static const char *check_limit(struct look *l, const struct rzsa_action *a)
{
	const struct rzsa_area *area = find(l->in, a->area);
	const int64_t hold = a->act == RZSA_LOWER_LIMIT ? LOWER_HOLD_MS : RAISE_HOLD_MS;

	if (!area || area->kind != RZSA_COMPRESSED || !area->managed)
		return "a limit of what is not a managed compressed device";
	if (area->draining)
		return "a limit of a device that is being retired";
	if (l->g->limited && l->now - l->g->limited_at < hold)
		return "a limit too soon after another";
	l->g->limited = true;
	l->g->limited_at = l->now;
	if (a->act == RZSA_LOWER_LIMIT)
		return a->kib >= area->limit	  ? "a limit that is lowered to more"
		       : a->kib < area->mem	  ? "a limit below what is held"
		       : a->kib < area->limit_min ? "a limit below the least one"
						  : NULL;
	if (!area->limit || a->kib <= area->limit)
		return "a limit that is raised to less";
	if (a->kib > area->limit_max)
		return "a limit above the most";
	if (rzsa_ratio(l->c, area) < l->c->least_ratio)
		return "a limit raised for what hardly compresses";
	l->raised += a->kib - area->limit;
	return rzsa_limits_fit(l->c, l->in, l->raised)
		       ? NULL
		       : "limits that leave less than the floor of memory";
}

static const char *check_retire(struct look *l, const struct rzsa_action *a)
{
	const struct rzsa_area *area = find(l->in, a->area);

	if (!area)
		return "retires what is not there";
	if (!area->managed)
		return "retires an area of others";
	if (area->permanent)
		return "retires a permanent area";
	for (unsigned i = 0; i < l->in->nr_areas; i++)
		if (l->in->area[i].draining)
			return "two swapoffs at once";
	if (l->g->retiring)
		return "two swapoffs at once";
	l->g->retiring = true;
	return area->used > l->in->mem_available ? "retires what does not fit in memory" : NULL;
}

static const char *check_file(const struct look *l, const struct rzsa_action *a)
{
	if (!l->c->files && a->act != RZSA_DROP_FILE)
		return "a file where none may be made";
	if (a->act == RZSA_PREPARE_FILE)
		return l->in->spare		   ? "a second prepared file"
		       : a->kib > l->in->disk_free ? "a file that the disk has no room for"
		       : a->kib < l->c->min_file || a->kib > l->c->max_file ? "a file of bad size"
									    : NULL;
	if (a->act == RZSA_ADD_FILE && a->area &&
	    (!find(l->in, a->area) || find(l->in, a->area)->kind != RZSA_COMPRESSED))
		return "a file before what is not compressed";
	return l->in->spare ? NULL : "a file that has not been prepared";
}

/* What is given back, and not twice within a cooldown. */
static const char *check_release(struct look *l)
{
	struct rzsa_guard *g = l->g;

	if (l->given++)
		return "two releases in a tick";
	if (g->released && l->now >= g->asked_until && l->now - g->released_at < l->c->cooldown)
		return "two releases within a cooldown";
	g->released = true;
	g->released_at = l->now;
	return NULL;
}

/* Areas that were asked for and are not seen yet. */
static unsigned adding(const struct rzsa_guard *g)
{
	return (g->pending >> RZSA_ADD_DEVICE & 1) + (g->pending >> RZSA_ADD_FILE & 1);
}

static const char *check_one(struct look *l, const struct rzsa_action *a)
{
	const char *why = NULL;

	switch (a->act) {
	case RZSA_RAISE_LIMIT:
		l->grown++;
		return check_limit(l, a);
	case RZSA_ADD_DEVICE:
	case RZSA_ADD_FILE:
		l->grown++;
		if (l->in->nr_areas + adding(l->g) >= l->c->max_areas)
			return "more areas than there may be";
		return a->act == RZSA_ADD_FILE ? check_file(l, a) : NULL;
	case RZSA_PREPARE_FILE:
		return check_file(l, a);
	case RZSA_RECLAIM:
	case RZSA_STARVED:
		return NULL;
	case RZSA_LOWER_LIMIT:
		why = check_limit(l, a);
		break;
	case RZSA_RETIRE:
		why = check_retire(l, a);
		break;
	case RZSA_DROP_FILE:
		why = check_file(l, a);
		break;
	default:
		return "an unknown action";
	}
	return why ? why : check_release(l);
}

static const char *check_pending(struct look *l, const struct rzsa_action *a)
{
	unsigned bit = a->act < RZSA_ACTS ? 1u << a->act : 0;

	if (l->g->pending & bit)
		return "an action that is under way already";
	if (a->act != RZSA_STARVED)
		l->g->pending |= bit;
	return NULL;
}

static void take_results(struct rzsa_guard *g, const struct rzsa_inputs *in)
{
	for (unsigned i = 0; i < in->nr_results; i++) {
		enum rzsa_act act = in->result[i].act;

		if (act < RZSA_ACTS)
			g->pending &= ~(1u << act);
		if (act == RZSA_RETIRE)
			g->retiring = false;
	}
}

const char *rzsa_guard(struct rzsa_guard *g, const struct rzsa_config *c,
		       const struct rzsa_inputs *seen, int64_t now, const struct rzsa_actions *a,
		       unsigned *which)
{
	struct rzsa_inputs in;
	struct look l = {.g = g, .c = c, .in = &in, .now = now};
	const char *why = NULL;

	rzsa_clamp(seen, &in);
	take_results(g, &in);
	if (in.diet_asked)
		g->asked_until = now + c->cooldown;
	*which = 0;
	for (unsigned i = 0; i < a->nr && i < RZSA_ACTIONS_MAX && !why; i++) {
		*which = i;
		why = check_one(&l, &a->v[i]);
		if (!why)
			why = check_pending(&l, &a->v[i]);
		if (!why && l.grown && l.given)
			why = "grows and gives back in one tick";
	}
	return why;
}
