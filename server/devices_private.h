/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What devices.c and devices_hand.c share.  Threading: the front thread. */
#ifndef RZS_DEVICES_PRIVATE_H
#define RZS_DEVICES_PRIVATE_H

#include "blocks.h"
#include "devices.h"
#include "spilling.h"

struct rzs_devices_entry {
	struct rzs_device device; /* first: the public part */
	struct rzs_device_params configured;
	struct rzs_spilling *spilling; /* its pages can be elsewhere; or NULL */
	struct rzs_blocks_share share; /* the store's memory, if it is shared */
	struct rzs_blocks *inherited;  /* a predecessor's, until the store is adopted; or NULL */
	struct rzs_store *prepared;    /* to adopt those; or NULL */
	struct rzs_adopted found;      /* in them */
};

struct rzs_devices {
	struct rzs_device *first;
	unsigned nr;
	unsigned nr_workers;
	bool stopping;
	bool sharing;	      /* stores are made in shared memory */
	bool frozen;	      /* refuse changes: a successor knows all devices */
	char description[64]; /* of the last export described */
};

static inline struct rzs_devices_entry *rzs_devices_entry(struct rzs_device *d)
{
	return (struct rzs_devices_entry *)d;
}

/* Free what rzs_devices_prepare() has made for a device, unless its store was adopted. */
void rzs_devices_unprepare(struct rzs_device *d);

#endif
