/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process that goes on with a swapoff in the background; and what it shares with
 * rzst_swapoff_job.c, and with the helper processes of rzs-autoswap.
 *
 * Circle: rzst_swapoff_job forks this process, which goes on with its job.
 */
#ifndef RZST_SWAPOFF_KEEP_H
#define RZST_SWAPOFF_KEEP_H

#include "rzst_swapoff_job.h"

/*
 * What rzst_swapoff_job_background() forks for: see there.  It ends with the process: status 0
 * if the area is off, 1 if it was given up.
 */
void rzst_swapoff_keep(struct rzst_swapoff_job *job, unsigned give_up) __attribute__((noreturn));

/*
 * fork() with SIGINT, SIGTERM and SIGHUP blocked in the child, so that none ends it before
 * rzst_swapoff_detach().  A negative errno instead of -1.
 */
pid_t rzst_swapoff_fork(void);

/*
 * For a process that has just been forked: a session of its own, /dev/null for standard input and
 * output, no other file open but these two (-1: none), no signal blocked, and handler for SIGINT,
 * SIGTERM and SIGHUP, which interrupt calls that sleep.
 */
void rzst_swapoff_detach(void (*handler)(int sig), int keep, int keep_too);

#endif
