/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside of recompression.  recompress.c goes over the slots and finds pages to try;
 * recompress_group.c tries some that are neighbours, alone and as a unit.
 *
 * Concurrency: as idle.h.
 */
#ifndef RZS_RECOMPRESS_H
#define RZS_RECOMPRESS_H

#include "idle.h"
#include "unit.h"

/* What is saved less than this share of an object is not worth the slower reads. */
#define RZS_RECOMPRESS_WORTH_SHARE 16u

/*
 * Memory for a group of pages; it comes after the context of the encoder, and what these point to
 * after it: RZS_UNIT_MAX pages each, or one where no units are made.
 */
struct rzs_group_pages {
	uint8_t (*page)[RZS_PAGE_SIZE];
	uint8_t (*bytes)[RZS_PAGE_SIZE]; /* their objects, if these are compressed */
	uint8_t (*alone)[RZS_PAGE_SIZE]; /* recompressed, each for itself */
	uint8_t *unit;			 /* the same, together: one page; NULL: no units are made */
};

struct rzs_recompression {
	struct rzs_store *store;
	struct rzs_worker *w;
	const struct rzs_recompress_params *params;
	unsigned unit; /* pages in a unit at most; 1: none are made */
	unsigned used; /* of the group's memory, rows in use since the call began */
};

/* Whether the page with this word and age is one to try. */
bool rzs_recompress_wants(const struct rzs_recompression *r, uint64_t word, uint8_t age);
/* The first page after slot i of the run that may be in a unit with it; run->nr: there is none. */
uint64_t rzs_recompress_next(const struct rzs_recompression *r, const struct rzs_walk *run,
			     uint64_t i, uint64_t after);
/* Try page i of the run, together with those that rzs_recompress_next() finds. */
void rzs_recompress_group(struct rzs_recompression *r, const struct rzs_walk *run, uint64_t i);

#endif
