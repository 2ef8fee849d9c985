/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What programs and the ramzswap driver say to each other by ioctl(), as compcache 0.6 and
 * Linux 2.6.33 had it: same numbers, same layout.  For both sides; needs nothing but the kernel's
 * own headers.
 *
 * Sizes are in KiB where a name ends in KB, else in bytes.  RZSIO_SET_* take a pointer to the
 * value, before RZSIO_INIT.
 */
#ifndef RAMZSWAP_IOCTL_H
#define RAMZSWAP_IOCTL_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define RZS_MAX_BACKING_NAME 128

/* 252 bytes, for programs of 32 bits and of 64 alike. */
struct ramzswap_ioctl_stats {
	char backing_swap_name[RZS_MAX_BACKING_NAME];
	__u64 memlimit;
	__u64 disksize;
	__u64 num_reads;  /* failed and successful */
	__u64 num_writes; /* likewise */
	__u64 failed_reads;
	__u64 failed_writes;
	__u64 invalid_io;  /* beyond the end, or not of whole sectors */
	__u64 notify_free; /* slots that the kernel said are free, and discarded ones */
	__u32 pages_zero;
	__u32 good_compress_pct; /* of pages_stored, those of at most half a page */
	__u32 pages_expand_pct;	 /* of pages_stored, those kept as they are */
	__u32 pages_stored;	 /* without those of zeros */
	__u32 pages_used;	 /* of memory */
	__u64 orig_data_size;
	__u64 compr_data_size;
	__u64 mem_used_total;
	__u64 bdev_num_reads;
	__u64 bdev_num_writes;
} __attribute__((packed, aligned(4)));

/* The size of the argument is part of the number, so these two differ for programs of 32 bits. */
#define RZSIO_SET_DISKSIZE_KB  _IOW('z', 0, __kernel_size_t)
#define RZSIO_SET_MEMLIMIT_KB  _IOW('z', 1, __kernel_size_t)
#define RZSIO_SET_BACKING_SWAP _IOW('z', 2, unsigned char[RZS_MAX_BACKING_NAME])
#define RZSIO_GET_STATS	       _IOR('z', 3, struct ramzswap_ioctl_stats)
#define RZSIO_INIT	       _IO('z', 4)
#define RZSIO_RESET	       _IO('z', 5)

#endif
