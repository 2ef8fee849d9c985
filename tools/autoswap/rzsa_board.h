/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the daemon shows of itself: /run/rzs/autoswap, a file of fixed size that it has mapped, and
 * locked as long as it runs.  So there is one daemon at a time, showing needs neither memory nor a
 * system call, and a reader costs the daemon nothing.  Only programs of the same build read it.
 *
 * Threading: one thread.
 */
#ifndef RZSA_BOARD_H
#define RZSA_BOARD_H

#include <sys/types.h>

#include "rzsa_actors.h"
#include "rzsa_worth.h"

struct rzsa_board {
	char build[64];	      /* what wrote it */
	uint32_t turn;	      /* odd: it is being written */
	int64_t started, now; /* ms of the monotonic clock */
	struct rzsa_config rules;
	struct rzsa_state state;
	struct rzsa_inputs in;
	struct rzsa_worth worth;
	struct rzsa_deed deed[RZSA_ACTS]; /* the last of each */
	uint64_t done[RZSA_ACTS], failed[RZSA_ACTS], ticks, broken;
	unsigned helpers; /* that have died */
};

/*
 * Make it and lock it.  0, *out the file as it is shown; or a negative errno: -EBUSY: *other is the
 * process that has it.
 */
int rzsa_board_open(struct rzsa_board **out, pid_t *other);

/* Remove it; the lock ends with the process. */
void rzsa_board_close(struct rzsa_board *shown);

/* Show what is in *b: the whole of it. */
void rzsa_board_show(struct rzsa_board *shown, const struct rzsa_board *b);

/* 0 and what the running daemon shows; -ENOENT: none runs; -EPROTO: it is of another build. */
int rzsa_board_read(struct rzsa_board *out, pid_t *pid);

#endif
