/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Discarding without waiting (rzs_store_try_discard): as a discard, or -EAGAIN with nothing changed
 * when it would have to wait for a worker or for whoever has the slot.
 */
#include "slot.h"
#include "store.h"
#include "twin_rig.h"

#define NR 100

static struct twin open_one_worker(void)
{
	struct rzs_config cfg = {.nr_pages = NR, .nr_workers = 1};
	struct twin t;

	twin_open(&t, &cfg);
	return t;
}

/* The twin holds the store's only worker; without it nobody has it. */
static int try_alone(struct twin *t, uint64_t slot)
{
	int err;

	rzs_worker_put(t->store, t->worker);
	err = rzs_store_try_discard(t->store, 7, slot);
	t->worker = rzs_worker_get(t->store, 0);
	return err;
}

T_TEST(a_page_is_dropped_and_counted_as_a_discard)
{
	struct twin t = open_one_worker();
	struct rzs_stats before, after;

	fill(&t, PAGES_TEXT, 10, 3);
	before = stats_of(&t);
	T_EQ(try_alone(&t, 11), 0);
	model_trim(&t.model, PAGE, 11 * PAGE);
	after = stats_of(&t);
	T_EQ(after.discards, before.discards + 1);
	T_EQ(after.pages_stored, 2);
	twin_check_all(&t);
	twin_close(&t);
}

T_TEST(what_is_not_there_is_dropped_already)
{
	struct twin t = open_one_worker();

	T_EQ(rzs_store_try_discard(t.store, 0, 5), 0); /* needs no worker either */
	fill(&t, PAGES_RANDOM, 6, 1);
	T_EQ(try_alone(&t, 5), 0);
	T_EQ(stats_of(&t).discards, 0);
	twin_check_all(&t);
	twin_close(&t);
}

T_TEST(a_slot_beyond_the_end_is_refused)
{
	struct twin t = open_one_worker();

	T_EQ(try_alone(&t, NR), -EINVAL);
	T_EQ(try_alone(&t, UINT64_MAX), -EINVAL);
	twin_close(&t);
}

T_TEST(without_a_worker_it_is_for_later)
{
	struct twin t = open_one_worker();

	fill(&t, PAGES_TEXT, 20, 1);
	T_EQ(rzs_store_try_discard(t.store, 0, 20), -EAGAIN);
	T_EQ(stats_of(&t).discards, 0);
	twin_check_all(&t);
	T_EQ(try_alone(&t, 20), 0); /* and nothing is in its way afterwards */
	model_trim(&t.model, PAGE, 20 * PAGE);
	twin_check_all(&t);
	twin_close(&t);
}

T_TEST(a_slot_that_somebody_has_is_for_later)
{
	struct twin t = open_one_worker();
	uint64_t *p, word;

	fill(&t, PAGES_TEXT, 30, 1);
	p = rzs_slots_lookup(&t.store->slots, 30);
	word = rzs_slot_lock(p);
	T_EQ(try_alone(&t, 30), -EAGAIN); /* with the worker put back: it is had again */
	T_EQ(stats_of(&t).discards, 0);
	rzs_slot_unlock(p, word);
	twin_check_all(&t);
	T_EQ(try_alone(&t, 30), 0);
	model_trim(&t.model, PAGE, 30 * PAGE);
	twin_check_all(&t);
	twin_close(&t);
}
