/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What only shows from inside: the bits of slot words that no code uses yet, and what is left
 * behind on the ways out that nothing should ever take.
 */
#include "port_test.h"
#include "pool_internal.h"
#include "store.h"
#include "twin_rig.h"

#define NR 1200u

/* Of a word, those that say nothing about its object, now or later. */

static uint64_t *word_at(const struct twin *t, uint64_t slot)
{
	return rzs_slots_lookup(&t->store->slots, slot);
}

static struct rzs_block *block_of(const struct twin *t, uint64_t slot)
{
	return rzs_pool_block(&t->store->pool, rzs_word_block(*word_at(t, slot)));
}

static struct rzs_entry *entry_of(const struct twin *t, uint64_t slot)
{
	return rzs_packed_entry(rzs_block_mem(&t->store->pool, block_of(t, slot)),
				rzs_word_index(*word_at(t, slot)));
}

/* Two slots of three are dropped, so that each block is a third full. */
static void thin_out(struct twin *t)
{
	for (uint64_t slot = 0; slot < NR; slot++)
		if (slot % 3)
			twin_discard(t, slot, 1);
}

static uint64_t other_bits(uint64_t word)
{
	uint64_t bits = RZS_SLOT_IDLE | RZS_SLOT_CODEC2;

	return bits | (rzs_word_kind(word) == RZS_KIND_RAW ? 1ull << 39 : 7ull << 61);
}

static void compact_and_look(enum pages_kind kind)
{
	struct twin t = open_twin(NR);
	uint64_t slot, *before = calloc(NR, sizeof(*before));

	fill(&t, kind, 0, NR);
	thin_out(&t);
	for (slot = 0; slot < NR; slot += 3) {
		*word_at(&t, slot) |= other_bits(*word_at(&t, slot));
		before[slot] = *word_at(&t, slot);
	}
	T_GT(twin_compact(&t, UINT64_MAX), 0);
	T_GT(stats_of(&t).moved_objects, 10);
	for (slot = 0; slot < NR; slot += 3) {
		uint64_t place = rzs_word_place_mask(before[slot]);

		T_EQ(*word_at(&t, slot) & ~place, before[slot] & ~place);
		*word_at(&t, slot) &= ~RZS_SLOT_CODEC2; /* no second codec has made it */
	}
	twin_check_all(&t);
	free(before);
	twin_close(&t);
}

/* Red when an object that is moved gets a word made anew: bits of it are lost then. */
T_TEST(a_word_keeps_all_bits_but_its_place_when_its_object_is_moved)
{
	compact_and_look(PAGES_TEXT);
	compact_and_look(PAGES_RANDOM);
}

/*
 * Nothing but the word and the directory says how long an object is when there are no checksums.
 * Red when compaction believes the directory.
 */
T_TEST(compaction_does_not_believe_a_size_that_the_slot_denies)
{
	struct rzs_config cfg = config(NR);
	uint64_t slot, blocks, denied = 0;
	uint8_t page[PAGE];
	struct twin t;
	bool more;

	cfg.no_checksum = true;
	twin_open(&t, &cfg);
	fill(&t, PAGES_TEXT, 0, NR);
	thin_out(&t);
	for (slot = 0; slot < NR; slot += 30, denied++)
		entry_of(&t, slot)->place ^= 1u << 16; /* 4 bytes more or less */
	T_EQ(rzs_store_compact(t.store, t.worker, UINT64_MAX, &blocks, &more), 0);
	/* It ends with the first block that has a denied object left. */
	T_GT(stats_of(&t).moved_objects, 3);
	for (slot = 0; slot < NR; slot += 3) {
		T_EQ(rzs_store_read(t.store, t.worker, slot, page), slot % 30 ? 0 : -EIO);
		if (slot % 30)
			T_MEM_EQ(page, model_page(&t.model, slot), PAGE);
	}
	T_EQ(stats_of(&t).impossible, denied);
	T_EQ(stats_of(&t).failed_reads, denied);
	rzs_worker_put(t.store, t.worker);
	rzs_store_destroy(t.store);
	model_free(&t.model);
	free(t.buf);
	T_EQ(rzs_test_live_bytes(), 0);
}

