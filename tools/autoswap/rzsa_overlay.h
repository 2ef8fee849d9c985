/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What decisions change, laid over a trace: files and devices that were added, empty, as nobody
 * knows what would be in them; limits; and areas that are gone.
 *
 * Pure functions; any thread.
 */
#ifndef RZSA_OVERLAY_H
#define RZSA_OVERLAY_H

#include "rzsa.h"

struct rzsa_limit {
	uint32_t id;
	uint64_t kib;
};

/* Zeroed at first. */
struct rzsa_overlay {
	struct rzsa_area added[RZSA_AREAS_MAX];
	uint32_t retired[RZSA_AREAS_MAX];
	struct rzsa_limit limit[RZSA_AREAS_MAX];
	unsigned nr_added, nr_retired, nr_limits;
	uint32_t next_id;
	uint64_t spare;
};

/*
 * The inputs as they would be: actions, those of the tick before, have succeeded unless the inputs
 * have a result for them; that is laid over, and the results are added.
 */
void rzsa_overlay(struct rzsa_overlay *o, const struct rzsa_actions *actions,
		  struct rzsa_inputs *in);

#endif
