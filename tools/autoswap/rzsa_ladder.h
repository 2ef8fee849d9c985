/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two ladders: how swap grows, cheapest step first, and how it is given back.
 *
 * Pure functions; any thread.  They add to out, and note in s what is under way.
 */
#ifndef RZSA_LADDER_H
#define RZSA_LADDER_H

#include "rzsa_view.h"

/* No limit is lowered so soon after one was raised or lowered: it is about to be filled. */
#define RZSA_LOWER_HOLD_MS 10000

enum rzsa_step {
	RZSA_STEP_NONE, /* nothing can be done */
	RZSA_STEP_WAIT, /* something is under way, or it is too early */
	RZSA_STEP_TAKEN,
};

/*
 * Memory is short: the first step that applies; in an emergency all that apply.  A step that is
 * under way is waited for before a dearer one is taken, but not in an emergency.
 */
enum rzsa_step rzsa_grow(const struct rzsa_config *c, struct rzsa_state *s,
			 const struct rzsa_inputs *in, const struct rzsa_view *v, int64_t now,
			 struct rzsa_actions *out);

/* Have the compressed device that holds most give back what lies idle in it; once a minute. */
enum rzsa_step rzsa_reclaim(struct rzsa_state *s, const struct rzsa_inputs *in, int64_t now,
			    struct rzsa_actions *out);

/* Have a file ready before it is needed. */
enum rzsa_step rzsa_prepare(const struct rzsa_config *c, struct rzsa_state *s,
			    const struct rzsa_inputs *in, const struct rzsa_view *v, int64_t now,
			    struct rzsa_actions *out);

/* There is too much: give back one thing, unless one was given back a moment ago. */
enum rzsa_step rzsa_release(const struct rzsa_config *c, struct rzsa_state *s,
			    const struct rzsa_inputs *in, const struct rzsa_view *v, int64_t now,
			    struct rzsa_actions *out);

#endif
