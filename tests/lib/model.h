/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a store ought to be: a plain array of bytes, and for each page whether anything is stored
 * there.  The tests do the same to this and to a store and compare.
 *
 * Threading: one thread, or the caller's lock.
 */
#ifndef RZS_TEST_MODEL_H
#define RZS_TEST_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "pages.h"

enum model_state {
	MODEL_HOLE,   /* nothing stored */
	MODEL_STORED, /* something is, maybe zeros */
	MODEL_EITHER, /* zeros written over part of a hole: a store may keep it a hole or not */
};

struct model {
	uint64_t nr_pages;
	uint8_t *bytes;
	uint8_t *state; /* enum model_state of each page */
};

/* Exits with status 99 when there is no memory: the machine's failure, not the store's. */
void model_init(struct model *m, uint64_t nr_pages);
void model_free(struct model *m);

static inline uint8_t *model_page(const struct model *m, uint64_t slot)
{
	return m->bytes + slot * PAGES_SIZE;
}

/* The four operations of a range.  The caller keeps to the array. */
void model_read(const struct model *m, void *buf, uint64_t len, uint64_t offset);
void model_write(struct model *m, const void *buf, uint64_t len, uint64_t offset);
void model_zero(struct model *m, uint64_t len, uint64_t offset);
/* Whole pages only: the partial ones at the ends stay as they are. */
void model_trim(struct model *m, uint64_t len, uint64_t offset);

bool model_is_zero(const struct model *m, uint64_t slot);

#endif
