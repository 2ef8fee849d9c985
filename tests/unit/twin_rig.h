/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests that drive a store and its model together begin with. */
#ifndef TWIN_RIG_H
#define TWIN_RIG_H

#include "pages.h"
#include "rzs_store.h"
#include "t.h"
#include "twin.h"

#define PAGE RZS_PAGE_SIZE

static inline struct rzs_config config(uint64_t nr_pages)
{
	return (struct rzs_config){.nr_pages = nr_pages, .nr_workers = 2};
}

static inline struct twin open_twin(uint64_t nr_pages)
{
	struct rzs_config cfg = config(nr_pages);
	struct twin t;

	twin_open(&t, &cfg);
	return t;
}

static inline struct rzs_stats stats_of(const struct twin *t)
{
	struct rzs_stats s;

	rzs_store_stats(t->store, &s);
	return s;
}

static inline void fill(struct twin *t, enum pages_kind kind, uint64_t slot, uint64_t nr)
{
	uint8_t page[PAGE];

	for (; nr > 0; nr--, slot++) {
		pages_make(page, kind, slot);
		T_EQ(twin_write(t, slot, page), 0);
	}
}

#endif
