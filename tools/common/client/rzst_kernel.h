/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The back end of the kernel module's devices, /dev/ramzswapN: the original's ioctls.
 *
 * None of them is ever sent to anything else: what is opened must be a block device, and sysfs must
 * call it ramzswapN.  Nothing stays open between two calls, as an open device cannot be removed.
 *
 * Threading: one thread.
 */
#ifndef RZST_KERNEL_H
#define RZST_KERNEL_H

#include "rzst_backend.h"

/* "ramzswapN", and nothing behind N. */
bool rzst_kernel_is_name(const char *text, unsigned *out_number);

/* What is to be asked by ioctl, or refused as what cannot be: /dev/ramzswapN, any block device. */
bool rzst_kernel_is_path(const char *text);

/*
 * device: a block device's path, "ramzswapN", or NULL, all of the module.  On failure *out is NULL
 * and why is set: -ENOENT there is no such device, or none at all; -EACCES; -EINVAL it is not one
 * of the module's; ...
 */
int rzst_kernel_open(const char *device, struct rzst_backend **out, char *why, size_t why_size);

#endif
