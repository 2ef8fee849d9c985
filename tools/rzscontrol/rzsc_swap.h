/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attach and detach of the kernel module's devices: nothing but swapon(2), and swapoff(2) in a
 * helper as rzs-swapoff's.
 *
 * Both print what is wrong, and return an exit status as rzs-nbd-swap(8) has them.
 *
 * Threading: one thread.
 */
#ifndef RZSC_SWAP_H
#define RZSC_SWAP_H

#include "rzsc_find.h"

/* As in rzs-nbd-swap(8). */
enum { SWAP_FAILED = 1, SWAP_USAGE = 2, SWAP_REFUSED = 3, SWAP_NO_ROOM = 4, SWAP_NOT_ATTACHED = 5 };

/* Swap to the device that was found.  Returns RZS_EXIT_DONE or SWAP_*. */
int rzsc_swap_attach(const struct rzsc_options *o, const struct rzsc_found *found);

/* name: "ramzswapN".  The device itself is not opened.  Returns RZS_EXIT_DONE or SWAP_*. */
int rzsc_swap_detach(const struct rzsc_options *o, const char *name);

#endif
