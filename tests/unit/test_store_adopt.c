/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Adopting a store at every step of what changes it, and adopting what is damaged.
 *
 * Between two steps of a call (port_test.h's yield points) the arena is copied, and the copy is
 * adopted: as if the process had been killed there.  Every page must be as the model says; the one
 * that is being changed may be as before or after, or lost where the case says so.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
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
static struct rzs_store *adopt(struct image *im, struct rzs_adopted *found, int *out_err)
{
	struct rzs_blocks *blocks = rzs_test_adopt(&im->copy, UINT64_MAX);
	struct rzs_store *store;

	T_NE(blocks, NULL);
	*out_err = rzs_store_adopt(&im->cfg, blocks, true, found, &store);
	if (*out_err)
		rzs_blocks_close(blocks);
	return store;
}

static void expect_verified(struct rzs_store *store)
{
	struct rzs_worker *w = rzs_worker_get_own(store, 0);
	const char *what;

	if (rzs_store_verify(store, w, true, &what))
		T_FAIL("%s", what);
	rzs_worker_put(store, w);
}

/* Each page is old, new or, if it may, lost; returns how many are. */
static uint64_t expect_pages(struct image *im, struct rzs_store *store)
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

static void set_full(bool full)
{
	rzs_test_fail(RZS_TEST_TAKE, full, UINT64_MAX);
}

static void open_second(struct rzs_store *store, const char *codec)
{
	T_EQ(rzs_store_idle_open(store), 0);
	T_EQ(rzs_store_recompress_open(store, codec, 0), 0);
}

/* Called between two steps. */
static void adopt_here(void *arg, const void *p, size_t n)
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

static void image_open(struct image *im, uint64_t blocks)
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

static void image_close(struct image *im)
{
	rzs_store_destroy(im->store);
	rzs_test_arena_close(&im->arena);
	rzs_test_arena_close(&im->copy);
	free(im->model);
	free(im->next);
	T_EQ(rzs_test_damage(), 0);
}

/* Write a page, or discard it if the seed is 0.  A refused write changes nothing. */
static int put(struct image *im, unsigned slot, uint64_t seed)
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

static void watch(struct image *im, bool on)
{
	rzs_test_call_at(RZS_TEST_AT_YIELD, on ? adopt_here : NULL, im);
}

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
	struct rzs_spill_params params = {8, 4, 1};
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

/* ---- damage */

static void *block_at(const struct image *im, uint32_t block)
{
	return im->copy.base + im->copy.root_bytes + (size_t)(block - 1) * RZS_BLOCK_SIZE;
}

static struct rzs_image *header(const struct image *im)
{
	return (struct rzs_image *)(void *)im->copy.base;
}

static uint32_t *table(const struct image *im, uint64_t at)
{
	return rzs_image_table(header(im), at);
}

static uint64_t *word(const struct image *im, unsigned slot)
{
	return (uint64_t *)block_at(im, *table(im, header(im)->slots_at)) + slot;
}

static struct rzs_block *descriptor(const struct image *im, unsigned id)
{
	return (struct rzs_block *)block_at(im, *table(im, header(im)->pool_at)) + id;
}

/* The entry of the object of slot 0, which is compressed. */
static struct rzs_entry *entry(const struct image *im)
{
	return rzs_packed_entry(block_at(im, descriptor(im, rzs_word_block(*word(im, 0)))->mem),
				rzs_word_index(*word(im, 0)));
}

static void sum_again(const struct image *im)
{
	header(im)->sum = rzs_hash64(header(im), offsetof(struct rzs_image, sum), 0);
}

/* Each does the damage of this number, which the table below names. */
static void damage(const struct image *im, unsigned nr)
{
	struct rzs_image *h = header(im);
	struct rzs_block *b = descriptor(im, rzs_word_block(*word(im, 0)));
	struct rzs_entry *e = entry(im);

	switch (nr) {
	case 0: h->magic ^= 1; break;
	case 1: h->version++; break;
	case 2: h->nr_pages++; break;
	case 3: h->nr_pages++; sum_again(im); break;
	case 4: h->codec[0] ^= 1; sum_again(im); break;
	case 5: h->flags ^= 1; sum_again(im); break;
	case 6: h->descriptor_bytes++; sum_again(im); break;
	case 7: *table(im, h->slots_at) = 9999; break;
	case 8: *table(im, h->pool_at) = *table(im, h->slots_at); break;
	case 9: table(im, h->shares_at)[0] = 0xffffffff; break;
	case 10: b->type = 77; break;
	case 11: b->mem = 9999; break;
	case 12: b->mem = *table(im, h->slots_at); break;
	case 13: memset(&b->packed, 0xa5, sizeof(b->packed)); break;
	case 14: memset(&b->lock, 0xff, sizeof(b->lock)); break;
	case 15: b->shard = 200; b->busy = 9; b->next = b->prev = 77777; break;
	case 16: e->slot++; break;
	case 17: e->place ^= 1u << 14; break;
	case 18: e->place |= 0x3fff; break;
	case 19: e->sum ^= 0x100; break;
	case 20: ((uint8_t *)block_at(im, b->mem))[rzs_entry_offset(e)] ^= 4; break;
	case 21: *word(im, 0) = RZS_KIND_UNUSED | 12345 << 8; break;
	case 22: *word(im, 0) |= RZS_BLOCK_ID_MAX << 8; break;
	case 23: *word(im, 0) = rzs_word_merged(3, 1000); break;
	case 24: *word(im, 0) |= RZS_SLOT_LOCK | RZS_SLOT_WAITERS; break;
	case 25: *word(im, 0) = 0x1000; break;
	}
}

static const struct {
	int err;
	uint64_t lost; /* ALL: those of a block */
	const char *what;
} expected[] = {
#define ALL UINT64_MAX
	{-EINVAL, 0, "image: not one of a store on this machine"},
	{-EINVAL, 0, "image: another version of the format"},
	{-EINVAL, 0, "image: its header is damaged"},
	{-EINVAL, 0, "image: another size of the device"},
	{-EINVAL, 0, "image: another codec"},
	{-EINVAL, 0, "image: with checksums or a backing device, or without"},
	{-EINVAL, 0, "image: another layout"},
	{-EIO, 0, "image: its table of slots is damaged"},
	{-EIO, 0, "image: its table of descriptors is damaged"},
	{-EIO, 0, "image: its table of shares is damaged"},
	{0, ALL, NULL}, /* descriptors: what is in doubt */
	{0, ALL, NULL},
	{0, ALL, NULL},
	{0, 0, NULL}, /* and what is made anew */
	{0, 0, NULL},
	{0, 0, NULL},
	{0, 1, NULL}, /* directories and bytes */
	{0, 1, NULL},
	{0, 1, NULL},
	{0, 1, NULL},
	{0, 1, NULL},
	{0, 1, NULL}, /* words */
	{0, 1, NULL},
	{0, 1, NULL},
	{0, 0, NULL},
	{0, 1, NULL},
};

static void expect_damaged(struct image *im, unsigned nr)
{
	struct rzs_adopted found;
	struct rzs_store *store;
	int err;

	memcpy(im->copy.base, im->arena.base, ARENA);
	damage(im, nr);
	store = adopt(im, &found, &err);
	if (err != expected[nr].err)
		T_FAIL("damage %u: error %d, %s", nr, err, found.what ? found.what : "");
	T_OK(!found.what == !expected[nr].what);
	if (found.what)
		T_STR_EQ(found.what, expected[nr].what);
	if (err)
		return;
	expect_verified(store);
	if (expected[nr].lost == ALL ? found.pages_lost < 2 || found.pages_lost == NR
				     : found.pages_lost != expected[nr].lost)
		T_FAIL("damage %u: %llu pages lost", nr, (unsigned long long)found.pages_lost);
	T_EQ(expect_pages(im, store), found.pages_lost);
	T_EQ(found.pages + found.pages_lost, NR);
	rzs_store_destroy(store);
}

/* Red when damage is not noticed, costs other pages than its own, or gives wrong bytes. */
T_TEST(damaged_images)
{
	struct image im;

	image_open(&im, 2);
	im.may_lose = true;
	for (unsigned i = 0; i < NR; i++) {
		pages_make(im.model[i], PAGES_TEXT, i + 1);
		memcpy(im.next[i], im.model[i], PAGE);
		T_EQ(rzs_store_write(im.store, im.worker, i, im.model[i]), 0);
	}
	for (unsigned nr = 0; nr < sizeof(expected) / sizeof(expected[0]); nr++)
		expect_damaged(&im, nr);
	image_close(&im);
}

/* Red when a lost page cannot be had again, or reads as zeros. */
T_TEST(a_lost_page_is_an_error_until_it_is_written)
{
	struct rzs_adopted found;
	struct rzs_worker *w;
	struct rzs_store *store;
	uint8_t page[PAGE];
	struct image im;
	int err;

	image_open(&im, 2);
	T_EQ(put(&im, 0, 4), 0);
	T_EQ(put(&im, 1, 4), 0);
	memcpy(im.copy.base, im.arena.base, ARENA);
	*word(&im, 0) = *word(&im, 1) = RZS_KIND_LOST;
	store = adopt(&im, &found, &err);
	T_EQ(err, 0);
	w = rzs_worker_get_own(store, 0);
	T_EQ(rzs_store_read(store, w, 0, page), -EIO);
	T_EQ(rzs_store_pwrite(store, w, "x", 1, 100), -EIO);
	T_EQ(rzs_store_write(store, w, 0, im.model[0]), 0);
	T_EQ(rzs_store_read(store, w, 0, page), 0);
	T_MEM_EQ(page, im.model[0], PAGE);
	T_EQ(rzs_store_discard(store, w, 1, 1), 0);
	T_EQ(rzs_store_read(store, w, 1, page), 0);
	rzs_worker_put(store, w);
	expect_verified(store);
	rzs_store_destroy(store);
	image_close(&im);
}
