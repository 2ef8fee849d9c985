/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsa_overlay.h. */
#include "rzsa_overlay.h"

#include <stddef.h>
#include <string.h>

#define FIRST_ID UINT32_C(0xf0000000) /* of added areas: in no trace of ours */

/* ---- what an action changes ---- */

static struct rzsa_area *add(struct rzsa_overlay *o, enum rzsa_kind kind, uint64_t size)
{
	struct rzsa_area *a;

	if (o->nr_added == RZSA_AREAS_MAX)
		return NULL;
	a = &o->added[o->nr_added++];
	*a = (struct rzsa_area){
		.id = FIRST_ID + o->next_id++, .kind = kind, .managed = true, .size = size};
	return a;
}

/* A device like the first of ours. */
static void add_device(struct rzsa_overlay *o, const struct rzsa_inputs *in)
{
	for (unsigned i = 0; i < in->nr_areas; i++) {
		const struct rzsa_area *like = &in->area[i];
		struct rzsa_area *a = NULL;

		if (like->kind != RZSA_COMPRESSED || !like->managed)
			continue;
		a = add(o, RZSA_COMPRESSED, like->size);
		if (a) {
			a->limit = like->limit;
			a->limit_min = like->limit_min;
			a->limit_max = like->limit_max;
		}
		return;
	}
}

static void add_file(struct rzsa_overlay *o, const struct rzsa_action *action)
{
	struct rzsa_area *a = add(o, RZSA_DISK, action->kib);

	if (a)
		a->first = action->area != 0;
}

static void retire(struct rzsa_overlay *o, uint32_t id)
{
	for (unsigned i = 0; i < o->nr_added; i++) {
		if (o->added[i].id == id) {
			o->nr_added--;
			memmove(&o->added[i], &o->added[i + 1],
				(o->nr_added - i) * sizeof(o->added[0]));
			return;
		}
	}
	if (o->nr_retired < RZSA_AREAS_MAX)
		o->retired[o->nr_retired++] = id;
}

static void set_limit(struct rzsa_overlay *o, uint32_t id, uint64_t kib)
{
	unsigned i = 0;

	while (i < o->nr_limits && o->limit[i].id != id)
		i++;
	if (i == RZSA_AREAS_MAX)
		return;
	if (i == o->nr_limits)
		o->nr_limits++;
	o->limit[i] = (struct rzsa_limit){id, kib};
}

static void apply(struct rzsa_overlay *o, const struct rzsa_inputs *in, const struct rzsa_action *a)
{
	switch (a->act) {
	case RZSA_RAISE_LIMIT:
	case RZSA_LOWER_LIMIT:
		set_limit(o, a->area, a->kib);
		break;
	case RZSA_ADD_DEVICE:
		add_device(o, in);
		break;
	case RZSA_ADD_FILE:
		add_file(o, a);
		o->spare = 0;
		break;
	case RZSA_PREPARE_FILE:
		o->spare = a->kib;
		break;
	case RZSA_DROP_FILE:
		o->spare = 0;
		break;
	case RZSA_RETIRE:
		retire(o, a->area);
		break;
	default:
		break;
	}
}

/* ---- laid over ---- */

static void lay(const struct rzsa_overlay *o, struct rzsa_inputs *in)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < in->nr_areas; i++) {
		bool gone = false;

		for (unsigned k = 0; k < o->nr_retired; k++)
			gone |= o->retired[k] == in->area[i].id;
		if (!gone)
			in->area[nr++] = in->area[i];
	}
	for (unsigned i = 0; i < o->nr_added && nr < RZSA_AREAS_MAX; i++)
		in->area[nr++] = o->added[i];
	in->nr_areas = nr;
	for (unsigned i = 0; i < o->nr_limits; i++)
		for (unsigned k = 0; k < nr; k++)
			if (in->area[k].id == o->limit[i].id)
				in->area[k].limit = o->limit[i].kib;
	if (o->spare)
		in->spare = o->spare;
}

/* Whether the inputs have a result for it. */
static bool reported(const struct rzsa_inputs *in, enum rzsa_act act)
{
	for (unsigned i = 0; i < in->nr_results; i++)
		if (in->result[i].act == act)
			return true;
	return false;
}

static bool succeeded(const struct rzsa_inputs *in, enum rzsa_act act)
{
	for (unsigned i = 0; i < in->nr_results; i++)
		if (in->result[i].act == act && in->result[i].outcome != RZSA_DONE)
			return false;
	return true;
}

void rzsa_overlay(struct rzsa_overlay *o, const struct rzsa_actions *actions,
		  struct rzsa_inputs *in)
{
	struct rzsa_inputs clamped;

	rzsa_clamp(in, &clamped);
	*in = clamped;
	for (unsigned i = 0; i < actions->nr; i++) {
		const struct rzsa_action *a = &actions->v[i];

		if (a->act == RZSA_STARVED)
			continue;
		if (succeeded(in, a->act))
			apply(o, in, a);
		if (!reported(in, a->act) && in->nr_results < RZSA_RESULTS_MAX)
			in->result[in->nr_results++] =
				(struct rzsa_result){a->act, RZSA_DONE, a->kib};
	}
	lay(o, in);
}
