/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The protections of port/user/protect_steps.h, at the right moments of a server's life.  See
 * protect_server.c.
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
	unsigned without; /* bits of enum rzs_protect_step_id, steps to leave out; for tests */
	uint64_t ballast; /* bytes */
	/*
	 * Have some heap in memory ahead of time: for a server that allocates per request, whatever
	 * we think of it.
	 */
	bool fill_heap;
	/* How the process is told what makes it fail; one line, good during the call. */
	void (*error)(const char *text);
};

/* "swap", "always" or "never".  -EINVAL: none of them; *out is then RZS_REALTIME_SWAP. */
int rzs_realtime_parse(const char *text, enum rzs_realtime *out);

/*
 * At the start, as the user's own process and before it becomes a daemon, so that refusals are
 * told to somebody.  options is copied.  0; -EPERM after error() when something required is
 * refused; -ENOTSUP after error() when the system's pages are larger than a store's blocks.
 */
int rzs_protect_server_early(const struct rzs_protect_server_options *options);

/* After the last fork, before a store is made.  Likewise. */
int rzs_protect_server_late(void);

/* When all else has ended. */
void rzs_protect_server_end(void);

/* At the start of every thread of ours or that serves I/O.  Its entry, or NULL; see threads.h. */
struct rzs_thread *rzs_protect_server_thread(enum rzs_thread_role role);

/* Whether the machine has swap on, as far as is known: any thread, one atomic load. */
bool rzs_protect_server_swap_is_on(void);

/* Once in a while, by a thread that may wait for memory. */
void rzs_protect_server_tick(void);

/*
 * What to poll() for POLLPRI, and then to call rzs_protect_server_follow_swap(), so that threads
 * are real-time ones while swap is on; negative: nothing.  Good until the process ends.
 */
int rzs_protect_server_swap_fd(void);
void rzs_protect_server_follow_swap(void);

/* Each protection's name and state ("ok", "refused", "off"), in their order. */
void rzs_protect_server_each(void (*fn)(void *arg, const char *name, const char *state), void *arg);

#endif
