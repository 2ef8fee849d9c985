/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The spill target of a device, with the spiller that uses it.
 *
 * Threading: the thread that makes and removes the device.
 */
#ifndef RZS_SPILLING_H
#define RZS_SPILLING_H

#include "spill_keys.h"
#include "spiller.h"

struct rzs_spilling;

/*
 * Open the target that knobs name, and let pages of the store be there.  Upkeep is running, and
 * knows the store; nobody else uses it yet.  Sleeps, and may wait for seconds.  0, and *out; or a
 * negative errno with why set, and NULL: errors of rzs_spill_target_open() and rzs_spiller_open().
 */
int rzs_spilling_start(const struct rzs_spill_knobs *knobs, struct rzs_store *store,
		       struct rzs_spilling **out, char why[RZS_WHY_MAX]);

/* For the device's calls. */
struct rzs_spiller *rzs_spilling_spiller(struct rzs_spilling *s);

/* End it, as rzs_spiller_close().  Upkeep does not know the store any more. */
void rzs_spilling_stop(struct rzs_spilling *s, struct rzs_worker *w);

#endif