/* Red when a write that fails makes a page look used that is not. */
T_TEST(a_refused_write_leaves_the_word_as_it_was)
{
	struct rzs_config cfg = config(NR);
	uint64_t word, kept = RZS_SLOT_IDLE;
	uint8_t page[PAGE];
	struct twin t;

	T_EQ(rzs_store_min_limit(&cfg, &cfg.limit_bytes), 0);
	twin_open(&t, &cfg);
	t.may_refuse = true;
	fill(&t, PAGES_TEXT, 0, 1);
	for (uint64_t slot = 1; slot < NR && t.refused == 0; slot++) {
		pages_make(page, PAGES_RANDOM, slot);
		(void)twin_write(&t, slot, page);
	}
	T_EQ(t.refused, 1);
	*word_at(&t, 0) |= kept;
	word = *word_at(&t, 0);
	pages_make(page, PAGES_RANDOM, NR);
	/* Not through the twin, which reads the page then. */
	T_EQ(rzs_store_write(t.store, t.worker, 0, page), -ENOSPC);
	T_EQ(*word_at(&t, 0), word);
	T_EQ(rzs_store_pwrite(t.store, t.worker, page, 4000, 50), -ENOSPC);
	T_EQ(*word_at(&t, 0), word);
	*word_at(&t, 0) &= ~kept;
	twin_close(&t);
}

/* ---- ways out that nothing should take */

static uint32_t foreign;

/* The second block taken for a first write is for descriptors. */
static void put_chunk_there(void *arg, const void *p, size_t n)
{
	struct rzs_store *store = arg;
	static unsigned taken;
	bool limit;

	(void)p, (void)n;
	if (++taken != 2)
		return;
	foreign = rzs_blocks_take(store->blocks, &limit);
	rzs_set32(&store->pool.chunks[0], foreign);
}

/* Red when the block that was to hold descriptors is neither used nor given back. */
T_TEST(a_chunk_of_descriptors_that_is_not_needed_is_given_back)
{
	struct twin t = open_twin(NR);
	uint8_t page[PAGE];

	pages_make(page, PAGES_TEXT, 1);
	rzs_test_call_at(RZS_TEST_AT_TAKE, put_chunk_there, t.store);
	T_EQ(rzs_store_write(t.store, t.worker, 0, page), -EIO);
	rzs_test_call_at(RZS_TEST_AT_TAKE, NULL, NULL);
	/* The slots', this one, and the workers' spare ones. */
	T_EQ(rzs_test_live_blocks(), 2 + t.store->nr_workers);
	rzs_set32(&t.store->pool.chunks[0], 0);
	rzs_blocks_give(t.store->blocks, foreign);
	T_EQ(stats_of(&t).failed_writes, 1);
	fill(&t, PAGES_TEXT, 0, 100);
	twin_close(&t);
}

/* Write pages of text by this worker until there are so many blocks of objects; the next slot. */
static uint64_t fill_blocks(struct twin *t, struct rzs_worker *w, uint64_t blocks)
{
	uint8_t page[PAGE];
	uint64_t slot;

	for (slot = 0; stats_of(t).block_bytes < blocks * RZS_BLOCK_SIZE; slot++) {
		pages_make(page, PAGES_TEXT, slot);
		T_EQ(rzs_store_write(t->store, w, slot, page), 0);
		model_write(&t->model, page, PAGE, slot * PAGE);
	}
	return slot;
}

/*
 * A full store with blocks of objects in the other worker's shard only, the first to be tried of
 * which is broken.  Red when the write fails although another has room.
 */
T_TEST(a_broken_block_of_another_shard_is_not_the_end_of_a_write)
{
	struct rzs_config cfg = config(2 * 16384);
	struct rzs_worker *other;
	uint8_t page[PAGE];
	struct twin t;
	uint64_t slot, next, blocks;

	T_EQ(rzs_store_min_limit(&cfg, &cfg.limit_bytes), 0);
	twin_open(&t, &cfg);
	other = rzs_worker_get(t.store, 1);
	next = fill_blocks(&t, other, 2);
	rzs_worker_put(t.store, other);
	t.may_refuse = true;
	for (slot = next; t.refused == 0; slot++) {
		pages_make(page, PAGES_RANDOM, slot);
		(void)twin_write(&t, slot, page);
	}
	/* The first block's last two join its tail; an entry is said to be free that is not. */
	twin_discard(&t, next - 2, 1);
	twin_discard(&t, next - 3, 1);
	block_of(&t, 0)->packed.nlive--;
	pages_make(page, PAGES_TEXT, next - 3);
	T_EQ(twin_write(&t, next - 3, page), 0);
	T_EQ(stats_of(&t).impossible, 1);
	block_of(&t, 0)->packed.nlive++;
	T_EQ(block_of(&t, 0)->busy, RZS_BUSY_BROKEN);
	for (slot = 0; slot < next - 3; slot++)
		twin_read(&t, slot);
	/* Red when it stays although nothing is in it any more. */
	blocks = rzs_test_live_blocks();
	twin_discard(&t, 0, next - 4);
	T_EQ(rzs_test_live_blocks(), blocks);
	twin_discard(&t, next - 4, 1);
	T_EQ(rzs_test_live_blocks(), blocks - 1);
	t.was_damaged = true;
	for (slot = 0; slot < next - 4; slot++) {
		pages_make(page, PAGES_TEXT, slot);
		(void)twin_write(&t, slot, page);
	}
	twin_close(&t);
}
