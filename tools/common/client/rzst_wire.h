/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A conversation with a control socket: one request and its answer at a time, with a deadline.
 *
 * Threading: one thread.
 */
#ifndef RZST_WIRE_H
#define RZST_WIRE_H

#include "ctl.h"
#include "rzst.h"

struct rzst_wire {
	const char *path;
	unsigned timeout; /* seconds for a whole answer */
	char *why;	  /* set with every error */
	size_t why_size;

	int fd; /* negative: not connected */
	struct rzs_ctl_reply reply;
	char in[4096];
	size_t in_at, in_len;
	char program[64], version[64]; /* from the greeting */
};

/* Not connected yet.  path and why stay the caller's.  Cannot fail. */
void rzst_wire_init(struct rzst_wire *w, const char *path, unsigned timeout, char *why,
		    size_t why_size);

/*
 * Connect and wait for the greeting; does nothing if it is connected.  0, or an error of
 * rzst_socket_open().
 */
int rzst_wire_connect(struct rzst_wire *w);

/*
 * Send a request, and call line() for each line of the answer's data; connects if necessary.
 * line() returns 0, or a negative errno if the line makes no sense.  0, or a negative errno: the
 * one that the server reports, or of the conversation, and then the connection is closed.
 */
int rzst_wire_ask(struct rzst_wire *w, const char *const *words, unsigned nr,
		  int (*line)(void *arg, const struct rzs_ctl_words *words), void *arg);

/* Close the connection, if there is one. */
void rzst_wire_close(struct rzst_wire *w);

#endif
