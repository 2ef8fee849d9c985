/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changing a device that is in use: its memlimit, what it merges, recompresses and spills.
 *
 * Threading: the thread that makes and removes the device.  It may wait for memory, and for a step
 * of upkeep.
 */
#ifndef RZS_DEVICE_LIVE_H
#define RZS_DEVICE_LIVE_H

#include "device_params.h"

/*
 * Let upkeep look after the store of a device, and merge as p says.  name: as in rzs_upkeep_add().
 * 0; -ENOMEM, -ENOSPC with why set, and upkeep does not know the store then.
 */
int rzs_device_live_start(const struct rzs_device_params *p, const char *name,
			  struct rzs_store *store, char why[RZS_WHY_MAX]);

/* The second part of it, for a store that upkeep knows: merge and recompress as p says. */
int rzs_device_live_apply(const struct rzs_device_params *p, struct rzs_store *store,
			  char why[RZS_WHY_MAX]);

/*
 * Set a live key (rzs_device_params_is_live()) of a store that was started, and in p.  limited: as
 * in rzs_device_params_relimit().  0, or the errors of that and of rzs_merger_set() with why set;
 * p has changed then at most in merge.run.
 */
int rzs_device_live_set(struct rzs_device_params *p, struct rzs_store *store, const char *key,
			const char *value, atomic_bool *limited, char why[RZS_WHY_MAX]);

/* Set in p what may change by itself: merge.run. */
void rzs_device_live_refresh(struct rzs_device_params *p, struct rzs_store *store);

#endif
