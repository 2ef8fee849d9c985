/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The statistics of a device of the kernel module: the list of them, and two ways to get them.
 * sysfs has all; a driver that is too old for that has the original's, by ioctl.
 *
 * Nothing is asked of the device itself.
 *
 * Threading: one thread.
 */
#ifndef RZST_KERNEL_STATS_H
#define RZST_KERNEL_STATS_H

#include "rzst_backend.h"

#define RZST_BACKING_MAX 128u /* bytes of a backing swap's path, with its 0 */

struct ramzswap_ioctl_stats;

/* What one may get, each with its meaning.  Never fails; free it. */
void rzst_kernel_stats_describe(struct rzst_stat_infos *out);

/*
 * Of ramzswapN, from /sys/block/ramzswapN.  backing is empty if there is none.  -ENOENT: there is
 * no store_stat, which means that the driver is too old; -ENODEV: it is not initialised; or another
 * negative errno.  out and backing are then empty.
 */
int rzst_kernel_stats_read(const char *name, struct rzst_values *out,
			   char backing[RZST_BACKING_MAX]);

/* Of what RZSIO_GET_STATS gave.  Never fails. */
void rzst_kernel_stats_of_ioctl(const struct ramzswap_ioctl_stats *s, struct rzst_values *out,
				char backing[RZST_BACKING_MAX]);

#endif
