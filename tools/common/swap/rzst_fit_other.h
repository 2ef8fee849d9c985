/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a swap area can still take, asked of whoever knows: the kernel module, zram, or the server
 * behind an nbd device.
 *
 * Threading: one thread.
 */
#ifndef RZST_FIT_OTHER_H
#define RZST_FIT_OTHER_H

#include <stdbool.h>
#include <stdint.h>

#include "rzst_area.h"

/* Another area, to which pages could go instead.  Bytes. */
struct rzst_fit_other {
	uint64_t room; /* in its free slots */
	bool in_memory; /* compressed, in this machine's memory; else the rest does not count */
	uint64_t stored; /* before compression */
	uint64_t packed; /* after it */
	uint64_t held;	 /* all its memory */
	uint64_t limit;	 /* on that, 0: none */
};

/* What the kernel's list says of it alone: one in memory, that holds nothing. */
void rzst_fit_other_in_memory(const struct rzst_area *area, struct rzst_fit_other *out);

/* Of an area that is on.  Cannot fail: an nbd device that nobody answers for has no room. */
void rzst_fit_other_look(const struct rzst_area *area, struct rzst_fit_other *out);

#endif
