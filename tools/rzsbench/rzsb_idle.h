/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which pages of a process nobody has touched for a while, by the kernel's idle page tracking: its
 * bitmap has a bit for each page of memory, set by who wants to know and cleared by the next
 * access.  One thread.
 */
#ifndef RZSB_IDLE_H
#define RZSB_IDLE_H

#include "rzsb_process.h"

#define RZSB_IDLE_BITMAP "/sys/kernel/mm/page_idle/bitmap"

struct rzsb_idle {
	int bitmap, flags; /* file descriptors of the bitmap and of /proc/kpageflags, or the like */
};

/* 0, -ENOENT when the kernel has no such thing, -EACCES or -EPERM when we may not. */
int rzsb_idle_open(struct rzsb_idle *i);
void rzsb_idle_close(struct rzsb_idle *i);

/*
 * Set the bits of these pages of a process, whose pagemap is open.  -EPERM: the kernel does not
 * tell us where they are.  Pages that have gone do not matter.
 */
int rzsb_idle_mark(const struct rzsb_idle *i, int pagemap, const struct rzsb_addresses *a);

/* Keep the addresses of those whose bits are still set. */
void rzsb_idle_keep(const struct rzsb_idle *i, int pagemap, struct rzsb_addresses *a);

#endif
