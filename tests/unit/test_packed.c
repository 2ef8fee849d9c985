/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What takes more than one store to change is built in a spare block: whoever finds the block at
 * any moment, after a kill as well, finds every object that it should have.
 */
#include "pool_internal.h"
#include "store.h"
#include "twin_rig.h"

#define NR_OWNERS 60u

struct block {
	struct rzs_packed packed;
	uint8_t *mem, *spare;
	struct {
		uint32_t index, size; /* 0: there is none */
		uint8_t fill;
	} of[NR_OWNERS];
};

static uint8_t memory[3][RZS_BLOCK_SIZE] __attribute__((aligned(64)));
static struct rzs_packed_scratch scratch;

/* All objects but that of `but` are in mem, with their owners. */
static void expect_objects(const struct block *b, uint8_t *mem, uint32_t but)
{
	for (uint32_t owner = 0; owner < NR_OWNERS; owner++) {
		struct rzs_entry *e = rzs_packed_entry(mem, b->of[owner].index);
		uint32_t size = b->of[owner].size;
		const uint8_t *data = mem + rzs_entry_offset(e);

		if (!size || owner == but)
			continue;
		T_EQ(rzs_entry_owner(e), owner);
		T_EQ(rzs_entry_size(e), size);
		T_EQ(data[0], b->of[owner].fill);
		T_EQ(memcmp(data, data + 1, size - 1), 0);
	}
}

/* Returns the bytes that a slide has copied. */
static uint32_t put(struct block *b, uint32_t owner, uint32_t size, uint8_t fill)
{
	uint8_t data[RZS_PAGE_SIZE], *mem = b->mem;
	uint32_t slid;
	const char *what;

	memset(data, fill, size);
	memcpy(memory[2], b->mem, RZS_BLOCK_SIZE);
	if (rzs_packed_put(&b->packed, b->mem, owner, data, size, 0, b->spare, &scratch,
			   &b->of[owner].index, &slid))
		return 0;
	b->of[owner].size = size;
	b->of[owner].fill = fill;
	expect_objects(b, mem, owner); /* the old block, or the same with another object */
	if (slid) {
		T_EQ(memcmp(mem, memory[2], RZS_BLOCK_SIZE), 0);
		b->mem = b->spare;
		b->spare = mem;
	}
	expect_objects(b, b->mem, NR_OWNERS);
	T_EQ(rzs_packed_check(&b->packed, b->mem, &scratch, &what), 0);
	return slid;
}

/* Red when a slide is made in place. */
T_TEST(a_slide_leaves_the_block_as_it_was)
{
	struct block b = {.mem = memory[0], .spare = memory[1]};
	struct pages_rng rng = {t_seed()};
	uint64_t slides = 0, bytes = 0;

	rzs_packed_init(&b.packed);
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t owner = (uint32_t)pages_below(&rng, NR_OWNERS), slid;

		if (b.of[owner].size) {
			rzs_packed_del(&b.packed, b.mem, b.of[owner].index);
			b.of[owner].size = 0;
			continue;
		}
		slid = put(&b, owner, 1 + (uint32_t)pages_below(&rng, 2000), (uint8_t)i);
		slides += slid != 0;
		bytes += slid;
	}
	T_GT(slides, 100);
	T_GT(bytes, slides * 1000);
}

static struct rzs_block *block_of(const struct twin *t, uint64_t slot)
{
	uint64_t word = *rzs_slots_lookup(&t->store->slots, slot);

	return rzs_pool_block(&t->store->pool, rzs_word_block(word));
}

/* Red when an object that replaces another one is written over it. */
static void rewrite(enum pages_kind kind)
{
	struct rzs_config cfg = config(4096);
	uint8_t page[PAGE];
	struct rzs_block *b;
	uint64_t slot = 0;
	struct twin t;
	uint32_t old;

	T_EQ(rzs_store_min_limit(&cfg, &cfg.limit_bytes), 0);
	twin_open(&t, &cfg);
	t.may_refuse = true;
	pages_make(page, kind, 1);
	while (twin_write(&t, slot, page) == 0)
		slot++;
	/* A page of this size fits nowhere any more but in the place of itself. */
	b = block_of(&t, 0);
	old = b->mem;
	memcpy(memory[0], rzs_blocks_at(t.store->blocks, old), RZS_BLOCK_SIZE);
	if (kind == PAGES_RANDOM)
		pages_make(page, kind, 2);
	T_EQ(twin_write(&t, 0, page), 0);
	T_EQ(block_of(&t, 0), b);
	T_NE(b->mem, old);
	T_EQ(t.worker->spare, old);
	T_EQ(memcmp(rzs_blocks_at(t.store->blocks, old), memory[0], RZS_BLOCK_SIZE), 0);
	twin_close(&t);
}

T_TEST(a_page_that_replaces_itself_leaves_the_block_as_it_was)
{
	rewrite(PAGES_RANDOM);
	rewrite(PAGES_TEXT);
}
