/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much memory there is to be taken without waiting for any.
 *
 * A thread that asks for a page when too few are free has to free some itself, and a real-time one
 * that is not allowed to write to swap (PR_SET_IO_FLUSHER) can go on trying for ever, in the way of
 * those who could.  So a thread that can do without looks first.
 *
 * Source: /proc/zoneinfo of Linux (Documentation/filesystems/proc.rst and
 * admin-guide/sysctl/vm.rst).  Of each zone a page may be taken while its free pages are above its
 * minimum (which the kernel raises for a while when it has to mix kinds of pages, "boost") and what
 * it keeps for requests that could not be served from any other zone ("protection").  Real-time
 * threads get pages below the minimum as well, down to three quarters of it, or to a half since
 * Linux 6.3.  Here seven eighths count as the end: what is below is for replies to clients, for
 * which there is no doing without.
 *
 * The boost can be several times the minimum, and stay for minutes while the kernel finds nothing
 * to free.  Since Linux 6.3 it does not bind real-time threads that ask for single pages, so one
 * that has nothing left for those who wait for it need not wait for its end (hungry, below).
 *
 * Threading: one thread at a time for each struct.  Allocates nothing after rzs_headroom_open(), in
 * the kernel neither.
 */
#ifndef RZS_HEADROOM_H
#define RZS_HEADROOM_H

#include <stdbool.h>
#include <stdint.h>

#define RZS_HEADROOM_FILE "/proc/zoneinfo"

struct rzs_headroom {
	int fd; /* -1: not open */
	char text[4096];
	bool boost_binds; /* also the hungry */
	/* Of the zone being read. */
	uint64_t free, boost, min;
	/* Of all zones, in pages, at the last reading; and of the zone of the highest minimum. */
	uint64_t all_free, all_min, main_free, main_min;
};

/* What one is that was not opened. */
#define RZS_HEADROOM_CLOSED {.fd = -1}

/* 0, or a negative errno, and then it is closed, and rzs_headroom_bytes() knows nothing. */
int rzs_headroom_open(struct rzs_headroom *r, const char *path);

/* Also of one that is closed. */
void rzs_headroom_close(struct rzs_headroom *r);

/*
 * Bytes to be had at this moment; UINT64_MAX when that cannot be told.  hungry: count what the
 * boost keeps from others, where the kernel lets real-time threads have it.
 */
uint64_t rzs_headroom_bytes(struct rzs_headroom *r, bool hungry);

/*
 * Whether less is free than half of the minimum, in all zones together or in the largest.  The
 * kernel makes ordinary threads wait then (throttle_direct_reclaim() in mm/vmscan.c).  false when
 * that cannot be told.
 */
bool rzs_headroom_short(struct rzs_headroom *r);

/* Whether the kernel of this release (as in uname(2)) keeps real-time threads above the boost. */
bool rzs_headroom_boost_binds(const char *release);

#endif
