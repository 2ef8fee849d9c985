/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages to store: every kind is a pure function of its seed, so a failure is repeated from the
 * seed alone and a page need not be kept to be checked later.
 *
 * Threading: no state but the caller's.
 */
#ifndef RZS_TEST_PAGES_H
#define RZS_TEST_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#define PAGES_SIZE 4096u

enum pages_kind {
	PAGES_ZERO,
	PAGES_SAME32,	/* one 32-bit word repeated: also one 64-bit word */
	PAGES_SAME64,	/* one 64-bit word repeated, its halves differ */
	PAGES_TEXT,	/* lines of a log: compresses to a third or so */
	PAGES_POINTERS, /* words of a heap: addresses, sizes, small numbers, zeros */
	PAGES_SPARSE,	/* a few bytes in a page of zeros */
	PAGES_RANDOM,	/* incompressible */
	PAGES_EDGE, /* part random, part zero: sizes on both sides of any cutoff for raw storage */
	PAGES_NEAR_SAME, /* a same-filled page with one byte changed: must not be taken for one */
	PAGES_NEAR_TEXT, /* one of few text pages with one byte changed */
	PAGES_NR,
};

/* Small, fast, good enough: splitmix64. */
struct pages_rng {
	uint64_t state;
};

uint64_t pages_next(struct pages_rng *rng);
/* 0 .. n - 1; n > 0. */
uint64_t pages_below(struct pages_rng *rng, uint64_t n);
/* One well-mixed word of two; for deriving seeds. */
uint64_t pages_hash(uint64_t a, uint64_t b);

const char *pages_kind_name(enum pages_kind kind);

/* Fill page (PAGES_SIZE bytes, any alignment). */
void pages_make(void *page, enum pages_kind kind, uint64_t seed);

/* The page seed stands for, its kind chosen by the seed as well: all kinds equally often. */
void pages_make_any(void *page, uint64_t seed);

/* Offset of the first byte that differs, PAGES_SIZE when none does. */
unsigned pages_diff(const void *a, const void *b);

#endif
