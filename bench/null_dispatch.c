/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device that is a plain array.  Linked instead of server/dispatch.c it makes rzsd's twin without
 * a store, whose speed is that of the transport.
 */
#include <err.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "dispatch.h"
#include "null_dispatch.h"

struct rzs_device {
	uint8_t *bytes;
	struct rzs_latency *latency;
};

static struct rzs_device the_device;

/* Touched here, so that no request pays for a first touch. */
struct rzs_device *null_device(uint64_t size, unsigned nr_threads)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (p == MAP_FAILED || rzs_latency_create(nr_threads, &the_device.latency))
		errx(99, "no memory for %llu bytes", (unsigned long long)size);
	the_device.bytes = p;
	return &the_device;
}

void rzs_dispatch_begin(struct rzs_dispatch *d, struct rzs_device *device, unsigned thread)
{
	d->device = device;
	d->thread = thread;
}

void rzs_dispatch_get(struct rzs_dispatch *d)
{
	(void)d;
}

void rzs_dispatch_put(struct rzs_dispatch *d)
{
	(void)d;
}

int rzs_dispatch_read(struct rzs_dispatch *d, void *buf, uint32_t len, uint64_t offset,
		      struct rzs_request *rq)
{
	(void)rq;
	memcpy(buf, d->device->bytes + offset, len);
	return 0;
}

int rzs_dispatch_write(struct rzs_dispatch *d, const void *buf, uint32_t len, uint64_t offset,
		       struct rzs_request *rq)
{
	(void)rq;
	memcpy(d->device->bytes + offset, buf, len);
	return 0;
}

/* There is nothing to prepare, so nothing is ever written prepared. */
unsigned rzs_dispatch_prepare(struct rzs_dispatch *d, const void *const *pages, unsigned nr)
{
	(void)d;
	(void)pages;
	(void)nr;
	return 0;
}

int rzs_dispatch_write_prepared(struct rzs_dispatch *d, unsigned i, uint64_t offset,
				struct rzs_request *rq)
{
	(void)d;
	(void)i;
	(void)offset;
	(void)rq;
	return -EINVAL;
}

void rzs_dispatch_prefetch(struct rzs_dispatch *d, uint64_t offset, unsigned step)
{
	(void)d;
	(void)offset;
	(void)step;
}

/* A trim may do nothing. */
int rzs_dispatch_trim(struct rzs_dispatch *d, uint64_t len, uint64_t offset)
{
	(void)d;
	(void)len;
	(void)offset;
	return 0;
}

int rzs_dispatch_zero(struct rzs_dispatch *d, uint64_t len, uint64_t offset,
		      struct rzs_request *rq)
{
	(void)rq;
	memset(d->device->bytes + offset, 0, len);
	return 0;
}

bool rzs_dispatch_is_zero(struct rzs_dispatch *d, uint64_t len, uint64_t offset)
{
	(void)d;
	(void)len;
	(void)offset;
	return false;
}

int rzs_dispatch_extent(struct rzs_dispatch *d, uint64_t len, uint64_t offset, uint64_t *out_len,
			uint32_t *out_flags)
{
	(void)d;
	(void)offset;
	*out_len = len;
	*out_flags = 0;
	return 0;
}

bool rzs_dispatch_may_wait(void)
{
	return false;
}

void rzs_dispatch_done(struct rzs_dispatch *d, enum rzs_latency_op op, uint64_t ns, uint32_t bytes)
{
	rzs_latency_add(d->device->latency, d->thread, op, ns, bytes);
}
