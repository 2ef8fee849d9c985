/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ioctls of the ramzswap driver, as in compcache 0.6 and Linux 2.6.33: the same numbers and
 * layout.  For the driver and for programs.
 *
 * Sizes are in KiB if a name ends in KB, otherwise in bytes.  RZSIO_SET_* take a pointer to the
 * value, and must come before RZSIO_INIT.
 */
#ifndef RAMZSWAP_IOCTL_H
#define RAMZSWAP_IOCTL_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define RZS_MAX_BACKING_NAME 128

/* 252 bytes for both 32-bit and 64-bit programs. */
struct ramzswap_ioctl_stats {
	char backing_swap_name[RZS_MAX_BACKING_NAME];
	__u64 memlimit;
	__u64 disksize;
	__u64 num_reads;  /* including failed_reads */
	__u64 num_writes; /* including failed_writes */
	__u64 failed_reads;
	__u64 failed_writes;
	__u64 invalid_io;  /* requests beyond the end, or not of whole blocks */
	__u64 notify_free; /* slots that the kernel freed or discarded */
	__u32 pages_zero;
	__u32 good_compress_pct; /* of pages_stored: compressed to half a page or less */
	__u32 pages_expand_pct;	 /* of pages_stored: incompressible */
	__u32 pages_stored;	 /* without pages of zeros */
	__u32 pages_used;	 /* pages of memory */
	__u64 orig_data_size;
	__u64 compr_data_size;
	__u64 mem_used_total;
	__u64 bdev_num_reads;
	__u64 bdev_num_writes;
} __attribute__((packed, aligned(4)));

/* The number contains the size of the argument, so 32-bit programs have other numbers for two. */
#define RZSIO_SET_DISKSIZE_KB  _IOW('z', 0, __kernel_size_t)
#define RZSIO_SET_MEMLIMIT_KB  _IOW('z', 1, __kernel_size_t)
#define RZSIO_SET_BACKING_SWAP _IOW('z', 2, unsigned char[RZS_MAX_BACKING_NAME])
#define RZSIO_GET_STATS	       _IOR('z', 3, struct ramzswap_ioctl_stats)
#define RZSIO_INIT	       _IO('z', 4)
#define RZSIO_RESET	       _IO('z', 5)

#endif
