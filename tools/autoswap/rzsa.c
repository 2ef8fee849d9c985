/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsa.h. */
#include "rzsa.h"

#include <string.h>

static const char *const modes[RZSA_MODES] = {"steady", "hungry", "overfed", "diet"};

static const char *const acts[RZSA_ACTS] = {"starved",	   "raise-limit",  "add-device",
					    "add-file",	   "prepare-file", "reclaim",
					    "lower-limit", "retire-area",  "drop-file"};

static const char *const outcomes[RZSA_OUTCOMES] = {
	"done", "no-space", "too-big", "no-slot", "no-memory", "interrupted", "refused"};

const char *rzsa_mode_name(enum rzsa_mode mode)
{
	return mode < RZSA_MODES ? modes[mode] : "?";
}

const char *rzsa_act_name(enum rzsa_act act)
{
	return act < RZSA_ACTS ? acts[act] : "?";
}

const char *rzsa_outcome_name(enum rzsa_outcome outcome)
{
	return outcome < RZSA_OUTCOMES ? outcomes[outcome] : "?";
}

void rzsa_config_init(struct rzsa_config *c)
{
	memset(c, 0, sizeof(*c));
	c->lower_freelimit = 20;
	c->freetarget = 30;
	c->upper_freelimit = 60;
	c->cooldown = 600000;
	c->min_file = 4096;
	c->max_file = UINT64_C(2) << 30;
	c->max_areas = 24; /* Debian's kernels take 26 */
	c->assumed_ratio = 2000;
	c->least_ratio = 1500;
}

static void clamp(uint64_t *kib)
{
	if (*kib > RZSA_KIB_MAX)
		*kib = RZSA_KIB_MAX;
}

void rzsa_clamp(const struct rzsa_inputs *in, struct rzsa_inputs *out)
{
	uint64_t *const of_machine[] = {&out->mem_total, &out->mem_available, &out->disk_free,
					&out->spare};

	*out = *in;
	if (out->nr_areas > RZSA_AREAS_MAX)
		out->nr_areas = RZSA_AREAS_MAX;
	if (out->nr_results > RZSA_RESULTS_MAX)
		out->nr_results = RZSA_RESULTS_MAX;
	for (unsigned i = 0; i < sizeof(of_machine) / sizeof(of_machine[0]); i++)
		clamp(of_machine[i]);
	for (unsigned i = 0; i < out->nr_areas; i++) {
		struct rzsa_area *a = &out->area[i];
		uint64_t *const of_area[] = {&a->size,	&a->used,      &a->stored,   &a->mem,
					     &a->limit, &a->limit_min, &a->limit_max};

		for (unsigned k = 0; k < sizeof(of_area) / sizeof(of_area[0]); k++)
			clamp(of_area[k]);
	}
}
