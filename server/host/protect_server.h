/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Protects a server: takes the steps of port/user/protect_steps.h at the right moments of its life,
 * reports refusals, and makes threads real-time ones while swap is on.
 *
 * Threading: rzs_protect_server_thread(), _swap_is_on(), _refused() and _each() on any thread;
 * _tick(), _swap_fd() and _follow_swap() on the upkeep thread; the rest on the main thread.  Only
 * _thread() and _swap_is_on() are for threads that serve I/O.
 */
#ifndef RZS_PROTECT_SERVER_H
#define RZS_PROTECT_SERVER_H

#include "protect_steps.h"

/* When threads that serve I/O have real-time priority. */
enum rzs_realtime {
	RZS_REALTIME_SWAP, /* while the machine has any swap on */
	RZS_REALTIME_ALWAYS,
	RZS_REALTIME_NEVER,
};

struct rzs_protect_server_options {
	enum rzs_protect_mode mode;
	enum rzs_realtime realtime;
	unsigned without; /* a bit for each enum rzs_protect_step_id to leave out; for tests */
	uint64_t ballast; /* bytes; 0: none */
	/* Populate some heap ahead of time, for a server that allocates on the data path. */
	bool fill_heap;
	/*
	 * The main thread is an ordinary one until rzs_protect_server_main().  For a server that
	 * starts while the machine swaps to another: a thread that may not wait for I/O when it
	 * wants memory, and has a nice value of -20, keeps those from running that could free some.
	 */
	bool main_later;
	/* Gets the reason why the server cannot start: one line, valid during the call. */
	void (*error)(const char *text);
};

/*
 * At the start, while the process has the rights of the user who started it, and before it becomes
 * a daemon, so that the user sees refusals.  options is copied.  0; -EPERM: a required step is
 * refused; -ENOTSUP: the system's pages are larger than a store's blocks.  Calls error() before it
 * returns an error.
 */
int rzs_protect_server_early(const struct rzs_protect_server_options *options);

/* After the last fork, and before a store is made.  0 or -EPERM, as rzs_protect_server_early(). */
int rzs_protect_server_late(void);

/* With main_later: the main thread wants no more memory.  0 or -EPERM, as above. */
int rzs_protect_server_main(void);

/*
 * Whether this server may replace another one, or be replaced: no swap is on, or no protection was
 * refused or left out.  Asks the system for nothing in the second case.
 */
bool rzs_protect_server_may_replace(void);

#define RZS_PROTECT_SERVER_NOT_NOW \
	"swap is on, and without all protections a change of servers may hang; swapoff first"

/* At the end, after all other threads. */
void rzs_protect_server_end(void);

/*
 * At the start of every thread that serves I/O, and of every thread of ours.  Returns its entry,
 * for rzs_threads_progress(), or NULL (threads.h).
 */
struct rzs_thread *rzs_protect_server_thread(enum rzs_thread_role role);

/* The entry of the main thread, for rzs_threads_raise(); NULL: it has none. */
struct rzs_thread *rzs_protect_server_front(void);

/* Whether the machine had swap on when that was last looked at.  One atomic load. */
bool rzs_protect_server_swap_is_on(void);

/* About once a second, on a thread that may wait for memory: takes the ballast again. */
void rzs_protect_server_tick(void);

/*
 * A descriptor to poll() for POLLPRI, valid until the process ends; negative: none.  When it is
 * ready, call rzs_protect_server_follow_swap(): threads are real-time ones while swap is on.
 */
int rzs_protect_server_swap_fd(void);
void rzs_protect_server_follow_swap(void);

/* How many steps were refused so far. */
unsigned rzs_protect_server_refused(void);

/* Call fn for each step, in their order, with its name and state ("ok", "refused", "off"). */
void rzs_protect_server_each(void (*fn)(void *arg, const char *name, const char *state), void *arg);

#endif
