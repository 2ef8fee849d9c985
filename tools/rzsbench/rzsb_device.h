/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A run of "rzsbench device": its request and its targets (rzsb_device.c), and the three patterns
 * of what is measured (rzsb_device_cases.c, _swap.c, _copy.c).  Threading: one thread.
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
	struct target targets[NBD_MAX_TARGETS]; /* servers first, then zram */
	unsigned nr_targets;
	unsigned optional; /* bit i: target i is left out if it does not start */
	unsigned nr_skipped;
	struct {
		const char *name;
		char why[200];
	} skipped[NBD_MAX_TARGETS];
};

/*
 * Measure all targets and print tables: reads and writes of each size and depth; the requests of a
 * swapping system; each page written once and read once.  RZSB_OK or RZSB_WRONG.  May sleep; end
 * the program with a message if a request fails.
 */
int rzsb_device_cases(struct nbd_bench *b);
int rzsb_device_swap(struct nbd_bench *b);
int rzsb_device_copy(struct nbd_bench *b);

#endif
