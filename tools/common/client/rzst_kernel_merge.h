/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The knobs of merging of the kernel module's devices: /sys/block/ramzswapN/merge has a file for
 * each, with KSM's names.  Here they have the names of a server's keys: merge-run is the file run.
 *
 * Threading: one thread.
 */
#ifndef RZST_KERNEL_MERGE_H
#define RZST_KERNEL_MERGE_H

#include "rzst_backend.h"

/* A knob: KSM's name (but for inline), which the kernel module's file has, and a server's key. */
struct rzst_merge_knob {
	const char *name, *key;
};

#define RZST_MERGE_KNOBS 6u
extern const struct rzst_merge_knob rzst_merge_knobs[RZST_MERGE_KNOBS];

/* Add the knobs of a device and their values; none if the driver is too old to have any. */
void rzst_kernel_merge_params(const char *name, struct rzst_texts *out);

/* Whether a setting "KEY=VALUE" is of such a knob. */
bool rzst_kernel_merge_is(const char *setting);

/*
 * Set it.  0 or a negative errno with why set (of size bytes): -EINVAL, -EBUSY and -ENOMEM as the
 * file's; -EOPNOTSUPP: the driver has no such knob.
 */
int rzst_kernel_merge_set(const char *name, const char *setting, char *why, size_t size);

#endif
