/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: bytes become damage of an image, which is then adopted.
 *
 * The first byte chooses the image; then each piece of damage is a place, a kind and a value, as
 * long as there are bytes.  Nothing may crash.  If the image is adopted, each page reads as what
 * was stored or as an error, the store is in order, and can be used.
 *
 * The words of slots are the truth, so damage of a word can make another page of it: a page of one
 * word, a hole, a page that is shared, or one of the other codec.  Such pages may read as anything,
 * or fail.  So may all, when the table of slots' chunks is damaged, or there are no checksums.
 *
 * Threading: none.  The images are made once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "hash.h"
#include "image.h"
#include "pages.h"
#include "port_test.h"
#include "slot.h"

#define PAGE   RZS_PAGE_SIZE
#define NR     120u
#define ARENA  ((size_t)1 << 20)
#define FORMS  4u
#define DAMAGE 6u /* bytes of a piece of damage */

struct form {
	bool made;
	struct rzs_config cfg;
	size_t root_bytes;
	uint8_t bytes[ARENA];
	uint8_t model[NR][PAGE];
};

static struct form forms[FORMS];
static struct rzs_test_arena arena;

static void fail(const char *what, unsigned nr)
{
	fprintf(stderr, "fuzz_adopt: %s (%u)\n", what, nr);
	abort();
}

/* ---- images */

static void must(int err)
{
	if (err)
		fail("the image cannot be made", (unsigned)-err);
}

/* Bits of a form's number: pages are shared; there are no checksums.  All are recompressed. */
static void form_fill(struct form *f, struct rzs_store *store, bool merging)
{
	static const struct rzs_recompress_params again = {.min_age = 1};
	static const struct rzs_merge_params merge = {.max_sharing = 4};
	struct rzs_worker *w = rzs_worker_get_own(store, 0);
	uint64_t merged, passes;
	bool done = false;

	for (unsigned i = 0; i < NR; i++) {
		pages_make_any(f->model[i], merging ? i % 40 + 1 : i + 1);
		must(rzs_store_write(store, w, i, f->model[i]));
	}
	if (merging)
		must(rzs_store_merge(store, w, &merge, NR, &merged, &passes));
	while (!done)
		must(rzs_store_idle_mark(store, NR, &done));
	must(rzs_store_recompress(store, w, &again, NR, NR / 2, &done));
	rzs_worker_put(store, w);
}

static const char *second_codec(void)
{
	const char *name, *last = NULL;

	for (unsigned i = 0; (name = rzs_codec_name(i)); i++)
		last = name;
	return last;
}

static struct form *form_get(unsigned nr)
{
	struct form *f = &forms[nr];
	struct rzs_store *store;

	if (f->made)
		return f;
	f->cfg = (struct rzs_config){.nr_pages = NR, .nr_workers = 1, .no_checksum = nr & 2};
	rzs_test_use_arena(&arena);
	must(rzs_store_create(&f->cfg, &store));
	if (nr & 1)
		must(rzs_store_merge_open(store, RZS_MERGE_INDEX_MIN * 4));
	must(rzs_store_idle_open(store));
	must(rzs_store_recompress_open(store, second_codec(), 0));
	form_fill(f, store, nr & 1);
	f->root_bytes = arena.root_bytes;
	memcpy(f->bytes, arena.base, ARENA);
	rzs_store_destroy(store);
	f->made = true;
	return f;
}

/* ---- damage */

static uint8_t *block_at(uint32_t block)
{
	return (uint8_t *)arena.base + arena.root_bytes + (size_t)(block - 1) * RZS_BLOCK_SIZE;
}

/* A place for damage: most of them where something is that leads to pages. */
static size_t place(const struct form *f, uint8_t region, uint32_t at)
{
	const struct rzs_image *im = (const void *)f->bytes;
	const uint32_t *slots = (const void *)(f->bytes + im->slots_at);
	const uint32_t *pool = (const void *)(f->bytes + im->pool_at);
	const uint32_t *shares = (const void *)(f->bytes + im->shares_at);
	size_t first = (size_t)((const char *)block_at(1) - (const char *)arena.base);

	switch (region % 7) {
	case 0:
		return at % sizeof(*im);
	case 1:
		return at % f->root_bytes;
	case 2:
		return first + (slots[0] - 1) * (size_t)RZS_BLOCK_SIZE + at % (NR * 8);
	case 3:
		return first + (pool[0] - 1) * (size_t)RZS_BLOCK_SIZE + at % (64 * 20);
	case 4:
		return first + (shares[0] ? (shares[0] - 1) * (size_t)RZS_BLOCK_SIZE : 0) +
		       at % (16 * 40);
	case 5: /* a directory is at the end of its block */
		return first + (at >> 9) % ((ARENA - first) / RZS_BLOCK_SIZE) * RZS_BLOCK_SIZE +
		       RZS_BLOCK_SIZE - 1 - at % 512;
	default:
		return at % ARENA;
	}
}

