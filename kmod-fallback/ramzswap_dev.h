/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ioctls of the block device, in the types of compat.h.  Process context without locks; may
 * sleep.  ramzswap_ioctl.h has the commands, and ramzswap(4) their errors.
 */
#ifndef RAMZSWAP_DEV_H
#define RAMZSWAP_DEV_H

#include "compat.h"

int rzs_ioctl(struct block_device *bdev, rzs_mode_t mode, unsigned int cmd, unsigned long arg);
#ifdef CONFIG_COMPAT
int rzs_compat_ioctl(struct block_device *bdev, rzs_mode_t mode, unsigned int cmd,
		     unsigned long arg);
#endif

#endif
