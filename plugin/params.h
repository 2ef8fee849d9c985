/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plugin's key=value parameters: those of its one device, and its own.  See params.c.
 *
 * Threading: nbdkit's main thread.  All of this may allocate.
 */
#ifndef RZS_PLUGIN_PARAMS_H
#define RZS_PLUGIN_PARAMS_H

#include "device_params.h"
#include "protect_server.h"

struct rzs_params {
	struct rzs_device_params device;
	unsigned io_workers; /* those of device.store.nr_workers that I/O threads use */
	enum rzs_protect_mode protect;
	enum rzs_realtime realtime;

	uint64_t ballast; /* bytes */
	bool ballast_given;

	char *control; /* absolute path of the control socket, from malloc(); NULL: none */
};

void rzs_params_init(struct rzs_params *p);

/* Set a parameter.  If a key comes again, the last value counts.  0; -1 after nbdkit_error(). */
int rzs_params_set(struct rzs_params *p, const char *key, const char *value);

/* Set defaults, and check what needs several values.  0; -1 after nbdkit_error(). */
int rzs_params_complete(struct rzs_params *p);

/* Free what p allocated, not p. */
void rzs_params_free(struct rzs_params *p);

/* For --help. */
extern const char rzs_params_help[];

#endif
