/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that changes by itself: bits flipped in stored objects, in their directory entries and
 * anywhere in their blocks.  A read then gives the right page or -EIO, and nothing ever crashes
 * or hangs.  (Slot words are not flipped: a slot that names another place or none is beyond what
 * checksums of objects can tell.)
 *
 * The only test that looks inside the store: to know which bytes are objects.
 */
#include "codec.h"
#include "hash.h"
#include "pages.h"
#include "port_test.h"
#include "pool_internal.h"
#include "store.h"
#include "t.h"
#include "twin.h"

#define PAGE  RZS_PAGE_SIZE
#define PAGES 400u

/* Where things are */

static uint64_t word_of(const struct twin *t, uint64_t slot)
{
	uint64_t *p = rzs_slots_lookup(&t->store->slots, slot);

	return p ? rzs_word_stable(*p) : 0;
}

static struct rzs_block *block_of(const struct twin *t, uint64_t word)
{
	return rzs_pool_block(&t->store->pool, rzs_word_block(word));
}

/* A slot whose page is an object, packed or raw as asked for (or whichever). */
static uint64_t pick_object(struct twin *t, struct pages_rng *rng, bool packed, bool raw)
{
	for (;;) {
		uint64_t slot = pages_below(rng, t->model.nr_pages);
		enum rzs_kind kind = rzs_word_kind(word_of(t, slot));

		if ((packed && kind == RZS_KIND_PACKED) || (raw && kind == RZS_KIND_RAW))
			return slot;
	}
}

static uint8_t *mem_of(const struct twin *t, uint64_t word)
{
	return rzs_block_mem(&t->store->pool, block_of(t, word));
}

static uint8_t *object_of(const struct twin *t, uint64_t slot, uint32_t *size)
{
	uint64_t word = word_of(t, slot);
	uint8_t *mem = mem_of(t, word);

	*size = rzs_word_size(word);
	if (rzs_word_kind(word) == RZS_KIND_RAW)
		return mem + rzs_word_index(word) * PAGE;
	return mem + rzs_entry_offset(rzs_packed_entry(mem, rzs_word_index(word)));
}

