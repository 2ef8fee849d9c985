/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of recompression begin with. */
#ifndef RECOMPRESS_RIG_H
#define RECOMPRESS_RIG_H

#include "merge_rig.h"
#include "zstd_name.h"

/* Pages in a unit, at most; 0: none are made. */
static unsigned unit_wanted;

/* Where zstd is not built in, there is nothing to test. */
static inline const char *second_codec(void)
{
	const char *second = zstd_name();

	if (!second)
		T_SKIP("zstd is not built in");
	return second;
}

static inline void open_second(struct twin *t)
{
	T_EQ(rzs_store_idle_open(t->store), 0);
	rzs_worker_put(t->store, t->worker); /* it is given the codec, too */
	T_EQ(rzs_store_recompress_open(t->store, second_codec(), 0), 0);
	t->worker = rzs_worker_get(t->store, 0);
}

/* Pages that begin alike, and have some text of their own: together they take much less. */
static inline void fill_alike(struct twin *t, uint64_t slot, uint64_t nr, uint64_t seed)
{
	uint8_t page[PAGE] = {0}, own[PAGE];

	pages_make(own, PAGES_TEXT, 1);
	memcpy(page, own, PAGE / 4);
	for (; nr > 0; nr--, slot++) {
		pages_make(own, PAGES_TEXT, seed + slot);
		memcpy(page + PAGE / 2, own, PAGE / 8);
		(void)twin_write(t, slot, page);
	}
}

static inline struct twin open_recompressing(uint64_t nr)
{
	struct twin t = open_twin(nr);

	open_second(&t);
	return t;
}

static inline void mark_all(struct twin *t)
{
	bool done;

	do
		T_EQ(rzs_store_idle_mark(t->store, 64, &done), 0);
	while (!done);
}

static inline void pass(struct twin *t)
{
	bool done;

	do
		T_EQ(rzs_store_idle_pass(t->store, 64, &done), 0);
	while (!done);
}

/* Recompress whatever has this age, as far as there is space. */
static inline void recompress(struct twin *t, unsigned min_age)
{
	struct rzs_recompress_params params = {.min_age = min_age, .unit = unit_wanted};
	bool done;

	do
		T_EQ(rzs_store_recompress(t->store, t->worker, &params, 64, 4, &done), 0);
	while (!done);
}

#endif
