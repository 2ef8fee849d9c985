/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A worker: everything that a call needs and does not share with other calls.  It is one
 * allocation, made when the store is created.
 * Concurrency: one thread at a time has it (mutex); any thread may read its counters.
 */
#ifndef RZS_WORKER_H
#define RZS_WORKER_H

#include "codec.h"
#include "counters.h"
#include "packed.h"

/* A page that rzs_store_prepare() has looked at. */
struct rzs_prepared {
	const void *page;
	int size; /* what compress() returns for it; 0: it was not compressed */
};

struct rzs_worker {
	rzs_mutex_t mutex;
	unsigned index;
	uint32_t spare; /* number of a block in which another is built anew (pool.h) */
	const struct rzs_store *store;
	const struct rzs_codec *codec;
	int level;
	void *codec_ctx; /* after this struct, in the same allocation */
	size_t bytes;	 /* of the whole allocation */

	/* The store's second codec, and its context for decompression; NULL: it has none. */
	const struct rzs_codec *codec2;
	void *codec2_ctx;
	size_t codec2_bytes; /* of that context, if it is not the first codec's */
	void *second;	     /* an allocation: that context, and the pages of unit */
	size_t second_bytes;

	/*
	 * The unit decompressed last, for the next reads of its pages (unit.c): RZS_UNIT_MAX pages,
	 * of which unit_pages are in use.  NULL: the store makes none.
	 */
	uint8_t *unit;
	unsigned unit_pages;
	uint64_t unit_share; /* its number */
	uint64_t unit_freed; /* of the store's units_freed[], before it was decompressed */

	/* RZS_PREPARE_MAX pages after the context: prepared[i] compressed.  NULL: no such codec. */
	uint8_t *ahead;
	struct rzs_prepared prepared[RZS_PREPARE_MAX];

	struct rzs_counters counters;
	struct rzs_packed_scratch scratch;
	/* Output of compression; the codec's worst case fits. */
	uint8_t out[RZS_CODEC_OUT_SIZE];
	/* Input of decompression: a copy, so that no lock is held meanwhile. */
	uint8_t in[RZS_PAGE_SIZE];
	/* A page that is partly read or written. */
	uint8_t page[RZS_PAGE_SIZE];
};

/* Overwrite what pages have left in the buffers and in the codec's context.  Never sleeps. */
void rzs_worker_wipe(struct rzs_worker *w);

/* Bytes of a worker for this codec; 0 if the codec refuses the level.  Pure. */
size_t rzs_worker_bytes(const struct rzs_codec *codec, int level);
/*
 * Create worker number index.  Sleeps.  Touches all of its memory, so later use does not fault.
 * -ENOMEM  no memory
 * -EINVAL  the codec refuses the level
 * *out is NULL then.
 */
int RZS_MUST_CHECK rzs_worker_create(const struct rzs_store *store, const struct rzs_codec *codec,
				     int level, unsigned index, struct rzs_worker **out);
/* Bytes that rzs_worker_second() allocates.  Pure. */
size_t rzs_worker_second_bytes(const struct rzs_codec *codec, const struct rzs_codec *second,
			       bool units);
/*
 * Give a worker, which has none, a second codec to decompress with.  units: units as well; the
 * codec has them.  Sleeps.  -ENOMEM, -EINVAL; the worker is as before then.
 */
int RZS_MUST_CHECK rzs_worker_second(struct rzs_worker *w, const struct rzs_codec *second,
				     bool units);
/* Take it away again; no object needs it. */
void rzs_worker_no_second(struct rzs_worker *w, bool wipe);
/* Free a worker; NULL is fine.  wipe: overwrite all of it first.  Sleeps. */
void rzs_worker_destroy(struct rzs_worker *w, bool wipe);

#endif
