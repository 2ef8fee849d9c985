/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What pages are spilled to: a block device, or a file whose blocks are all there.
 *
 * Opening refuses whatever could hurt others, or could make a write wait for memory or fail later.
 * Whether a device is mounted or swapped to is asked of the kernel alone, by O_EXCL: no list of
 * mounts or swap areas is read.
 *
 * Place 0 has a mark that says whose target this is, so it may be used again.  A target without
 * the mark must begin with zeros, so that nobody's file system is overwritten by mistake.  Nothing
 * else on a target is read again at the next start.
 *
 * A file must have been written in full before.  The server does not do that, as it would take
 * minutes at its start; the message names a command.
 *
 * Threading: opening and closing sleep and allocate; one thread.  The calls of the disk: any
 * thread.
 */
#ifndef RZS_SPILL_TARGET_H
#define RZS_SPILL_TARGET_H

#include "spill_io.h"

#define RZS_SPILL_PLACES_MAX  (UINT64_C(1) << 32)
#define RZS_SPILL_MARK	      "ramzswap spill\n" /* 16 bytes with the 0, then zeros up to place 1 */
#define RZS_SPILL_LOOK_PLACES 4u /* from the start of a target, that must be zeros */

struct rzs_spill_target {
	int fd;		 /* -1: not open */
	uint64_t places; /* place 0 included */
};

/*
 * Open a target, exclusively, and put the mark on it.  0; or a negative errno, with a sentence in
 * why and t as closed: -EBUSY: in use; -EPERM, -EACCES: the file's mode or owner, or no rights;
 * -EINVAL: not fit for it; -EEXIST: it holds something else; -EOPNOTSUPP: the file system; or what
 * the system said.
 */
int rzs_spill_target_open(struct rzs_spill_target *t, const char *path, char why[RZS_WHY_MAX]);

/* Give it back.  The mark stays.  Does nothing if it is closed. */
void rzs_spill_target_close(struct rzs_spill_target *t);

/* Its calls, for the engine; t must stay where it is. */
struct rzs_spill_disk rzs_spill_target_disk(struct rzs_spill_target *t);

#endif