static void flip(uint8_t *bytes, uint64_t bit)
{
	bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

/* What reading gives */

/*
 * A raw page's checksum is 24 bits of the hash: one change in 2^24 is not found, and that is not
 * what is tested.
 */
static bool same_sum(const uint8_t *a, const uint8_t *b)
{
	return ((rzs_hash64(a, PAGE, 0) ^ rzs_hash64(b, PAGE, 0)) & RZS_SUM24_MASK) == 0;
}

/* The page is right, or refused with -EIO; returns whether it was right. */
static bool right_or_refused(struct twin *t, uint64_t slot)
{
	const uint8_t *want = model_page(&t->model, slot);
	uint8_t page[PAGE];
	int err = rzs_store_read(t->store, t->worker, slot, page);

	if (err) {
		T_EQ(err, -EIO);
		return false;
	}
	if (rzs_word_kind(word_of(t, slot)) == RZS_KIND_RAW && same_sum(page, want))
		return memcmp(page, want, PAGE) == 0;
	T_MEM_EQ(page, want, PAGE);
	return true;
}

static unsigned count_refused(struct twin *t)
{
	unsigned refused = 0;
	uint64_t slot;

	for (slot = 0; slot < t->model.nr_pages; slot++)
		refused += !right_or_refused(t, slot);
	return refused;
}

/* Pages of all kinds, holes between, and some churn, so that blocks have been tidied and reused. */
static void populate(struct twin *t, struct rzs_config cfg, struct pages_rng *rng)
{
	uint8_t page[PAGE];
	unsigned i;

	cfg.nr_pages = PAGES;
	cfg.nr_workers = 1;
	rzs_test_guard(true);
	twin_open(t, &cfg);
	for (i = 0; i < 4 * PAGES; i++) {
		pages_make_any(page, pages_next(rng));
		T_EQ(twin_write(t, pages_below(rng, PAGES), page), 0);
		if (i % 4 == 0)
			twin_discard(t, pages_below(rng, PAGES), 1);
	}
	twin_check_all(t);
}

static uint64_t flips_wanted(uint64_t n)
{
	return (uint64_t)((double)n / t_scale()) + 1;
}

/* Flips that are undone */

static void flip_in_objects(struct rzs_config cfg, bool raw, uint64_t seed)
{
	struct pages_rng rng = {seed};
	uint64_t n = flips_wanted(1000), i;
	struct rzs_stats s;
	struct twin t;

	populate(&t, cfg, &rng);
	for (i = 0; i < n; i++) {
		uint64_t slot = pick_object(&t, &rng, !raw, raw), bit;
		const char *what = NULL;
		uint32_t size;
		uint8_t *object = object_of(&t, slot, &size);

		bit = pages_below(&rng, 8 * size);
		flip(object, bit);
		T_OK(!right_or_refused(&t, slot) || raw);
		if (i % 8 == 0) {
			T_LE(count_refused(&t), 1); /* nobody else has suffered */
			T_EQ(rzs_store_verify(t.store, t.worker, true, &what), -EIO);
			T_OK(what != NULL);
		}
		flip(object, bit);
		twin_read(&t, slot);
	}
	rzs_store_stats(t.store, &s);
	T_GE(s.corrupt, n - 2);
	T_GE(s.failed_reads, n - 2);
	twin_close(&t);
	T_EQ(rzs_test_damage(), 0);
}

T_TEST(a_flipped_bit_in_a_compressed_page_is_found_with_every_codec)
{
	struct rzs_config cfg = {0};
	uint64_t seed = t_seed();
	unsigned i;

	for (i = 0; (cfg.codec = rzs_codec_name(i)) != NULL; i++)
		flip_in_objects(cfg, false, seed);
}

T_TEST(a_flipped_bit_in_a_raw_page_is_found)
{
	flip_in_objects((struct rzs_config){0}, true, t_seed());
}

T_TEST(a_flipped_bit_in_a_directory_entry_never_gives_wrong_data)
{
	struct pages_rng rng = {t_seed()};
	uint64_t n = flips_wanted(1000), refused = 0, i;
	struct twin t;

	populate(&t, (struct rzs_config){0}, &rng);
	for (i = 0; i < n; i++) {
		uint64_t slot = pick_object(&t, &rng, true, false), word = word_of(&t, slot);
		struct rzs_entry *e = rzs_packed_entry(mem_of(&t, word), rzs_word_index(word));
		uint64_t bit = i % (8 * sizeof(*e)); /* each of them many times */

		flip((uint8_t *)e, bit);
		refused += !right_or_refused(&t, slot);
		if (i % 8 == 0)
			T_LE(count_refused(&t), 1);
		flip((uint8_t *)e, bit);
		twin_read(&t, slot);
	}
	/* Of 96 bits all but the few unused ones matter. */
	T_GE(refused * 96, n * 80);
	t.was_damaged = true;
	twin_close(&t);
}

T_TEST(a_flipped_bit_anywhere_in_a_block_of_objects_never_gives_wrong_data)
{
	struct pages_rng rng = {t_seed()};
	uint64_t n = flips_wanted(1500), i;
	struct twin t;

	populate(&t, (struct rzs_config){0}, &rng);
	for (i = 0; i < n; i++) {
		uint64_t slot = pick_object(&t, &rng, true, true);
		uint8_t *mem = mem_of(&t, word_of(&t, slot));
		uint64_t bit = pages_below(&rng, 8 * RZS_BLOCK_SIZE);

		flip(mem, bit);
		T_LE(count_refused(&t), 1);
		flip(mem, bit);
	}
	t.was_damaged = true;
	twin_close(&t);
}

/* Wrong data is what was asked for then; decoders must stay within their buffers all the same. */
T_TEST(without_checksums_flipped_bits_do_not_crash_any_decoder)
{
	struct rzs_config cfg = {.no_checksum = true};
	struct pages_rng rng = {t_seed()};
	uint64_t n = flips_wanted(5000), i;
	uint8_t page[PAGE];
	unsigned codec;

	for (codec = 0; (cfg.codec = rzs_codec_name(codec)) != NULL; codec++) {
		struct twin t;

		populate(&t, cfg, &rng);
		for (i = 0; i < n; i++) {
			uint64_t slot = pick_object(&t, &rng, true, false), bit;
			uint32_t size;
			uint8_t *object = object_of(&t, slot, &size);
			int err;

			bit = pages_below(&rng, 8 * size);
			flip(object, bit);
			err = rzs_store_read(t.store, t.worker, slot, page);
			T_OK(err == 0 || err == -EIO);
			flip(object, bit);
		}
		twin_close(&t);
	}
}

/* Flips that stay */

/* The store goes on being used; what was damaged may be refused, what is written anew is there. */
static void use_damaged(struct twin *t, struct pages_rng *rng, unsigned calls)
{
	uint8_t page[PAGE];
	uint64_t blocks;
	bool more;
	unsigned i;

	for (i = 0; i < calls; i++) {
		uint64_t slot = pages_below(rng, PAGES), r = pages_next(rng);
		int err;

		pages_make_any(page, r);
		switch (r >> 61) {
		case 0:
			T_EQ(rzs_store_discard(t->store, t->worker, slot, 1), 0);
			model_trim(&t->model, PAGE, slot * PAGE);
			twin_read(t, slot);
			break;
		case 1: /* a part: what it is a part of may be lost */
			err = rzs_store_pwrite(t->store, t->worker, page, 100, slot * PAGE + 50);
			T_OK(err == 0 || err == -EIO);
			if (!err)
				model_write(&t->model, page, 100, slot * PAGE + 50);
			break;
		case 2:
			T_EQ(rzs_store_compact(t->store, t->worker, 50, &blocks, &more), 0);
			break;
		default:
			err = rzs_store_write(t->store, t->worker, slot, page);
			if (err) {
				T_EQ(err, -EIO);
				break;
			}
			model_write(&t->model, page, PAGE, slot * PAGE);
			twin_read(t, slot);
			break;
		}
		(void)right_or_refused(t, pages_below(rng, PAGES));
	}
}

static void close_damaged(struct twin *t)
{
	rzs_worker_put(t->store, t->worker);
	rzs_store_destroy(t->store);
	model_free(&t->model);
	free(t->buf);
	T_EQ(rzs_test_live_bytes(), 0);
	T_EQ(rzs_test_damage(), 0);
}

T_TEST(a_damaged_object_is_lost_and_nothing_else_is)
{
	struct pages_rng rng = {t_seed()};
	uint64_t n = flips_wanted(40), i;

	for (i = 0; i < n; i++) {
		struct twin t;
		uint64_t slot;
		uint32_t size;
		uint8_t *object;

		populate(&t, (struct rzs_config){0}, &rng);
		slot = pick_object(&t, &rng, true, true);
		object = object_of(&t, slot, &size);
		flip(object, pages_below(&rng, 8 * size));
		T_LE(count_refused(&t), 1);
		use_damaged(&t, &rng, 300);
		T_LE(count_refused(&t), 1);
		T_EQ(rzs_store_discard(t.store, t.worker, slot, 1), 0);
		model_trim(&t.model, PAGE, slot * PAGE);
		twin_close(&t); /* with the damaged page gone, all is well */
	}
	T_EQ(rzs_test_live_bytes(), 0);
}

T_TEST(a_store_with_damaged_directories_stays_usable)
{
	struct pages_rng rng = {t_seed()};
	uint64_t n = flips_wanted(60), i, k;

	for (i = 0; i < n; i++) {
		struct twin t;

		populate(&t, (struct rzs_config){0}, &rng);
		for (k = 0; k < 1 + i % 6; k++) {
			uint64_t word = word_of(&t, pick_object(&t, &rng, true, false));
			struct rzs_block *b = block_of(&t, word);
			struct rzs_entry *e = rzs_packed_entry(
				mem_of(&t, word), (uint32_t)pages_below(&rng, b->packed.ndir));

			flip((uint8_t *)e, pages_below(&rng, 8 * sizeof(*e)));
		}
		use_damaged(&t, &rng, 500);
		(void)count_refused(&t);
		close_damaged(&t);
	}
}
