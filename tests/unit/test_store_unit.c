/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Units: idle pages of neighbouring slots that are recompressed together. */
#include "pool_internal.h"
#include "port_test.h"
#include "recompress_rig.h"
#include "store.h"
#include "unit.h"

static uint64_t *words(struct twin *t)
{
	return rzs_slots_lookup(&t->store->slots, 0);
}

/* Pages that are alike in all of nr slots, in units of four. */
static struct twin open_units(uint64_t nr)
{
	struct twin t;

	unit_wanted = 4;
	t = open_recompressing(nr);
	fill_alike(&t, 0, nr, 100);
	mark_all(&t);
	recompress(&t, 1);
	return t;
}

static void reopen_worker(struct twin *t, unsigned index)
{
	rzs_worker_put(t->store, t->worker);
	t->worker = rzs_worker_get_own(t->store, index);
}

T_TEST(what_is_made)
{
	struct rzs_stats s, alone;
	struct twin t;

	unit_wanted = 1;
	t = open_recompressing(64);
	fill_alike(&t, 0, 20, 100);
	fill(&t, PAGES_RANDOM, 20, 10);
	mark_all(&t);
	recompress(&t, 1);
	alone = stats_of(&t);
	T_EQ(alone.units, 0);
	T_EQ(alone.pages_recompressed, 20);
	unit_wanted = 4;
	recompress(&t, 1);
	s = stats_of(&t);
	T_EQ(s.units, 5);
	T_EQ(s.unit_pages, 20);
	T_EQ(s.unit_dead_pages, 0);
	T_EQ(s.pages_recompressed, 0);
	T_EQ(s.pages_compressed, 20);
	T_EQ(s.pages_good, 20);
	T_EQ(s.object_bytes + s.recompress_saved_bytes,
	     alone.object_bytes + alone.recompress_saved_bytes);
	T_LT((s.object_bytes - 10 * PAGE) * 16, (alone.object_bytes - 10 * PAGE) * 15);
	T_LT(s.block_bytes, alone.block_bytes + 1);
	pass(&t);
	/* Of each unit up to 3 bytes are left over. */
	T_LE(stats_of(&t).idle_64_bytes, s.object_bytes);
	T_GE(stats_of(&t).idle_64_bytes + 3 * s.units, s.object_bytes);
	recompress(&t, 1);
	T_EQ(stats_of(&t).recompress_tried, s.recompress_tried);
	twin_check_all(&t);
	twin_close(&t);
}

/* A codec that takes single pages only makes none, and there is no memory for them. */
T_TEST(without_units)
{
	const struct rzs_codec *lzo = rzs_codec_lookup("lzo");
	struct twin t = open_twin(64);
	uint64_t live;

	unit_wanted = 4;
	T_EQ(rzs_store_idle_open(t.store), 0);
	rzs_worker_put(t.store, t.worker);
	live = rzs_test_live_bytes();
	T_EQ(rzs_store_recompress_open(t.store, lzo->name, 0), 0);
	t.worker = rzs_worker_get(t.store, 0);
	T_EQ(rzs_test_live_bytes() - live, stats_of(&t).recompress_bytes);
	T_LT(stats_of(&t).recompress_bytes, lzo->ctx_size(0) + RZS_UNIT_MAX * PAGE);
	fill_alike(&t, 0, 20, 100);
	mark_all(&t);
	recompress(&t, 1);
	T_EQ(stats_of(&t).recompress_tried, 20);
	T_EQ(stats_of(&t).units, 0);
	twin_check_all(&t);
	twin_close(&t);
}

/* The object must be smaller than a page; as many pages as fit, and no more than wanted. */
T_TEST(how_many_pages)
{
	for (unsigned wanted = 2; wanted <= 9; wanted++) {
		struct twin t;
		uint64_t *w;

		unit_wanted = wanted;
		t = open_recompressing(64);
		fill(&t, PAGES_POINTERS, 0, 24);
		fill(&t, PAGES_NEAR_SAME, 24, 24);
		mark_all(&t);
		recompress(&t, 1);
		w = words(&t);
		T_GT(stats_of(&t).units, 2);
		for (unsigned i = 0; i < 48; i++) {
			if (!rzs_word_is_member(w[i]))
				continue;
			T_LE(rzs_word_member_pages(w[i]), wanted);
			T_LE(rzs_word_member_pages(w[i]), RZS_UNIT_MAX);
			T_LE(rzs_word_size(w[i]), RZS_UNIT_OBJECT_MAX);
		}
		twin_check_all(&t);
		twin_close(&t);
	}
}

