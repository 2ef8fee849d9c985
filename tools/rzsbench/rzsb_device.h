/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * State of a run of "rzsbench device": what was asked for (rzsb_device.c) and what is measured
 * (rzsb_device_cases.c, _swap.c, _copy.c).
 */
#ifndef RZSB_DEVICE_H
#define RZSB_DEVICE_H

#include "rzsb.h"
#include "rzsb_args.h"
#include "rzsb_nbd.h"
#include "rzsb_target.h"

#define NBD_MAX_TARGETS 8u

enum nbd_pattern { PATTERN_CASES, PATTERN_SWAP, PATTERN_COPY };

struct nbd_bench {
	const char *dir, *zram, *block;
	struct rzsb_record record;
	enum nbd_pattern pattern;
	bool destroy;
	size_t max_pages;
	unsigned ms, rounds, churn;
	int cpu;
	struct rzsb_list depths, conns, kib;

	struct rzsb_corpus corpus;
	size_t nr;   /* pages that each target holds */
	size_t unit; /* pages of the largest request */
	struct rzsb_json json;
	struct target targets[NBD_MAX_TARGETS]; /* zram behind the servers */
	unsigned nr_targets;
	unsigned optional; /* by target: a bit, it is left out when it does not start */
	unsigned nr_skipped;
	struct {
		const char *name;
		char why[200];
	} skipped[NBD_MAX_TARGETS];
};

/* Fill, cases, churn, verification, tables.  0, or 1 when some target gave back wrong bytes. */
int rzsb_device_cases(struct nbd_bench *b);
/* The same with what a swapping system asks of a device (rzsb_device_swap.c). */
int rzsb_device_swap(struct nbd_bench *b);
/* The same with every page once there and once back (rzsb_device_copy.c). */
int rzsb_device_copy(struct nbd_bench *b);

#endif
