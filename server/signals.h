/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signals as calls of a loop.
 *
 * Threading: the thread that runs the loop.  The handlers run in any thread that does not block the
 * signal; they allocate nothing.
 */
#ifndef RZS_SIGNALS_H
#define RZS_SIGNALS_H

#include "loop.h"

/* From now on sig makes this call of l and nothing else.  0 or a negative errno. */
int rzs_signals_take(int sig, struct rzs_loop *l, struct rzs_loop_call *call);

/* Ignore those signals from now on.  Call it before the loop is closed. */
void rzs_signals_end(void);

#endif
