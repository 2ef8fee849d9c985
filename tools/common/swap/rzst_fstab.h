/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The swap lines of fstab(5), and names such as LABEL=, by libmount.  One thread.
 */
#ifndef RZST_FSTAB_H
#define RZST_FSTAB_H

#include <stdbool.h>
#include <stddef.h>

#include "rzst_area.h"
#include "rzst_swapon.h"

struct rzst_fstab_line {
	char source[256]; /* as it stands there, escapes decoded */
	char name[256];	  /* the path it is; "" when there is no such device now */
	bool noauto, nofail;
	bool has_priority; /* pri= stood there: else how.priority is RZST_PRIORITY_NONE */
	struct rzst_swapon_how how;
	int freq, passno; /* the fifth and sixth field: RISC iX's priority and interleave */
	unsigned line;	  /* counted from 1, for messages; 0: not known */
};

/*
 * The swap lines of `path`, or of the machine's fstab (below RZS_SYSROOT) for NULL, in their order.
 * Returns how many there are, *lines an array of them for free(3); negative errno with *lines NULL.
 * `bad` gets a sentence about the first line that is not understood ("" for none); it is left out.
 */
int rzst_fstab_swaps(const char *path, struct rzst_fstab_line **lines, char *bad, size_t size);

/*
 * Whether a swap line of the machine's fstab, but for those with noauto, names this area.  False
 * also when fstab cannot be read.  A name such as LABEL= there may have devices read.
 */
bool rzst_fstab_has(const char *name);

/* permanent is set of those areas for which that is so. */
void rzst_fstab_mark(struct rzst_areas *areas);

/*
 * The path of a device named as users do: a path (made canonical: symbolic links, "//", "./"), or
 * LABEL=, UUID=, PARTLABEL=, PARTUUID=.  That is the name that the kernel lists.  Below RZS_SYSROOT
 * a path is looked for there, and a tag in its /dev/disk.  -ENOENT: there is none; -EINVAL: not a
 * name at all; -ENAMETOOLONG, -ELOOP, -EACCES, -ENOMEM.  out is "" then.
 */
int rzst_device_name(const char *given, char *out, size_t size);

/*
 * fstab's options of swap, separated by commas, into *line; those that are not swap's are passed
 * over, as swapon(8) does.  Set line->how.priority first.  -EINVAL: bad gets why.
 */
int rzst_swap_options(const char *options, struct rzst_fstab_line *line, char *bad, size_t size);

#endif
