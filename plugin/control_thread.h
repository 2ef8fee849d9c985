/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plugin's control socket.  See control_thread.c.
 *
 * Threading: nbdkit's main thread.
 */
#ifndef RZS_PLUGIN_CONTROL_THREAD_H
#define RZS_PLUGIN_CONTROL_THREAD_H

#include <stdatomic.h>

#include "device_params.h"
#include "latency.h"

struct rzs_control_thread_options {
	const char *path;
	const struct rzs_device_params *params; /* of the store; copied */
	struct rzs_store *store;
	const struct rzs_latency *latency;
	atomic_bool *limited; /* whether there is a memlimit; kept up to date */
};

#if RZS_HAVE_CONTROL

/* Call this once, after the last fork.  0, or a negative errno with why set. */
int rzs_control_thread_start(const struct rzs_control_thread_options *options,
			     char why[RZS_WHY_MAX]);

/* End the thread and wait for that.  It may not be running.  The store is not used after that. */
void rzs_control_thread_stop(void);

#else /* params.c takes no control= */

static inline int rzs_control_thread_start(const struct rzs_control_thread_options *options,
					   char why[RZS_WHY_MAX])
{
	(void)options;
	why[0] = '\0';
	return 0;
}

static inline void rzs_control_thread_stop(void)
{
}

#endif

#endif
