/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * State of a run of bench_nbd: what was asked for (bench_nbd.c) and what is measured (nbd_cases.c).
 */
#ifndef RZS_BENCH_NBD_H
#define RZS_BENCH_NBD_H

#include "bench.h"
#include "nbd_client.h"
#include "nbd_targets.h"

#define NBD_MAX_TARGETS 8u
#define NBD_MAX_ROUNDS	50u
#define NBD_MAX_LIST	8u

struct nbd_list {
	unsigned v[NBD_MAX_LIST];
	unsigned nr;
};

struct nbd_bench {
	const char *dir, *out, *versions, *zram;
	size_t max_pages;
	unsigned ms, rounds, churn;
	int cpu;
	uint64_t seed;
	struct nbd_list depths, conns, kib;

	struct bench_corpus corpus;
	size_t nr;   /* pages that each target holds */
	size_t unit; /* pages of the largest request */
	struct bench_json json;
	struct target targets[NBD_MAX_TARGETS];
	unsigned nr_targets;
};

/* Fill, cases, churn, verification, tables.  0, or 1 when some target gave back wrong bytes. */
int nbd_cases_run(struct nbd_bench *b);

#endif
