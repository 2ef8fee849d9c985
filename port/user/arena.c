/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A range of addresses, with memory or without; see arena.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "arena_private.h"
#include "memory.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/*
 * At least so many units are opened at once.  Opening takes kernel memory, of which there may be
 * none under pressure, so it must be rare.
 */
#define ARENA_OPEN_STEP 256u

/*
 * Map addresses without access.  In a process with MCL_FUTURE, mmap() locks a new mapping and
 * populates it if it is accessible.  So the lock is removed before the mapping gets access.
 */
static void *arena_map(size_t len)
{
	void *p = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	(void)munlock(p, len);
	(void)madvise(p, len, MADV_DONTDUMP);
	(void)madvise(p, len, MADV_NOHUGEPAGE); /* a huge page would take more than one unit */
	(void)madvise(p, len, MADV_DONTFORK);	/* copy-on-write causes page faults */
	return p;
}

/* Bytes of the root's units. */
static size_t arena_root_len(size_t root_bytes)
{
	size_t units = (root_bytes + RZS_ARENA_UNIT - 1) / RZS_ARENA_UNIT;

	return (units ? units : 1) * RZS_ARENA_UNIT;
}

/* Bytes of the range, if it is private. */
static size_t arena_len(const struct rzs_arena *r)
{
	return (size_t)(r->base - r->root) + (size_t)(r->units + 1) * RZS_ARENA_UNIT;
}

static size_t arena_map_len(const struct rzs_arena *r)
{
	size_t bytes = (size_t)((r->units + 64) / 64 * 8);

	return (bytes + r->page - 1) / r->page * r->page;
}

int rzs_arena_bitmap(struct rzs_arena *r, uint64_t **out)
{
	size_t len = arena_map_len(r);

	*out = arena_map(len);
	if (!*out)
		return -ENOMEM;
	if (mprotect(*out, len, PROT_READ | PROT_WRITE))
		return -ENOMEM;
	if (mlock2(*out, len, MLOCK_ONFAULT))
		r->lock_err = errno;
	return 0;
}

/* Give memory to the first bytes of the root.  0; -ENOMEM. */
static int arena_fill_root(struct rzs_arena *r, size_t bytes)
{
	size_t len = (bytes + r->page - 1) / r->page * r->page;

	if (len == 0)
		return 0;
	if (mlock2(r->root, len, MLOCK_ONFAULT))
		r->lock_err = errno;
	if (mprotect(r->root, len, PROT_READ | PROT_WRITE))
		return -ENOMEM;
	return rzs_memory_fill(r->root, len);
}

int rzs_arena_reserve(struct rzs_arena *r, size_t page, size_t root_bytes, uint64_t units,
		      uint64_t least)
{
	const uint64_t most = SIZE_MAX / 2 / RZS_ARENA_UNIT - 1;
	size_t root_len;

	memset(r, 0, sizeof(*r));
	if (page == 0 || RZS_ARENA_UNIT % page)
		return -ENOTSUP;
	if (least > most || root_bytes > SIZE_MAX / 4)
		return -ENOMEM;
	root_len = arena_root_len(root_bytes);
	if (units > most)
		units = most;
	if (units < least)
		units = least;
	for (;;) {
		r->root = arena_map(root_len + (size_t)units * RZS_ARENA_UNIT);
		if (r->root || units == least)
			break;
		units = units / 2 > least ? units / 2 : least;
	}
	if (!r->root)
		return -ENOMEM;
	r->base = r->root + root_len - RZS_ARENA_UNIT;
	r->units = units;
	r->page = page;
	if (arena_fill_root(r, root_bytes)) {
		rzs_arena_release(r);
		return -ENOMEM;
	}
	if (rzs_arena_bitmap(r, &r->uncommitted)) {
		rzs_arena_release(r);
		return -ENOMEM;
	}
	return 0;
}

void rzs_arena_release(struct rzs_arena *r)
{
	if (r->head)
		rzs_segment_detach(&r->segment);
	else if (r->root)
		munmap(r->root, arena_len(r));
	if (r->uncommitted)
		munmap(r->uncommitted, arena_map_len(r));
	if (r->found)
		munmap(r->found, arena_map_len(r));
	memset(r, 0, sizeof(*r));
}

