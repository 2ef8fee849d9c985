/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The block device operations that are not data, in the types that compat.h settles. */
#ifndef RAMZSWAP_DEV_H
#define RAMZSWAP_DEV_H

#include "compat.h"

int rzs_ioctl(struct block_device *bdev, rzs_mode_t mode, unsigned int cmd, unsigned long arg);
#ifdef CONFIG_COMPAT
int rzs_compat_ioctl(struct block_device *bdev, rzs_mode_t mode, unsigned int cmd,
		     unsigned long arg);
#endif

#endif
