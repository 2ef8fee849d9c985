/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Adopting a store at every step of what changes it.
 *
 * Between two steps of a call (port_test.h's yield points) the arena is copied, and the copy is
 * adopted: as if the process had been killed there.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "adopt_rig.h"

/* ---- in two halves */

/*
 * The first half may fail at each allocation, and leaves the blocks; the second makes none.  Red
 * when adoption asks for memory at a time when only the store could free some.
 */
T_TEST(only_the_first_half_allocates)
{
	struct pages_rng rng = {t_seed()};
	struct rzs_adopted found;
	struct rzs_blocks *blocks;
	struct rzs_store *store;
	struct image im;
	uint64_t nth, live;

	image_open(&im, 0);
	for (unsigned i = 0; i < NR; i++)
		T_EQ(put(&im, i, pages_next(&rng) | 1), 0);
	memcpy(im.copy.base, im.arena.base, ARENA);
	blocks = rzs_test_adopt(&im.copy, UINT64_MAX);
	T_NE(blocks, NULL);
	live = rzs_test_live_allocs();
	for (nth = 1;; nth++) {
		int err;

		rzs_test_fail(RZS_TEST_ALLOC, nth, 1);
		err = rzs_store_adopt_begin(&im.cfg, blocks, &found, &store);
		if (rzs_test_failed(RZS_TEST_ALLOC) == 0)
			break;
		T_EQ(err, -ENOMEM);
		T_EQ(store, NULL);
		T_EQ(rzs_test_live_allocs(), live);
	}
	T_GT(nth, 3);
	rzs_store_adopt_cancel(store);
	T_EQ(rzs_test_live_allocs(), live);
	rzs_test_fail(RZS_TEST_ALLOC, 0, 0);
	T_EQ(rzs_store_adopt_begin(&im.cfg, blocks, &found, &store), 0);
	rzs_test_fail(RZS_TEST_ALLOC, 1, UINT64_MAX);
	T_EQ(rzs_store_adopt_end(store, true, &found), 0);
	T_EQ(rzs_test_calls(RZS_TEST_ALLOC), 0);
	rzs_test_fail(RZS_TEST_ALLOC, 0, 0);
	T_EQ(found.pages, NR);
	expect_verified(store);
	T_EQ(expect_pages(&im, store), 0);
	rzs_store_destroy(store);
	image_close(&im);
}

/* ---- between two steps */

/* Red when a slide or a replacement is not one step, or an entry or a block is not found again. */
T_TEST(between_the_steps_of_writes_and_discards)
{
	struct pages_rng rng = {t_seed()};
	struct image im;
	uint64_t blocks;
	bool more;

	image_open(&im, 0);
	for (unsigned i = 0; i < 2 * NR; i++)
		T_EQ(put(&im, i % NR, pages_next(&rng) | 1), 0);
	watch(&im, true);
	for (unsigned i = 0; i < 30; i++)
		T_EQ(put(&im, (unsigned)pages_below(&rng, NR),
			 pages_below(&rng, 4) ? pages_next(&rng) | 1 : 0),
		     0);
	T_EQ(rzs_store_compact(im.store, im.worker, 1000, &blocks, &more), 0);
	watch(&im, false);
	t_note("%llu adoptions", (unsigned long long)im.adopted);
	T_GT(im.adopted, 200);
	image_close(&im);
}

/*
 * A store that is full: a page takes the place of its old one, and a kill leaves its word locked.
 * Red when such a page is lost though its checksum is right, or a word stays locked.
 */
static void rewrite(enum pages_kind kind, bool may_lose)
{
	struct image im;
	uint8_t page[PAGE];

	image_open(&im, 4);
	im.may_lose = may_lose;
	/* One block, and as many pages as it has space for. */
	for (unsigned i = 0; i < NR; i++) {
		pages_make(page, kind, i + 1);
		if (rzs_store_write(im.store, im.worker, i, page) == 0)
			memcpy(im.model[i], page, PAGE);
		memcpy(im.next[i], im.model[i], PAGE);
		im.full = true;
		set_full(true);
	}
	for (unsigned i = 0; i < 24; i++) {
		pages_make(page, kind, 1000 + i);
		memcpy(im.next[i], page, PAGE);
		watch(&im, true);
		if (rzs_store_write(im.store, im.worker, i, page))
			memcpy(im.next[i], im.model[i], PAGE);
		watch(&im, false);
		memcpy(im.model[i], im.next[i], PAGE);
	}
	set_full(false);
	t_note("%llu adoptions, %llu words locked", (unsigned long long)im.adopted,
	       (unsigned long long)im.locked);
	T_GT(im.locked, 20);
	T_EQ(im.lost != 0, may_lose);
	image_close(&im);
}

T_TEST(between_the_steps_of_a_page_stored_in_its_own_place)
{
	rewrite(PAGES_TEXT, false);
}

/* Its checksum is in the word, which is the old one. */
T_TEST(between_the_steps_of_a_raw_page_stored_in_its_own_place)
{
	rewrite(PAGES_RANDOM, true);
}

/* Red when an object on its way to become a share, or from one, is not its page's any more. */
T_TEST(between_the_steps_of_merging)
{
	static const struct rzs_merge_params params = {.max_sharing = 8};
	uint64_t merged, passes;
	bool done = false;
	struct image im;

	image_open(&im, 8);
	for (unsigned i = 0; i < 12; i++)
		T_EQ(put(&im, i, 7), 0);
	T_EQ(rzs_store_merge_open(im.store, 4096), 0);
	watch(&im, true);
	T_EQ(rzs_store_merge(im.store, im.worker, &params, NR, &merged, &passes), 0);
	T_GT(merged, 8);
	T_EQ(rzs_store_merge_writes(im.store, 8), 0);
	for (unsigned i = 20; i < 24; i++)
		T_EQ(put(&im, i, 9), 0);
	for (unsigned i = 0; i < 24; i += 2)
		T_EQ(put(&im, i, i % 4 ? i : 0), 0);
	for (unsigned i = 20; i < 24; i++)
		T_EQ(put(&im, i, 0), 0);
	rzs_store_merge_close(im.store, im.worker);
	while (!done)
		T_EQ(rzs_store_unmerge(im.store, im.worker, NR, &done), 0);
	watch(&im, false);
	t_note("%llu adoptions", (unsigned long long)im.adopted);
	image_close(&im);
}

/*
 * The second codec of an image is not known here, or not named although pages need it.  Red when a
 * page is decompressed with another one, or the reason is not said.
 */
static void expect_second_codec(struct image *im, uint64_t recompressed)
{
	struct rzs_adopted found;
	struct rzs_store *store;
	struct rzs_image *header;
	int err;

	memcpy(im->copy.base, im->arena.base, ARENA);
	header = (struct rzs_image *)(void *)im->copy.base;
	header->codec2 ^= 2;
	T_EQ(adopt(im, &found, &err), NULL);
	T_EQ(err, -EINVAL);
	T_STR_EQ(found.what, "image: its second codec is none that is built in");
	header->codec2 = 0;
	store = adopt(im, &found, &err);
	T_NE(store, NULL);
	T_EQ(found.pages_lost, recompressed);
	im->may_lose = true;
	T_EQ(expect_pages(im, store), recompressed);
	rzs_store_destroy(store);
}

/* Text, of which most is equal in all pages if they are to be units. */
static void make_text(uint8_t *page, unsigned i, unsigned unit)
{
	pages_make(page, PAGES_TEXT, unit ? 1 : i + 1);
	if (!unit)
		return;
	memset(page + PAGE / 4, 0, PAGE * 3 / 4);
	memcpy(page + PAGE / 2, &i, sizeof(i));
}

static void recompress_and_adopt(unsigned unit)
{
	struct rzs_recompress_params params = {.min_age = 1, .unit = unit};
	struct pages_rng rng = {t_seed()};
	struct rzs_stats stats;
	bool done = false;
	struct image im;

	if (!rzs_codec_lookup("zstd"))
		T_SKIP("zstd is not built in");
	image_open(&im, 20);
	rzs_worker_put(im.store, im.worker); /* it is given the codec, too */
	im.second = "zstd";
	open_second(im.store, im.second);
	im.worker = rzs_worker_get_own(im.store, 0);
	for (unsigned i = 0; i < NR; i++) {
		make_text(im.model[i], i, unit);
		memcpy(im.next[i], im.model[i], PAGE);
		T_EQ(rzs_store_write(im.store, im.worker, i, im.model[i]), 0);
	}
	while (!done)
		T_EQ(rzs_store_idle_mark(im.store, NR, &done), 0);
	watch(&im, true);
	T_EQ(rzs_store_recompress(im.store, im.worker, &params, NR, unit ? 6 : 20, &done), 0);
	for (unsigned i = 0; i < 6; i++)
		T_EQ(put(&im, i, i % 3 ? pages_next(&rng) | 1 : 0), 0);
	watch(&im, false);
	rzs_store_stats(im.store, &stats);
	t_note("%llu adoptions, %llu pages recompressed, %llu in units",
	       (unsigned long long)im.adopted, (unsigned long long)stats.pages_recompressed,
	       (unsigned long long)stats.unit_pages);
	T_GT(unit ? stats.unit_pages : stats.pages_recompressed, 12);
	T_GT(im.adopted, 200);
	expect_second_codec(&im, stats.pages_recompressed + stats.unit_pages);
	image_close(&im);
}

/* Red when a page of the second codec is not found again, or its words count it as another. */
T_TEST(between_the_steps_of_recompression)
{
	recompress_and_adopt(0);
}

/* Red when a unit is in use before its object is there, or counts pages that do not name it. */
T_TEST(between_the_steps_of_making_units)
{
	recompress_and_adopt(4);
}

/* ---- pages on a disk */

/* Gather all pages in blocks that are to be written. */
static void gather(struct image *im)
{
	struct rzs_spill_policy all = {.flush = true};
	bool done = false;

	T_EQ(rzs_spill_gather(im->store, im->worker, &all, NR, &done), 0);
	T_EQ(done, true);
}

static void end_write(struct image *im, int result)
{
	struct rzs_spill_ticket t;

	T_EQ(rzs_spill_next(im->store, im->worker, &t), 0);
	rzs_spill_done(im->store, im->worker, t.number, result);
}

/*
 * Red when a page is lost whose block is being filled or written, or when one that is dropped comes
 * back, or when pages on the disk are not lost but have other bytes.
 */
T_TEST(between_the_steps_of_spilling)
{
	struct rzs_spill_params params = {8, 4, 1, false};
	struct rzs_stats stats;
	struct image im;

	image_open(&im, 14);
	T_EQ(rzs_store_idle_open(im.store), 0);
	T_EQ(rzs_spill_open(im.store, &params), 0);
	for (unsigned i = 0; i < 24; i++) {
		pages_make(im.model[i], i % 3 ? PAGES_TEXT : PAGES_RANDOM, i);
		memcpy(im.next[i], im.model[i], PAGE);
		T_EQ(rzs_store_write(im.store, im.worker, i, im.model[i]), 0);
	}
	watch(&im, true);
	gather(&im);
	for (unsigned i = 0; i < 5; i++)
		T_EQ(put(&im, i, i % 2 ? i : 0), 0);
	end_write(&im, -EIO); /* an ordinary block again */
	T_EQ(put(&im, 6, 0), 0);
	T_EQ(im.lost, 0);
	im.may_lose = true;
	end_write(&im, 0);
	T_EQ(put(&im, 7, 1), 0);
	T_EQ(put(&im, 9, 0), 0);
	watch(&im, false);
	T_GT(im.adopted, 50);
	rzs_store_stats(im.store, &stats);
	T_GT(stats.pages_spilled, 3);
	im.lost = 0;
	adopt_here(&im, NULL, 0);
	T_EQ(im.lost, stats.pages_spilled);
	image_close(&im);
}
