/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The verbs of docs/CONTROL-PROTOCOL, for a target.
 *
 * Threading: the control socket's thread, which may wait for memory.
 */
#ifndef RZS_CTL_COMMANDS_H
#define RZS_CTL_COMMANDS_H

#include "ctl_out.h"
#include "target.h"

/*
 * Carry out a request, and add its whole reply to out.  Errors go into the reply.  request has one
 * word or more.
 */
void rzs_ctl_run(const struct rzs_target *target, const struct rzs_ctl_words *request,
		 struct rzs_ctl_out *out);

#endif
