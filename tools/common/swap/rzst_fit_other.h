/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a swap area can still take, asked of whoever knows: the kernel module, zram, or the server
 * behind an nbd device.
 *
 * Threading: one thread.
 */
#ifndef RZST_FIT_OTHER_H
#define RZST_FIT_OTHER_H

#include "rzst_fit.h"

/* Of an area that is on.  Cannot fail: an nbd device that nobody answers for has no room. */
void rzst_fit_other_look(const struct rzst_area *area, struct rzst_fit_other *out);

#endif
