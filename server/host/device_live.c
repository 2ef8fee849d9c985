/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changing a device that is in use; see device_live.h. */
#include "device_live.h"

#include <string.h>

#include "upkeep.h"

int rzs_device_live_start(const struct rzs_device_params *p, const char *name,
			  struct rzs_store *store, char why[RZS_WHY_MAX])
{
	int err = rzs_upkeep_add(name, store);

	if (err < 0)
		return rzs_value_fail(why, err, "cannot start its upkeep: %s", strerror(-err));
	err = rzs_device_live_apply(p, store, why);
	if (err < 0)
		rzs_upkeep_remove(store);
	return err;
}

int rzs_device_live_apply(const struct rzs_device_params *p, struct rzs_store *store,
			  char why[RZS_WHY_MAX])
{
	int err = rzs_upkeep_merge(store, &p->merge, why);

	return err == 0 ? rzs_upkeep_recompress(store, &p->recompress, why) : err;
}

void rzs_device_live_refresh(struct rzs_device_params *p, struct rzs_store *store)
{
	rzs_upkeep_merge_knobs(store, &p->merge);
}

int rzs_device_live_set(struct rzs_device_params *p, struct rzs_store *store, const char *key,
			const char *value, atomic_bool *limited, char why[RZS_WHY_MAX])
{
	struct rzs_device_params changed;
	int err;

	if (strcmp(key, "memlimit") == 0) {
		/* The store's limit must not change during a step of merging. */
		rzs_upkeep_pause(store);
		err = rzs_device_params_relimit(p, store, value, limited, why);
		rzs_upkeep_resume(store);
		return err;
	}
	rzs_device_live_refresh(p, store);
	changed = *p;
	err = rzs_device_params_set(&changed, key, value, why);
	if (err < 0)
		return err;
	if (strncmp(key, "spill", strlen("spill")) == 0) {
		p->spill = changed.spill;
		rzs_upkeep_spill_knobs(store, &p->spill);
		return 0;
	}
	if (strncmp(key, "merge", strlen("merge")) != 0) {
		err = rzs_upkeep_recompress(store, &changed.recompress, why);
		if (err == 0)
			p->recompress = changed.recompress;
		return err;
	}
	err = rzs_upkeep_merge(store, &changed.merge, why);
	rzs_device_live_refresh(p, store);
	return err;
}
