/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of the kernel module's devices in sysfs.  Threading: one thread. */
#ifndef RZST_KERNEL_FILE_H
#define RZST_KERNEL_FILE_H

/*
 * Write a value to /sys/block/NAME/FILE.  0, or the file's error as a negative errno; -ENOENT: this
 * driver has no such file.
 */
int rzst_kernel_file_write(const char *name, const char *file, const char *value);

#endif
