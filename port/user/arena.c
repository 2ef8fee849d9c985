/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses whose units are given memory and lose it again; see arena.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "arena.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif

#define ARENA_TOUCH_STEP 4096u /* no page is smaller */
#define ARENA_RETRIES	 100u  /* of a call that a signal interrupted */
/*
 * Opened at once at least: changing the access to addresses takes kernel memory of a kind of which
 * there may be none under pressure, so it must be rare.
 */
#define ARENA_OPEN_STEP 256u

/*
 * Addresses without access.  A process that locks all its future memory would have new mappings
 * filled at once, so access comes after the lock that mmap() put on it has been taken off again.
 */
static void *arena_map(size_t len)
{
	void *p = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	(void)munlock(p, len);
	(void)madvise(p, len, MADV_DONTDUMP);
	(void)madvise(p, len, MADV_NOHUGEPAGE); /* a huge page would fill more than was asked for */
	(void)madvise(p, len, MADV_DONTFORK);	/* copy-on-write would be page faults */
	return p;
}

static size_t arena_holes_len(uint64_t units)
{
	size_t bytes = (size_t)((units + 63) / 64 * 8);

	return (bytes + ARENA_TOUCH_STEP - 1) / ARENA_TOUCH_STEP * ARENA_TOUCH_STEP;
}

int rzs_arena_reserve(struct rzs_arena *r, uint64_t units, uint64_t least)
{
	const uint64_t most = SIZE_MAX / 2 / RZS_ARENA_UNIT;

	memset(r, 0, sizeof(*r));
	if (least > most)
		return -ENOMEM;
	if (units > most)
		units = most;
	if (units < least)
		units = least;
	for (;;) {
		r->base = arena_map((size_t)units * RZS_ARENA_UNIT);
		if (r->base || units == least)
			break;
		units = units / 2 > least ? units / 2 : least;
	}
	if (!r->base)
		return -ENOMEM;
	r->units = units;
	r->holes = arena_map(arena_holes_len(units));
	if (!r->holes || mprotect(r->holes, arena_holes_len(units), PROT_READ | PROT_WRITE)) {
		rzs_arena_release(r);
		return -ENOMEM;
	}
	if (mlock2(r->holes, arena_holes_len(units), MLOCK_ONFAULT))
		r->lock_err = errno;
	return 0;
}

void rzs_arena_release(struct rzs_arena *r)
{
	if (r->base)
		munmap(r->base, (size_t)r->units * RZS_ARENA_UNIT);
	if (r->holes)
		munmap(r->holes, arena_holes_len(r->units));
	memset(r, 0, sizeof(*r));
}

static bool arena_is_hole(const struct rzs_arena *r, uint64_t unit)
{
	return r->holes[unit / 64] >> (unit % 64) & 1;
}

static void arena_set_holes(struct rzs_arena *r, uint64_t unit, uint64_t nr)
{
	if (unit / 64 < r->lowest)
		r->lowest = unit / 64;
	r->nr_holes += nr;
	for (; nr; unit++, nr--)
		r->holes[unit / 64] |= 1ull << (unit % 64);
}

static void arena_clear_holes(struct rzs_arena *r, uint64_t unit, uint64_t nr)
{
	r->nr_holes -= nr;
	for (; nr; unit++, nr--)
		r->holes[unit / 64] &= ~(1ull << (unit % 64));
}

/* The first run of holes, at most want long.  There is one. */
static uint64_t arena_first_holes(struct rzs_arena *r, uint64_t want, uint64_t *out_nr)
{
	uint64_t unit, nr = 1;

	while (!r->holes[r->lowest])
		r->lowest++;
	unit = r->lowest * 64 + (uint64_t)__builtin_ctzll(r->holes[r->lowest]);
	while (nr < want && unit + nr < r->opened && arena_is_hole(r, unit + nr))
		nr++;
	*out_nr = nr;
	return unit;
}

/*
 * Make the next nr units accessible, as holes.  Locked before they are accessible: locking what is
 * accessible could fill it.  A refused lock is remembered and not asked for again, limits do not
 * rise by themselves.
 */
static int arena_open(struct rzs_arena *r, uint64_t nr)
{
	char *p = r->base + r->opened * RZS_ARENA_UNIT;
	size_t len = (size_t)nr * RZS_ARENA_UNIT;

	if (!r->lock_err && mlock2(p, len, MLOCK_ONFAULT))
		r->lock_err = errno;
	if (mprotect(p, len, PROT_READ | PROT_WRITE)) {
		if (!r->lock_err)
			(void)munlock(p, len);
		return -ENOMEM;
	}
	arena_set_holes(r, r->opened, nr);
	r->opened += nr;
	return 0;
}

/* Fault all pages in; what they held is lost. */
static int arena_populate(struct rzs_arena *r, char *p, size_t len)
{
	for (unsigned i = 0; !r->no_populate && i < ARENA_RETRIES; i++) {
		if (madvise(p, len, MADV_POPULATE_WRITE) == 0)
			return 0;
		if (errno == EINVAL) /* before Linux 5.14 */
			r->no_populate = true;
		else if (errno != EINTR)
			return -ENOMEM;
	}
	if (!r->no_populate)
		return -ENOMEM;
	for (size_t i = 0; i < len; i += ARENA_TOUCH_STEP)
		*(volatile char *)(p + i) = 0;
	return 0;
}

static int arena_drop(struct rzs_arena *r, char *p, size_t len)
{
	if (!r->no_dontneed_locked) {
		if (madvise(p, len, MADV_DONTNEED_LOCKED) == 0)
			return 0;
		if (errno != EINVAL)
			return -errno;
		r->no_dontneed_locked = true; /* before Linux 5.18 */
	}
	if (munlock(p, len) || madvise(p, len, MADV_DONTNEED))
		return -errno;
	if (!r->lock_err && mlock2(p, len, MLOCK_ONFAULT))
		r->lock_err = errno;
	return 0;
}

int rzs_arena_commit(struct rzs_arena *r, uint64_t want, void **out, uint64_t *out_nr)
{
	uint64_t unit, nr = 0;
	char *p;
	int err;

	*out = NULL;
	*out_nr = 0;
	if (!r->nr_holes) {
		uint64_t left = r->units - r->opened;

		if (left == 0)
			return -ENOSPC;
		err = arena_open(r, left < ARENA_OPEN_STEP ? left : ARENA_OPEN_STEP);
		if (err)
			return err;
	}
	unit = arena_first_holes(r, want, &nr);
	p = r->base + unit * RZS_ARENA_UNIT;
	err = arena_populate(r, p, (size_t)nr * RZS_ARENA_UNIT);
	if (err) {
		(void)arena_drop(r, p, (size_t)nr * RZS_ARENA_UNIT); /* the part that was there */
		return err;
	}
	arena_clear_holes(r, unit, nr);
	*out = p;
	*out_nr = nr;
	return 0;
}

int rzs_arena_uncommit(struct rzs_arena *r, void *unit)
{
	int err = arena_drop(r, unit, RZS_ARENA_UNIT);

	if (!err)
		arena_set_holes(r, (uint64_t)((char *)unit - r->base) / RZS_ARENA_UNIT, 1);
	return err;
}
