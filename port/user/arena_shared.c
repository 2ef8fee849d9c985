/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An arena in shared memory; see arena.h.
 *
 * The segment begins with a page for the head, and the root follows it.  What is behind the opened
 * units is mapped without access, so that nothing can give it memory by mistake.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "arena_private.h"
#include "memory.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define ARENA_MAGIC 0x0a616e657261727aull /* "zrarena\n" where the low byte comes first */

/* Units looked at by one call, for which the kernel allocates a page, however many they are. */
#define ARENA_LOOK 512u

/* What the segment begins with.  All but opened is constant. */
struct rzs_arena_head {
	uint64_t magic; /* written last */
	uint64_t unit_bytes;
	uint64_t page_bytes;
	uint64_t root_bytes;
	uint64_t opened; /* grows */
};

static size_t arena_round(size_t bytes, size_t to)
{
	return (bytes + to - 1) / to * to;
}

/* Where unit 1 begins. */
static size_t arena_front(size_t page, size_t root_bytes)
{
	return arena_round(page + root_bytes, RZS_ARENA_UNIT);
}

static char *arena_unit(const struct rzs_arena *r, uint64_t unit)
{
	return r->base + unit * RZS_ARENA_UNIT;
}

/* The places in r->segment, and private memory.  No unit is accessible.  0 or -ENOMEM. */
static int arena_set_places(struct rzs_arena *r, size_t page, size_t root_bytes)
{
	size_t front = arena_front(page, root_bytes);

	r->head = (struct rzs_arena_head *)(void *)r->segment.base;
	r->page = page;
	r->root = r->segment.base + page;
	r->base = r->segment.base + front - RZS_ARENA_UNIT;
	r->units = (r->segment.len - front) / RZS_ARENA_UNIT;
	if (mprotect(r->segment.base + front, r->segment.len - front, PROT_NONE))
		return -ENOMEM;
	return rzs_arena_bitmap(r, &r->uncommitted);
}

int rzs_arena_share(struct rzs_arena *r, size_t page, size_t root_bytes, uint64_t units,
		    uint64_t least, const char **out_why)
{
	const uint64_t most = SIZE_MAX / 4 / RZS_ARENA_UNIT;
	size_t front, len, len_least;
	int err;

	*out_why = NULL;
	memset(r, 0, sizeof(*r));
	if (page == 0 || RZS_ARENA_UNIT % page)
		return -ENOTSUP;
	if (least > most || root_bytes > SIZE_MAX / 4)
		return -ENOMEM;
	front = arena_front(page, root_bytes);
	units = units > most ? most : units;
	len = arena_round(front + (size_t)units * RZS_ARENA_UNIT, RZS_SEGMENT_GRAIN);
	len_least = arena_round(front + (size_t)least * RZS_ARENA_UNIT, RZS_SEGMENT_GRAIN);
	err = rzs_segment_create(&r->segment, len < len_least ? len_least : len, len_least,
				 out_why);
	if (err)
		return err;
	err = arena_set_places(r, page, root_bytes);
	if (!err)
		err = rzs_memory_fill(r->segment.base, front);
	if (err) {
		rzs_arena_release(r);
		return err;
	}
	r->head->unit_bytes = RZS_ARENA_UNIT;
	r->head->page_bytes = page;
	r->head->root_bytes = root_bytes;
	__atomic_store_n(&r->head->magic, ARENA_MAGIC, __ATOMIC_RELEASE);
	return 0;
}

/* Make units accessible up to number `to`. */
static int arena_open_to(struct rzs_arena *r, uint64_t to)
{
	if (to <= r->opened)
		return 0;
	if (mprotect(arena_unit(r, r->opened + 1), (size_t)(to - r->opened) * RZS_ARENA_UNIT,
		     PROT_READ | PROT_WRITE))
		return -ENOMEM;
	r->opened = to;
	return 0;
}

int rzs_arena_open_shared(struct rzs_arena *r, uint64_t nr)
{
	uint64_t first = r->opened + 1;
	int err = arena_open_to(r, r->opened + nr);

	if (err)
		return err;
	__atomic_store_n(&r->head->opened, r->opened, __ATOMIC_RELEASE);
	rzs_arena_set_uncommitted(r, first, nr);
	return 0;
}

/* ---- what another process has left */

static bool arena_head_fits(const struct rzs_segment *s, size_t page)
{
	const struct rzs_arena_head *head = (const void *)s->base;

	return s->len > page + RZS_ARENA_UNIT &&
	       __atomic_load_n(&head->magic, __ATOMIC_ACQUIRE) == ARENA_MAGIC &&
	       head->unit_bytes == RZS_ARENA_UNIT && head->page_bytes == page &&
	       head->root_bytes <= s->len / 2 &&
	       arena_front(page, (size_t)head->root_bytes) + RZS_ARENA_UNIT <= s->len;
}

