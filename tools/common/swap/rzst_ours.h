/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which areas are devices of ramzswap, and what their stores count: the kernel module's devices,
 * and nbd devices whose server has a control socket in /run/rzs.
 *
 * Threading: one thread.  Servers are waited for, up to 2 s each.
 */
#ifndef RZST_OURS_H
#define RZST_OURS_H

#include "rzst_backend.h"

#define RZST_RUN_DIR "/run/rzs" /* control sockets, and what rzs-nbd-swap notes */

/* What rzs-nbd-swap has noted of an nbd device that it attached. */
struct rzst_ours_note {
	uint64_t pid;		  /* of the server; 0: not noted */
	char name[RZST_NAME_MAX]; /* of the export; empty: the only one that the server has */
};

/*
 * Read that.  -ENODEV: the path is not that of an nbd device; -ENOENT: nothing is noted; or another
 * negative errno; *out is all zeros then.  Asks nobody, and allocates nothing.
 */
int rzst_ours_note(const char *path, struct rzst_ours_note *out);

/*
 * Whether the block device of this path is ramzswap's: the kernel module's, one that rzs-nbd-swap
 * attached, or one whose swap header, which is read, has the UUID of a device of a server that
 * answers.  Cannot fail: what nobody knows is not ours.
 */
bool rzst_ours_is(const char *path);

/*
 * The statistics of its store.  -ENODEV: it is not ours, or nobody answers for it; or a negative
 * errno of rzst_kernel_stats_read().  *out is empty then; free it in any case.  may_read: an nbd
 * device of which rzs-nbd-swap has noted nothing is read from, which waits for its server as long
 * as that takes; else it is not ours.
 */
int rzst_ours_stats(const char *path, bool may_read, struct rzst_values *out);

#endif
