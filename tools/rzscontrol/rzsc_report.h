/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The report on a device that the kernel swaps to through NBD, and on its server: what
 * `rzs-nbd-swap status` and `check` print.
 *
 * Threading: one thread.
 */
#ifndef RZSC_REPORT_H
#define RZSC_REPORT_H

#include "rzst_backend.h"
#include "rzst_swaps.h"

enum rzsc_level { RZSC_OK, RZSC_NOTE, RZSC_BAD };

struct rzsc_finding {
	enum rzsc_level level;
	char check[16];
	char *text, *remedy; /* remedy: empty if there is nothing to do */
};

/* A thread of the server. */
struct rzsc_thread {
	uint64_t tid;
	char comm[32];
	bool io_flusher;
	uint64_t policy, priority; /* as sched_setscheduler(2) has them */
};

struct rzsc_report {
	/* What rzs-nbd-swap hands over. */
	const char *device, *block; /* /dev/nbdN and, in it, nbdN */
	const char *socket, *name;  /* name of the export; empty: the server's choice */
	const char *nr_requests, *max_sectors_kb; /* at most, or "kernel" */
	const char *control; /* the server's control socket; NULL: not to be asked */
	uint64_t server;     /* its process; 0: not known */
	uint64_t gone;	     /* the process that was the server, and ended; 0: none */
	bool check;	     /* else it is for status */
	bool attached, discard;

	/* What was found. */
	uint64_t size_kib;
	struct rzst_swap_area area; /* all zeros when it is not swapped to */
	bool swapped_to;
	struct rzst_texts queue;
	struct rzst_values vm;
	char score[16]; /* oom_score_adj; empty: not known */
	uint64_t locked_kib;
	struct rzsc_thread *threads;
	size_t nr_threads;
	struct rzsc_finding *findings;
	size_t nr_findings;
	bool bad; /* one of them is */
};

/* Add a finding, with its text.  check has at most 8 characters, remedy may be NULL. */
void rzsc_find_that(struct rzsc_report *r, enum rzsc_level level, const char *check,
		    const char *remedy, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Judge r->server, or what is said of there being none; adds to r. */
void rzsc_report_server(struct rzsc_report *r);

#endif
