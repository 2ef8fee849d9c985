/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * swapoff(2) in a helper process: the kernel kills its caller first when memory ends.
 *
 * The job notes the area as SWAPOFF before it begins, and what became of it afterwards.  A helper
 * that is killed or interrupted leaves the area on: BUSY, then tried again with growing pauses.
 * Where nothing can be noted (rzst_areas_change() fails) it works all the same.
 *
 * The helper is forked: that costs page tables, and for a process with much locked memory memory as
 * well.  A daemon does not call this, it starts rzs-swapoff(8) by posix_spawn().
 *
 * Threading: one thread, of a process that has no other.
 */
#ifndef RZST_SWAPOFF_JOB_H
#define RZST_SWAPOFF_JOB_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "rzst_swapon.h"

struct rzst_swapoff_job {
	char name[256];
	pid_t pid;  /* the helper; 0 when it has ended */
	int pidfd;  /* readable when it has ended; -1 then.  Read by rzst_swapoff_job_look() only */
	int result; /* of the ended: 0, or negative errno; -EINTR: killed or interrupted */
	enum rzst_swap_fault fault;
	uint64_t used_at_start, used; /* bytes; rzst_swapoff_job_look() sets used */
	int64_t began;		      /* ms, CLOCK_MONOTONIC */
};

/*
 * Fork the helper, in a session of its own: the terminal's signals do not reach it.  0, or a
 * negative errno, and nothing was begun.  -ENODEV: not swapped to; -EBUSY: a swapoff is at work
 * there; else of fork(2) or pipe(2).
 */
int rzst_swapoff_job_begin(struct rzst_swapoff_job *job, const char *name);

/*
 * How far it is; reaps the helper if it ended, and notes the outcome.  True while it runs.  Does
 * not wait, but for the lock of the notes.
 */
bool rzst_swapoff_job_look(struct rzst_swapoff_job *job);

/*
 * Interrupt it: the area stays on, what came back stays back.  Waits for the helper's end, which
 * may take as long as one process's pages take; job->result is 0 if it was done before.
 */
void rzst_swapoff_job_cancel(struct rzst_swapoff_job *job);

/*
 * Leave it to the background: a process of its own session goes on, tries again with pauses of 1,
 * 2, 4 ... 60 s when the helper is killed or finds no memory, until `give_up` seconds have passed,
 * and writes the end to the system's log.  0 or negative errno; with 0 the job is no longer the
 * caller's: pid is 0 and pidfd is -1.
 */
int rzst_swapoff_job_background(struct rzst_swapoff_job *job, unsigned give_up);

#endif
