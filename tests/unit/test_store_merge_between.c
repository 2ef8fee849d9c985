/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Merging, and what others do between two steps of a call.  One thread: the port calls them. */
#include "between_rig.h"
#include "sanitized.h"

/*
 * Three equal pages, some of which share an object already, are merged, or given back.  Whatever is
 * done to them at whatever step, everything is in order.  Returns whether the call was long enough.
 */
static bool interrupted_call(unsigned at, unsigned action, unsigned before, bool back)
{
	struct twin t = open_merging(16);

	/* So that there is something for compaction to move. */
	for (unsigned i = 3; i < 16; i++)
		put(&t, i, 1, 100 + i, false);
	put(&t, 0, 3, 1, false);
	for (unsigned i = 4; i < 16; i += 2)
		twin_discard(&t, i, 1);
	if (before)
		twin_merge(&t, &usual, before);
	begin_between(&t, at, action % ACTIONS, action / ACTIONS);
	if (back)
		(void)twin_unmerge(&t, 16);
	else
		twin_merge(&t, &usual, 16);
	rzs_test_call_at(RZS_TEST_AT_YIELD, NULL, NULL);
	twin_check_all(&t);
	twin_close(&t);
	return between.done;
}

T_TEST_TIMEOUT(between_two_steps, 120)
{
	unsigned calls = 0, at, step_by = instrumented() ? 5 : 1;

	for (unsigned before = 0; before <= 3; before++)
		for (unsigned back = before < 2; back < 2; back++)
			for (unsigned action = 0; action < 3 * ACTIONS; action++)
				for (at = 0; interrupted_call(at, action, before, back);
				     at += step_by)
					calls++;
	t_note("%u interruptions", calls);
	T_GT(calls, 500);
}

/* A reader gets the page as it was, or as it is now, whatever happens to its share in between. */
T_TEST(between_two_steps_of_a_read)
{
	for (unsigned action = 0; action <= REUSE; action++)
		for (unsigned at = 0;; at++) {
			struct twin t = open_merging(16);
			uint8_t page[PAGE], was[PAGE];

			put(&t, 0, 3, 1, false);
			twin_merge(&t, &usual, 16);
			T_EQ(stats_of(&t).pages_sharing, 2);
			memcpy(was, model_page(&t.model, 0), PAGE);
			begin_between(&t, at, action, 0);
			T_EQ(rzs_store_read(t.store, t.worker, 0, page), 0);
			rzs_test_call_at(RZS_TEST_AT_YIELD, NULL, NULL);
			if (memcmp(page, was, PAGE) != 0)
				T_MEM_EQ(page, model_page(&t.model, 0), PAGE);
			twin_close(&t);
			if (!between.done)
				break;
		}
}

/*
 * A write that merges, into a page that has none, a page of its own or a shared one before, beside
 * equal pages that are alone or share.  Returns whether it was long enough.
 */
static bool interrupted_write(unsigned at, unsigned action, unsigned before, bool partial)
{
	struct twin t = open_merging(16);
	uint8_t page[PAGE];

	T_EQ(rzs_store_merge_writes(t.store, 3), 0);
	for (unsigned i = 5; i < 16; i++)
		put(&t, i, 1, 100 + i, false);
	for (unsigned i = 5; i < 16; i += 2)
		twin_discard(&t, i, 1);
	put(&t, 0, before, 1, false); /* one page, or a share that is full at last */
	put(&t, 3, 1, 2, false);
	content(page, 1, false);
	if (partial) {
		T_EQ(twin_pwrite(&t, page, PAGE, 3 * PAGE), 0);
		T_EQ(twin_pwrite(&t, "other", 5, 3 * PAGE + 50), 0);
	}
	begin_between(&t, at, action % ACTIONS, action / ACTIONS);
	if (partial)
		(void)twin_pwrite(&t, page + 50, 5, 3 * PAGE + 50);
	else
		(void)twin_write(&t, 3, page);
	rzs_test_call_at(RZS_TEST_AT_YIELD, NULL, NULL);
	twin_check_all(&t);
	twin_close(&t);
	return between.done;
}

T_TEST_TIMEOUT(between_two_steps_of_a_write, 120)
{
	unsigned calls = 0, at, step_by = instrumented() ? 7 : 2;

	for (unsigned before = 1; before <= 3; before++)
		for (unsigned partial = 0; partial < 2; partial++)
			for (unsigned action = 0; action < 3 * ACTIONS; action++)
				for (at = 0; interrupted_write(at, action, before, partial);
				     at += step_by)
					calls++;
	t_note("%u interruptions", calls);
	T_GT(calls, instrumented() ? 200 : 700);
}
