/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Passes that find out which pages are idle.  See idle.h. */
#include "idle.h"

/* Between passes, if nothing else is asked for. */
#define STEP_SECONDS 10u
/* The limit is near with less than this share of it left. */
#define NEAR_LIMIT_SHARE 8u

static uint64_t ages_nr_chunks(uint64_t nr)
{
	return (nr + RZS_AGES_PER_CHUNK - 1) / RZS_AGES_PER_CHUNK;
}

/* The table of chunks, and after it the row. */
static uint64_t ages_fixed_bytes(const struct rzs_store *store)
{
	return ages_nr_chunks(store->slots.nr) * sizeof(uint32_t) + RZS_SLOTS_PER_CHUNK;
}

/* Ages of a run whose chunk there is no block for. */
static uint8_t *ages_row(const struct rzs_store *store)
{
	return (uint8_t *)(store->ages + ages_nr_chunks(store->slots.nr));
}

void rzs_idle_fini(struct rzs_store *store, bool wipe)
{
	uint64_t i;

	for (i = 0; wipe && store->ages && i < ages_nr_chunks(store->slots.nr); i++)
		if (store->ages[i])
			rzs_port_wipe(rzs_blocks_at(store->blocks, store->ages[i]), RZS_BLOCK_SIZE);
	rzs_port_free(store->ages, ages_fixed_bytes(store));
	store->ages = NULL;
}

int rzs_store_idle_open(struct rzs_store *store)
{
	uint64_t bytes = ages_fixed_bytes(store);
	int err;

	if (store->ages)
		return 0;
	err = rzs_store_set_fixed(store, store->fixed_bytes + bytes);
	if (err)
		return err;
	store->ages = rzs_port_alloc(bytes);
	if (store->ages)
		return 0;
	(void)rzs_store_set_fixed(store, store->fixed_bytes - bytes);
	return -ENOMEM;
}

/* The ages from slot on, in its chunk; NULL: there are none, and no memory, or make is false. */
static uint8_t *ages_of(struct rzs_store *store, rzs_slot_t slot, bool make)
{
	uint32_t *where = &store->ages[slot / RZS_AGES_PER_CHUNK], chunk = *where;
	bool limit;

	if (!chunk) {
		chunk = make ? rzs_blocks_take(store->blocks, &limit) : 0;
		if (!chunk)
			return NULL;
		memset(rzs_blocks_at(store->blocks, chunk), 0, RZS_BLOCK_SIZE);
		*where = chunk;
		rzs_add(&store->age_chunks_held, 1);
	}
	return (uint8_t *)rzs_blocks_at(store->blocks, chunk) + slot % RZS_AGES_PER_CHUNK;
}

/*
 * What is known of the run's pages without a chunk: one with the mark was not used since a pass.  A
 * full store needs no more, as there all that are idle are due (rzs_recompress_is_urgent()).  Once
 * some are smaller, compaction frees blocks, and the next pass may find one for the chunk.  What is
 * changed in the row is forgotten: what was tried in vain is tried again.
 */
static uint8_t *ages_without_chunk(const struct rzs_store *store, const struct rzs_walk *run,
				   bool pass)
{
	uint8_t *row = ages_row(store);
	uint64_t i;

	for (i = 0; i < run->nr; i++)
		row[i] = !pass && rzs_load(run->words + i) & RZS_SLOT_IDLE ? 1 : 0;
	return row;
}

/* A chunk of ages has whole chunks of slots. */
_Static_assert(RZS_AGES_PER_CHUNK % RZS_SLOTS_PER_CHUNK == 0, "runs");

bool rzs_idle_walk(struct rzs_store *store, rzs_slot_t *at, uint64_t nr, bool make,
		   struct rzs_walk *out)
{
	uint64_t left = store->slots.nr - *at;

	out->slot = *at;
	out->words = rzs_slots_lookup(&store->slots, *at);
	out->nr = rzs_slots_in_chunk(*at, out->words && nr < left ? nr : left);
	out->ages = out->words ? ages_of(store, *at, make) : NULL;
	if (out->words && !out->ages)
		out->ages = ages_without_chunk(store, out, make);
	*at += out->nr;
	if (*at < store->slots.nr)
		return false;
	*at = 0;
	return true;
}

static bool has_age(uint64_t word)
{
	return rzs_word_is_object(word) || rzs_word_kind(word) == RZS_KIND_MERGED;
}

/* The word of a page with its mark, and after a pass more if one is made. */
static uint64_t marked(uint64_t word, bool pass)
{
	if (pass && word & RZS_SLOT_CODEC2 && rzs_word_since(word) < RZS_SINCE_MAX)
		word += RZS_SLOT_SINCE_ONE;
	return word | RZS_SLOT_IDLE;
}

/* Set the mark of a page.  Returns its word before, or 0: it has no age. */
static uint64_t mark_page(uint64_t *p, bool pass)
{
	uint64_t word = rzs_load(p);

	while (has_age(word) && !(word & RZS_SLOT_LOCK) && marked(word, pass) != word &&
	       !rzs_cas(p, &word, marked(word, pass)))
		;
	return has_age(word) ? word : 0;
}

