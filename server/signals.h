/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signals as calls of a loop.
 *
 * Threading: the thread that has the loop.  The handlers run on any thread that has the signal
 * unblocked; they ask for no memory.
 */
#ifndef RZS_SIGNALS_H
#define RZS_SIGNALS_H

#include "loop.h"

/* From now on sig makes this call of l, and does nothing else.  0 or a negative errno. */
int rzs_signals_take(int sig, struct rzs_loop *l, struct rzs_loop_call *call);

/* Those that were taken do nothing any more: before the loop is closed. */
void rzs_signals_end(void);

#endif
