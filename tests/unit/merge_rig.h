/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of merging begin with. */
#ifndef MERGE_RIG_H
#define MERGE_RIG_H

#include "twin_rig.h"

#define INDEX (64u * 1024)

static const struct rzs_merge_params usual = {RZS_MERGE_SHARING_DEFAULT, false};

/* A page of the contents number `what`, which is not same-filled: a compressible or a raw one. */
static inline void content(uint8_t *page, unsigned what, bool raw)
{
	pages_make(page, raw ? PAGES_RANDOM : PAGES_TEXT, what);
}

static inline void put(struct twin *t, uint64_t slot, uint64_t nr, unsigned what, bool raw)
{
	uint8_t page[PAGE];

	content(page, what, raw);
	for (; nr; nr--)
		T_EQ(twin_write(t, slot++, page), 0);
}

static inline struct twin open_merging(uint64_t nr)
{
	struct twin t = open_twin(nr);

	T_EQ(rzs_store_merge_open(t.store, INDEX), 0);
	return t;
}

#endif
