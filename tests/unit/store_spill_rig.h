/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of spilling begin with: a store, a plain array beside it, and a made disk. */
#ifndef STORE_SPILL_RIG_H
#define STORE_SPILL_RIG_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pages.h"
#include "port_test.h"
#include "rzs_store.h"
#include "t.h"

#define PAGE	   RZS_PAGE_SIZE
#define BLOCK	   RZS_BLOCK_SIZE
#define NR_PLACES  64u
#define NR_WRITES  5u
#define NR_BUFFERS 3u

struct spill_rig {
	struct rzs_store *store;
	struct rzs_worker *w;
	uint64_t nr;
	uint8_t (*model)[PAGE]; /* what each page is; zeros at first */
	uint8_t (*disk)[BLOCK]; /* nr_places */
	uint32_t nr_places;
};

static inline void rig_open_places(struct spill_rig *r, const struct rzs_config *cfg,
				   uint32_t nr_places)
{
	struct rzs_spill_params params = {nr_places, NR_WRITES, NR_BUFFERS, false};

	memset(r, 0, sizeof(*r));
	r->nr_places = nr_places;
	r->nr = cfg->nr_pages;
	r->model = calloc(r->nr, PAGE);
	r->disk = calloc(nr_places, BLOCK);
	T_NE(r->model, NULL);
	T_NE(r->disk, NULL);
	T_EQ(rzs_store_create(cfg, &r->store), 0);
	r->w = rzs_worker_get(r->store, 0);
	T_EQ(rzs_store_idle_open(r->store), 0);
	T_EQ(rzs_spill_open(r->store, &params), 0);
}

static inline void rig_open_cfg(struct spill_rig *r, const struct rzs_config *cfg)
{
	rig_open_places(r, cfg, NR_PLACES);
}

static inline struct spill_rig rig_open(uint64_t nr)
{
	struct rzs_config cfg = {.nr_pages = nr, .nr_workers = 2};
	struct spill_rig r;

	rig_open_cfg(&r, &cfg);
	return r;
}

/* Without the bytes of objects: the made disk may have changed some. */
static inline void rig_verify(struct spill_rig *r)
{
	const char *what;

	if (rzs_store_verify(r->store, r->w, false, &what))
		T_FAIL("verify: %s", what);
}

static inline void rig_close(struct spill_rig *r)
{
	rig_verify(r);
	rzs_worker_put(r->store, r->w);
	rzs_store_destroy(r->store);
	free(r->model);
	free(r->disk);
}

static inline struct rzs_stats rig_stats(struct spill_rig *r)
{
	struct rzs_stats st;

	rzs_store_stats(r->store, &st);
	T_EQ(st.impossible, 0);
	return st;
}

static inline void rig_write(struct spill_rig *r, uint64_t slot, enum pages_kind kind,
			     uint64_t seed)
{
	pages_make(r->model[slot], kind, seed);
	T_EQ(rzs_store_write(r->store, r->w, slot, r->model[slot]), 0);
}

/* Read a page that is in memory, or of which the bytes have come. */
static inline void rig_read(struct spill_rig *r, uint64_t slot)
{
	uint8_t page[PAGE];

	T_EQ(rzs_store_read(r->store, r->w, slot, page), 0);
	T_EQ(memcmp(page, r->model[slot], PAGE), 0);
}

static inline int rig_try_read(struct spill_rig *r, uint64_t slot)
{
	uint8_t page[PAGE];
	int err = rzs_store_read(r->store, r->w, slot, page);

	if (!err)
		T_EQ(memcmp(page, r->model[slot], PAGE), 0);
	return err;
}

/* Gather everything, full blocks or not.  Returns the error that ended it. */
static inline int rig_gather(struct spill_rig *r)
{
	struct rzs_spill_policy policy = {.flush = true};
	bool done;

	return rzs_spill_gather(r->store, r->w, &policy, UINT64_MAX, &done);
}

static inline void rig_do(struct spill_rig *r, const struct rzs_spill_ticket *t, bool out)
{
	if (out)
		memcpy(r->disk[t->place], t->bytes, BLOCK);
	else
		memcpy(t->bytes, r->disk[t->place], BLOCK);
}

/* Write whatever is ready.  Returns how many blocks. */
static inline unsigned rig_write_all(struct spill_rig *r, int result)
{
	struct rzs_spill_ticket t;
	unsigned n = 0;

	for (; !rzs_spill_next(r->store, r->w, &t); n++) {
		T_EQ(t.start, true);
		rig_do(r, &t, true);
		rzs_spill_done(r->store, r->w, t.number, result);
	}
	return n;
}

/* Spill all pages that have an object. */
static inline void rig_spill(struct spill_rig *r)
{
	while (rig_gather(r) == -EAGAIN)
		T_GT(rig_write_all(r, 0), 0);
	(void)rig_write_all(r, 0);
}

/* Bring the block of a page; *t is held afterwards. */
static inline void rig_load(struct spill_rig *r, uint64_t slot, int result,
			    struct rzs_spill_ticket *t)
{
	T_EQ(rzs_spill_want(r->store, r->w, slot, t), 0);
	if (!t->start)
		return;
	rig_do(r, t, false);
	rzs_spill_loaded(r->store, r->w, t->number, result);
}

#endif
