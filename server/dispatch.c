/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NBD requests as calls of the store; see dispatch.h.
 *
 * If pages of a device can be elsewhere, it has a spiller.  A call that needs such a page, or
 * memory that others have to leave first, parks its request: rq->ticket is rq->waiter until that
 * call was made again.
 */
#include <errno.h>
#include <stddef.h>

#include "devices.h"
#include "dispatch.h"
#include "extent.h"
#include "protect_server.h"
#include "spiller.h"
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

/* ---- pages elsewhere ---- */

/* A call that may need one, or memory. */
struct call {
	int (*make)(struct rzs_dispatch *d, const struct call *c);
	void *to;
	const void *from;
	uint64_t len, offset;
	unsigned prepared; /* number of the page */
};

static void go_on(struct rzs_spiller_waiter *waiter)
{
	char *rq = (char *)waiter - offsetof(struct rzs_request, waiter);

	rzs_request_complete((struct rzs_request *)rq);
}

/* Want the page that the call lacks: a page in part, so the first or the last one. */
static int want_page(struct rzs_dispatch *d, const struct call *c,
		     struct rzs_spiller_waiter *waiter)
{
	rzs_slot_t first = c->offset >> RZS_PAGE_SHIFT;
	rzs_slot_t last = (c->offset + c->len - 1) >> RZS_PAGE_SHIFT;
	int err = rzs_spiller_want(d->device->spiller, d->worker, first, waiter);

	if (err == -ENOENT && last != first)
		err = rzs_spiller_want(d->device->spiller, d->worker, last, waiter);
	return err;
}

/* Want memory for a write; if that is in vain, it is refused. */
static int want_room(struct rzs_dispatch *d, struct rzs_spiller_waiter *waiter)
{
	int err = rzs_spiller_want_room(d->device->spiller, waiter);

	if (err == -ENOSPC)
		rzs_spill_count_refused(d->worker);
	return err;
}

/* Whether a call with this result is to be made again, when it has what it lacks. */
static bool lacks(int err)
{
	return err == -EINPROGRESS || err == -ENOSPC;
}

/* Make a call that lacks something (err), or was parked, until it is answered or parked. */
static int make_elsewhere(struct rzs_dispatch *d, const struct call *c, struct rzs_request *rq,
			  int err)
{
	struct rzs_spiller *s = d->device->spiller;
	struct rzs_spiller_waiter *waiter = &rq->waiter;
	int wanted;

	if (rq->ticket) {
		rq->ticket = NULL;
		rzs_spiller_resume(s, d->worker, waiter);
		err = c->make(d, c);
		rzs_spiller_put(s, d->worker, waiter, err != -EINPROGRESS);
	} else {
		*waiter = (struct rzs_spiller_waiter){.complete = go_on};
	}
	while (lacks(err)) {
		wanted = err == -ENOSPC ? want_room(d, waiter) : want_page(d, c, waiter);
		if (wanted == -EINPROGRESS)
			rq->ticket = waiter;
		if (wanted != 0 && wanted != -ENOENT)
			return wanted;
		err = c->make(d, c);
		rzs_spiller_put(s, d->worker, waiter, err != -EINPROGRESS);
	}
	return err;
}

/* Make a call.  rq: its request; NULL where no page can be elsewhere. */
static inline int make(struct rzs_dispatch *d, const struct call *c, struct rzs_request *rq)
{
	bool spills = d->device->spiller, again = spills && rq->ticket;
	int err = unlikely(again) ? -EINPROGRESS : c->make(d, c);

	if (unlikely(spills && lacks(err)))
		err = make_elsewhere(d, c, rq, err);
	return err;
}

/* ---- reads and changes ---- */

static int make_read(struct rzs_dispatch *d, const struct call *c)
{
	struct rzs_store *store = d->device->store;

	if (c->len == RZS_PAGE_SIZE) /* within one page, so all of it */
		return rzs_store_read(store, d->worker, c->offset >> RZS_PAGE_SHIFT, c->to);
	return rzs_store_pread(store, d->worker, c->to, c->len, c->offset);
}

int rzs_dispatch_read(struct rzs_dispatch *d, void *buf, uint32_t len, uint64_t offset,
		      struct rzs_request *rq)
{
	const struct call c = {make_read, buf, NULL, len, offset, 0};

	return make(d, &c, rq);
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

static int make_write(struct rzs_dispatch *d, const struct call *c)
{
	struct rzs_store *store = d->device->store;

	if (unlikely(!may_change(d)))
		return -EPERM;
	if (c->len == RZS_PAGE_SIZE) /* within one page, so all of it */
		return wake_if_full(
			rzs_store_write(store, d->worker, c->offset >> RZS_PAGE_SHIFT, c->from));
	return wake_if_full(rzs_store_pwrite(store, d->worker, c->from, c->len, c->offset));
}

int rzs_dispatch_write(struct rzs_dispatch *d, const void *buf, uint32_t len, uint64_t offset,
		       struct rzs_request *rq)
{
	const struct call c = {make_write, NULL, buf, len, offset, 0};

	return make(d, &c, rq);
}

unsigned rzs_dispatch_prepare(struct rzs_dispatch *d, const void *const *pages, unsigned nr)
{
	return rzs_store_prepare(d->device->store, d->worker, pages, nr);
}

static int make_write_prepared(struct rzs_dispatch *d, const struct call *c)
{
	if (unlikely(!may_change(d)))
		return -EPERM;
	return wake_if_full(rzs_store_write_prepared(d->device->store, d->worker,
						     c->offset >> RZS_PAGE_SHIFT, c->prepared));
}

int rzs_dispatch_write_prepared(struct rzs_dispatch *d, unsigned i, uint64_t offset,
				struct rzs_request *rq)
{
	const struct call c = {make_write_prepared, NULL, NULL, RZS_PAGE_SIZE, offset, i};

	return make(d, &c, rq);
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
static int make_zero(struct rzs_dispatch *d, const struct call *c)
{
	if (unlikely(!may_change(d)))
		return -EPERM;
	return wake_if_full(rzs_store_pzero(d->device->store, d->worker, c->len, c->offset));
}

int rzs_dispatch_zero(struct rzs_dispatch *d, uint64_t len, uint64_t offset, struct rzs_request *rq)
{
	const struct call c = {make_zero, NULL, NULL, len, offset, 0};

	return make(d, &c, rq);
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
