/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The block device of a device of the kernel module: open it, identify it, send it an ioctl.
 *
 * On failure the functions return a negative errno, and why, of RZS_NODE_WHY bytes, says what is
 * wrong and what to do.
 *
 * Threading: one thread.
 */
#ifndef RZST_KERNEL_NODE_H
#define RZST_KERNEL_NODE_H

#include "rzst.h"

#define RZS_NODE_WHY 1024u

/*
 * Open a path.  Returns a descriptor, and in name what the kernel calls the device.  -EINVAL: it is
 * not one of the module's; name is empty on failure.
 */
int rzst_node_open(const char *path, char name[RZST_NAME_MAX], char *why);

/* Send RZSIO_* with its argument.  0; -ENODEV: not initialised, so there are no statistics. */
int rzst_node_ask(int fd, const char *name, unsigned long request, void *argument, char *why);

#endif