/* Alike or not: strangers are recompressed alone, and not tried again. */
T_TEST(what_does_not_pay)
{
	struct rzs_stats s;
	struct twin t;

	unit_wanted = 2;
	t = open_recompressing(16);
	fill(&t, PAGES_TEXT, 0, 16);
	mark_all(&t);
	recompress(&t, 1);
	s = stats_of(&t);
	T_LT(s.units, 3);
	T_GT(s.units_refused, 3);
	T_EQ(s.pages_recompressed + s.unit_pages, 16);
	recompress(&t, 1);
	T_EQ(stats_of(&t).recompress_tried, s.recompress_tried);
	twin_check_all(&t);
	twin_close(&t);
}

/* Slots that are near each other, with others between that are busy or empty. */
T_TEST(neighbours)
{
	struct twin t;

	unit_wanted = 4;
	t = open_recompressing(64);
	fill_alike(&t, 0, 12, 100);
	twin_discard(&t, 2, 1);
	mark_all(&t);
	twin_read(&t, 1);
	twin_read(&t, 5);
	recompress(&t, 1);
	T_EQ(rzs_word_is_member(words(&t)[0]), true);
	T_EQ(rzs_word_share(words(&t)[0]), rzs_word_share(words(&t)[6]));
	T_EQ(rzs_word_place(words(&t)[6]), 3);
	T_EQ(rzs_word_is_member(words(&t)[1]), false);
	T_EQ(rzs_word_is_member(words(&t)[5]), false);
	T_EQ(stats_of(&t).units, 2);
	T_EQ(stats_of(&t).pages_recompressed, 1);
	twin_check_all(&t);
	twin_close(&t);
}

/* Pages leave; what is left of a unit is taken apart, or made anew with others. */
T_TEST(pages_leave)
{
	struct twin t = open_units(16);
	struct rzs_stats s = stats_of(&t);

	T_EQ(s.units, 4);
	put(&t, 0, 1, 50, false);
	T_EQ(stats_of(&t).unit_dead_pages, 1);
	T_EQ(stats_of(&t).recompress_lost, 1);
	T_EQ(stats_of(&t).object_bytes - s.object_bytes, rzs_word_size(words(&t)[0]));
	mark_all(&t);
	recompress(&t, 1);
	T_EQ(stats_of(&t).unit_dead_pages, 1);
	twin_discard(&t, 1, 2);
	T_EQ(stats_of(&t).unit_dead_pages, 3);
	twin_verify(&t, true);
	/* Page 0, alone, and page 3, which was the last of its unit. */
	mark_all(&t);
	recompress(&t, 1);
	T_EQ(stats_of(&t).unit_dead_pages, 0);
	T_EQ(stats_of(&t).units, 4);
	T_EQ(stats_of(&t).unit_pages, 14);
	twin_discard(&t, 4, 4);
	T_EQ(stats_of(&t).units, 3);
	T_EQ(stats_of(&t).unit_dead_pages, 0);
	twin_discard(&t, 0, 1);
	mark_all(&t);
	recompress(&t, 1);
	T_EQ(stats_of(&t).units, 2);
	T_EQ(stats_of(&t).pages_recompressed, 1);
	twin_check_all(&t);
	twin_close(&t);
}

/* ---- reading */

T_TEST(reads_of_neighbours)
{
	struct twin t = open_units(16);

	for (unsigned i = 0; i < 16; i++)
		twin_read(&t, i);
	T_EQ(stats_of(&t).unit_reads, 16);
	T_EQ(stats_of(&t).unit_hits, 12);
	twin_compact(&t, UINT64_MAX);
	twin_read(&t, 15);
	T_EQ(stats_of(&t).unit_hits, 13);
	reopen_worker(&t, 1);
	twin_read(&t, 15);
	T_EQ(stats_of(&t).unit_hits, 13);
	T_EQ(twin_pwrite(&t, "other", 5, 15 * PAGE + 50), 0);
	T_EQ(stats_of(&t).unit_hits, 14);
	twin_close(&t);
}

/*
 * A worker has a unit, and another one gets its number, its slots and its size.  Red when the
 * worker goes by the number alone.
 */
T_TEST(the_same_number_again)
{
	struct twin t = open_units(4);
	uint64_t was = words(&t)[0];

	twin_read(&t, 0);
	reopen_worker(&t, 1);
	fill_alike(&t, 0, 4, 500);
	T_EQ(stats_of(&t).units, 0);
	mark_all(&t);
	recompress(&t, 1);
	T_EQ(stats_of(&t).units, 1);
	T_EQ(rzs_word_share(words(&t)[0]), rzs_word_share(was));
	reopen_worker(&t, 0);
	twin_check_all(&t);
	twin_close(&t);
}