static bool arena_is_uncommitted(const struct rzs_arena *r, uint64_t unit)
{
	return r->uncommitted[unit / 64] >> (unit % 64) & 1;
}

void rzs_arena_set_uncommitted(struct rzs_arena *r, uint64_t unit, uint64_t nr)
{
	if (unit / 64 < r->lowest)
		r->lowest = unit / 64;
	r->nr_uncommitted += nr;
	for (; nr; unit++, nr--)
		r->uncommitted[unit / 64] |= 1ull << (unit % 64);
}

static void arena_set_committed(struct rzs_arena *r, uint64_t unit, uint64_t nr)
{
	r->nr_uncommitted -= nr;
	for (; nr; unit++, nr--)
		r->uncommitted[unit / 64] &= ~(1ull << (unit % 64));
}

/* The first run of uncommitted units, at most want long.  There is one. */
static uint64_t arena_first_uncommitted(struct rzs_arena *r, uint64_t want, uint64_t *out_nr)
{
	uint64_t unit, nr = 1;

	while (!r->uncommitted[r->lowest])
		r->lowest++;
	unit = r->lowest * 64 + (uint64_t)__builtin_ctzll(r->uncommitted[r->lowest]);
	while (nr < want && unit + nr <= r->opened && arena_is_uncommitted(r, unit + nr))
		nr++;
	*out_nr = nr;
	return unit;
}

/*
 * Open the next nr units.  They are locked before they are accessible, because locking accessible
 * memory could populate it.  A refused lock is not tried again: limits do not rise by themselves.
 */
static int arena_open(struct rzs_arena *r, uint64_t nr)
{
	char *p = r->base + (r->opened + 1) * RZS_ARENA_UNIT;
	size_t len = (size_t)nr * RZS_ARENA_UNIT;

	if (r->head)
		return rzs_arena_open_shared(r, nr);
	if (!r->lock_err && mlock2(p, len, MLOCK_ONFAULT))
		r->lock_err = errno;
	if (mprotect(p, len, PROT_READ | PROT_WRITE)) {
		if (!r->lock_err)
			(void)munlock(p, len);
		return -ENOMEM;
	}
	rzs_arena_set_uncommitted(r, r->opened + 1, nr);
	r->opened += nr;
	return 0;
}

/* Give the pages of whole units back. */
static int arena_drop(struct rzs_arena *r, char *p, size_t len)
{
	return r->head ? rzs_segment_punch(p, len) : rzs_memory_drop(p, len, &r->lock_err);
}

/* Populate whole units, page by page. */
static int arena_fill(const struct rzs_arena *r, char *p, size_t len, void (*on_page)(void *arg),
		      void *arg)
{
	int err = 0;

	for (size_t at = 0; err == 0 && at < len; at += r->page) {
		on_page(arg);
		err = rzs_memory_fill(p + at, r->page);
	}
	return err;
}

int rzs_arena_commit(struct rzs_arena *r, uint64_t want, void (*on_page)(void *arg), void *arg,
		     uint64_t *out, uint64_t *out_nr)
{
	uint64_t unit, nr = 0;
	char *p;
	int err;

	*out = 0;
	*out_nr = 0;
	if (!r->nr_uncommitted) {
		uint64_t left = r->units - r->opened;

		if (left == 0)
			return -ENOSPC;
		err = arena_open(r, left < ARENA_OPEN_STEP ? left : ARENA_OPEN_STEP);
		if (err)
			return err;
	}
	unit = arena_first_uncommitted(r, want, &nr);
	p = r->base + unit * RZS_ARENA_UNIT;
	err = arena_fill(r, p, (size_t)nr * RZS_ARENA_UNIT, on_page, arg);
	if (err) {
		/* The pages that it got. */
		(void)arena_drop(r, p, (size_t)nr * RZS_ARENA_UNIT);
		return err;
	}
	arena_set_committed(r, unit, nr);
	*out = unit;
	*out_nr = nr;
	return 0;
}

int rzs_arena_uncommit(struct rzs_arena *r, uint64_t unit)
{
	int err = arena_drop(r, r->base + unit * RZS_ARENA_UNIT, RZS_ARENA_UNIT);

	if (!err)
		rzs_arena_set_uncommitted(r, unit, 1);
	return err;
}
