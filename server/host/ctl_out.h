/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines for a client of the control socket, which wait to be sent.
 *
 * Threading: the control socket's thread.  The buffer grows as needed.
 */
#ifndef RZS_CTL_OUT_H
#define RZS_CTL_OUT_H

#include <stdbool.h>
#include <stddef.h>

#include "ctl.h"

/* Empty if all fields are 0. */
struct rzs_ctl_out {
	char *data;
	size_t len, size; /* bytes: used, allocated */
	bool broken;	  /* no memory for a line: the client has to be disconnected */
};

/* Free the buffer.  out is empty then. */
void rzs_ctl_out_free(struct rzs_ctl_out *out);

/* Add a line; ctl.h describes each kind.  Without memory: nothing, and out is broken. */
void rzs_ctl_out_greeting(struct rzs_ctl_out *out, const char *program);
void rzs_ctl_out_data(struct rzs_ctl_out *out, const char *const *words, unsigned nr);
void rzs_ctl_out_ok(struct rzs_ctl_out *out);
void rzs_ctl_out_error(struct rzs_ctl_out *out, int err, const char *text);

#endif
