/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A conversation with a control socket: one question, its answer, with a deadline for all of it.
 *
 * Threading: one thread.
 */
#ifndef RZST_WIRE_H
#define RZST_WIRE_H

#include "ctl.h"
#include "rzst.h"

struct rzst_wire {
	const char *path;
	unsigned timeout; /* seconds for an answer, all of it */
	char *why;	  /* set with every error */
	size_t why_size;

	int fd; /* negative: not connected */
	struct rzs_ctl_reply reply;
	char in[4096];
	size_t in_at, in_len;
	char program[64], version[64]; /* from the greeting */
};

void rzst_wire_init(struct rzst_wire *w, const char *path, unsigned timeout, char *why,
		    size_t why_size);

/* Connect and wait for the greeting; nothing when that is done.  Errors as rzst_socket_open()'s. */
int rzst_wire_connect(struct rzst_wire *w);

/*
 * Ask, and call line() for each line of data; connects if need be.  line gives 0, or a negative
 * errno to say that the answer makes no sense.  After an error of the conversation (not one that
 * the server reports) the connection is closed.
 */
int rzst_wire_ask(struct rzst_wire *w, const char *const *words, unsigned nr,
		  int (*line)(void *arg, const struct rzs_ctl_words *words), void *arg);

void rzst_wire_close(struct rzst_wire *w);

#endif
