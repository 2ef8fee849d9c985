/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plugin's key=value parameters: those of its one device, and its own.  See params.c.
 */
#ifndef RZS_PLUGIN_PARAMS_H
#define RZS_PLUGIN_PARAMS_H

#include "device_params.h"
#include "protect_server.h"

struct rzs_params {
	struct rzs_device_params device;
	unsigned io_workers; /* of device.store.nr_workers, those for I/O threads */
	enum rzs_protect_mode protect;
	enum rzs_realtime realtime;

	uint64_t ballast; /* bytes */
	bool ballast_given;

	char *control; /* absolute path of the control socket, NULL: none; of malloc() */
};

void rzs_params_init(struct rzs_params *p);

/* One key=value; may come again, the last one counts.  0, or -1 after nbdkit_error(). */
int rzs_params_set(struct rzs_params *p, const char *key, const char *value);

/* Defaults for what was not given, and the checks that need several values.  0 or -1 likewise. */
int rzs_params_complete(struct rzs_params *p);

/* What was allocated. */
void rzs_params_free(struct rzs_params *p);

/* For --help. */
extern const char rzs_params_help[];

#endif
