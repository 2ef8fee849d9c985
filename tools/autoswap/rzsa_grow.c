/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Growing; see rzsa_ladder.h. */
#include "rzsa_ladder.h"

#include <stddef.h>

#define RAISE_HOLD_MS \
	2000 /* until what the pool holds is seen again; a burst fills a step in seconds */
#define RECLAIM_HOLD_MS 60000
#define POOL_ROOMY	70u /* percent: the slots end before the memory does */
#define SLOTS_LOW	10u /* percent of slots free */

struct growth {
	const struct rzsa_config *c;
	struct rzsa_state *s;
	const struct rzsa_inputs *in;
	const struct rzsa_view *v;
	int64_t now;
	struct rzsa_actions *out;
};

static bool pending(const struct growth *g, enum rzsa_act act)
{
	return g->s->pending & (1u << act);
}

static enum rzsa_step act(const struct growth *g, enum rzsa_act what, uint32_t area, uint64_t kib)
{
	if (g->out->nr == RZSA_ACTIONS_MAX)
		return RZSA_STEP_WAIT;
	g->out->v[g->out->nr++] = (struct rzsa_action){what, area, kib};
	g->s->pending |= 1u << what;
	return RZSA_STEP_TAKEN;
}

static bool on_diet(const struct growth *g, enum rzsa_resource resource)
{
	return g->s->mode == RZSA_DIET && g->now < g->s->diet_until[resource];
}

static bool slot_free(const struct growth *g)
{
	unsigned most = g->c->max_areas, nr = g->in->nr_areas;

	/* Those that were asked for, and are not seen yet. */
	nr += pending(g, RZSA_ADD_DEVICE) + pending(g, RZSA_ADD_FILE);
	if (g->s->max_areas && g->s->max_areas < most)
		most = g->s->max_areas;
	return !on_diet(g, RZSA_FOR_SLOTS) && nr < most && nr < RZSA_AREAS_MAX;
}

/* ---- G1: a limit ---- */

/* The one that compresses best: of those that are nearly full, or if none is, of all. */
static const struct rzsa_area *limit_to_raise(const struct growth *g)
{
	const struct rzsa_area *best = NULL;
	unsigned best_ratio = 0;

	for (unsigned i = 0; i < g->in->nr_areas; i++) {
		const struct rzsa_area *a = &g->in->area[i];
		unsigned ratio = rzsa_ratio(g->c, a);

		if (!rzsa_may_raise(g->c, g->in, a))
			continue;
		if (best &&
		    (rzsa_nearly_full(best) > rzsa_nearly_full(a) ||
		     (rzsa_nearly_full(best) == rzsa_nearly_full(a) && ratio <= best_ratio)))
			continue;
		best = a;
		best_ratio = ratio;
	}
	return best;
}

static bool slots_end(const struct rzsa_worth *w)
{
	return w->slots_free < w->slots / 100 * SLOTS_LOW;
}

/*
 * A limit that may be raised when its pool is full is waited for: no other step is as cheap.  But
 * where the slots end first it never will be.
 */
static enum rzsa_step raise_limit(const struct growth *g)
{
	const struct rzsa_area *a = limit_to_raise(g);

	if (!a || on_diet(g, RZSA_FOR_RAM) || (!rzsa_nearly_full(a) && slots_end(&g->v->worth)))
		return RZSA_STEP_NONE;
	if (pending(g, RZSA_RAISE_LIMIT) || pending(g, RZSA_LOWER_LIMIT) ||
	    g->now < g->s->raise_after || !rzsa_nearly_full(a))
		return RZSA_STEP_WAIT;
	g->s->raise_after = g->now + RAISE_HOLD_MS;
	g->s->lower_after = g->now + RZSA_LOWER_HOLD_MS;
	return act(g, RZSA_RAISE_LIMIT, a->id, a->limit + rzsa_may_raise(g->c, g->in, a));
}

/* ---- G2: a device ---- */

static enum rzsa_step add_device(const struct growth *g)
{
	const struct rzsa_worth *w = &g->v->worth;

	if (!g->in->can_add_device || on_diet(g, RZSA_FOR_RAM) || g->v->ratio_bad ||
	    w->slots == 0 || !slots_end(w) || w->mem >= w->limit / 100 * POOL_ROOMY)
		return RZSA_STEP_NONE;
	if (pending(g, RZSA_ADD_DEVICE))
		return RZSA_STEP_WAIT;
	return slot_free(g) ? act(g, RZSA_ADD_DEVICE, 0, 0) : RZSA_STEP_NONE;
}

/* ---- G3: a file ---- */

