/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line of rzsd, applied on top of its configuration files (config.h).
 *
 * Threading: the main thread, before all others start.
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
	RZS_OPTIONS_DONE,  /* --help or --version: the text is written */
	RZS_OPTIONS_WRONG, /* complaints are on standard error */
};

/* Initialises config. */
enum rzs_options_result rzs_options_parse(int argc, char **argv, struct rzsd_config *config,
					  struct rzs_options *out);

#endif
