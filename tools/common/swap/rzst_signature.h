/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a device or file holds, by libblkid: so that nothing but swap is swapped to.  Any thread.
 *
 * Paths are taken as they are: RZS_SYSROOT is the caller's to put before them.
 */
#ifndef RZST_SIGNATURE_H
#define RZST_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rzst_holds {
	RZST_HOLDS_NOTHING,   /* no signature that libblkid knows */
	RZST_HOLDS_SWAP,      /* SWAPSPACE2 or SWAP-SPACE */
	RZST_HOLDS_SUSPENDED, /* the image of a suspended machine: S1SUSPEND and its kin */
	RZST_HOLDS_OTHER,     /* a file system, a partition table, LUKS, LVM, RAID ... */
};

struct rzst_signature {
	enum rzst_holds holds;
	char what[32];		  /* libblkid's name: "ext4", "crypto_LUKS", "gpt"; "": nothing */
	char label[64], uuid[40]; /* "" for none; any bytes: not fit for a terminal yet */
	uint32_t page_size;	  /* of a swap header, bytes; 0 else */
	bool byte_swapped;	  /* a swap header of a machine of the other byte order */
	bool blank;		  /* holds nothing, and its first MiB is all zeros */
	bool ambivalent;	  /* more than one: what is that of one which is not swap */
	uint64_t size;		  /* of the device or file, bytes */
};

/*
 * Reads the first and last blocks of `path`; *out is set on every path, to zeros when it fails.
 * Negative errno of open(2) or read(2), -ENOTBLK: neither a block device nor a file, -ENOMEM.  Does
 * not wait for a device in use.
 */
int rzst_signature_read(const char *path, struct rzst_signature *out);

/*
 * Why `path` must not be swapped to, beyond its signature: 0 and "" when there is nothing.
 * -EBUSY: mounted, swapped to, or held by another (device mapper, RAID, loop); -EINVAL: a file with
 * holes, on tmpfs, encrypted, compressed, or copied on write; -EPERM: a file of another owner than
 * root, or open to others; else of open(2), and why is its text.  What was found stands in why, a
 * sentence without a full stop.
 */
int rzst_signature_refuses(const char *path, char *why, unsigned size);

#endif
