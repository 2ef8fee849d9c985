/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device for tests of connections (server/dispatch.h): an array, with errors and refusals on
 * demand.  Of one thread.
 */
#ifndef RZS_TEST_FAKE_DISPATCH_H
#define RZS_TEST_FAKE_DISPATCH_H

#include "clock.h"
#include "dispatch.h"
#include "nbd.h"
#include "parker.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FAKE_PAGES 16384u
#define FAKE_SIZE  ((uint64_t)FAKE_PAGES * RZS_PAGE_SIZE)

struct rzs_device {
	int unused;
};

static struct rzs_device fake_device;

static struct {
	uint8_t *bytes;
	uint8_t state[FAKE_PAGES]; /* enum rzs_map_kind */
	/* A page that cannot be read, from the n-th read of it on; that cannot be written. */
	uint64_t bad_read, bad_write;
	unsigned good_reads;
	int write_error;
	unsigned refusals; /* so many writes find no memory */
	bool may_wait;
	unsigned held; /* rzs_dispatch_get() without its put */
	unsigned gets;
	/* Counted by rzs_dispatch_done(). */
	unsigned done[RZS_LATENCY_OPS];
	uint64_t done_bytes[RZS_LATENCY_OPS];
	uint64_t longest_ns;
	unsigned ranges;  /* calls of trim and zero */
	unsigned slow_ns; /* a change takes so long */
	/* Of rzs_dispatch_prefetch(), until its array is full. */
	unsigned prefetches;
	struct {
		uint64_t offset;
		unsigned step;
	} prefetch[32];
	/* A copy of each prepared page; the numbers of pages written so, and of all prepared. */
	uint8_t ready[RZS_PREPARE_MAX][RZS_PAGE_SIZE];
	unsigned ready_nr, ready_used, ready_all;
	unsigned ready_most; /* no more at a time, 0: RZS_PREPARE_MAX */
} fake;

#define FAKE_NEVER UINT64_MAX

static inline void fake_reset(void)
{
	uint8_t *bytes = fake.bytes;

	if (!bytes)
		bytes = mmap(NULL, FAKE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0);
	if (bytes == MAP_FAILED || madvise(bytes, FAKE_SIZE, MADV_DONTNEED))
		_exit(99);
	memset(&fake, 0, sizeof(fake));
	fake.bytes = bytes;
	fake.bad_read = fake.bad_write = FAKE_NEVER;
	fake.may_wait = true;
	parker_reset();
}

/* Bytes that tell where they belong.  They repeat after 1 MiB, so they are made once and copied. */
static inline void fake_fill(uint64_t offset, uint64_t len)
{
	static uint8_t made[1u << 20];
	uint64_t i, n, end = offset + len;

	for (i = 0; !made[sizeof(made) - 1] && i < sizeof(made); i++)
		made[i] = (uint8_t)(i * 31 + (i >> 12) * 7 + (i >> 8) + 1);
	for (i = offset; i < end; i += n) {
		n = sizeof(made) - i % sizeof(made);
		if (n > end - i)
			n = end - i;
		memcpy(fake.bytes + i, made + i % sizeof(made), n);
	}
	for (i = offset >> RZS_PAGE_SHIFT; i << RZS_PAGE_SHIFT < end; i++)
		fake.state[i] = RZS_MAP_DATA;
}

void rzs_dispatch_begin(struct rzs_dispatch *d, struct rzs_device *device, unsigned thread)
{
	d->device = device;
	d->thread = thread;
}

void rzs_dispatch_get(struct rzs_dispatch *d)
{
	(void)d;
	fake.held++;
	fake.gets++;
	fake.ready_nr = 0; /* another worker, perhaps */
}

void rzs_dispatch_put(struct rzs_dispatch *d)
{
	(void)d;
	fake.held--;
}

static bool within_page(uint32_t len, uint64_t offset)
{
	return len > 0 && offset + len <= FAKE_SIZE &&
	       offset >> RZS_PAGE_SHIFT == (offset + len - 1) >> RZS_PAGE_SHIFT;
}

int rzs_dispatch_read(struct rzs_dispatch *d, void *buf, uint32_t len, uint64_t offset,
		      struct rzs_request *rq)
{
	int err;

	if (!fake.held)
		_exit(99);
	if (d->device != &fake_device || !within_page(len, offset))
		return -EINVAL;
	err = parker_call(rq, offset, len);
	if (err)
		return err;
	if (offset >> RZS_PAGE_SHIFT == fake.bad_read && fake.good_reads-- == 0) {
		fake.good_reads = 0;
		return -EIO;
	}
	memcpy(buf, fake.bytes + offset, len);
	return 0;
}

static int refused(uint64_t slot)
{
	if (fake.refusals) {
		fake.refusals--;
		return -ENOMEM;
	}
	return slot == fake.bad_write ? fake.write_error : 0;
}

static void take_time(void)
{
	uint64_t end = fake.slow_ns ? rzs_clock_ns() + fake.slow_ns : 0;

	while (end && rzs_clock_ns() < end)
		;
}

