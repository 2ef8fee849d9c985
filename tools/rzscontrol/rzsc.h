/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all parts of rzscontrol share: what it was asked for, and its commands.
 *
 * Threading: rzscontrol has one thread.
 */
#ifndef RZSC_H
#define RZSC_H

#include "rzst.h"

#define RZSC_PASS_MAX 24u /* words handed on to rzs-nbd-swap */

/* The command line. */
struct rzsc_options {
	const char *device; /* first word behind the command; NULL: none */
	const char **words; /* those behind it */
	unsigned nr_words;

	const char *name;   /* --device: which one of a socket's */
	const char *socket; /* --socket: NULL: all that can be found */
	const char *nbd_socket;
	const char *output;
	unsigned timeout;     /* seconds to wait for a server's answer */
	uint64_t interval_ms; /* --watch */
	uint64_t count;	      /* 0: until interrupted */
	bool interval_given, json, verbose, watch;
	bool yes, undo, dry_run;

	/* The options of the original. */
	const char *backing_swap;
	uint64_t disksize_kb, memlimit_kb;
	bool disksize_given, memlimit_given, init, reset, stats;

	const char *pass[RZSC_PASS_MAX]; /* to rzs-nbd-swap, as they are */
	unsigned nr_pass;
};

/* ---- the commands, each gives an enum rzs_exit ---- */

int rzsc_cmd_device(const struct rzsc_options *o); /* the options of the original */
int rzsc_cmd_list(const struct rzsc_options *o);
int rzsc_cmd_process(const struct rzsc_options *o);
int rzsc_cmd_params(const struct rzsc_options *o);
int rzsc_cmd_create(const struct rzsc_options *o);
int rzsc_cmd_set(const struct rzsc_options *o);
int rzsc_cmd_remove(const struct rzsc_options *o);
int rzsc_cmd_watch(const struct rzsc_options *o);
int rzsc_cmd_metrics(const struct rzsc_options *o);
int rzsc_cmd_setup(const struct rzsc_options *o);

/* These end as rzs-nbd-swap does, see its manual page. */
int rzsc_cmd_attach(const struct rzsc_options *o);
int rzsc_cmd_detach(const struct rzsc_options *o);
int rzsc_cmd_check(const struct rzsc_options *o);
int rzsc_cmd_report(const struct rzsc_options *o);

#endif
