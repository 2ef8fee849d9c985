/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The decision: one tick of swapspace's machine, for a machine on compressed swap.
 *
 * A pure function: no clock, no I/O, nothing allocated.  Any thread.
 */
#ifndef RZSA_STATE_H
#define RZSA_STATE_H

#include "rzsa.h"

/*
 * One tick: take the results of earlier actions, look at the inputs, change the state, and say what
 * is to be done now.  An action is not asked for again before its result has come in; the caller
 * reports one for each but RZSA_STARVED.  A `now` before that of the last step counts as that.
 */
void rzsa_step(const struct rzsa_config *c, struct rzsa_state *s, const struct rzsa_inputs *in,
	       int64_t now, struct rzsa_actions *out);

#endif
