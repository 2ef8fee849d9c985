/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How much may be written; see spill_budget.h. */
#include "spill_budget.h"

void rzs_spill_budget_set(struct rzs_spill_budget *b, uint64_t amount, uint32_t period_ms,
			  uint64_t now_ms)
{
	if (amount > RZS_SPILL_AMOUNT_MAX)
		amount = RZS_SPILL_AMOUNT_MAX;
	*b = (struct rzs_spill_budget){
		.amount = amount,
		.filled_ms = now_ms,
		.level = (int64_t)amount,
		.period_ms = period_ms,
	};
}

/* Add up to amount bytes; more do not fit. */
static void add(struct rzs_spill_budget *b, uint64_t bytes)
{
	b->level += (int64_t)bytes;
	if (b->level < (int64_t)b->amount)
		return;
	b->level = (int64_t)b->amount;
	b->carry = 0;
}

/*
 * A period brings amount bytes.  A part of one brings ms * amount / period_ms, and amount is
 * divided first, so that no product has more than 64 bits.
 */
static void fill(struct rzs_spill_budget *b, uint64_t now_ms)
{
	uint64_t passed = now_ms - b->filled_ms, periods = passed / b->period_ms, ms, parts;

	if (now_ms <= b->filled_ms)
		return;
	b->filled_ms = now_ms;
	if (periods > (b->amount - (uint64_t)b->level) / b->amount) {
		add(b, b->amount - (uint64_t)b->level);
		return;
	}
	ms = passed % b->period_ms;
	parts = ms * (b->amount % b->period_ms) + b->carry;
	b->carry = (uint32_t)(parts % b->period_ms);
	add(b, periods * b->amount + ms * (b->amount / b->period_ms) + parts / b->period_ms);
}

uint64_t rzs_spill_budget_wait_ms(struct rzs_spill_budget *b, uint64_t now_ms)
{
	uint64_t owed, whole;

	if (!b->amount)
		return 0;
	fill(b, now_ms);
	if (b->level > 0)
		return 0;
	/* ceil((owed * period_ms - carry) / amount); owed is small: a few writes. */
	owed = (uint64_t)(1 - b->level);
	whole = owed / b->amount * b->period_ms;
	owed = owed % b->amount * b->period_ms;
	if (owed < b->carry)
		return whole - (b->carry - owed) / b->amount;
	return whole + (owed - b->carry + b->amount - 1) / b->amount;
}

void rzs_spill_budget_take(struct rzs_spill_budget *b, uint32_t bytes)
{
	if (b->amount)
		b->level -= bytes;
}

void rzs_spill_budget_give_back(struct rzs_spill_budget *b, uint32_t bytes)
{
	if (b->amount)
		add(b, bytes);
}
