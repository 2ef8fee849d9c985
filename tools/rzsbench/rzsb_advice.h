/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which algorithm to choose, by a rule of one sentence: a tenth less RAM is worth twice the time.
 * Pure functions; any thread.
 */
#ifndef RZSB_ADVICE_H
#define RZSB_ADVICE_H

#include <stdbool.h>
#include <stddef.h>

#define RZSB_RULE "a tenth less RAM is considered worth twice the time"

struct rzsb_choice {
	const char *name;
	double ram; /* bytes that hold all pages; NAN: it cannot be chosen */
	double ns;  /* to compress and decompress a page, median of the rounds */
	double least_ns, most_ns; /* the range of that median, as rzsb_median_range() */
};

struct rzsb_advice {
	int best;	     /* index; -1: none can be chosen */
	bool worthwhile;     /* it saves at least a tenth of the RAM */
	unsigned long close; /* bit i: choice i may be as good, by the range of its median */
};

/* whole: bytes of the pages uncompressed. */
struct rzsb_advice rzsb_advise(const struct rzsb_choice *v, unsigned nr, double whole);

/* The names of those that are close, separated by commas; "" when there is none. */
void rzsb_advice_close(const struct rzsb_advice *a, const struct rzsb_choice *v, unsigned nr,
		       char *out, size_t size);

/* A clause that compares: "lz4 is 1.4 times as fast but needs 12 % more RAM". */
void rzsb_advice_compare(const struct rzsb_choice *best, const struct rzsb_choice *other, char *out,
			 size_t size);

#endif
