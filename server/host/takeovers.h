/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How often this server's predecessors were replaced, and for how long clients were not served.
 *
 * Threading: the front thread.
 */
#ifndef RZS_TAKEOVERS_H
#define RZS_TAKEOVERS_H

#include <stdint.h>

struct rzs_takeovers {
	uint32_t nr;	   /* since the keeper was started; 0: this is its first server */
	uint64_t last_ns;  /* how long clients waited when this server took over */
	uint64_t worst_ns; /* and the longest such time of all */
};

void rzs_takeovers_set(const struct rzs_takeovers *t);
void rzs_takeovers_get(struct rzs_takeovers *out);

#endif
