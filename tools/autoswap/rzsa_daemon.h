/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon: each second, and when PSI or the areas call, it looks, decides, asks the guard, and
 * has it done.
 *
 * Its clock is CLOCK_MONOTONIC: setting the time does nothing to it, and it stands still while the
 * machine is suspended.  So to the daemon a suspension has not happened: no cooldown is over when
 * the machine wakes up, and no server is late that could not answer.
 *
 * Threading: one thread.  After rzsa_daemon_begin() nothing allocates, and nothing waits but poll()
 * and the files in /proc, /sys and /run.
 */
#ifndef RZSA_DAEMON_H
#define RZSA_DAEMON_H

#include <sys/types.h>

#include "rzsa_actors.h"
#include "rzsa_board.h"
#include "rzsa_guard.h"

struct rzsa_reload;

struct rzsa_daemon {
	struct rzsa_settings settings;
	/* Reads the configuration again, complaining on standard error; 0, or negative. */
	int (*configure)(void *arg, struct rzsa_settings *out);
	void *configure_arg;

	struct rzsa_collector collector;
	struct rzsa_actors actors;
	struct rzsa_state state;
	struct rzsa_guard guard;
	struct rzsa_actions actions;
	struct rzsa_board board, *shown;
	struct rzsa_reload *reload; /* shared with the process that reads */
	pid_t reader;		    /* that process; 0: none */

	char swappath[PATH_MAX]; /* as it was given; that of settings is canonical */
	int signals, swaps;	 /* descriptors */
	int64_t due, ticked;	 /* ms: the next tick, and the last one */
	bool woken;		 /* a tick is wanted before its time */
	bool diet_asked, stop, hurry;
	char status[160]; /* what the manager was told */
};

/*
 * Make it ready: settings, configure and configure_arg are set, the rest is all zeros.  The right
 * to swap is not looked at.  0, or a negative errno, and why; other is set with -EBUSY.
 */
int rzsa_daemon_begin(struct rzsa_daemon *d, pid_t *other, char why[RZS_WHY_MAX]);

/* Until SIGTERM or SIGINT. */
void rzsa_daemon_run(struct rzsa_daemon *d);

/* One round: a tick if it is time, and a wait, at most until the next one. */
void rzsa_daemon_round(struct rzsa_daemon *d);

/* Turn the files of ours off, one after the other, and remove them.  How many are left. */
unsigned rzsa_daemon_erase(struct rzsa_daemon *d);

void rzsa_daemon_end(struct rzsa_daemon *d);

#endif
