/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Token buckets of bytes, with a made clock. */
#include "t.h"

#include "spill_budget.h"

static struct rzs_spill_budget b;

/* Each row is a step: time passes, then so many bytes are asked for. */
static const struct {
	uint64_t ms;	/* that pass before */
	uint64_t wait;	/* what it says then */
	uint32_t bytes; /* of a write that begins then, if it may */
	int64_t left;
} rows[] = {
	{0, 0, 400, 600},  /* it begins full */
	{0, 0, 600, 0},	   /* exactly what is left */
	{0, 1, 0, 0},	   /* nothing is left: refused */
	{1, 0, 500, -499}, /* a byte is left: granted, and the rest is owed */
	{0, 500, 0, -499},   {499, 1, 0, 0},   {1, 0, 1, 0},
	{1000, 0, 0, 1000}, /* a second fills it, */
	{5000, 0, 0, 1000}, /* and no more than that */
	{0, 0, 3000, -2000}, {1999, 2, 0, -1}, {2, 0, 0, 1},
};

T_TEST(a_bucket_by_table)
{
	uint64_t now = 77;

	rzs_spill_budget_set(&b, 1000, RZS_SPILL_SECOND_MS, now);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		now += rows[i].ms;
		t_note("row %u", i);
		T_EQ(rzs_spill_budget_wait_ms(&b, now), rows[i].wait);
		if (rows[i].wait == 0)
			rzs_spill_budget_take(&b, rows[i].bytes);
		T_EQ(b.level, rows[i].left);
	}
}

T_TEST(no_limit_is_no_limit)
{
	rzs_spill_budget_set(&b, 0, RZS_SPILL_DAY_MS, 0);
	for (unsigned i = 0; i < 100; i++) {
		T_EQ(rzs_spill_budget_wait_ms(&b, 0), 0);
		rzs_spill_budget_take(&b, UINT32_MAX);
	}
	rzs_spill_budget_give_back(&b, 1);
	T_EQ(b.level, 0);
}

T_TEST(what_is_given_back_does_not_overflow)
{
	rzs_spill_budget_set(&b, 1000, RZS_SPILL_SECOND_MS, 0);
	rzs_spill_budget_take(&b, 10);
	rzs_spill_budget_give_back(&b, 10);
	rzs_spill_budget_give_back(&b, 10);
	T_EQ(b.level, 1000);
	/* A new limit owes nothing. */
	rzs_spill_budget_take(&b, 5000);
	rzs_spill_budget_set(&b, 10, RZS_SPILL_SECOND_MS, 0);
	T_EQ(b.level, 10);
	rzs_spill_budget_set(&b, UINT64_MAX, RZS_SPILL_DAY_MS, 0);
	T_EQ(b.amount, RZS_SPILL_AMOUNT_MAX);
	rzs_spill_budget_take(&b, UINT32_MAX);
	T_EQ(rzs_spill_budget_wait_ms(&b, UINT64_MAX), 0);
	T_EQ(b.level, (int64_t)RZS_SPILL_AMOUNT_MAX);
}

/* A clock that goes back, as other threads' may by a tick. */
T_TEST(time_that_goes_back_brings_nothing)
{
	rzs_spill_budget_set(&b, 1000, RZS_SPILL_SECOND_MS, 500);
	rzs_spill_budget_take(&b, 1000);
	T_EQ(rzs_spill_budget_wait_ms(&b, 400), 1);
	T_EQ(b.level, 0);
	T_EQ(rzs_spill_budget_wait_ms(&b, 501), 0);
	T_EQ(b.level, 1);
}

/* Red when a rest is lost at each look, or a product overflows. */
T_TEST(looking_often_loses_nothing)
{
	static const uint64_t amounts[] = {1, 7, 86399999, 86400001, 1ull << 37, 86400000ull << 35};
	uint64_t random = t_seed();

	for (unsigned i = 0; i < sizeof(amounts) / sizeof(amounts[0]); i++) {
		uint64_t now = 0, amount = amounts[i];

		rzs_spill_budget_set(&b, amount, RZS_SPILL_DAY_MS, now);
		rzs_spill_budget_take(&b, UINT32_MAX);
		b.level = 0; /* nothing left, nothing owed */
		for (unsigned n = 0; n < 1000; n++) {
			now += t_rand(&random) % 80000;
			(void)rzs_spill_budget_wait_ms(&b, now);
			/* 86400000 << 35 times now would not fit. */
			T_EQ((uint64_t)b.level, amount % RZS_SPILL_DAY_MS
							? amount * now / RZS_SPILL_DAY_MS
							: amount / RZS_SPILL_DAY_MS * now);
		}
	}
}

/* What it says is the first moment at which a write may begin. */
T_TEST(the_wait_is_exact)
{
	uint64_t random = t_seed();

	for (unsigned n = 0; n < 5000; n++) {
		uint64_t now = t_rand(&random) % 1000, wait;
		uint64_t amount = 1 + (t_rand(&random) >> (20 + t_rand(&random) % 44));

		rzs_spill_budget_set(&b, amount, n % 2 ? RZS_SPILL_SECOND_MS : RZS_SPILL_DAY_MS,
				     now);
		b.level = -(int64_t)(t_rand(&random) % (16 * 32768));
		b.carry = (uint32_t)(t_rand(&random) % b.period_ms);
		wait = rzs_spill_budget_wait_ms(&b, now);
		T_GT(wait, 0);
		T_GT(rzs_spill_budget_wait_ms(&b, now + wait - 1), 0);
		T_EQ(rzs_spill_budget_wait_ms(&b, now + wait), 0);
	}
}
