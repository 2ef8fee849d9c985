/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What others see while a call is under way.  At each point of a call where another thread may come
 * in between, one looks: it finds the page as it was or as it will be, whole, and nothing that
 * should not be.  One thread plays both, so that each of these points is met, and each time.
 */
#include "port_test.h"
#include "pool_internal.h"
#include "store.h"
#include "twin_rig.h"

#define NR 400u

struct play {
	struct twin t;
	struct rzs_worker *reader;
	struct pages_rng rng;
	uint64_t slot, nr; /* that are being changed; */
	const uint8_t *to; /* to this, NULL: zeros */
	uint64_t looks, seen_new;
};

/* Whether a reader would get at the page now, and not wait for this very thread. */
static bool can_be_read(struct rzs_store *store, uint64_t slot)
{
	uint64_t *p = rzs_slots_lookup(&store->slots, slot), word = p ? rzs_load(p) : 0;
	struct rzs_block *b;

	if (!rzs_word_is_object(word))
		return true;
	b = rzs_pool_block(&store->pool, rzs_word_block(word));
	if (!rzs_trylock(&b->lock))
		return false;
	rzs_unlock(&b->lock);
	return true;
}

static void look_at(struct play *p, uint64_t slot)
{
	const uint8_t *was = model_page(&p->t.model, slot);
	static const uint8_t zeros[PAGE];
	uint8_t page[PAGE];
	int err;

	if (!can_be_read(p->t.store, slot))
		return;
	err = rzs_store_read(p->t.store, p->reader, slot, page);
	if (err)
		T_FAIL("a reader between two steps gets %d", err);
	p->looks++;
	if (memcmp(page, was, PAGE) == 0)
		return;
	T_OK(slot >= p->slot && slot - p->slot < p->nr);
	T_MEM_EQ(page, p->to ? p->to : zeros, PAGE);
	p->seen_new++;
}

static void look(void *arg, const void *unused, size_t n)
{
	struct play *p = arg;

	(void)unused, (void)n;
	if (p->nr)
		look_at(p, p->slot + pages_below(&p->rng, p->nr));
	look_at(p, pages_below(&p->rng, NR));
}

static void begin(struct play *p, struct rzs_config *cfg)
{
	memset(p, 0, sizeof(*p));
	p->rng.state = t_seed();
	twin_open(&p->t, cfg);
	p->t.may_refuse = cfg->limit_bytes != 0;
	p->reader = rzs_worker_get(p->t.store, 1);
}

static void end(struct play *p)
{
	T_GT(p->looks, 1000);
	T_GT(p->seen_new, 10);
	rzs_worker_put(p->t.store, p->reader);
	twin_close(&p->t);
}

/* Calls from here to watched_end() are looked at: they make pages slot .. slot + nr - 1 be to. */
static void watched(struct play *p, uint64_t slot, uint64_t nr, const uint8_t *to)
{
	p->slot = slot;
	p->nr = nr;
	p->to = to;
	rzs_test_call_at(RZS_TEST_AT_YIELD, look, p);
}

static void watched_end(void)
{
	rzs_test_call_at(RZS_TEST_AT_YIELD, NULL, NULL);
}

static int write_watched(struct play *p, uint64_t slot, const uint8_t *page)
{
	int err;

	watched(p, slot, 1, page);
	err = rzs_store_write(p->t.store, p->t.worker, slot, page);
	watched_end();
	if (!err)
		model_write(&p->t.model, page, PAGE, slot * PAGE);
	twin_read(&p->t, slot);
	return err;
}

static void modify_watched(struct play *p, uint64_t slot, const uint8_t *from)
{
	uint8_t page[PAGE];
	int err;

	memcpy(page, model_page(&p->t.model, slot), PAGE);
	memcpy(page + 100, from + 100, 700);
	watched(p, slot, 1, page);
	err = rzs_store_pwrite(p->t.store, p->t.worker, from + 100, 700, slot * PAGE + 100);
	watched_end();
	T_OK(err == 0 || (p->t.may_refuse && err == -ENOSPC));
	if (!err)
		model_write(&p->t.model, from + 100, 700, slot * PAGE + 100);
	twin_read(&p->t, slot);
}