/* The place of an age in the histogram: 0, 1, 2-3, 4-7, and so on. */
static unsigned age_class(unsigned age)
{
	return age ? 32 - (unsigned)__builtin_clz(age) : 0;
}

_Static_assert(RZS_AGE_MAX >> (RZS_AGE_CLASSES - 1) == 0, "the oldest class");

static void pass_page(struct rzs_store *store, uint64_t *p, uint8_t *age)
{
	uint64_t word = mark_page(p, true);

	if (!(word & RZS_SLOT_IDLE))
		*age = 0;
	else if ((*age & RZS_AGE_MASK) < RZS_AGE_MASK)
		++*age;
	/* Of an object that equal pages share the bytes are no page's. */
	if (rzs_word_is_object(word) || rzs_word_is_member(word))
		store->age_sum[age_class(*age & RZS_AGE_MASK)] += rzs_word_own_size(word);
}

/* The pass has ended: show what it has found. */
static void pass_end(struct rzs_store *store)
{
	unsigned i;

	for (i = 0; i < RZS_AGE_CLASSES; i++) {
		rzs_set(&store->age_bytes[i], store->age_sum[i]);
		store->age_sum[i] = 0;
	}
	rzs_add(&store->idle_passes, 1);
}

int rzs_store_idle_pass(struct rzs_store *store, uint64_t nr, bool *out_done)
{
	struct rzs_walk run;
	uint64_t i, cost;

	*out_done = false;
	if (!store->ages)
		return -EINVAL;
	for (; nr && !*out_done; nr -= cost) {
		*out_done = rzs_idle_walk(store, &store->idle_at, nr, true, &run);
		for (i = 0; run.ages && i < run.nr; i++)
			pass_page(store, run.words + i, run.ages + i);
		cost = run.ages ? run.nr : 1;
	}
	if (*out_done)
		pass_end(store);
	return 0;
}

/* Mark a page whose age is min_age or more, and let it be as old as can be. */
static void make_old(uint64_t *p, uint8_t *age, unsigned min_age)
{
	uint64_t word = rzs_load(p);

	if (min_age && (!(word & RZS_SLOT_IDLE) || (*age & RZS_AGE_MASK) < min_age))
		return;
	word = mark_page(p, false);
	if (!(word & RZS_SLOT_IDLE))
		*age = 0; /* so that nothing counts as tried */
	/* Without a minimum all are old.  With one, a page that was used just now is not. */
	if (!min_age || word & RZS_SLOT_IDLE)
		*age |= RZS_AGE_MASK;
}

int rzs_store_idle_mark_old(struct rzs_store *store, unsigned min_age, uint64_t nr, bool *out_done)
{
	struct rzs_walk run;
	uint64_t i, cost;

	*out_done = false;
	if (!store->ages)
		return -EINVAL;
	for (; nr && !*out_done; nr -= cost) {
		*out_done = rzs_idle_walk(store, &store->mark_at, nr, true, &run);
		for (i = 0; run.ages && i < run.nr; i++)
			make_old(run.words + i, run.ages + i, min_age);
		cost = run.ages ? run.nr : 1;
	}
	return 0;
}

int rzs_store_idle_mark(struct rzs_store *store, uint64_t nr, bool *out_done)
{
	return rzs_store_idle_mark_old(store, 0, nr, out_done);
}

int rzs_store_idle_age(struct rzs_store *store, rzs_slot_t slot, unsigned *out_steps)
{
	uint64_t *p;
	uint8_t *age;

	*out_steps = 0;
	if (!store->ages || !rzs_store_range_ok(store, slot, 1))
		return -EINVAL;
	p = rzs_slots_lookup(&store->slots, slot);
	age = ages_of(store, slot, false);
	if (p && age && rzs_load(p) & RZS_SLOT_IDLE && has_age(rzs_load(p)))
		*out_steps = *age & RZS_AGE_MASK;
	return 0;
}

/* ---- when ---- */

unsigned rzs_idle_step_seconds(bool recompressing, unsigned after, unsigned idle_step)
{
	unsigned least = after / RZS_AGE_MAX + (after % RZS_AGE_MAX != 0);

	if (!recompressing)
		return idle_step;
	if (!idle_step)
		idle_step = after && after < STEP_SECONDS ? after : STEP_SECONDS;
	return idle_step < least ? least : idle_step;
}

unsigned rzs_recompress_min_age(unsigned after, unsigned step_seconds)
{
	unsigned steps = after / step_seconds + (after % step_seconds != 0);

	if (!steps)
		return 1;
	return steps < RZS_AGE_MAX ? steps : RZS_AGE_MAX;
}

bool rzs_recompress_is_urgent(const struct rzs_stats *s)
{
	return s->limit_bytes && s->limit_bytes - s->mem_bytes < s->limit_bytes / NEAR_LIMIT_SHARE;
}
