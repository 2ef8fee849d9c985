/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a method makes of the pages of a corpus: sizes and time.
 *
 * Units are taken from each part in address order; those that are one repeated word are left out,
 * no swap device would compress them.  Each round visits all methods in turn, so that noise of the
 * machine meets all alike.  A visit compresses every unit in a random order, objects going to fresh
 * memory, then decompresses all in another random order; time is the thread's CPU time.  In the
 * first round every unit that comes back is compared.
 */
#ifndef RZSB_MEASURE_H
#define RZSB_MEASURE_H

#include "rzsb.h"
#include "rzsb_method.h"

struct rzsb_result {
	struct rzsb_method *method;
	size_t units;	 /* of the corpus that are not one repeated word */
	size_t used;	 /* of them that were compressed, all unless that would take too long */
	uint64_t bytes;	 /* of objects, a unit that does not shrink counting as it is */
	uint64_t raw;	 /* units that did not shrink */
	uint64_t good;	 /* at most half */
	uint64_t *count; /* by size, 0 .. unit */
	double error;	 /* of bytes, as a share: half the 95 % interval; see rzsb_sample.h */
	double compress_ns, decompress_ns;	   /* for 4 KiB, medians of the rounds */
	double compress_spread, decompress_spread; /* (largest - least) / median */
	double least_ns, most_ns; /* between which the median of both together is, with 94 % */
};

/*
 * Measure methods [0, nr), opened, on the corpus; patience_ns: about so long for each.  progress:
 * called now and then with the share that is done, may be NULL.  result: nr of them; the caller
 * frees each count.  Exits with a message when a unit comes back wrong.
 */
void rzsb_measure(const struct rzsb_corpus *c, struct rzsb_method *methods, unsigned nr,
		  unsigned rounds, uint64_t patience_ns, uint64_t seed,
		  void (*progress)(double done), struct rzsb_result *result);

/* Samples for a dictionary: units [0, *out_nr) in one piece of memory; the caller frees it. */
uint8_t *rzsb_samples(const struct rzsb_corpus *c, unsigned unit, size_t bytes, uint64_t seed,
		      size_t *out_nr);

#endif
