/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much may be written: a token bucket of bytes, for a second or for a day.
 *
 * The rule is that of zram's writeback_limit: a write is refused when nothing is left, and at no
 * other time, so the last one may take more than there was; a write that failed is given back.
 * What was taken too much is owed here, and the bucket has to make up for it first.  So in any
 * stretch of t ms at most amount * (1 + t / period_ms) bytes are written, and one write more.
 *
 * Nothing is kept over a restart.  Pure functions on the caller's struct; the time is an argument
 * and may be any clock that does not go back.
 */
#ifndef RZS_SPILL_BUDGET_H
#define RZS_SPILL_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#define RZS_SPILL_SECOND_MS 1000u
#define RZS_SPILL_DAY_MS    86400000u

/* Of an amount; larger ones are cut to it. */
#define RZS_SPILL_AMOUNT_MAX (UINT64_C(1) << 62)

struct rzs_spill_budget {
	uint64_t amount;    /* bytes in period_ms, and in a full bucket; 0: no limit */
	uint64_t filled_ms; /* when level was last brought up to date */
	int64_t level;	    /* bytes that are left; below 0: owed */
	uint32_t period_ms;
	uint32_t carry; /* of the next byte, in parts of period_ms */
};

/* A new limit, with a full bucket.  Nothing is owed from before. */
void rzs_spill_budget_set(struct rzs_spill_budget *b, uint64_t amount, uint32_t period_ms,
			  uint64_t now_ms);

/* How many ms it takes until a write may begin; 0: it may now. */
uint64_t rzs_spill_budget_wait_ms(struct rzs_spill_budget *b, uint64_t now_ms);

/* A write of so many bytes (less than 2^32) begins, after rzs_spill_budget_wait_ms() said 0. */
void rzs_spill_budget_take(struct rzs_spill_budget *b, uint32_t bytes);

/* It was not done. */
void rzs_spill_budget_give_back(struct rzs_spill_budget *b, uint32_t bytes);

#endif
