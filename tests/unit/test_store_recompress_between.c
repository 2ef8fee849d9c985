/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Recompression, and what others do between two of its steps.  One thread: the port calls them. */
#include "between_rig.h"
#include "recompress_rig.h"
#include "sanitized.h"

/*
 * Three pages, of which two are equal and one is raw, are recompressed.  Whatever is done to them
 * at whatever step, all pages are what they should be, and so are the sums.  before: two of them
 * share an object.  Returns whether the call was long enough.
 */
static bool interrupted_call(unsigned at, unsigned action, bool before)
{
	struct twin t = open_merging(16);

	open_second(&t);
	for (unsigned i = 3; i < 16; i++)
		put(&t, i, 1, 100 + i, false);
	put(&t, 0, 2, 1, false);
	fill(&t, PAGES_NEAR_TEXT, 2, 1);
	for (unsigned i = 4; i < 16; i += 2)
		twin_discard(&t, i, 1);
	mark_all(&t);
	if (before) {
		recompress(&t, 1);
		twin_merge(&t, &usual, 16);
		T_EQ(stats_of(&t).pages_sharing, 1);
		put(&t, 2, 1, 3, false);
		mark_all(&t);
	}
	begin_between(&t, at, action % ACTIONS, action / ACTIONS);
	recompress(&t, 1);
	rzs_test_call_at(RZS_TEST_AT_YIELD, NULL, NULL);
	twin_check_all(&t);
	twin_close(&t);
	return between.done;
}

T_TEST_TIMEOUT(between_two_steps, 120)
{
	unsigned calls = 0, at, step_by = instrumented() ? 29 : 5;

	for (unsigned before = 0; before < 2; before++)
		for (unsigned action = 0; action < 3 * ACTIONS; action++)
			for (at = 0; interrupted_call(at, action, before); at += step_by)
				calls++;
	t_note("%u interruptions", calls);
	T_GT(calls, instrumented() ? 50 : 300);
}

/*
 * The same of pages that get a unit.  before: two of them are what is left of one.  Red when a page
 * that has changed gets the unit's word, or does not leave the unit.
 */
static bool interrupted_unit(unsigned at, unsigned action, uint64_t slot, bool before)
{
	struct twin t;

	unit_wanted = 4;
	t = open_recompressing(16);
	fill_alike(&t, 0, 4, 100);
	fill(&t, PAGES_TEXT, 4, 12);
	for (unsigned i = 4; i < 16; i += 2)
		twin_discard(&t, i, 1);
	mark_all(&t);
	if (before) {
		recompress(&t, 1);
		T_EQ(stats_of(&t).unit_pages, 4);
		fill_alike(&t, 1, 2, 200);
		mark_all(&t);
	}
	begin_between(&t, at, action, slot);
	recompress(&t, 1);
	rzs_test_call_at(RZS_TEST_AT_YIELD, NULL, NULL);
	twin_check_all(&t);
	twin_close(&t);
	return between.done;
}

T_TEST_TIMEOUT(between_two_steps_of_units, 120)
{
	static const unsigned actions[] = {OVERWRITE, OVERWRITE_ALL, DISCARD,
					   MODIFY,    COMPACT,	     READ};
	unsigned calls = 0, at, step_by = instrumented() ? 29 : 5;

	for (unsigned before = 0; before < 2; before++)
		for (unsigned i = 0; i < 2 * sizeof(actions) / sizeof(actions[0]); i++)
			for (at = 0; interrupted_unit(at, actions[i / 2], i % 2 * 2, before);
			     at += step_by)
				calls++;
	t_note("%u interruptions", calls);
	T_GT(calls, instrumented() ? 50 : 300);
}

/*
 * The word comes back with other contents: two writes in between, the second of which gets the
 * place of the object that was read.  Red when the bytes are not compared.
 */
static struct {
	struct twin *t;
	uint64_t *word, was;
	uint8_t page[PAGE];
	unsigned steps, at;
	bool done;
} again;

static void write_twice(void *arg, const void *unused, size_t n)
{
	struct rzs_worker *own = again.t->worker;

	(void)arg, (void)unused, (void)n;
	if (again.done || again.steps++ < again.at || !all_free(again.t->store))
		return;
	again.done = true;
	again.t->worker = rzs_worker_get(again.t->store, 1);
	put(again.t, 0, 1, 50, false);
	T_EQ(twin_write(again.t, 0, again.page), 0);
	*again.word |= RZS_SLOT_IDLE;
	rzs_worker_put(again.t->store, again.t->worker);
	again.t->worker = own;
}

/* A page other than content(1), and compressed to the same size. */
static void make_alike(uint8_t *page)
{
	struct twin t = open_twin(2);
	uint64_t *words;

	content(page, 1, false);
	put(&t, 0, 2, 1, false);
	words = rzs_slots_lookup(&t.store->slots, 0);
	for (unsigned i = 0; i < PAGE; i++) {
		page[i] ^= 1;
		T_EQ(twin_write(&t, 1, page), 0);
		if (rzs_word_size(words[1]) == rzs_word_size(words[0]))
			break;
		page[i] ^= 1;
	}
	T_EQ(rzs_word_size(words[1]), rzs_word_size(words[0]));
	twin_close(&t);
}

T_TEST(the_same_word_again)
{
	unsigned met = 0;

	for (unsigned at = 0;; at++) {
		struct twin t = open_recompressing(8);

		put(&t, 0, 1, 1, false);
		mark_all(&t);
		memset(&again, 0, sizeof(again));
		make_alike(again.page);
		again.t = &t;
		again.at = at;
		again.word = rzs_slots_lookup(&t.store->slots, 0);
		again.was = *again.word;
		rzs_test_call_at(RZS_TEST_AT_YIELD, write_twice, NULL);
		recompress(&t, 1);
		rzs_test_call_at(RZS_TEST_AT_YIELD, NULL, NULL);
		met += again.done && *again.word == again.was;
		twin_check_all(&t);
		twin_close(&t);
		if (!again.done)
			break;
	}
	T_GT(met, 0);
}
