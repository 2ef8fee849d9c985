/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all parts of rzscontrol share: the options, and the commands.
 *
 * Threading: rzscontrol has one thread.
 */
#ifndef RZSC_H
#define RZSC_H

#include "rzst.h"

#define RZSC_PASS_MAX 24u /* arguments passed on to rzs-nbd-swap */

/* The command line. */
struct rzsc_options {
	const char *device; /* first argument of the command; NULL: none */
	const char **words; /* the arguments after it */
	unsigned nr_words;

	const char *name;   /* --device: one of the devices of a socket; NULL: not given */
	const char *socket; /* --socket; NULL: all that can be found */
	const char *nbd_socket;
	const char *output;
	unsigned timeout;     /* seconds to wait for a server's answer, or for its successor */
	uint64_t interval_ms; /* --watch */
	uint64_t count;	      /* 0: until interrupted */
	bool interval_given, json, verbose, watch;
	bool yes, undo, dry_run;

	/* The options of the original. */
	const char *backing_swap;
	uint64_t disksize_kb, memlimit_kb;
	bool disksize_given, memlimit_given, init, reset, stats;

	const char *pass[RZSC_PASS_MAX]; /* for rzs-nbd-swap, unchanged */
	unsigned nr_pass;
};

/* ---- the commands: each prints what is wrong and returns an enum rzs_exit ---- */

int rzsc_cmd_device(const struct rzsc_options *o); /* the options of the original */
int rzsc_cmd_list(const struct rzsc_options *o);
int rzsc_cmd_process(const struct rzsc_options *o);
int rzsc_cmd_merge(const struct rzsc_options *o);
int rzsc_cmd_params(const struct rzsc_options *o);
int rzsc_cmd_create(const struct rzsc_options *o);
int rzsc_cmd_set(const struct rzsc_options *o);
int rzsc_cmd_compact(const struct rzsc_options *o);
int rzsc_cmd_remove(const struct rzsc_options *o);
int rzsc_cmd_idle(const struct rzsc_options *o);
int rzsc_cmd_spill(const struct rzsc_options *o);
int rzsc_cmd_upgrade(const struct rzsc_options *o);
int rzsc_cmd_watch(const struct rzsc_options *o);
int rzsc_cmd_metrics(const struct rzsc_options *o);
int rzsc_cmd_setup(const struct rzsc_options *o);

/* These return an exit status of rzs-nbd-swap, see its manual page. */
int rzsc_cmd_attach(const struct rzsc_options *o);
int rzsc_cmd_detach(const struct rzsc_options *o);
int rzsc_cmd_check(const struct rzsc_options *o);
/* For rzs-nbd-swap: prints its status and check, see rzsc_report.c. */
int rzsc_cmd_report(const struct rzsc_options *o);

/*
 * The path of another program of ours, to path (of size bytes): what the environment variable
 * names, else that beside this program if there is one, else where it is to be installed.
 */
void rzsc_program(const char *name, const char *variable, char *path, size_t size);

/* The path of rzs-module-swap, which no user calls: RZS_MODULE_SWAP, else where it is installed. */
void rzsc_module_swap(char *path, size_t size);

#endif