/* What a new file should have; 0: less than is worth a file, or there is no room for it. */
static uint64_t file_size(const struct growth *g)
{
	uint64_t size = g->v->request > 0 ? (uint64_t)g->v->request : 0;
	uint64_t least = rzsa_least_request(g->c, &g->v->worth), most = g->c->max_file;

	/* Pressure asks for a file, and a spare is made, before the formula would. */
	if (size < least)
		size = least;
	if (g->s->max_file && g->s->max_file < most)
		most = g->s->max_file;
	if (size > most)
		size = most;
	/* A tenth of the disk's free space is left to others. */
	if (size > g->in->disk_free / 10 * 9)
		size = g->in->disk_free / 10 * 9;
	return size < g->c->min_file ? 0 : size;
}

static enum rzsa_step prepare(const struct growth *g)
{
	uint64_t size = file_size(g);

	if (!g->c->files || g->in->spare || on_diet(g, RZSA_FOR_DISK))
		return RZSA_STEP_NONE;
	if (pending(g, RZSA_PREPARE_FILE) || pending(g, RZSA_DROP_FILE) ||
	    pending(g, RZSA_ADD_FILE))
		return RZSA_STEP_WAIT;
	return size ? act(g, RZSA_PREPARE_FILE, 0, size) : RZSA_STEP_NONE;
}

/*
 * The kernel goes on with what is compressed, and would use a file that comes after it only when
 * the slots end.
 */
static bool pool_takes_pages(const struct rzsa_inputs *in)
{
	for (unsigned i = 0; i < in->nr_areas; i++) {
		const struct rzsa_area *a = &in->area[i];

		if (a->kind == RZSA_COMPRESSED && !a->draining && !rzsa_nearly_full(a) &&
		    a->used < a->size / 100 * (100 - SLOTS_LOW))
			return true;
	}
	return false;
}

static enum rzsa_step add_file(const struct growth *g)
{
	if (!g->c->files || on_diet(g, RZSA_FOR_DISK))
		return RZSA_STEP_NONE;
	if (pending(g, RZSA_ADD_FILE) || pending(g, RZSA_DROP_FILE))
		return RZSA_STEP_WAIT;
	if (!slot_free(g))
		return RZSA_STEP_NONE;
	/* Tasks wait for a disk that has room: another file there does not make it faster. */
	if (!g->v->low && g->v->worth.free_bp >= g->c->freetarget * 100)
		return RZSA_STEP_WAIT;
	if (!g->in->spare)
		return prepare(g);
	if (!g->v->before && pool_takes_pages(g->in))
		return RZSA_STEP_WAIT;
	return act(g, RZSA_ADD_FILE, g->v->before, g->in->spare);
}

/* ---- G4: what lies idle ---- */

enum rzsa_step rzsa_reclaim(struct rzsa_state *s, const struct rzsa_inputs *in, int64_t now,
			    struct rzsa_actions *out)
{
	const struct growth g = {.s = s, .in = in, .now = now, .out = out};
	const struct rzsa_area *best = NULL;

	for (unsigned i = 0; i < in->nr_areas; i++) {
		const struct rzsa_area *a = &in->area[i];

		if (a->kind == RZSA_COMPRESSED && a->managed && a->reclaims && !a->draining &&
		    (!best || a->mem > best->mem))
			best = a;
	}
	if (!best)
		return RZSA_STEP_NONE;
	if (pending(&g, RZSA_RECLAIM) || now < s->reclaim_after)
		return RZSA_STEP_WAIT;
	s->reclaim_after = now + RECLAIM_HOLD_MS;
	return act(&g, RZSA_RECLAIM, best->id, 0);
}

static enum rzsa_step reclaim(const struct growth *g)
{
	return rzsa_reclaim(g->s, g->in, g->now, g->out);
}

enum rzsa_step rzsa_grow(const struct rzsa_config *c, struct rzsa_state *s,
			 const struct rzsa_inputs *in, const struct rzsa_view *v, int64_t now,
			 struct rzsa_actions *out)
{
	static enum rzsa_step (*const ladder[])(const struct growth *g) = {raise_limit, add_device,
									   add_file, reclaim};
	const struct growth g = {c, s, in, v, now, out};
	enum rzsa_step best = RZSA_STEP_NONE;

	for (unsigned i = 0; i < sizeof(ladder) / sizeof(ladder[0]); i++) {
		enum rzsa_step step = ladder[i](&g);

		if (step > best)
			best = step;
		if (step != RZSA_STEP_NONE && !v->critical)
			break;
	}
	/* What costs nothing comes with any other step. */
	if (best == RZSA_STEP_TAKEN)
		(void)reclaim(&g);
	return best;
}

enum rzsa_step rzsa_prepare(const struct rzsa_config *c, struct rzsa_state *s,
			    const struct rzsa_inputs *in, const struct rzsa_view *v, int64_t now,
			    struct rzsa_actions *out)
{
	const struct growth g = {c, s, in, v, now, out};

	return slot_free(&g) ? prepare(&g) : RZSA_STEP_NONE;
}
