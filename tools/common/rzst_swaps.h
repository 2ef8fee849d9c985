/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The swap areas of this machine.  Nothing is allocated.  Any thread.
 */
#ifndef RZST_SWAPS_H
#define RZST_SWAPS_H

#include <stdbool.h>
#include <stdint.h>

#define RZST_UUID_TEXT 37u /* bytes of a UUID as text, with its 0 */
#define RZST_SWAPS_MAX 32u /* the kernel has no more */

struct rzst_swap_area {
	char name[256];	     /* a path, of any bytes: not fit for a terminal yet */
	bool is_file;	     /* else a block device */
	uint64_t size, used; /* bytes */
	int priority;
};

/*
 * The areas in a text like /proc/swaps, which is changed; returns how many there are.  Escapes are
 * decoded, and of a block device whose node was removed the name is that of before.  A line that is
 * not understood, or whose name is longer, is left out.  Cannot fail.
 */
unsigned rzst_swaps_parse(char *text, struct rzst_swap_area v[RZST_SWAPS_MAX]);

/*
 * The areas of this machine, or below RZS_SYSROOT; returns how many there are: 0 also when
 * /proc/swaps cannot be read, as with a kernel without swap.
 */
unsigned rzst_swaps_read(struct rzst_swap_area v[RZST_SWAPS_MAX]);

/*
 * Blanks, tabs, newlines and backslashes of a name, which the kernel writes as a backslash and
 * three octal digits: as they were.
 */
void rzst_swaps_decode(char *text);

/*
 * The UUID in the swap header of a block device, which is read: that waits for its server.
 * -ENODATA: there is no header for pages of 4 KiB; or another negative errno.  uuid is empty then.
 */
int rzst_swaps_uuid(const char *device, char uuid[RZST_UUID_TEXT]);

/* The area of this name.  -ENODEV: it is not swapped to; *out is all zeros. */
int rzst_swaps_find(const char *name, struct rzst_swap_area *out);

/*
 * The area of this name, or of the same device or file by another name.  0; -ENODEV: nothing swaps
 * to it, for certain.  Another negative errno: that is not known, as /proc/swaps cannot be read
 * (-EILSEQ: not understood in each line; -EOVERFLOW: too long), or what the name leads to cannot be
 * looked at.  *out is all zeros then.  No device is opened.
 */
int rzst_swaps_is_on(const char *name, struct rzst_swap_area *out);

/* Whether both names lead to the same block device, by whatever nodes, or to the same file. */
bool rzst_swaps_same(const char *a, const char *b);

#endif
