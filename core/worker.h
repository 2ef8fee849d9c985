/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A worker: everything one call needs that is not shared, in one allocation made when the store is.
 * Concurrency: held by one thread at a time (mutex); its counters are read by anyone.
 */
#ifndef RZS_WORKER_H
#define RZS_WORKER_H

#include "codec.h"
#include "counters.h"
#include "packed.h"

struct rzs_worker {
	rzs_mutex_t mutex;
	unsigned index;
	const struct rzs_store *store;
	const struct rzs_codec *codec;
	int level;
	void *codec_ctx; /* behind this struct, in the same allocation */
	size_t bytes;	 /* of the whole allocation */

	struct rzs_counters counters;
	struct rzs_packed_scratch scratch;
	/* Compressed bytes on their way in; the codec may write its worst case. */
	uint8_t out[RZS_CODEC_OUT_SIZE];
	/* Compressed bytes on their way out, copied so that no lock is held while decoding. */
	uint8_t in[RZS_PAGE_SIZE];
	/* A page being read, changed and written. */
	uint8_t page[RZS_PAGE_SIZE];
};

/* Overwrite what the page that went through has left, in the codec's context as well. */
void rzs_worker_wipe(struct rzs_worker *w);

/* Bytes that a worker for this codec takes; 0 when the codec refuses the level. */
size_t rzs_worker_bytes(const struct rzs_codec *codec, int level);
/* Sleeps.  -ENOMEM, -EINVAL; *out is NULL then.  Touches all of its memory. */
int RZS_MUST_CHECK rzs_worker_create(const struct rzs_store *store, const struct rzs_codec *codec,
				     int level, unsigned index, struct rzs_worker **out);
/* wipe: all of it is overwritten.  NULL is fine. */
void rzs_worker_destroy(struct rzs_worker *w, bool wipe);

#endif
