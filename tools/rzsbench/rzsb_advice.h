/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which algorithm to choose, by one rule that can be said in a sentence: a tenth less RAM is worth
 * twice the time.  Pure functions.
 */
#ifndef RZSB_ADVICE_H
#define RZSB_ADVICE_H

#include <stdbool.h>
#include <stddef.h>

#define RZSB_RULE "a tenth less RAM is taken to be worth twice the time"

struct rzsb_choice {
	const char *name;
	double ram; /* bytes that hold all pages; NAN: it cannot be chosen */
	double ns;  /* a page out and in again; the median of the rounds */
	double least_ns, most_ns; /* between which that is, as far as the rounds tell */
};

struct rzsb_advice {
	int best;	 /* -1: none can be chosen */
	bool worthwhile; /* it saves a tenth of the RAM at least */
	unsigned long close; /* those, a bit each, that may be as good, as far as the rounds tell */
};

/* whole: bytes of the pages as they are. */
struct rzsb_advice rzsb_advise(const struct rzsb_choice *v, unsigned nr, double whole);

/* Those that are close, with commas between; "" when there is none. */
void rzsb_advice_close(const struct rzsb_advice *a, const struct rzsb_choice *v, unsigned nr,
		       char *out, size_t size);

/* "lz4 is 1.4 times as fast and needs 12 % more RAM": other beside best, to out. */
void rzsb_advice_compare(const struct rzsb_choice *best, const struct rzsb_choice *other, char *out,
			 size_t size);

#endif
