/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sizes and times of methods on the pages of a corpus.
 *
 * Units are taken from each part in address order.  Those of one repeated word are left out, as no
 * swap device would compress them.  Each round visits all methods in turn, so that noise of the
 * machine affects all alike.  A visit compresses every unit in a random order into fresh memory,
 * then decompresses all in another random order.  Times are CPU time of the thread.  The first
 * round compares every unit that comes back.  Threading: one thread.
 */
#ifndef RZSB_MEASURE_H
#define RZSB_MEASURE_H

#include "rzsb.h"
#include "rzsb_method.h"

struct rzsb_result {
	struct rzsb_method *method;
	size_t units;	 /* of the corpus that are not one repeated word */
	size_t used;	 /* units measured: all, or a part if that would take too long */
	uint64_t bytes;	 /* after compression; a unit that does not shrink counts as it is */
	uint64_t raw;	 /* units that do not shrink */
	uint64_t good;	 /* units that shrink to half or less */
	uint64_t *count; /* by size, 0 .. unit */
	double error;	 /* of bytes: see rzsb_sample_error() */
	double compress_ns, decompress_ns;	   /* for 4 KiB; medians of the rounds */
	double compress_spread, decompress_spread; /* (largest - least) / median */
	double least_ns, most_ns; /* the range of the median of both: rzsb_median_range() */
};

/*
 * Measure nr methods, which are open, for about patience_ns each.  progress, unless NULL, gets the
 * share that is done, several times.  result: nr elements; the caller frees each count.  Ends the
 * program with a message if a unit comes back wrong.
 */
void rzsb_measure(const struct rzsb_corpus *c, struct rzsb_method *methods, unsigned nr,
		  unsigned rounds, uint64_t patience_ns, uint64_t seed,
		  void (*progress)(double done), struct rzsb_result *result);

/* *out_nr units, of at most so many bytes, to train a dictionary on; the caller frees them. */
uint8_t *rzsb_samples(const struct rzsb_corpus *c, unsigned unit, size_t bytes, uint64_t seed,
		      size_t *out_nr);

#endif
