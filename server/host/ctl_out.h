/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines for a client of the control socket, while they wait to be sent.
 *
 * Threading: the control socket's thread.  Grows as needed.
 */
#ifndef RZS_CTL_OUT_H
#define RZS_CTL_OUT_H

#include <stdbool.h>
#include <stddef.h>

#include "ctl.h"

/* All zero: none. */
struct rzs_ctl_out {
	char *data;
	size_t len, size; /* bytes: used, allocated */
	bool broken;	  /* no memory: lines are missing, what is there is of no use any more */
};

void rzs_ctl_out_free(struct rzs_ctl_out *out);

/* Add one line; see ctl.h. */
void rzs_ctl_out_greeting(struct rzs_ctl_out *out, const char *program);
void rzs_ctl_out_data(struct rzs_ctl_out *out, const char *const *words, unsigned nr);
void rzs_ctl_out_ok(struct rzs_ctl_out *out);
void rzs_ctl_out_error(struct rzs_ctl_out *out, int err, const char *text);

#endif
