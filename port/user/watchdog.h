/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The last resort when a thread that serves swap is stuck in the kernel, looking for memory.
 *
 * A reply takes kernel memory for as long as it lies in the client's socket.  Should there be
 * nothing left at all, the I/O thread looks for some in the kernel and nobody else can find any,
 * because all of them wait for that reply.  So the process keeps a ballast: memory, locked, used
 * for nothing.  The watchdog thread sees that an I/O thread uses processor time without getting on,
 * and gives the ballast back to the system; it is taken again when there is headroom.  Should that
 * not help, or be gone, the stuck thread is made an ordinary one until it gets on, so that it does
 * not keep the processor from those who could free memory.  The refill thread loses its priority
 * first, and gets the ballast when it is stuck all the same: nobody can free memory then, for want
 * of the blocks that it looks for.
 *
 * The ballast goes back as well when the system is short although nobody asks us for anything.  The
 * kernel can get stuck like that by itself (7.3, 256 MiB): an ordinary thread waits in
 * throttle_direct_reclaim() until half of the minimum is free in all zones together, and wakes
 * kswapd, which goes back to sleep since the small zone DMA has enough.
 *
 * The watchdog thread allocates nothing, takes no locks, and asks the kernel for clocks, for what
 * /proc/zoneinfo says (which takes no memory once it has been read), and for these two things only.
 *
 * Threading: one watchdog per process.  rzs_watchdog_start() and rzs_watchdog_stop() by the main
 * thread, the rest by any.
 */
#ifndef RZS_WATCHDOG_H
#define RZS_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

/* A 256th of ram bytes, but 1 to 8 MiB. */
uint64_t rzs_watchdog_default_ballast(uint64_t ram);

/* Start the thread, which calls hook(arg) first.  0 or a negative errno. */
int rzs_watchdog_start(void (*hook)(void *arg), void *arg);

/*
 * Take the ballast: bytes, rounded up to whole pages.  Once, after the start.  0, -ENOMEM, or
 * another negative errno when it may not be locked; there is none then.
 */
int rzs_watchdog_take_ballast(uint64_t bytes);

/* Also gives the ballast back.  Fine when it was never started. */
void rzs_watchdog_stop(void);

/* Whether there is anything to look for: swap is on.  At the start there is not. */
void rzs_watchdog_set_active(bool on);

/*
 * Take the ballast again if it was given back and there is headroom by now.  Once a second or so,
 * by a thread that may wait for memory.
 */
void rzs_watchdog_tick(void);

struct rzs_watchdog_info {
	bool running;
	uint64_t ballast_bytes; /* held now */
	uint64_t stuck;		/* times an I/O or refill thread was found stuck */
	uint64_t released;	/* times the ballast was given back */
	uint64_t demoted;	/* times a thread was made an ordinary one */
};

void rzs_watchdog_info(struct rzs_watchdog_info *out);

#endif
