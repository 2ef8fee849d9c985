/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The servers that "rzsbench device --vs" can start.  Threading: one thread.
 */
#ifndef RZSB_PEERS_H
#define RZSB_PEERS_H

#include <stdbool.h>

struct rzsb_peer {
	const char *name;
	const char *what;    /* for people */
	const char *check;   /* shell command that succeeds if it is installed; NULL: zram */
	const char *command; /* as of --server, also with $FILE, a file in RAM; NULL: zram */
	const char *package; /* that it is in, for people */
	bool in_file;	     /* its pages are in $FILE, not in its memory */
};

/* Number i; NULL after the last. */
const struct rzsb_peer *rzsb_peer(unsigned i);
/* NULL: there is none of this name. */
const struct rzsb_peer *rzsb_peer_find(const char *name);
/* Whether it is installed; runs its check. */
bool rzsb_peer_installed(const struct rzsb_peer *p);

#endif
