/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * swapoff(2) in a helper process: the kernel kills its caller first when memory ends.
 *
 * The job notes the area as SWAPOFF before it begins and what became of it afterwards.  A helper
 * that is killed or interrupted leaves the area on: BUSY, then tried again with growing pauses.
 *
 * The helper has a session of its own: what a terminal sends reaches only the caller, and a caller
 * that is killed leaves it at work.  It says how swapoff(2) ended on a pipe; one that ends
 * without a word was killed.
 *
 * Threading: one thread.  The functions may sleep where they say so.
 */
#ifndef RZST_SWAPOFF_JOB_H
#define RZST_SWAPOFF_JOB_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "rzst_swapon.h"

struct rzst_swapoff_job {
	char name[256];
	pid_t pid;   /* the helper; 0 when it has ended */
	int pidfd;   /* readable when it has ended; -1 then */
	int said;    /* the pipe on which it says how it ended; -1: it has ended */
	int result;  /* of the ended: 0, or negative errno; -EINTR: killed or interrupted */
	bool killed; /* it said nothing: SIGKILL, so most likely memory has ended */
	enum rzst_swap_fault fault;
	uint64_t used_at_start, used; /* bytes; rzst_swapoff_job_look() sets used */
	int64_t began;		      /* ms, CLOCK_MONOTONIC */
	int noted;		      /* 0, or why nothing could be noted of it: a negative errno */
};

/*
 * Fork the helper; waits up to 5 s for the lock of what is noted.  0, or negative errno: nothing
 * was begun.  -EBUSY: a swapoff is at work there; -ENODEV: not swapped to.  That nothing can be
 * noted is no failure, see job->noted.
 */
int rzst_swapoff_job_begin(struct rzst_swapoff_job *job, const char *name);

/* How far it is; reaps the helper if it ended, and notes the outcome.  True while it runs. */
bool rzst_swapoff_job_look(struct rzst_swapoff_job *job);

/* Whether what ended the job may pass: no memory, killed, another swapoff.  The area is on. */
bool rzst_swapoff_job_may_pass(const struct rzst_swapoff_job *job);

/*
 * Interrupt it: the area stays on, what came back stays back.  Waits for the helper's end, which
 * is not before the process is done whose pages it brings back; it may have succeeded by then.
 */
void rzst_swapoff_job_cancel(struct rzst_swapoff_job *job);

/*
 * Begin it and wait for its end, without a view of how far it is.  SIGINT, SIGTERM and SIGHUP, if
 * they are not ignored, cancel it: *interrupted is true then.  Afterwards they do what they did
 * before.  0: it has ended, see job->result; or as rzst_swapoff_job_begin().
 */
int rzst_swapoff_job_run(struct rzst_swapoff_job *job, const char *name, bool *interrupted);

/*
 * Leave it to the background, also one that has ended and may pass: a process of its own session
 * goes on, tries again with pauses of 1, 2, 4 ... 60 s when the helper is killed or finds no
 * memory, until `give_up` seconds have passed, and writes the end to the system's log.  It does
 * not try again before rzst_fit_look() says that there is room.  SIGTERM, SIGINT and SIGHUP end
 * it, and the area stays on. The job is no longer the caller's then.  Its process id, to be
 * reaped by a caller that goes on; or a negative errno: nothing has changed.
 */
pid_t rzst_swapoff_job_background(struct rzst_swapoff_job *job, unsigned give_up);

#endif
