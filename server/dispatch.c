/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NBD requests as calls of the store; see dispatch.h.  All pages of a store are in RAM, so that
 * each call answers at once: no request is parked.
 */
#include <errno.h>

#include "devices.h"
#include "dispatch.h"
#include "extent.h"
#include "protect_server.h"
#include "unlikely.h"
#include "upkeep.h"

void rzs_dispatch_begin(struct rzs_dispatch *d, struct rzs_device *device, unsigned thread)
{
	d->device = device;
	d->thread = thread;
}

void rzs_dispatch_get(struct rzs_dispatch *d)
{
	d->worker = rzs_worker_get(d->device->store, d->thread);
}

void rzs_dispatch_put(struct rzs_dispatch *d)
{
	rzs_worker_put(d->device->store, d->worker);
}

int rzs_dispatch_read(struct rzs_dispatch *d, void *buf, uint32_t len, uint64_t offset,
		      struct rzs_request *rq)
{
	struct rzs_store *store = d->device->store;

	(void)rq;
	if (len == RZS_PAGE_SIZE) /* within one page, so all of it */
		return rzs_store_read(store, d->worker, offset >> RZS_PAGE_SHIFT, buf);
	return rzs_store_pread(store, d->worker, buf, len, offset);
}

/* Compaction may make space in a full store. */
static int wake_if_full(int err)
{
	if (unlikely(err == -ENOSPC))
		rzs_upkeep_wake();
	return err;
}

static bool may_change(struct rzs_dispatch *d)
{
	return rzs_hold_take(&d->device->hold, d->client);
}

int rzs_dispatch_write(struct rzs_dispatch *d, const void *buf, uint32_t len, uint64_t offset,
		       struct rzs_request *rq)
{
	struct rzs_store *store = d->device->store;

	(void)rq;
	if (unlikely(!may_change(d)))
		return -EPERM;
	if (len == RZS_PAGE_SIZE) /* within one page, so all of it */
		return wake_if_full(
			rzs_store_write(store, d->worker, offset >> RZS_PAGE_SHIFT, buf));
	return wake_if_full(rzs_store_pwrite(store, d->worker, buf, len, offset));
}

unsigned rzs_dispatch_prepare(struct rzs_dispatch *d, const void *const *pages, unsigned nr)
{
	return rzs_store_prepare(d->device->store, d->worker, pages, nr);
}

int rzs_dispatch_write_prepared(struct rzs_dispatch *d, unsigned i, uint64_t offset)
{
	if (unlikely(!may_change(d)))
		return -EPERM;
	return wake_if_full(rzs_store_write_prepared(d->device->store, d->worker,
						     offset >> RZS_PAGE_SHIFT, i));
}

void rzs_dispatch_prefetch(struct rzs_dispatch *d, uint64_t offset, unsigned step)
{
	rzs_store_prefetch(d->device->store, offset >> RZS_PAGE_SHIFT, step);
}

int rzs_dispatch_trim(struct rzs_dispatch *d, uint64_t len, uint64_t offset)
{
	if (unlikely(!may_change(d)))
		return -EPERM;
	return rzs_store_ptrim(d->device->store, d->worker, len, offset);
}

/* A page of zeros is stored as no page, whether or not the client asks for a hole. */
int rzs_dispatch_zero(struct rzs_dispatch *d, uint64_t len, uint64_t offset, struct rzs_request *rq)
{
	(void)rq;
	if (unlikely(!may_change(d)))
		return -EPERM;
	return wake_if_full(rzs_store_pzero(d->device->store, d->worker, len, offset));
}

/* The pages that a range touches. */
static rzs_slot_t pages_of(uint64_t len, uint64_t offset, rzs_slot_t *out_first)
{
	*out_first = offset >> RZS_PAGE_SHIFT;
	return ((offset + len - 1) >> RZS_PAGE_SHIFT) - *out_first + 1;
}

bool rzs_dispatch_is_zero(struct rzs_dispatch *d, uint64_t len, uint64_t offset)
{
	rzs_slot_t slot, nr = pages_of(len, offset, &slot);
	enum rzs_map_kind kind;
	uint64_t run;

	while (nr) {
		if (rzs_store_map(d->device->store, slot, nr, &kind, &run) < 0 ||
		    kind == RZS_MAP_DATA)
			return false;
		slot += run;
		nr -= run;
	}
	return true;
}

_Static_assert(RZS_EXTENT_HOLE == RZS_NBD_STATE_HOLE && RZS_EXTENT_ZERO == RZS_NBD_STATE_ZERO,
	       "extents' flags are the protocol's");

int rzs_dispatch_extent(struct rzs_dispatch *d, uint64_t len, uint64_t offset, uint64_t *out_len,
			uint32_t *out_flags)
{
	rzs_slot_t slot, nr = pages_of(len, offset, &slot);
	enum rzs_map_kind kind;
	uint64_t run;
	bool limited = atomic_load_explicit(&d->device->limited, memory_order_relaxed);
	int err = rzs_store_map(d->device->store, slot, nr, &kind, &run);

	*out_flags = rzs_extent_flags(kind, limited);
	*out_len = err ? 0 : ((slot + run) << RZS_PAGE_SHIFT) - offset;
	if (*out_len > len)
		*out_len = len;
	return err;
}

bool rzs_dispatch_may_wait(void)
{
	return !rzs_protect_server_swap_is_on();
}

void rzs_dispatch_done(struct rzs_dispatch *d, enum rzs_latency_op op, uint64_t ns, uint32_t bytes)
{
	rzs_latency_add(d->device->latency, d->thread, op, ns, bytes);
}
