/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plugin's key=value parameters.  See params.c.
 */
#ifndef RZS_PLUGIN_PARAMS_H
#define RZS_PLUGIN_PARAMS_H

#include "lockdown.h"
#include "rzs_store.h"

struct rzs_params {
	struct rzs_config store;
	unsigned io_workers; /* of store.nr_workers, those for I/O threads */
	enum rzs_protect_mode protect;
	enum rzs_realtime realtime;

	uint64_t ballast; /* bytes */
	bool ballast_given;

	bool swap_header;
	bool swap_header_given;
	bool uuid_given;
	uint8_t uuid[RZS_SWAP_UUID_SIZE];
	const char *label; /* NULL: none */

	uint64_t size; /* bytes */
	/* As they were given, for messages; NULL: not given. */
	const char *size_text, *memlimit_text, *reserve_text;
};

/* One key=value; may come again, the last one counts.  0, or -1 after nbdkit_error(). */
int rzs_params_set(struct rzs_params *p, const char *key, const char *value);

/* Defaults for what was not given, and the checks that need several values.  0 or -1 likewise. */
int rzs_params_complete(struct rzs_params *p);

/* For --help. */
extern const char rzs_params_help[];

#endif
