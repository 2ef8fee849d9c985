/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all parts of rzs-swapoff share: the options, and what the command line named.
 *
 * Threading: rzs-swapoff has one thread.
 */
#ifndef RZSF_H
#define RZSF_H

#include "rzst.h"
#include "rzst_area.h"
#include "rzst_fit.h"

/* Exit statuses: util-linux's, and one that it has not.  Those of several areas are added up. */
enum rzsf_exit {
	RZSF_DONE = 0,
	RZSF_BACKGROUND = 1, /* not done yet: it goes on in the background */
	RZSF_NO_MEMORY = 2,  /* what is swapped out does not fit elsewhere */
	RZSF_FAILED = 4,
	RZSF_SYSTEM = 8, /* of rzs-swapoff itself: no memory, cannot write */
	RZSF_USAGE = 16,
	RZSF_ALL_FAILED = 32, /* -a */
	RZSF_SOME_OFF = 64,   /* -a */
};

struct rzsf_options {
	char **names; /* as given; those of -L and -U as "LABEL=..." */
	unsigned nr_names;
	bool all, if_exists, force, wait, json, dry_run, verbose;
	unsigned timeout; /* seconds */
	unsigned give_up; /* seconds; 0: it is not tried again */
};

/* What became of one. */
enum rzsf_outcome {
	RZSF_NOT_TRIED, /* interrupted before its turn, or a dry run */
	RZSF_OFF,	/* no longer swapped to */
	RZSF_IN_BACKGROUND,
	RZSF_REFUSED, /* it would not fit */
	RZSF_BUSY,    /* on; no memory, killed or interrupted */
	RZSF_NOT_OFF, /* on, or never was; another failure */
	RZSF_SKIPPED, /* -e: there is no such device */
};

struct rzsf_target {
	const char *given;
	char name[256];	 /* of the area; empty: there is none */
	char shown[256]; /* fit for a terminal */
	enum rzsf_outcome outcome;
	int code; /* enum rzsf_exit */
	struct rzst_fit fit;
	bool looked;   /* fit is known */
	char why[512]; /* of what is not off: the sentence */
	uint64_t left; /* bytes, at the end */
	double seconds;
	int background; /* process id; 0: none */
};

#define RZSF_TARGETS_MAX RZST_AREAS_MAX

struct rzsf_targets {
	unsigned nr;
	struct rzsf_target v[RZSF_TARGETS_MAX];
};

#endif
