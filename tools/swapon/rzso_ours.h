/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a block device is one of ramzswap's. */
#ifndef RZSO_OURS_H
#define RZSO_OURS_H

#include <stdbool.h>

/*
 * /dev/ramzswapN; a /dev/nbdN that rzs-nbd-swap has attached; and one whose swap header has the
 * UUID of a device of a server that answers in /run/rzs, which is waited for, a second at most for
 * each socket.  One thread.
 */
bool rzso_ours_is(const char *name);

#endif
