/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one place where NBD meets the store: what a request does to its device.  A benchmark of the
 * transport has another implementation (bench/null_dispatch.c).
 *
 * Threading: a struct rzs_dispatch belongs to one thread; threads share devices.  Nothing here
 * allocates or waits for memory.
 */
#ifndef RZS_DISPATCH_H
#define RZS_DISPATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "latency.h"
#include "request.h"
#include "rzs_store.h"

struct rzs_device;
struct rzs_holder;

/* A device and a worker of its store, while a thread serves requests. */
struct rzs_dispatch {
	struct rzs_device *device;
	struct rzs_worker *worker;
	unsigned thread; /* index of the I/O thread */

	/* The client that the requests are from (hold.h); set once, by the connection. */
	struct rzs_holder *client;
};

/* The thread serves requests of this device from now on. */
void rzs_dispatch_begin(struct rzs_dispatch *d, struct rzs_device *device, unsigned thread);

/* Get a worker for the calls below that take one, and put it back: for one piece of a request. */
void rzs_dispatch_get(struct rzs_dispatch *d);
void rzs_dispatch_put(struct rzs_dispatch *d);

/*
 * These return 0 or a negative errno as in rzs_store.h.  The caller has checked the bounds; len is
 * not 0.  A change may also fail with -EPERM: another client holds the device (hold.h).
 *
 * A read or write lies within one page, so that an error concerns that page.
 *
 * rq is the request that the call is for.  -EINPROGRESS: it is parked (request.h); nothing has
 * changed, buf is not kept.  A write of a whole page does not need the old one: it is parked only
 * where others have to leave memory first.
 * Others may write the page while rq is parked.  So when a write is called again, it must not take
 * the bytes that were fetched for it for those of the page without a look at the page.
 */
int rzs_dispatch_read(struct rzs_dispatch *d, void *buf, uint32_t len, uint64_t offset,
		      struct rzs_request *rq);
int rzs_dispatch_write(struct rzs_dispatch *d, const void *buf, uint32_t len, uint64_t offset,
		       struct rzs_request *rq);

/*
 * Prepare nr pages for writes that follow soon: rzs_store_prepare().  The bytes must not change
 * until rzs_dispatch_put(), or until others are prepared.
 */
unsigned rzs_dispatch_prepare(struct rzs_dispatch *d, const void *const *pages, unsigned nr);
/* As rzs_dispatch_write(), of prepared page number i.  If it parks, either is called again. */
int rzs_dispatch_write_prepared(struct rzs_dispatch *d, unsigned i, uint64_t offset,
				struct rzs_request *rq);

/* A read or trim of the page at offset follows soon.  Any offset; step: rzs_store_prefetch(). */
void rzs_dispatch_prefetch(struct rzs_dispatch *d, uint64_t offset, unsigned step);

int rzs_dispatch_trim(struct rzs_dispatch *d, uint64_t len, uint64_t offset);
/* May park rq, since the first and last pages may be zeroed in part. */
int rzs_dispatch_zero(struct rzs_dispatch *d, uint64_t len, uint64_t offset,
		      struct rzs_request *rq);

/* Whether the range is known, without reading it, to be zero.  If unsure: false. */
bool rzs_dispatch_is_zero(struct rzs_dispatch *d, uint64_t len, uint64_t offset);

/*
 * The flags that base:allocation has for offset (RZS_NBD_STATE_*), and in *out_len for how many
 * bytes they hold: 1 .. len.  The next extent may have the same flags.  0 or a negative errno.
 */
int rzs_dispatch_extent(struct rzs_dispatch *d, uint64_t len, uint64_t offset, uint64_t *out_len,
			uint32_t *out_flags);

/*
 * Whether to try a write again that failed with -ENOMEM.  Not while the machine swaps: the kernel
 * keeps a page whose write fails, and the memory to wait for may depend on this very write.
 */
bool rzs_dispatch_may_wait(void);

/* Count a request of this many bytes that took ns. */
void rzs_dispatch_done(struct rzs_dispatch *d, enum rzs_latency_op op, uint64_t ns, uint32_t bytes);

#endif
