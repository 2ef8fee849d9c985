/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The swap header as rzs-swapon changes it: the signature of a suspended machine becomes that of
 * swap again, and a header for another page size one for this machine's.  The first 1024 bytes, a
 * boot loader's, stay as they are, and so do label and UUID.
 *
 * Threading: any thread.
 */
#ifndef RZSO_HEADER_H
#define RZSO_HEADER_H

#include "rzst_header.h"

/*
 * Read what there is.  0, or a negative errno of open(2) or read(2): *out is all zeros.  May wait
 * for the device.
 */
int rzso_header_read(const char *path, struct rzst_header *out);

/*
 * Write and sync; a block device that is mounted or held by another is refused with -EBUSY.  0, or
 * a negative errno.  -EINVAL: there is no such header, or see rzst_header_make().
 */
int rzso_header_unsuspend(const char *path);
int rzso_header_reinitialise(const char *path, uint32_t page_size);

#endif
