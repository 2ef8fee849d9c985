/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a process has to do to itself so that it can serve the swap of the machine it runs on: never
 * wait for memory that only its own work can free, never be swapped out or killed in its place,
 * never leave stored pages on a disk.
 *
 * In this order, one caller at a time:
 *   rzs_protect_init()     what is wanted
 *   rzs_protect_early()    at start, while still root: limits, OOM score, malloc, stacks to come
 *   rzs_protect_process()  after the last fork, since locked memory is not inherited, and before
 *                          the store is made
 *   rzs_protect_thread()   by every thread that serves I/O or helps those that do, at its start
 *                          (its stack has 256 KiB or more); its role decides its priority
 *                          (threads.h)
 * Each step's outcome is kept, with what is at risk without it.  In mode auto a refused step is
 * a warning to print (rzs_protect_report()), in mode require it makes the function fail, with
 * mode off nothing is done at all.
 *
 * Threading: rzs_protect_thread() by any number of threads at once, rzs_protect_report() at any
 * time.
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
	RZS_PROTECT_NOT_DONE, /* off, or not done yet */
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
	RZS_PROTECT_IO_FLUSHER, /* of threads: refused if one was */
	RZS_PROTECT_REALTIME,	/* likewise */
	RZS_PROTECT_HEADROOM,	/* these three are done elsewhere, rzs_protect_set() tells how */
	RZS_PROTECT_WATCHDOG,
	RZS_PROTECT_BALLAST,
	RZS_PROTECT_STEPS,
};

struct rzs_protect_step {
	const char *name; /* a word, for statistics */
	const char *risk; /* what may happen without it */
	int state;	  /* enum rzs_protect_state */
	int err;	  /* errno when refused */
};

struct rzs_protect {
	enum rzs_protect_mode mode;
	unsigned without;	       /* bit of a step: leave it out, to see what happens then */
	bool realtime;		       /* whether threads may be real-time ones */
	bool realtime_now;	       /* whether they are, at the moment; under realtime_lock */
	pthread_mutex_t realtime_lock; /* a thread's start against a change of realtime_now */
	struct rzs_protect_step step[RZS_PROTECT_STEPS];
};

/* "auto", "require" or "off".  -EINVAL: none of them; *out is then RZS_PROTECT_AUTO. */
int rzs_protect_mode_parse(const char *text, enum rzs_protect_mode *out);

void rzs_protect_init(struct rzs_protect *p, enum rzs_protect_mode mode, bool realtime);

/*
 * 0, or in mode require the negative errno of the first step that was refused; the others are done
 * all the same.
 */
int rzs_protect_early(struct rzs_protect *p);
int rzs_protect_process(struct rzs_protect *p);

/*
 * *out_thread: the thread's entry, for its progress; NULL: none to be had (the thread is protected,
 * but nobody watches it), or mode off.
 */
int rzs_protect_thread(struct rzs_protect *p, enum rzs_thread_role role,
		       struct rzs_thread **out_thread);

/*
 * Likewise, with the shape of a thread hook (rzs_blocks_set_thread_hook(), rzs_watchdog_start()); p
 * is a struct rzs_protect.
 */
struct rzs_thread *rzs_protect_refill_hook(void *p);
void rzs_protect_watchdog_hook(void *p);

/* Whether a step is to be done at all: not with mode off, and not when `without` has its bit. */
bool rzs_protect_wants(const struct rzs_protect *p, enum rzs_protect_step_id id);

/* How a step that is done elsewhere has come out: err is 0 or a negative errno. */
void rzs_protect_set(struct rzs_protect *p, enum rzs_protect_step_id id, int err);

/*
 * Give all threads entered the real-time priority of their role, or an ordinary one, and those to
 * come.  They are real-time ones from the start unless this says otherwise: with a client on the
 * same CPU each of its requests then interrupts it, which costs more than it gains while nobody
 * waits for memory.  Nothing when realtime is false, or with mode off.  0, or the negative errno of
 * the first thread that could not be changed.  Allocates nothing.
 */
int rzs_protect_set_realtime(struct rzs_protect *p, bool on);

/* A step's outcome now. */
enum rzs_protect_state rzs_protect_state(const struct rzs_protect *p, enum rzs_protect_step_id id);

/* Steps refused so far. */
unsigned rzs_protect_refused(const struct rzs_protect *p);

#define RZS_PROTECT_LINE_MAX 256u

/*
 * Call line() with one line of text, no newline, for each step that was refused, or with all for
 * every step.  Allocates nothing; text is good during the call.
 */
void rzs_protect_report(const struct rzs_protect *p, bool all,
			void (*line)(void *arg, const char *text), void *arg);

#endif
