/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much memory there is to be taken without waiting for any.
 *
 * A thread that asks for a page when too few are free has to free some itself, and a real-time one
 * that is not allowed to write to swap (PR_SET_IO_FLUSHER) can go on trying for ever, in the way of
 * those who could.  So a thread that can do without looks first.
 *
 * Source: /proc/zoneinfo of Linux (Documentation/filesystems/proc.rst and
 * admin-guide/sysctl/vm.rst). Of each zone a page may be taken while its free pages are above its
 * minimum (which the kernel raises for a while when it has to mix kinds of pages, "boost") and what
 * it keeps for requests that could not be served from any other zone ("protection").  Real-time
 * threads are let three quarters down to the minimum's half, depending on the kernel (since 6.3 a
 * half); this counts down to seven eighths only: what is below is for replies to clients, for which
 * there is no doing without.
 *
 * Threading: one thread at a time for each struct.  Allocates nothing after rzs_room_open(), in the
 * kernel neither.
 */
#ifndef RZS_ROOM_H
#define RZS_ROOM_H

#include <stdint.h>

#define RZS_ROOM_FILE "/proc/zoneinfo"

struct rzs_room {
	int fd;
	char text[4096];
	/* Of the zone being read. */
	uint64_t free, min;
};

/* 0, or a negative errno, and then rzs_room_bytes() knows nothing. */
int rzs_room_open(struct rzs_room *r, const char *path);

/* Also of one that was not opened, when it is all zeros. */
void rzs_room_close(struct rzs_room *r);

/* Bytes to be had at this moment; UINT64_MAX when that cannot be told. */
uint64_t rzs_room_bytes(struct rzs_room *r);

#endif
