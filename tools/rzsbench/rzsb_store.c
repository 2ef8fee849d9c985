/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsb_store.h. */
#include "rzsb_store.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "rzsb_cmd.h"
#include "rzst.h"

#define PATIENCE_NS 20000000000ull

void rzsb_store_put(struct rzs_store *s, struct rzs_worker *w, uint32_t slot, const void *page,
		    uint64_t *retries)
{
	uint64_t deadline = 0;
	int err;

	while ((err = rzs_store_write(s, w, slot, page)) == -ENOMEM) {
		uint64_t now = rzst_now();

		++*retries;
		if (deadline == 0)
			deadline = now + PATIENCE_NS;
		if (now > deadline)
			break;
		sched_yield();
	}
	if (err < 0)
		rzst_die(RZSB_FAILED, "writing slot %u failed: %s", slot, strerror(-err));
}
