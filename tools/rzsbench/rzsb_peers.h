/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Servers that "rzsbench device --vs" knows how to start.  One thread.
 */
#ifndef RZSB_PEERS_H
#define RZSB_PEERS_H

#include <stdbool.h>

struct rzsb_peer {
	const char *name;
	const char *what;    /* for people */
	const char *check;   /* a shell's test whether it is installed; NULL: no server, zram */
	const char *command; /* as of --server; besides, $FILE is a file in RAM */
	const char *package; /* what installs it */
	bool in_file;	     /* its pages are in $FILE, not in its memory */
};

/* The i-th, NULL past the last. */
const struct rzsb_peer *rzsb_peer(unsigned i);
const struct rzsb_peer *rzsb_peer_find(const char *name);
/* Whether all that it takes is there. */
bool rzsb_peer_installed(const struct rzsb_peer *p);

#endif
