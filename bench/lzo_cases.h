/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two sorts of measurement of bench/lzo: decoders (lzo_decoders.c) and encoders
 * (lzo_encoders.c), each beside others on the same pages.  They end the program when a page comes
 * back with wrong bytes.  Threading: one thread.
 */
#ifndef BENCH_LZO_CASES_H
#define BENCH_LZO_CASES_H

#include "lzo_encode.h"
#include "rzsb.h"

/* Our encoder, as this program has it or as bench/kernel-lzo has built it. */
struct bench_lzo_own {
	void (*init)(struct rzs_lzo_encoder *, enum rzs_lzo_compare);
	int (*one)(struct rzs_lzo_encoder *, const void *, void *, uint32_t);
	void (*many)(struct rzs_lzo_encoder *, unsigned, const void *const[], void *const[],
		     uint32_t, int[]);
};

/* A library of bench/kernel-lzo; all NULL without one. */
struct bench_lzo_kernel {
	int (*decode)(const uint8_t *, size_t, uint8_t *, size_t *);
	int (*encode)(const uint8_t *, size_t, uint8_t *, size_t *, void *);
	int (*own_decode)(const void *, size_t, void *, size_t, size_t *);
	struct bench_lzo_own own;
};

struct bench_lzo {
	struct rzsb_corpus corpus;
	struct rzsb_json json;
	struct bench_lzo_kernel kernel;
	unsigned rounds;
	uint64_t seed;
	const char *only; /* the decoder or encoder of this name; NULL: all */
};

/* The busy pages of a part, as a range of corpus.busy: their number, and the first one. */
size_t bench_lzo_part(const struct rzsb_corpus *c, const struct rzsb_part *p, size_t *out_first);

/* Measure and print.  false: b->only is none of these. */
bool bench_lzo_decoders(struct bench_lzo *b);
bool bench_lzo_encoders(struct bench_lzo *b);

#endif
