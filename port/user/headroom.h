/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Headroom: how much memory can be taken from the system without waiting for any to be freed.
 *
 * A thread that asks for a page when too few are free has to free some itself.  A real-time thread
 * that may not write to swap (PR_SET_IO_FLUSHER) can search for ever, and keep the threads from
 * running that could free some.  So a thread that can do without the memory looks first.
 *
 * Source: /proc/zoneinfo of Linux (Documentation/filesystems/proc.rst and
 * admin-guide/sysctl/vm.rst).  A page can be taken from a zone while the zone's free pages are
 * above the sum of two numbers: its minimum, and what it keeps for requests that no other zone can
 * serve ("protection").  The kernel raises the minimum for a while when it has to mix kinds of
 * pages ("boost").  Real-time threads get pages below the minimum as well: down to three quarters
 * of it, or to a half since Linux 6.3.  Headroom ends at seven eighths.  What is below is for
 * replies to clients, which cannot do without.
 *
 * The boost can be several times the minimum, and stay for minutes while the kernel finds nothing
 * to free.  Since Linux 6.3 it does not apply to real-time threads that ask for single pages.  So a
 * thread whose reserve is nearly empty need not wait for its end (hungry, below).
 *
 * Threading: one thread at a time for each struct.  Only rzs_headroom_open() takes memory, here or
 * in the kernel.
 */
#ifndef RZS_HEADROOM_H
#define RZS_HEADROOM_H

#include <stdbool.h>
#include <stdint.h>

#define RZS_HEADROOM_FILE "/proc/zoneinfo"

struct rzs_headroom {
	int fd; /* -1: closed */
	char text[4096];
	bool boost_binds; /* the boost applies to real-time threads too */
	/* Of the zone being read, in pages. */
	uint64_t free, boost, min;
	/* Of all zones, in pages, at the last reading; and of the zone with the highest minimum. */
	uint64_t all_free, all_min, main_free, main_min;
};

#define RZS_HEADROOM_CLOSED {.fd = -1}

/*
 * Open path, which is RZS_HEADROOM_FILE or a file of the same form.  0 or a negative errno; -EIO:
 * it has no zones.  After an error r is closed.
 */
int rzs_headroom_open(struct rzs_headroom *r, const char *path);

/* r may be closed already. */
void rzs_headroom_close(struct rzs_headroom *r);

/*
 * The headroom now, in bytes; UINT64_MAX: not known.  hungry: on kernels that let real-time threads
 * take it, include what the boost keeps from others.  May sleep, as long as a read of /proc does.
 */
uint64_t rzs_headroom_bytes(struct rzs_headroom *r, bool hungry);

/*
 * Whether less than half of the minimum is free, in all zones together or in the largest one.  The
 * kernel makes ordinary threads wait then (throttle_direct_reclaim() in mm/vmscan.c).  false: not
 * so, or not known.  May sleep, as long as a read of /proc does.
 */
bool rzs_headroom_short(struct rzs_headroom *r);

/* Whether the boost applies to real-time threads in this release, as uname(2) has it ("6.1.0"). */
bool rzs_headroom_boost_binds(const char *release);

#endif
