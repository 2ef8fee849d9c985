/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The arena on systems of other page sizes: a larger page is so many of this system's, so what an
 * arena does with it shows in which of those are in memory, and in what they hold.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "t.h"

#include "arena.h"

#include <sys/mman.h>

#define UNITS 600u
#define RUN   3u /* units committed at once */

static size_t own_page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static bool resident(const struct rzs_arena *r, size_t at)
{
	unsigned char vec;

	T_EQ(mincore(r->base + at, own_page(), &vec), 0);
	return vec & 1;
}

/* Whether these units, and no others of the first 16, are in memory. */
static void expect_units(const struct rzs_arena *r, uint64_t first, uint64_t nr)
{
	for (uint64_t unit = 0; unit < 16; unit++)
		for (size_t at = 0; at < RZS_ARENA_UNIT; at += own_page())
			T_EQ(resident(r, unit * RZS_ARENA_UNIT + at),
			     unit >= first && unit < first + nr);
}

static void count(void *arg)
{
	unsigned *n = arg;

	(*n)++;
}

static void commit(struct rzs_arena *r, uint64_t want, uint64_t unit)
{
	unsigned pages = 0;
	uint64_t nr, first;

	T_EQ(rzs_arena_commit(r, want, count, &pages, &first, &nr), 0);
	T_EQ(first, unit);
	T_EQ(nr, want);
	T_EQ(pages, want * (RZS_ARENA_UNIT / r->page));
}

static void mark(struct rzs_arena *r, uint64_t unit)
{
	memset(r->base + unit * RZS_ARENA_UNIT, 'a' + (int)unit, RZS_ARENA_UNIT);
}

static void expect_mark(const struct rzs_arena *r, uint64_t unit)
{
	for (size_t at = 0; at < RZS_ARENA_UNIT; at++)
		T_EQ(r->base[unit * RZS_ARENA_UNIT + at], 'a' + (int)unit);
}

/* Red when filling goes on behind the run, or dropping a unit takes a neighbour's bytes. */
static void give_and_take(size_t page)
{
	struct rzs_arena r;

	T_EQ(rzs_arena_reserve(&r, page, 0, UNITS, 1), 0);
	T_EQ(r.units, UNITS);
	commit(&r, RUN, 1);
	expect_units(&r, 1, RUN);
	for (uint64_t unit = 1; unit <= RUN; unit++)
		mark(&r, unit);
	T_EQ(rzs_arena_uncommit(&r, 2), 0);
	T_EQ(resident(&r, 2 * RZS_ARENA_UNIT), false);
	expect_mark(&r, 1);
	expect_mark(&r, 3);
	commit(&r, 1, 2);
	T_EQ(r.base[2 * RZS_ARENA_UNIT], 0);
	expect_mark(&r, 1);
	expect_mark(&r, 3);
	expect_units(&r, 1, RUN);
	rzs_arena_release(&r);
}

T_TEST(a_run_is_filled_and_no_more_whatever_a_page_is)
{
	for (size_t page = own_page(); page <= RZS_ARENA_UNIT; page *= 2)
		give_and_take(page);
}

/* Red when the root is not filled, reaches into a unit, or moves unit 1 off a unit's bounds. */
T_TEST(the_root_is_before_the_units)
{
	static const size_t bytes[] = {1, 5000, RZS_ARENA_UNIT, RZS_ARENA_UNIT + 1,
				       5 * RZS_ARENA_UNIT};

	for (unsigned i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
		struct rzs_arena r;

		T_EQ(rzs_arena_reserve(&r, own_page(), bytes[i], UNITS, 1), 0);
		T_EQ(r.units, UNITS);
		T_EQ((size_t)(r.base - r.root) % RZS_ARENA_UNIT, 0);
		T_GE((size_t)(r.base + RZS_ARENA_UNIT - r.root), bytes[i]);
		for (size_t at = 0; at < bytes[i]; at += own_page())
			T_OK(resident(&r, (size_t)(r.root - r.base) + at));
		for (size_t at = 0; at < bytes[i]; at++)
			T_EQ(r.root[at], 0);
		memset(r.root, 'r', bytes[i]);
		commit(&r, RUN, 1);
		for (size_t at = 0; at < RUN * RZS_ARENA_UNIT; at++)
			T_EQ(r.base[RZS_ARENA_UNIT + at], 0);
		mark(&r, 1);
		for (size_t at = 0; at < bytes[i]; at++)
			T_EQ(r.root[at], 'r');
		rzs_arena_release(&r);
	}
}

/* To the last unit of the addresses, behind which is nothing. */
T_TEST(every_unit_can_be_had_whatever_a_page_is)
{
	for (size_t page = own_page(); page <= RZS_ARENA_UNIT; page *= 2) {
		unsigned pages = 0;
		struct rzs_arena r;
		uint64_t nr, first, all = 0;
		int err;

		T_EQ(rzs_arena_reserve(&r, page, 0, UNITS, 1), 0);
		while ((err = rzs_arena_commit(&r, RUN, count, &pages, &first, &nr)) == 0)
			all += nr;
		T_EQ(err, -ENOSPC);
		T_EQ(all, UNITS);
		T_EQ(pages, UNITS * (RZS_ARENA_UNIT / page));
		rzs_arena_release(&r);
	}
}

T_TEST(pages_larger_than_a_unit_are_refused)
{
	static const size_t sizes[] = {0, 2 * RZS_ARENA_UNIT, 16 * RZS_ARENA_UNIT};

	for (unsigned i = 0; i < 3; i++) {
		struct rzs_arena r = {.base = (char *)&r, .units = 7};

		T_EQ(rzs_arena_reserve(&r, sizes[i], 0, UNITS, 1), -ENOTSUP);
		T_EQ(r.base, NULL);
		T_EQ(r.units, 0);
		rzs_arena_release(&r);
	}
}
