/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The protections of port/user/protect.h, at the right moments of nbdkit's life.  See lockdown.c.
 */
#ifndef RZS_PLUGIN_LOCKDOWN_H
#define RZS_PLUGIN_LOCKDOWN_H

#include "protect.h"

/* When threads that serve I/O have real-time priority. */
enum rzs_realtime {
	RZS_REALTIME_SWAP, /* while the machine has any swap on */
	RZS_REALTIME_ALWAYS,
	RZS_REALTIME_NEVER,
};

/*
 * In get_ready().  without: bits of enum rzs_protect_step_id, steps to leave out; for tests.  0, or
 * -1 after nbdkit_error() when something required is refused.
 */
int rzs_lockdown_early(enum rzs_protect_mode mode, enum rzs_realtime realtime, unsigned without);

/* In after_fork(), before the store is made.  ballast in bytes.  Likewise. */
int rzs_lockdown_late(uint64_t ballast);

/* When all else has ended. */
void rzs_lockdown_end(void);

/* At the start of every thread of ours or that serves I/O.  Its entry, or NULL; see threads.h. */
struct rzs_thread *rzs_lockdown_thread(enum rzs_thread_role role);

/* Whether the machine has swap on, as far as is known: any thread, one atomic load. */
bool rzs_lockdown_swap_is_on(void);

/* Once in a while, by a thread that may wait for memory. */
void rzs_lockdown_tick(void);

/*
 * What to poll() for POLLPRI, and then to call rzs_lockdown_follow_swap(), so that threads are
 * real-time ones while swap is on; negative: nothing.  Good until the process ends.
 */
int rzs_lockdown_watch(void);
void rzs_lockdown_follow_swap(void);

/* The watch's counts, and each protection's state as a line "rzs: protect-NAME=ok|refused|off". */
void rzs_lockdown_say(void);

#endif