static void discard_watched(struct play *p, uint64_t slot, uint64_t nr)
{
	watched(p, slot, nr, NULL);
	T_EQ(rzs_store_discard(p->t.store, p->t.worker, slot, nr), 0);
	watched_end();
	model_trim(&p->t.model, nr * PAGE, slot * PAGE);
}

static void compact_watched(struct play *p)
{
	uint64_t blocks;
	bool more;

	watched(p, 0, 0, NULL);
	T_EQ(rzs_store_compact(p->t.store, p->t.worker, UINT64_MAX, &blocks, &more), 0);
	watched_end();
}

static void play(struct rzs_config cfg, unsigned calls)
{
	uint8_t page[PAGE];
	struct play p;

	begin(&p, &cfg);
	for (unsigned i = 0; i < calls; i++) {
		uint64_t r = pages_next(&p.rng), slot = r % NR;

		pages_make_any(page, r);
		switch (r >> 60) {
		case 0:
			discard_watched(&p, slot, 1 + (r >> 20) % (NR - slot < 5 ? NR - slot : 5));
			break;
		case 1:
		case 2:
			modify_watched(&p, slot, page);
			break;
		case 3:
			compact_watched(&p);
			break;
		default:
			(void)write_watched(&p, slot, page);
		}
	}
	twin_check_all(&p.t);
	end(&p);
}

T_TEST(a_reader_between_the_steps_of_any_call_finds_the_old_page_or_the_new)
{
	play(config(NR), 3000);
}

T_TEST(and_so_in_a_store_that_wipes)
{
	struct rzs_config cfg = config(NR);

	cfg.wipe = true;
	play(cfg, 2000);
}

/* Pages of this kind from slot on, until one is refused; the slot of that. */
static uint64_t fill_watched(struct play *p, enum pages_kind kind, uint64_t slot)
{
	uint8_t page[PAGE];

	do
		pages_make(page, kind, ++slot);
	while (write_watched(p, slot - 1, page) == 0);
	return slot - 1;
}

/* Whether the slot's page is in the place that word names. */
static bool is_at(const struct play *p, uint64_t slot, uint64_t word)
{
	uint64_t now = *rzs_slots_lookup(&p->t.store->slots, slot);

	return ((now ^ word) & rzs_word_place_mask(word)) == 0;
}

#define REWRITTEN 20u

/*
 * A store so full that there is no second place for any page but small ones: those of this kind are
 * rewritten where they are, as they get smaller.
 */
static void rewrite_watched(enum pages_kind kind)
{
	struct rzs_config cfg = config(NR);
	uint64_t rewritten = 0, slot = REWRITTEN;
	uint8_t page[PAGE];
	struct play p;

	T_EQ(rzs_store_min_limit(&cfg, &cfg.limit_bytes), 0);
	begin(&p, &cfg);
	for (uint64_t i = 0; i < REWRITTEN; i++) {
		pages_make(page, kind, i);
		T_EQ(write_watched(&p, i, page), 0);
	}
	slot = fill_watched(&p, PAGES_RANDOM, slot);
	slot = fill_watched(&p, PAGES_TEXT, slot);
	(void)fill_watched(&p, PAGES_SPARSE, slot);
	for (uint64_t i = 0; i < 15 * REWRITTEN; i++) {
		uint64_t word = *rzs_slots_lookup(&p.t.store->slots, i % REWRITTEN);

		pages_make(page, kind, 1000 + i);
		if (kind != PAGES_RANDOM)
			memset(page + 3500 - i / REWRITTEN * 200, 7, 596 + i / REWRITTEN * 200);
		if (write_watched(&p, i % REWRITTEN, page) == 0)
			rewritten += is_at(&p, i % REWRITTEN, word);
	}
	T_GE(rewritten, 5);
	end(&p);
}

/* Red when the word is published after the block is unlocked: new bytes, old word. */
T_TEST(a_page_rewritten_in_its_place_is_never_half_there)
{
	rewrite_watched(PAGES_RANDOM);
	rewrite_watched(PAGES_TEXT);
}