int rzs_arena_attach(struct rzs_arena *r, size_t page, int id, const char **out_why)
{
	int err;

	*out_why = NULL;
	memset(r, 0, sizeof(*r));
	if (page == 0 || RZS_ARENA_UNIT % page)
		return -ENOTSUP;
	err = rzs_segment_attach(&r->segment, id, out_why);
	if (err)
		return err;
	if (!arena_head_fits(&r->segment, page)) {
		rzs_segment_detach(&r->segment);
		*out_why = "segment: none of a store, or one for another machine";
		return -EINVAL;
	}
	r->head = (struct rzs_arena_head *)(void *)r->segment.base;
	err = arena_set_places(r, page, (size_t)r->head->root_bytes);
	if (!err)
		err = rzs_arena_bitmap(r, &r->found);
	if (!err)
		err = rzs_segment_map(r->segment.base,
				      arena_front(page, (size_t)r->head->root_bytes), page);
	if (err)
		rzs_arena_release(r);
	return err;
}

/* How many pages each of nr units from `first` on has in memory: out[0 .. nr - 1]. */
static int arena_look(const struct rzs_arena *r, uint64_t first, uint64_t nr, uint8_t *out)
{
	unsigned char in[ARENA_LOOK * RZS_ARENA_UNIT / 4096];
	size_t pages = RZS_ARENA_UNIT / r->page;
	int err = rzs_segment_resident(arena_unit(r, first), (size_t)nr * pages, r->page, in);

	for (uint64_t i = 0; !err && i < nr; i++) {
		out[i] = 0;
		for (size_t page = 0; page < pages; page++)
			out[i] += in[i * pages + page] & 1;
	}
	return err;
}

/* Make page tables for nr units.  find: note that they are found. */
static int arena_map_run(struct rzs_arena *r, uint64_t unit, uint64_t nr, bool find)
{
	if (find)
		for (uint64_t i = unit; i < unit + nr; i++)
			r->found[i / 64] |= 1ull << (i % 64);
	return rzs_segment_map(arena_unit(r, unit), (size_t)nr * RZS_ARENA_UNIT, r->page);
}

/*
 * A unit that has not all its pages was on its way in or out, so nothing is stored there.  If the
 * system keeps the pages, they are there when the unit is committed again.
 */
static void arena_set_empty(struct rzs_arena *r, uint64_t unit, unsigned pages)
{
	if (pages)
		(void)rzs_segment_punch(arena_unit(r, unit), RZS_ARENA_UNIT);
	rzs_arena_set_uncommitted(r, unit, 1);
}

/* Go through the opened units; find: those without all their memory are not committed. */
static int arena_scan(struct rzs_arena *r, bool find, uint64_t *out_units)
{
	uint64_t nr, units = 0, full = RZS_ARENA_UNIT / r->page;
	uint8_t pages[ARENA_LOOK];
	int err = 0;

	for (uint64_t unit = 1; !err && unit <= r->opened; unit += nr) {
		nr = r->opened - unit + 1 < ARENA_LOOK ? r->opened - unit + 1 : ARENA_LOOK;
		err = arena_look(r, unit, nr, pages);
		for (uint64_t i = 0, run; !err && i < nr; i += run ? run : 1) {
			for (run = 0; i + run < nr && pages[i + run] == full; run++)
				;
			units += run;
			if (run)
				err = arena_map_run(r, unit + i, run, find);
			else if (find)
				arena_set_empty(r, unit + i, pages[i]);
		}
	}
	*out_units = units;
	return err;
}

/* Make accessible what the other process has opened so far. */
static int arena_follow(struct rzs_arena *r)
{
	uint64_t opened = __atomic_load_n(&r->head->opened, __ATOMIC_ACQUIRE);

	return arena_open_to(r, opened < r->units ? opened : r->units);
}

int rzs_arena_map(struct rzs_arena *r, uint64_t *out_units)
{
	int err = arena_follow(r);

	*out_units = 0;
	return err ? err : arena_scan(r, false, out_units);
}

int rzs_arena_find(struct rzs_arena *r)
{
	int err = arena_follow(r);
	uint64_t units;

	return err ? err : arena_scan(r, true, &units);
}

bool rzs_arena_claim(struct rzs_arena *r, uint64_t unit)
{
	uint64_t bit = 1ull << (unit % 64);

	if (unit == 0 || unit > r->opened || !(r->found[unit / 64] & bit))
		return false;
	r->found[unit / 64] &= ~bit;
	return true;
}

uint64_t rzs_arena_claim_next(struct rzs_arena *r, uint64_t after)
{
	for (uint64_t unit = after + 1; unit <= r->opened; unit++)
		if (rzs_arena_claim(r, unit))
			return unit;
	return 0;
}