static void damage(const struct form *f, const uint8_t *in)
{
	size_t at = place(f, in[0], in[1] | (uint32_t)in[2] << 8 | (uint32_t)(in[3] & 15) << 16);
	uint8_t *p = (uint8_t *)arena.base + at;
	uint64_t number = in[4];

	if (at + 16 > ARENA)
		return;
	switch (in[3] >> 4 & 7) {
	case 0:
	case 1:
		*p ^= in[4] | 1;
		break;
	case 2:
		*p = in[5];
		break;
	case 3: /* a number of a block, an index or a length */
		memcpy((uint8_t *)arena.base + at / 4 * 4, &number, 4);
		break;
	case 4:
		memcpy((uint8_t *)arena.base + at / 8 * 8, &number, 8);
		break;
	case 5: /* what is valid elsewhere */
		memcpy((uint8_t *)arena.base + at / 8 * 8,
		       (uint8_t *)arena.base + (at / 8 * 8 + (in[4] + 1) * 8) % (ARENA - 8), 8);
		break;
	case 6:
		memset(p, in[5], 1 + in[4] % 15);
		break;
	default:
		memset(p, 0xff, 1 + in[4] % 15);
		break;
	}
}

/* ---- what is left */

/* Whether the damage is none of the truth: the page's word, and the table that leads to it. */
static bool is_proved(const struct form *f, const uint8_t *damaged, unsigned slot)
{
	const struct rzs_image *im = (const void *)f->bytes;
	const uint32_t *slots = (const void *)(f->bytes + im->slots_at);
	size_t word = (size_t)(block_at(slots[0]) - (uint8_t *)arena.base) + slot * 8;

	return !f->cfg.no_checksum && !memcmp(f->bytes + word, damaged + word, 8) &&
	       !memcmp(f->bytes + im->slots_at, damaged + im->slots_at, 4);
}

static bool all_proved(const struct form *f, const uint8_t *damaged)
{
	for (unsigned i = 0; i < NR; i++)
		if (!is_proved(f, damaged, i))
			return false;
	return true;
}

static void expect_pages(const struct form *f, struct rzs_store *store, struct rzs_worker *w,
			 const uint8_t *damaged)
{
	uint8_t page[PAGE];

	for (unsigned i = 0; i < NR; i++) {
		if (rzs_store_read(store, w, i, page) == 0 && is_proved(f, damaged, i) &&
		    memcmp(page, f->model[i], PAGE))
			fail("a page has other bytes", i);
	}
}

static void expect_verified(struct rzs_store *store, struct rzs_worker *w, bool data)
{
	const char *what;

	if (rzs_store_verify(store, w, data, &what)) {
		fprintf(stderr, "verify: %s\n", what);
		fail("the store is not in order", 0);
	}
}

/* All pages can be written, and hold what was written. */
static void expect_usable(const struct form *f, struct rzs_store *store, struct rzs_worker *w)
{
	uint8_t page[PAGE];

	for (unsigned i = 0; i < NR; i++)
		if (rzs_store_write(store, w, i, f->model[(i + 1) % NR]))
			fail("a page cannot be written", i);
	for (unsigned i = 0; i < NR; i++)
		if (rzs_store_read(store, w, i, page) || memcmp(page, f->model[(i + 1) % NR], PAGE))
			fail("a page is not what was written", i);
	expect_verified(store, w, true);
}

static void adopt(const struct form *f, bool check_data)
{
	static uint8_t damaged[ARENA];
	struct rzs_blocks *blocks = rzs_test_adopt(&arena, UINT64_MAX);
	struct rzs_adopted found;
	struct rzs_store *store;
	struct rzs_worker *w;

	memcpy(damaged, arena.base, ARENA);
	if (rzs_store_adopt(&f->cfg, blocks, check_data, &found, &store)) {
		if (!found.what)
			fail("an image is refused without a reason", 0);
		rzs_blocks_close(blocks);
		return;
	}
	w = rzs_worker_get_own(store, 0);
	expect_verified(store, w, check_data && all_proved(f, damaged));
	expect_pages(f, store, w, damaged);
	if (check_data)
		expect_usable(f, store, w);
	rzs_worker_put(store, w);
	rzs_store_destroy(store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rzs_image *im;
	uint8_t how = size ? data[0] : 0;
	struct form *f;

	rzs_test_reset();
	if (!arena.base)
		rzs_test_arena_open(&arena, ARENA);
	f = form_get(how % FORMS);
	memcpy(arena.base, f->bytes, ARENA);
	arena.root_bytes = f->root_bytes;
	for (size_t at = 1; at + DAMAGE <= size; at += DAMAGE)
		damage(f, data + at);
	im = (struct rzs_image *)(void *)arena.base;
	if (how & 4) /* as if the header had been made so */
		im->sum = rzs_hash64(im, offsetof(struct rzs_image, sum), 0);
	adopt(f, !(how & 8));
	if (rzs_test_live_bytes() != 0 || rzs_test_damage() != 0)
		abort();
	return 0;
}

/* Few pieces of damage, mostly not of the header, which is refused at once. */
size_t fuzz_seed(uint64_t seed, uint8_t *buf, size_t size)
{
	struct pages_rng rng = {seed};
	size_t n = 1 + DAMAGE * (1 + pages_below(&rng, seed % 8 ? 6 : 60)), i;

	if (n > size)
		n = size;
	for (i = 0; i < n; i++)
		buf[i] = (uint8_t)pages_next(&rng);
	for (i = 1; seed % 8 && i + DAMAGE <= n; i += DAMAGE)
		buf[i] = (uint8_t)(2 + pages_below(&rng, 5));
	return n;
}
