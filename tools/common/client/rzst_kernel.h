/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The back end of the kernel module's devices, /dev/ramzswapN: sysfs for statistics, the original's
 * ioctls for everything else.
 *
 * An ioctl is only sent to a block device that sysfs calls ramzswapN.  No device stays open between
 * two calls, because an open device cannot be reset.
 *
 * Threading: one thread.
 */
#ifndef RZST_KERNEL_H
#define RZST_KERNEL_H

#include "rzst_backend.h"

/* Whether it is "ramzswap" and a number and nothing else.  False: *out_number is 0. */
bool rzst_kernel_is_name(const char *text, unsigned *out_number);

/*
 * Whether it is for rzst_kernel_open() to accept or refuse: /dev/ramzswapN, there or not, and any
 * other block device.
 */
bool rzst_kernel_is_path(const char *text);

/*
 * device: the path of a block device, "ramzswapN", or NULL: all of the module's devices.  0, or a
 * negative errno: *out is NULL and why says what is wrong.  -ENOENT: there is no such device, or
 * none at all; -EACCES: only root may open it; -EINVAL: it is not one of the module's.
 */
int rzst_kernel_open(const char *device, struct rzst_backend **out, char *why, size_t why_size);

#endif
