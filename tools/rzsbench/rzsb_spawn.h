/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program that is started to be captured.  Threading: one thread; one program in the life of this
 * process.
 */
#ifndef RZSB_SPAWN_H
#define RZSB_SPAWN_H

#include <stddef.h>
#include <sys/types.h>

struct rzsb_spawn {
	char **command;
	const char *comm; /* the process wanted among those it starts; NULL: any */
	size_t least;	  /* pages of anonymous memory it has to have */
	unsigned seconds; /* for at most so long */
};

/*
 * Start the command and wait until a process of it has grown; it is stopped then, and *out_highest
 * says how many pages it has.  0: none has, and *out_highest is the most there was.  All that was
 * started ends with this process.  Exits when it cannot be started at all.
 */
pid_t rzsb_spawn_until_grown(const struct rzsb_spawn *s, size_t *out_highest);

#endif
