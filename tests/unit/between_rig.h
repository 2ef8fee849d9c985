/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What others do between two steps of a call.  One thread: the port calls them. */
#ifndef BETWEEN_RIG_H
#define BETWEEN_RIG_H

#include "locks_free.h"
#include "merge_rig.h"

/* At step number `at` of a call, others do something, if this thread would not wait for itself. */
static struct {
	struct twin *t;
	unsigned steps, at, action;
	uint64_t slot;
	bool done;
} between;

enum { OVERWRITE, OVERWRITE_ALL, DISCARD, MODIFY, COMPACT, ACTIONS, REUSE = ACTIONS, READ };

static void interfere(struct twin *t, unsigned action, uint64_t slot)
{
	struct rzs_worker *own = t->worker;

	t->worker = rzs_worker_get(t->store, 1);
	switch (action) {
	case OVERWRITE:
		put(t, slot, 1, 77, false);
		break;
	case OVERWRITE_ALL:
		put(t, 0, 3, 78, false);
		break;
	case DISCARD:
		twin_discard(t, slot, 1);
		break;
	case MODIFY:
		T_EQ(twin_pwrite(t, "other", 5, slot * PAGE + 50), 0);
		break;
	case READ:
		twin_read(t, slot);
		break;
	case REUSE: /* the number of the share becomes that of another */
		put(t, 0, 3, 78, false);
		put(t, 3, 2, 79, false);
		twin_merge(t, &usual, 16);
		break;
	default:
		twin_compact(t, UINT64_MAX);
	}
	rzs_worker_put(t->store, t->worker);
	t->worker = own;
}

static void step(void *arg, const void *unused, size_t n)
{
	(void)arg, (void)unused, (void)n;
	if (between.done || between.steps++ < between.at || !all_free(between.t->store))
		return;
	between.done = true;
	interfere(between.t, between.action, between.slot);
}

static void begin_between(struct twin *t, unsigned at, unsigned action, uint64_t slot)
{
	memset(&between, 0, sizeof(between));
	between.t = t;
	between.at = at;
	between.action = action;
	between.slot = slot;
	rzs_test_call_at(RZS_TEST_AT_YIELD, step, NULL);
}

#endif
