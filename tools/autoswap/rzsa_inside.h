/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a compressed area holds, and its limit, for a program that must neither wait nor allocate:
 * devices of the kernel module and zram by their files in /sys, nbd devices by what their servers
 * said last (rzsa_server.h).
 *
 * Threading: one thread.
 */
#ifndef RZSA_INSIDE_H
#define RZSA_INSIDE_H

#include "rzsa_server.h"
#include "rzst_fit_other.h"

struct rzsa_inside {
	struct rzsa_servers servers;
	int64_t now; /* ms: of this tick; the caller sets it */
};

/*
 * As rzst_fit_other_look(), for struct rzsa_collector; arg is a struct rzsa_inside.  An nbd device
 * whose server has not answered for 10 s has no room.
 */
void rzsa_inside_look(void *arg, const struct rzst_area *area, struct rzst_fit_other *out,
		      bool *compacts);

/*
 * Have an area's device give back the memory that lies idle in it.  As rzsa_inside_set_limit().
 */
bool rzsa_inside_reclaim(struct rzsa_inside *in, const char *name, enum rzsa_outcome *out,
			 char why[RZSA_WHY_MAX]);

/*
 * Change the limit of an area's device, in bytes.  False: rzsa_servers_outcome() will tell; true:
 * *out is what became of it, and why it was not done.
 */
bool rzsa_inside_set_limit(struct rzsa_inside *in, const char *name, uint64_t bytes,
			   enum rzsa_outcome *out, char why[RZSA_WHY_MAX]);

#endif
