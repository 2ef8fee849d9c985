/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The last resort when a thread that serves swap is stuck in the kernel, searching for memory.
 *
 * A reply takes kernel memory for as long as it waits in the client's socket.  If there is none
 * left at all, the I/O thread searches for some, and nobody else can free any, because all of them
 * wait for that reply.  So the process keeps a ballast: locked memory that is used for nothing.
 * When an I/O thread uses processor time without making progress, the watchdog gives the ballast
 * back to the system.  It is taken again when there is headroom.  If that does not help, or the
 * ballast is gone, the watchdog makes the stuck thread an ordinary one until it makes progress, so
 * that it does not keep the processor from those who could free memory.
 *
 * For the refill thread the order is reversed: it loses its priority first.  It gets the ballast if
 * it is stuck all the same; nobody can free memory then, for lack of the blocks it searches for.
 *
 * The ballast is also released when the system is short and nobody sends us a request.  The kernel
 * can get stuck like that by itself (7.3, 256 MiB): an ordinary thread waits in
 * throttle_direct_reclaim() until half of the minimum is free in all zones together, and wakes up
 * kswapd, which sleeps again because the small zone DMA has enough.
 *
 * The watchdog allocates nothing and takes no lock.  It asks the kernel for clocks, for
 * /proc/zoneinfo (which takes no memory after the first reading), and for the two kinds of help.
 *
 * Threading: one watchdog in a process.  The main thread starts and stops it; all other functions
 * are for any thread, unless said otherwise.
 */
#ifndef RZS_WATCHDOG_H
#define RZS_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

/* The default ballast for ram bytes of RAM: a 256th of it, 512 KiB to 8 MiB.  Bytes. */
uint64_t rzs_watchdog_default_ballast(uint64_t ram);

/*
 * Start the thread.  It calls hook(arg) first.  hook: NULL for none.  0 or a negative errno.  Main
 * thread, once; allocates.
 */
int rzs_watchdog_start(void (*hook)(void *arg), void *arg);

/*
 * Take the ballast: bytes, rounded up to whole pages.  Main thread, once, after the start.  0;
 * -ENOMEM; or another negative errno if it cannot be locked.  After an error there is no ballast.
 */
int rzs_watchdog_take_ballast(uint64_t bytes);

/* End the thread, wait for that, and free the ballast.  Main thread; it may not be running. */
void rzs_watchdog_stop(void);

/* Whether swap is on, so that threads can get stuck.  At the start it is off.  Does not wait. */
void rzs_watchdog_set_active(bool on);

/*
 * If the ballast was released and there is headroom again, take it again.  Call it about once a
 * second, on a thread that may wait for memory.
 */
void rzs_watchdog_tick(void);

struct rzs_watchdog_info {
	bool running;
	uint64_t ballast_bytes; /* held now */
	uint64_t stuck;		/* times an I/O or refill thread was found stuck */
	uint64_t released;	/* times the ballast was released */
	uint64_t demoted;	/* times a thread was made an ordinary one */
};

/* The numbers may be a moment apart. */
void rzs_watchdog_info(struct rzs_watchdog_info *out);

#endif
