/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which pages are spilled next (server/host/spiller_plan.h): a table. */
#include "t.h"

#include "spiller_plan.h"

#define MIB   (UINT64_C(1) << 20)
#define LIMIT (100 * MIB)
#define NO    RZS_SPILLER_NO_AGE

static const struct rzs_spiller_knobs raw = {.raw = true};
static const struct rzs_spiller_knobs idle = {.after = 60, .step = 20};
static const struct rzs_spiller_knobs never = {.after = 60}; /* nobody looks for idle pages */

static const struct row {
	const char *name;
	const struct rzs_spiller_knobs *knobs;
	struct rzs_spiller_facts facts;
	struct rzs_spiller_plan before, want;
} rows[] = {
	/*
	 * used, limit, wait_ms, bad, passed, due, wanted, full;
	 * gather, pressed, {min_age, raw, flush}
	 */
	{"nothing to do", &raw, {0, LIMIT, 0, 0, 0, 0, 0, 0}, {0}, {0, 0, {NO, 1, 0}}},
	{"no limit, so no pressure",
	 &raw,
	 {200 * MIB, 0, 0, 0, 0, 0, 0, 0},
	 {0},
	 {0, 0, {NO, 1, 0}}},
	{"raw pages are due", &raw, {0, LIMIT, 0, 0, 0, 1, 0, 0}, {0}, {1, 0, {NO, 1, 0}}},
	{"idle pages are due", &idle, {0, 0, 0, 0, 0, 1, 0, 0}, {0}, {1, 0, {3, 0, 0}}},
	{"nobody finds idle pages", &never, {0, LIMIT, 0, 0, 0, 1, 0, 0}, {0}, {0, 0, {NO, 0, 0}}},

	{"at the high mark", &idle, {90 * MIB, LIMIT, 0, 0, 0, 0, 0, 0}, {0}, {0, 0, {3, 0, 0}}},
	{"above it: the oldest",
	 &idle,
	 {90 * MIB + 1, LIMIT, 0, 0, 0, 0, 0, 0},
	 {0},
	 {1, 1, {3, 0, 0}}},
	{"a pass that was for another plan",
	 &raw,
	 {95 * MIB, LIMIT, 0, 0, 1, 1, 0, 0},
	 {1, 0, {NO, 1, 0}},
	 {1, 1, {3, 1, 0}}},
	{"the pass goes on",
	 &idle,
	 {95 * MIB, LIMIT, 0, 0, 0, 0, 0, 0},
	 {1, 1, {3, 0, 0}},
	 {1, 1, {3, 0, 0}}},
	{"younger ones next",
	 &idle,
	 {95 * MIB, LIMIT, 0, 0, 1, 0, 0, 0},
	 {1, 1, {3, 0, 0}},
	 {1, 1, {2, 0, 0}}},
	{"pages in use last",
	 &idle,
	 {95 * MIB, LIMIT, 0, 0, 1, 0, 0, 0},
	 {1, 1, {1, 0, 0}},
	 {1, 1, {0, 0, 0}}},
	{"all were looked at",
	 &idle,
	 {95 * MIB, LIMIT, 0, 0, 1, 0, 0, 0},
	 {1, 1, {0, 0, 0}},
	 {1, 1, {0, 0, 1}}},
	{"and again, in full blocks",
	 &idle,
	 {95 * MIB, LIMIT, 0, 0, 0, 0, 0, 0},
	 {1, 1, {0, 0, 1}},
	 {1, 1, {0, 0, 0}}},
	{"below the high mark yet",
	 &idle,
	 {85 * MIB + 1, LIMIT, 0, 0, 0, 0, 0, 0},
	 {1, 1, {2, 0, 0}},
	 {1, 1, {2, 0, 0}}},
	{"at the low mark",
	 &idle,
	 {85 * MIB, LIMIT, 0, 0, 0, 0, 0, 0},
	 {1, 1, {2, 0, 0}},
	 {0, 0, {3, 0, 0}}},

	{"no budget now",
	 &idle,
	 {95 * MIB, LIMIT, 7, 0, 0, 0, 0, 0},
	 {1, 1, {2, 0, 0}},
	 {0, 1, {2, 0, 0}}},
	{"no budget, and raw pages", &raw, {0, LIMIT, 7, 0, 0, 1, 0, 0}, {0}, {0, 0, {NO, 1, 0}}},
	{"somebody waits for memory",
	 &idle,
	 {10 * MIB, LIMIT, 0, 0, 0, 0, 1, 0},
	 {0},
	 {1, 1, {3, 0, 0}}},
	{"a full target", &raw, {95 * MIB, LIMIT, 0, 0, 0, 1, 1, 1}, {0}, {0, 1, {3, 1, 0}}},
	{"a bad target", &raw, {95 * MIB, LIMIT, 0, 1, 0, 1, 0, 0}, {0}, {0, 1, {3, 1, 0}}},
};

T_TEST(table)
{
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct rzs_spiller_plan got = rzs_spiller_decide(r->knobs, &r->facts, &r->before);

		if (got.gather != r->want.gather || got.pressed != r->want.pressed ||
		    got.policy.min_age != r->want.policy.min_age ||
		    got.policy.raw != r->want.policy.raw ||
		    got.policy.flush != r->want.policy.flush)
			T_FAIL("%s: gather %d, pressed %d, age %u, raw %d, flush %d", r->name,
			       got.gather, got.pressed, got.policy.min_age, got.policy.raw,
			       got.policy.flush);
	}
}

/* From the high mark on, until nothing is left: each age has its pass, and the last one repeats. */
T_TEST(a_store_that_stays_full)
{
	static const unsigned ages[] = {3, 2, 1, 0, 0, 0, 0};
	struct rzs_spiller_facts f = {.used = LIMIT, .limit = LIMIT};
	struct rzs_spiller_plan plan = {0};

	for (unsigned i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
		plan = rzs_spiller_decide(&idle, &f, &plan);
		T_EQ(plan.gather, true);
		T_EQ(plan.policy.min_age, ages[i]);
		f.passed = true;
	}
	T_EQ(plan.policy.flush, true);
}

T_TEST(places_that_hold_little)
{
	static const struct {
		struct rzs_spiller_places places;
		bool full;
		unsigned percent;
	} some[] = {
		/* nr, used, kept, bytes */
		{{1000, 0, 16, 0}, false, 0},
		{{1000, 500, 16, 0}, false, 0}, /* there is room enough */
		{{1000, 501, 16, 501 * RZS_BLOCK_SIZE / 2}, false, 0},
		{{1000, 501, 16, 501 * RZS_BLOCK_SIZE / 2 - 1}, false, 50},
		{{1000, 860, 16, 860 * RZS_BLOCK_SIZE / 8 * 5}, false, 75},
		{{1000, 860, 16, 860 * RZS_BLOCK_SIZE / 4 * 3}, false, 0},
		{{1000, 983, 16, 983ull * RZS_BLOCK_SIZE}, false, 0},
		{{1000, 984, 16, 984ull * RZS_BLOCK_SIZE}, true, 0},
		{{1000, 1000, 16, 0}, true, 75},
	};

	for (unsigned i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		if (rzs_spiller_is_full(&some[i].places) != some[i].full ||
		    rzs_spiller_sparse(&some[i].places) != some[i].percent)
			T_FAIL("row %u: full %d, %u percent", i,
			       rzs_spiller_is_full(&some[i].places),
			       rzs_spiller_sparse(&some[i].places));
	}
}
