/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process that does for the daemon what takes long or may be killed: swap files, swapon(2), and
 * swapoff(2), for which it forks yet another one (rzst_swapoff_job.h).  It is forked at the start,
 * while there is memory, and does one thing after the other; only a swapoff goes on beside others.
 *
 * Threading: one thread.  In the daemon nothing waits or allocates.
 */
#ifndef RZSA_HELPER_H
#define RZSA_HELPER_H

#include <sys/types.h>

#include "rzsa_files.h"

#define RZSA_AREA_NAME_MAX 256u

/* What is to be done. */
struct rzsa_order {
	enum rzsa_act act;
	bool paranoid;
	bool first; /* of a file that is made ready: before all that is compressed */
	uint64_t kib;
	char name[RZSA_AREA_NAME_MAX]; /* of the area; of files that are made, made ready or dropped
					* that in the directory */
};

struct rzsa_report {
	enum rzsa_act act;
	enum rzsa_outcome outcome;
	uint64_t kib;
	char name[RZSA_AREA_NAME_MAX];
	char why[RZS_WHY_MAX]; /* of what is not done */
};

struct rzsa_helper {
	pid_t pid;	/* 0: it has ended */
	int fd;		/* to it; -1: it has ended */
	unsigned asked; /* what it has to report on: bits 1 << act */
};

/*
 * Fork it.  dir: where files are; dir->fd is -1 if there is no such directory.  settle: called in
 * it at first, may be NULL.  0, or a negative errno: there is none then, and *h says so.
 */
int rzsa_helper_start(struct rzsa_helper *h, const struct rzsa_dir *dir, void (*settle)(void));

/* Give it an order, at most one of an act at a time.  0, or a negative errno: it was not given. */
int rzsa_helper_ask(struct rzsa_helper *h, const struct rzsa_order *order);

/*
 * True: *out is its next report.  When it has ended, all that it had to report on is
 * RZSA_INTERRUPTED; after that h->fd is -1.
 */
bool rzsa_helper_take(struct rzsa_helper *h, struct rzsa_report *out);

/* Have it end what it does, and forget it.  A swapoff that is under way goes on. */
void rzsa_helper_end(struct rzsa_helper *h);

/* What it does with an order; the process's own side, for tests. */
void rzsa_helper_obey(struct rzsa_dir *dir, const struct rzsa_order *order,
		      struct rzsa_report *out);

#endif
