/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device of the kernel module, as a file: opened, known for what it is, and asked.
 *
 * All functions give 0, or where they say so a descriptor, or a negative errno and then why, of
 * RZS_NODE_WHY bytes, says what was wrong and the way out.
 *
 * Threading: one thread.
 */
#ifndef RZST_KERNEL_NODE_H
#define RZST_KERNEL_NODE_H

#include "rzst.h"

#define RZS_NODE_WHY 1024u

/*
 * Open a path, and put down what the kernel calls it.  -EINVAL: it is none of the module's; name is
 * empty on failure.  Gives a descriptor.
 */
int rzst_node_open(const char *path, char name[RZST_NAME_MAX], char *why);

/* One of RZSIO_*, with its argument.  -ENODEV: it is not initialised, there are no statistics. */
int rzst_node_ask(int fd, const char *name, unsigned long request, void *argument, char *why);

#endif
