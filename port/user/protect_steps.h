/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The steps by which a process protects itself, so that it can serve the swap of the machine it
 * runs on.  It must never wait for memory that only its own work can free, never be swapped out or
 * killed, and never leave stored pages on a disk.
 *
 * In this order:
 *   rzs_protect_init()     which steps are wanted
 *   rzs_protect_early()    at the start, while still root: limits, OOM score, malloc, stack sizes
 *   rzs_protect_process()  after the last fork, because memory locks are not inherited, and before
 *                          the store is made
 *   rzs_protect_thread()   by every thread that serves I/O or helps those that do, at its start
 *                          (its stack has 128 KiB or more); its role decides its priority
 *                          (threads.h)
 * The struct keeps the outcome of each step, and what is at risk without it.  In mode auto a
 * refused step is a warning for rzs_protect_report(); in mode require it also makes the function
 * fail; in mode off no step is taken.
 *
 * Threading: rzs_protect_thread() and what only reads, on any number of threads at once; all other
 * functions on one thread at a time.  Only rzs_protect_early() allocates.  None is for the data
 * path, except that an I/O thread calls rzs_protect_thread() at its start.
 */
#ifndef RZS_PROTECT_STEPS_H
#define RZS_PROTECT_STEPS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "threads.h"

enum rzs_protect_mode {
	RZS_PROTECT_AUTO,
	RZS_PROTECT_REQUIRE,
	RZS_PROTECT_OFF,
};

enum rzs_protect_state {
	RZS_PROTECT_NOT_DONE, /* left out, or not taken yet */
	RZS_PROTECT_OK,
	RZS_PROTECT_REFUSED,
};

enum rzs_protect_step_id {
	RZS_PROTECT_MEMLOCK_LIMIT,
	RZS_PROTECT_CORE_LIMIT,
	RZS_PROTECT_REALTIME_LIMIT,
	RZS_PROTECT_OOM_SCORE,
	RZS_PROTECT_MALLOC,
	RZS_PROTECT_STACKS,
	RZS_PROTECT_LOCK,
	RZS_PROTECT_DUMPABLE,
	RZS_PROTECT_IO_FLUSHER, /* of each thread: refused if that of one thread was */
	RZS_PROTECT_REALTIME,	/* of each thread, too */
	RZS_PROTECT_HEADROOM,	/* this and those below are taken elsewhere: rzs_protect_set() */
	RZS_PROTECT_WATCHDOG,
	RZS_PROTECT_BALLAST,
	RZS_PROTECT_STEPS,
};

struct rzs_protect_step {
	const char *name; /* one word, for statistics and warnings */
	const char *risk; /* what may happen without it */
	int state;	  /* enum rzs_protect_state */
	int err;	  /* errno when refused */
};

struct rzs_protect {
	enum rzs_protect_mode mode;
	unsigned without;	       /* a bit for each step that is left out; for tests */
	bool realtime;		       /* whether threads may ever be real-time ones */
	bool realtime_now;	       /* whether they are now; under realtime_lock */
	pthread_mutex_t realtime_lock; /* held at a thread's start, too */
	struct rzs_protect_step step[RZS_PROTECT_STEPS];
};

/* Parse "auto", "require" or "off".  -EINVAL, and auto in *out: none of these. */
int rzs_protect_mode_parse(const char *text, enum rzs_protect_mode *out);

/* realtime: whether threads may ever be real-time ones; at first they are, then. */
void rzs_protect_init(struct rzs_protect *p, enum rzs_protect_mode mode, bool realtime);

/*
 * Take the steps for the process; see above for when.  Each function takes all its steps, also if
 * one is refused.  0; in mode require the negative errno of the first refused step.
 */
int rzs_protect_early(struct rzs_protect *p);
int rzs_protect_process(struct rzs_protect *p);

/*
 * Take the steps for the calling thread.  *out_thread: its entry, for rzs_threads_progress(); NULL
 * in mode off, and if the table is full.  Returns as rzs_protect_early() does.  Does not wait for
 * memory.
 */
int rzs_protect_thread(struct rzs_protect *p, enum rzs_thread_role role,
		       struct rzs_thread **out_thread);

/*
 * rzs_protect_thread() in the form of a hook, for rzs_blocks_set_thread_hook() and
 * rzs_watchdog_start().  p: a struct rzs_protect.
 */
struct rzs_thread *rzs_protect_refill_hook(void *p);
void rzs_protect_watchdog_hook(void *p);

/* Whether a step is wanted: the mode is not off, and `without` does not have its bit. */
bool rzs_protect_wants(const struct rzs_protect *p, enum rzs_protect_step_id id);

/* Record the outcome of a step that is taken elsewhere: err is 0 or a negative errno. */
void rzs_protect_set(struct rzs_protect *p, enum rzs_protect_step_id id, int err);

/*
 * Make all threads in the table real-time ones, each with the priority of its role, or ordinary
 * ones; later threads, too.  Without swap nobody waits for memory, and a real-time thread costs
 * more than it gains: it interrupts a client on the same CPU at each request.  Does nothing in mode
 * off, or if threads may never be real-time ones.  0, or the negative errno of the first thread
 * that the system refused.
 */
int rzs_protect_set_realtime(struct rzs_protect *p, bool on);

/* A step's outcome so far. */
enum rzs_protect_state rzs_protect_state(const struct rzs_protect *p, enum rzs_protect_step_id id);

/* How many steps were refused so far. */
unsigned rzs_protect_refused(const struct rzs_protect *p);

#define RZS_PROTECT_LINE_MAX 256u /* bytes, with the 0 */

/*
 * Call line(arg, text) for each refused step, or for every step if all is true.  text: one line
 * without newline, valid during the call.
 */
void rzs_protect_report(const struct rzs_protect *p, bool all,
			void (*line)(void *arg, const char *text), void *arg);

#endif
