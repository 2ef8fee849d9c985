/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * As in the kernel's Documentation/admin-guide/mm/idle_page_tracking.rst: the bitmap consists of
 * 64-bit words.  To write a bit as 0 changes nothing.  Of a huge page only the first page's bit has
 * a meaning.
 */
#define _GNU_SOURCE
#include "rzsb_idle.h"
#include "rzsb.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define PM_PRESENT (1ull << 63)
#define PM_PFN	   ((1ull << 55) - 1)
#define KPF_TAIL   (1ull << 16)
#define HUGE_PAGES 512u /* of the largest huge page that is anonymous memory */

int rzsb_idle_open(struct rzsb_idle *i)
{
	i->bitmap = open(RZSB_IDLE_BITMAP, O_RDWR | O_CLOEXEC);
	if (i->bitmap < 0)
		return -errno;
	i->flags = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	if (i->flags >= 0)
		return 0;
	close(i->bitmap);
	return -errno;
}

void rzsb_idle_close(struct rzsb_idle *i)
{
	close(i->bitmap);
	close(i->flags);
}

/* The page that has the bit of this one. */
static uint64_t head_of(const struct rzsb_idle *i, uint64_t pfn)
{
	uint64_t flags[HUGE_PAGES], first = pfn / HUGE_PAGES * HUGE_PAGES, n = pfn - first + 1;

	if (pread(i->flags, flags, n * 8, (off_t)(first * 8)) != (ssize_t)(n * 8))
		return pfn;
	while (pfn > first && (flags[pfn - first] & KPF_TAIL))
		pfn--;
	return pfn;
}

/* The number of the page that has the bit of this address; 0: it has no page now. */
static uint64_t pfn_of(const struct rzsb_idle *i, int pagemap, uint64_t address, bool *out_hidden)
{
	uint64_t entry;

	*out_hidden = false;
	if (pread(pagemap, &entry, 8, (off_t)(address / RZSB_PAGE * 8)) != 8 ||
	    !(entry & PM_PRESENT))
		return 0;
	*out_hidden = (entry & PM_PFN) == 0;
	return *out_hidden ? 0 : head_of(i, entry & PM_PFN);
}

int rzsb_idle_mark(const struct rzsb_idle *i, int pagemap, const struct rzsb_addresses *a)
{
	bool hidden;

	for (size_t k = 0; k < a->nr; k++) {
		uint64_t pfn = pfn_of(i, pagemap, a->v[k], &hidden), bit = 1ull << pfn % 64;

		if (hidden)
			return -EPERM;
		if (pfn && pwrite(i->bitmap, &bit, 8, (off_t)(pfn / 64 * 8)) < 0)
			return -errno;
	}
	return 0;
}

void rzsb_idle_keep(const struct rzsb_idle *i, int pagemap, struct rzsb_addresses *a)
{
	size_t nr = 0;
	bool hidden;

	for (size_t k = 0; k < a->nr; k++) {
		uint64_t pfn = pfn_of(i, pagemap, a->v[k], &hidden), word = 0;

		if (pfn && pread(i->bitmap, &word, 8, (off_t)(pfn / 64 * 8)) == 8 &&
		    (word >> pfn % 64 & 1))
			a->v[nr++] = a->v[k];
	}
	a->nr = nr;
}
