/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who does what was decided: servers and the kernel module by their limits, two helper processes
 * the rest.  One of these is for what may take minutes, files and swapoff; the other turns areas
 * on, and so never waits for the first.
 *
 * Threading: one thread.  After rzsa_actors_begin() nothing waits or allocates.
 */
#ifndef RZSA_ACTORS_H
#define RZSA_ACTORS_H

#include "rzsa_collect.h"
#include "rzsa_helper.h"
#include "rzsa_inside.h"

enum { RZSA_SLOW, RZSA_FAST, RZSA_HELPERS };

#define RZSA_ACTORS_POLL (RZSA_SERVERS_MAX + RZSA_HELPERS)

/* What became of an action, or what is to become. */
struct rzsa_deed {
	enum rzsa_act act;
	bool under_way;
	enum rzsa_outcome outcome;
	uint64_t kib;
	int64_t at; /* ms: when it began, or ended */
	char name[RZSA_AREA_NAME_MAX];
	char why[RZS_WHY_MAX];
};

struct rzsa_actors {
	const struct rzsa_settings *settings;
	struct rzsa_inside inside;
	struct rzsa_dir dir; /* dir.fd -1: no files */
	struct rzsa_helper helper[RZSA_HELPERS];
	void (*settle)(void);
	/* Called when something ends. */
	void (*tell)(void *arg, const struct rzsa_deed *deed);
	void *tell_arg;
	char spare[RZSA_NAME_MAX]; /* the file that is ready; empty: none */
	uint64_t spare_kib;
	char refused[RZSA_AREA_NAME_MAX]; /* a device that could not be turned on */
	struct rzsa_deed deed[RZSA_ACTS];
	unsigned nr_results;
	struct rzsa_result result[RZSA_RESULTS_MAX]; /* for the next tick */
};

/*
 * Fork the helpers; dir is open, or dir.fd is -1, and spare is what rzsa_dir_reuse() found.
 * settle: see rzsa_helper_start().  0, or a negative errno.
 */
int rzsa_actors_begin(struct rzsa_actors *a);
void rzsa_actors_end(struct rzsa_actors *a);

/* Before the collector looks: ask servers, fork helpers that have died, tell it what is ready. */
void rzsa_actors_tick(struct rzsa_actors *a, struct rzsa_collector *c, int64_t now);

/* The results since the last tick into the inputs, which have room for all. */
void rzsa_actors_results(struct rzsa_actors *a, struct rzsa_inputs *in);

/* Have an action done.  Its result comes in any case. */
void rzsa_actors_do(struct rzsa_actors *a, const struct rzsa_collector *c,
		    const struct rzsa_action *action, int64_t now);

/* It is not to be done: that is its result. */
void rzsa_actors_refuse(struct rzsa_actors *a, const struct rzsa_action *action, const char *why,
			int64_t now);

/* What to wait for, and what came of it.  Of p there are RZSA_ACTORS_POLL. */
void rzsa_actors_poll(const struct rzsa_actors *a, struct pollfd *p);
void rzsa_actors_take(struct rzsa_actors *a, const struct pollfd *p, int64_t now);

#endif
