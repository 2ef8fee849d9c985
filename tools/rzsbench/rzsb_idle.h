/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which pages of a process have not been accessed for a while, by the kernel's idle page tracking.
 * Its bitmap has a bit for each page of memory.  We set it, and an access clears it.
 * Threading: one thread.
 */
#ifndef RZSB_IDLE_H
#define RZSB_IDLE_H

#include "rzsb_process.h"

#define RZSB_IDLE_BITMAP "/sys/kernel/mm/page_idle/bitmap"

struct rzsb_idle {
	int bitmap, flags; /* file descriptors of the bitmap and of /proc/kpageflags */
};

/* 0; -ENOENT: the kernel has no idle page tracking; -EACCES, -EPERM: not permitted. */
int rzsb_idle_open(struct rzsb_idle *i);
void rzsb_idle_close(struct rzsb_idle *i);

/*
 * Set the bits of these pages of a process, whose pagemap is open.  Pages that are gone are
 * skipped.  0; -EPERM: the kernel hides where pages are; another negative errno of a write.
 */
int rzsb_idle_mark(const struct rzsb_idle *i, int pagemap, const struct rzsb_addresses *a);

/* Keep the addresses whose bits are still set. */
void rzsb_idle_keep(const struct rzsb_idle *i, int pagemap, struct rzsb_addresses *a);

#endif
