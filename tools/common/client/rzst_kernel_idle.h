/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Idle pages of the kernel module's devices, and their recompression: a server's keys recompress,
 * recompress-after, recompress-cpu, recompress-unit and idle-step are files of
 * /sys/block/ramzswapN/recompression.
 *
 * Threading: one thread.
 */
#ifndef RZST_KERNEL_IDLE_H
#define RZST_KERNEL_IDLE_H

#include "rzst_backend.h"

/* Add the keys of a device and their values; none if the driver is too old to have any. */
void rzst_kernel_idle_params(const char *name, struct rzst_texts *out);

/* Whether a setting "KEY=VALUE" is of such a key. */
bool rzst_kernel_idle_is(const char *setting);

/*
 * Set it; or let all pages count as old.  0 or a negative errno with why set (of size bytes):
 * -EINVAL, -EBUSY, -ENOSPC and -ENOMEM as the file's; -EOPNOTSUPP: the driver is too old.
 */
int rzst_kernel_idle_set(const char *name, const char *setting, char *why, size_t size);
int rzst_kernel_idle_mark(const char *name, char *why, size_t size);

#endif
