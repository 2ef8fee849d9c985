/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rzsd's command line, laid over its configuration files (config.h).
 *
 * Threading: the main thread, before anything else runs.
 */
#ifndef RZS_OPTIONS_H
#define RZS_OPTIONS_H

#include "config.h"

struct rzs_options {
	bool daemon; /* --daemon */
	bool check;  /* --check-config */
};

enum rzs_options_result {
	RZS_OPTIONS_GO,	   /* config and *out are complete */
	RZS_OPTIONS_DONE,  /* --help, --version: said all there is to say */
	RZS_OPTIONS_WRONG, /* complaints are on standard error */
};

/* config may be anything before; it is initialised here. */
enum rzs_options_result rzs_options_parse(int argc, char **argv, struct rzsd_config *config,
					  struct rzs_options *out);

#endif
