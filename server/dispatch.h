/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one place where NBD meets the store: what a request does to its device.  A benchmark has
 * another answer to this interface (bench/null_dispatch.c), to see what the transport costs.
 *
 * Threading: a struct rzs_dispatch belongs to one thread; devices are shared by all of them.
 * Nothing here allocates or waits for memory.
 */
#ifndef RZS_DISPATCH_H
#define RZS_DISPATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "latency.h"
#include "rzs_store.h"

struct rzs_device;
struct rzs_holder;

/* A thread's hold on a device, for some requests. */
struct rzs_dispatch {
	struct rzs_device *device;
	struct rzs_worker *worker;
	unsigned thread; /* its index among those that serve I/O */

	/* Whose requests these are (hold.h); set once, by who makes this. */
	struct rzs_holder *client;
};

void rzs_dispatch_begin(struct rzs_dispatch *d, struct rzs_device *device, unsigned thread);
void rzs_dispatch_end(struct rzs_dispatch *d);

/*
 * 0 or a negative errno as in rzs_store.h.  The caller has checked the bounds; len is not 0.  What
 * changes something may be refused with -EPERM, too: another client holds the device (hold.h).
 * These two stay within one page, so that an error is that page's.
 */
int rzs_dispatch_read(struct rzs_dispatch *d, void *buf, uint32_t len, uint64_t offset);
int rzs_dispatch_write(struct rzs_dispatch *d, const void *buf, uint32_t len, uint64_t offset);

/* The page at offset will be read or trimmed soon; any offset, steps as rzs_store_prefetch(). */
void rzs_dispatch_prefetch(struct rzs_dispatch *d, uint64_t offset, unsigned step);

int rzs_dispatch_trim(struct rzs_dispatch *d, uint64_t len, uint64_t offset);
int rzs_dispatch_zero(struct rzs_dispatch *d, uint64_t len, uint64_t offset);

/* Whether nothing but zeros is there, found out without reading: false may be wrong. */
bool rzs_dispatch_is_zero(struct rzs_dispatch *d, uint64_t len, uint64_t offset);

/*
 * What base:allocation says of offset (RZS_NBD_STATE_*), and in *out_len for how many bytes it goes
 * on: 1 .. len.  A run may end early.  0 or a negative errno.
 */
int rzs_dispatch_extent(struct rzs_dispatch *d, uint64_t len, uint64_t offset, uint64_t *out_len,
			uint32_t *out_flags);

/*
 * Whether a write refused with -ENOMEM is worth trying again in a moment.  Not when the machine
 * swaps: the kernel keeps a page that is refused, and what would be waited for may be behind this
 * very write.
 */
bool rzs_dispatch_may_wait(void);

/* A request of bytes has taken ns. */
void rzs_dispatch_done(struct rzs_dispatch *d, enum rzs_latency_op op, uint64_t ns, uint32_t bytes);

#endif
