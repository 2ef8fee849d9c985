/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A store in an arena, and a copy of the arena that is adopted at any moment.
 *
 * Every page must be as the model says; the one that is being changed may be as before or after, or
 * lost where the case says so.
 */
#ifndef RZS_TEST_ADOPT_RIG_H
#define RZS_TEST_ADOPT_RIG_H

#include "hash.h"
#include "image.h"
#include "pages.h"
#include "pool_internal.h"
#include "port_test.h"
#include "store.h"
#include "t.h"

#define PAGE  RZS_PAGE_SIZE
#define NR    64u
#define ARENA ((size_t)1 << 20)

struct image {
	struct rzs_config cfg;
	struct rzs_test_arena arena, copy;
	struct rzs_store *store;
	struct rzs_worker *worker;
	uint8_t (*model)[PAGE];
	uint8_t (*next)[PAGE]; /* what the call that is running makes of the pages */
	uint64_t adopted, lost, locked;
	bool full; /* the store gets no more blocks */
	bool may_lose;
	const char *second; /* codec of recompression; NULL: none */
};

/* Adopt the copy.  NULL: *out_err says why not. */
static inline struct rzs_store *adopt(struct image *im, struct rzs_adopted *found, int *out_err)
{
	struct rzs_blocks *blocks = rzs_test_adopt(&im->copy, UINT64_MAX);
	struct rzs_store *store;

	T_NE(blocks, NULL);
	*out_err = rzs_store_adopt(&im->cfg, blocks, true, found, &store);
	if (*out_err)
		rzs_blocks_close(blocks);
	return store;
}

static inline void expect_verified(struct rzs_store *store)
{
	struct rzs_worker *w = rzs_worker_get_own(store, 0);
	const char *what;

	if (rzs_store_verify(store, w, true, &what))
		T_FAIL("%s", what);
	rzs_worker_put(store, w);
}

/* Each page is old, new or, if it may, lost; returns how many are. */
static inline uint64_t expect_pages(struct image *im, struct rzs_store *store)
{
	struct rzs_worker *w = rzs_worker_get_own(store, 0);
	uint64_t lost = 0;
	uint8_t page[PAGE];

	for (unsigned i = 0; i < NR; i++) {
		bool changing = memcmp(im->model[i], im->next[i], PAGE) != 0;

		if (rzs_store_read(store, w, i, page)) {
			if (!im->may_lose)
				T_FAIL("page %u is lost", i);
			lost++;
		} else if (memcmp(page, im->model[i], PAGE) && memcmp(page, im->next[i], PAGE)) {
			T_FAIL("page %u has other bytes%s", i, changing ? ", being changed" : "");
		}
	}
	rzs_worker_put(store, w);
	return lost;
}

static inline void set_full(bool full)
{
	rzs_test_fail(RZS_TEST_TAKE, full, UINT64_MAX);
}

static inline void open_second(struct rzs_store *store, const char *codec)
{
	T_EQ(rzs_store_idle_open(store), 0);
	T_EQ(rzs_store_recompress_open(store, codec, 0), 0);
}

/* Called between two steps. */
static inline void adopt_here(void *arg, const void *p, size_t n)
{
	struct image *im = arg;
	struct rzs_adopted found;
	struct rzs_store *store;
	int err;

	(void)p, (void)n;
	memcpy(im->copy.base, im->arena.base, ARENA);
	set_full(false);
	store = adopt(im, &found, &err);
	set_full(im->full);
	if (!store)
		T_FAIL("not adopted: %d, %s", err, found.what ? found.what : "");
	T_EQ(found.blocks_dropped, 0);
	im->locked += found.pages_locked;
	expect_verified(store);
	im->lost += expect_pages(im, store);
	if (im->second)
		open_second(store, im->second);
	rzs_store_destroy(store);
	im->adopted++;
}

static inline void image_open(struct image *im, uint64_t blocks)
{
	memset(im, 0, sizeof(*im));
	im->cfg = (struct rzs_config){.nr_pages = NR, .nr_workers = 1};
	T_EQ(rzs_store_min_limit(&im->cfg, &im->cfg.limit_bytes), 0);
	im->cfg.limit_bytes += blocks * RZS_BLOCK_SIZE;
	rzs_test_arena_open(&im->arena, ARENA);
	rzs_test_arena_open(&im->copy, ARENA);
	rzs_test_use_arena(&im->arena);
	T_EQ(rzs_store_create(&im->cfg, &im->store), 0);
	im->copy.root_bytes = im->arena.root_bytes;
	im->worker = rzs_worker_get_own(im->store, 0);
	im->model = calloc(NR, PAGE);
	im->next = calloc(NR, PAGE);
	T_OK(im->model && im->next);
}

static inline void image_close(struct image *im)
{
	rzs_store_destroy(im->store);
	rzs_test_arena_close(&im->arena);
	rzs_test_arena_close(&im->copy);
	free(im->model);
	free(im->next);
	T_EQ(rzs_test_damage(), 0);
}

/* Write a page, or discard it if the seed is 0.  A refused write changes nothing. */
static inline int put(struct image *im, unsigned slot, uint64_t seed)
{
	int err;

	memset(im->next[slot], 0, PAGE);
	if (seed)
		pages_make_any(im->next[slot], seed);
	if (seed)
		err = rzs_store_write(im->store, im->worker, slot, im->next[slot]);
	else
		err = rzs_store_discard(im->store, im->worker, slot, 1);
	memcpy(err ? im->next[slot] : im->model[slot], err ? im->model[slot] : im->next[slot],
	       PAGE);
	return err;
}

static inline void watch(struct image *im, bool on)
{
	rzs_test_call_at(RZS_TEST_AT_YIELD, on ? adopt_here : NULL, im);
}

#endif