int rzs_dispatch_write(struct rzs_dispatch *d, const void *buf, uint32_t len, uint64_t offset,
		       struct rzs_request *rq)
{
	int err;

	if (!fake.held)
		_exit(99);
	if (d->device != &fake_device || !within_page(len, offset))
		return -EINVAL;
	take_time();
	err = len < RZS_PAGE_SIZE ? parker_call(rq, offset, len) : 0;
	if (!err)
		err = refused(offset >> RZS_PAGE_SHIFT);
	if (err)
		return err;
	memcpy(fake.bytes + offset, buf, len);
	fake.state[offset >> RZS_PAGE_SHIFT] = RZS_MAP_DATA;
	return 0;
}

unsigned rzs_dispatch_prepare(struct rzs_dispatch *d, const void *const *pages, unsigned nr)
{
	(void)d;
	if (nr > RZS_PREPARE_MAX)
		_exit(99);
	if (fake.ready_most && nr > fake.ready_most)
		nr = fake.ready_most;
	for (unsigned i = 0; i < nr; i++)
		memcpy(fake.ready[i], pages[i], RZS_PAGE_SIZE);
	fake.ready_nr = nr;
	fake.ready_all += nr;
	return nr;
}

int rzs_dispatch_write_prepared(struct rzs_dispatch *d, unsigned i, uint64_t offset,
				struct rzs_request *rq)
{
	if (i >= fake.ready_nr || offset % RZS_PAGE_SIZE)
		return -EINVAL;
	fake.ready_used++;
	return rzs_dispatch_write(d, fake.ready[i], RZS_PAGE_SIZE, offset, rq);
}

static int drop(uint64_t len, uint64_t offset, bool partial)
{
	uint64_t end = offset + len;
	int err;

	if (!len || end > FAKE_SIZE || end < offset)
		return -EINVAL;
	take_time();
	fake.ranges++;
	err = refused(offset >> RZS_PAGE_SHIFT);
	while (!err && offset < end) {
		uint64_t n = RZS_PAGE_SIZE - offset % RZS_PAGE_SIZE;

		n = n < end - offset ? n : end - offset;
		if (n == RZS_PAGE_SIZE)
			fake.state[offset >> RZS_PAGE_SHIFT] = RZS_MAP_HOLE;
		if (n == RZS_PAGE_SIZE || partial)
			memset(fake.bytes + offset, 0, n);
		offset += n;
	}
	return err;
}

void rzs_dispatch_prefetch(struct rzs_dispatch *d, uint64_t offset, unsigned step)
{
	(void)d;
	if (fake.prefetches == sizeof(fake.prefetch) / sizeof(fake.prefetch[0]))
		return;
	fake.prefetch[fake.prefetches].offset = offset;
	fake.prefetch[fake.prefetches++].step = step;
}

int rzs_dispatch_trim(struct rzs_dispatch *d, uint64_t len, uint64_t offset)
{
	(void)d;
	return drop(len, offset, false);
}

int rzs_dispatch_zero(struct rzs_dispatch *d, uint64_t len, uint64_t offset,
		      struct rzs_request *rq)
{
	int err = 0;

	(void)d;
	if (offset % RZS_PAGE_SIZE || len % RZS_PAGE_SIZE)
		err = parker_call(rq, offset, len);
	return err ? err : drop(len, offset, true);
}

bool rzs_dispatch_is_zero(struct rzs_dispatch *d, uint64_t len, uint64_t offset)
{
	(void)d;
	for (uint64_t at = offset; at < offset + len; at++)
		if (fake.state[at >> RZS_PAGE_SHIFT] == RZS_MAP_DATA)
			return false;
	return true;
}

/* Runs of at most 3 pages, so that a caller has to put them together. */
int rzs_dispatch_extent(struct rzs_dispatch *d, uint64_t len, uint64_t offset, uint64_t *out_len,
			uint32_t *out_flags)
{
	static const uint32_t flags[] = {
		[RZS_MAP_HOLE] = RZS_NBD_STATE_HOLE | RZS_NBD_STATE_ZERO,
		[RZS_MAP_ZERO] = RZS_NBD_STATE_ZERO,
		[RZS_MAP_DATA] = 0,
	};
	uint64_t slot = offset >> RZS_PAGE_SHIFT, run = 1;
	int err = slot == fake.bad_read ? -EIO : 0;

	(void)d;
	while (run < 3 && slot + run < FAKE_PAGES && fake.state[slot + run] == fake.state[slot])
		run++;
	*out_flags = flags[fake.state[slot]];
	*out_len = ((slot + run) << RZS_PAGE_SHIFT) - offset;
	if (*out_len > len)
		*out_len = len;
	return err;
}

bool rzs_dispatch_may_wait(void)
{
	return fake.may_wait;
}

void rzs_dispatch_done(struct rzs_dispatch *d, enum rzs_latency_op op, uint64_t ns, uint32_t bytes)
{
	(void)d;
	if (ns > fake.longest_ns)
		fake.longest_ns = ns;
	fake.done[op]++;
	fake.done_bytes[op] += bytes;
}

#endif