/* Its pages are lost, and no others. */
T_TEST(a_damaged_unit)
{
	for (unsigned checksum = 0; checksum < 2; checksum++) {
		struct twin t = open_units(16);
		uint64_t object =
			rzs_shares_at(&t.store->shares, rzs_word_share(words(&t)[4]))->word;
		uint8_t page[PAGE];
		uint8_t *mem = rzs_block_mem(
			&t.store->pool, rzs_pool_block(&t.store->pool, rzs_word_block(object)));

		t.store->checksum = checksum;
		mem[rzs_entry_offset(rzs_packed_entry(mem, rzs_word_index(object)))] ^= 1;
		for (unsigned i = 0; i < 16; i++)
			T_EQ(rzs_store_read(t.store, t.worker, i, page), i / 4 == 1 ? -EIO : 0);
		T_EQ(stats_of(&t).failed_reads, 4);
		T_EQ(stats_of(&t).corrupt, 4);
		/* What is left of it is not tried again and again. */
		twin_discard(&t, 4, 2);
		mark_all(&t);
		recompress(&t, 1);
		recompress(&t, 1);
		T_EQ(stats_of(&t).corrupt, 6);
		twin_discard(&t, 6, 2);
		T_EQ(stats_of(&t).units, 3);
		t.store->checksum = true;
		t.was_damaged = true;
		twin_close(&t);
	}
}

/* ---- others */

/* A page that merging has not seen waits for it; and merging leaves units alone. */
T_TEST(merging)
{
	struct twin t;

	unit_wanted = 4;
	t = open_merging(16);
	open_second(&t);
	fill_alike(&t, 0, 8, 100);
	mark_all(&t);
	recompress(&t, 1);
	T_EQ(stats_of(&t).pages_recompressed, 8);
	T_EQ(stats_of(&t).units, 0);
	twin_merge(&t, &usual, 16);
	recompress(&t, 1);
	T_EQ(stats_of(&t).units, 2);
	T_EQ(stats_of(&t).pages_unshared, 0);
	twin_merge(&t, &usual, 32);
	T_EQ(stats_of(&t).units, 2);
	put(&t, 8, 2, 3, false);
	put(&t, 14, 1, 3, false);
	twin_merge(&t, &usual, 16);
	T_EQ(stats_of(&t).pages_sharing, 2);
	twin_discard(&t, 0, 4);
	T_EQ(twin_unmerge(&t, 16), true);
	T_EQ(stats_of(&t).units, 1);
	twin_check_all(&t);
	twin_close(&t);
}

/*
 * The index knows a share, whose number becomes that of a unit.  Red when merging becomes its user:
 * as the last one it would free the unit as an object of equal pages.
 */
T_TEST(a_number_that_merging_knows)
{
	struct twin t;

	unit_wanted = 2;
	t = open_merging(16);
	open_second(&t);
	put(&t, 8, 2, 3, false);
	twin_merge(&t, &usual, 16);
	T_EQ(stats_of(&t).pages_shared, 1);
	twin_discard(&t, 8, 2);
	fill_alike(&t, 0, 2, 100);
	twin_merge(&t, &usual, 16);
	mark_all(&t);
	recompress(&t, 1);
	T_EQ(stats_of(&t).units, 1);
	T_EQ(rzs_word_share(words(&t)[0]), 0);
	T_EQ(rzs_share_get(rzs_shares_at(&t.store->shares, 0), 256), false);
	put(&t, 8, 2, 3, false);
	twin_merge(&t, &usual, 16);
	T_EQ(stats_of(&t).pages_sharing, 1);
	twin_check_all(&t);
	twin_close(&t);
}

/* Wherever there is no block for it: the pages stay as they are, and nothing is left behind. */
T_TEST(no_memory)
{
	uint64_t nth;

	for (nth = 1;; nth++) {
		struct twin t;
		bool failed;

		unit_wanted = 4;
		t = open_recompressing(64);
		fill_alike(&t, 0, 64, 100);
		mark_all(&t);
		rzs_test_fail(RZS_TEST_TAKE, nth, 1);
		recompress(&t, 1);
		failed = rzs_test_failed(RZS_TEST_TAKE);
		rzs_test_fail(RZS_TEST_TAKE, 0, 0);
		twin_check_all(&t);
		mark_all(&t);
		recompress(&t, 1);
		T_GT(stats_of(&t).unit_pages, 40);
		twin_close(&t);
		if (!failed)
			break;
	}
	T_GT(nth, 1);
}

/* Nothing of a unit stays where it was decompressed. */
T_TEST(wiping)
{
	struct rzs_config cfg = config(16);
	struct twin t;

	cfg.wipe = true;
	unit_wanted = 4;
	twin_open(&t, &cfg);
	open_second(&t);
	fill_alike(&t, 0, 16, 100);
	mark_all(&t);
	recompress(&t, 1);
	T_EQ(stats_of(&t).units, 4);
	twin_read(&t, 3);
	for (unsigned i = 0; i < RZS_UNIT_MAX * PAGE; i++)
		T_EQ(t.worker->unit[i], 0);
	twin_check_all(&t);
	twin_close(&t);
}
