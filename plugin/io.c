/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The callbacks that serve requests.  nbdkit calls them on many threads at once, and has checked
 * that offset and length are within the device.
 *
 * No memory is allocated for a request: the buffers belong to nbdkit, and a thread's state is a few
 * words of static TLS.  Nothing is logged here (except with -D rzs.io=1).  A single aligned page
 * goes directly to the store's function for one page.
 */
#include <errno.h>
#include <stdatomic.h>

#include "client.h"
#include "clock.h"
#include "extent.h"
#include "io.h"
#include "protect_server.h"
#include "unlikely.h"
#include "upkeep.h"

NBDKIT_DLL_PUBLIC int rzs_debug_io; /* -D rzs.io=1: a debug line per request (with -v) */

/* Set before the first request; only read after that. */
static struct rzs_store *store;
static struct rzs_latency *latency;
static unsigned nr_hints;
static const atomic_bool *limited;

/*
 * Static TLS: with the default model, the first use of a library's TLS in a thread calls malloc().
 */
#define STATIC_TLS _Thread_local __attribute__((tls_model("initial-exec")))
static STATIC_TLS bool thread_ready;
static STATIC_TLS unsigned thread_hint;
static STATIC_TLS struct rzs_thread *thread_entry; /* NULL: the watchdog does not see it */
static atomic_uint next_hint;

static void __attribute__((noinline)) thread_setup(void)
{
	thread_entry = rzs_protect_server_thread(RZS_THREAD_IO);
	thread_hint = atomic_fetch_add(&next_hint, 1) % nr_hints;
	thread_ready = true;
}

void rzs_io_enter(void)
{
	if (!thread_ready)
		thread_setup();
}

/* A request in progress. */
struct call {
	struct rzs_worker *worker;
	uint64_t since; /* ns */
};

static inline struct call begin(void)
{
	struct call c;

	if (unlikely(!thread_ready))
		thread_setup();
	rzs_threads_progress(thread_entry, true);
	c.since = rzs_clock_ns();
	c.worker = rzs_worker_get(store, thread_hint);
	return c;
}

/* The end of a callback: nbdkit takes the error from errno. */
static inline int done(struct call c, enum rzs_latency_op op, uint32_t count, int err)
{
	rzs_worker_put(store, c.worker);
	rzs_latency_add(latency, thread_hint, op, rzs_clock_ns() - c.since, count);
	rzs_threads_progress(thread_entry, false);
	if (unlikely(err < 0)) {
		errno = -err;
		return -1;
	}
	return 0;
}

static inline void trace(const char *what, uint32_t count, uint64_t offset, uint32_t flags)
{
	if (unlikely(rzs_debug_io))
		nbdkit_debug("rzs: %s count=%u offset=%llu flags=0x%x", what, count,
			     (unsigned long long)offset, flags);
}

/* Another client holds the device. */
static int refuse_change(void)
{
	errno = EPERM;
	return -1;
}

static inline bool is_one_page(uint32_t count, uint64_t offset)
{
	return count == RZS_PAGE_SIZE && (offset & (RZS_PAGE_SIZE - 1)) == 0;
}

int rzs_io_pread(void *handle, void *buf, uint32_t count, uint64_t offset, uint32_t flags)
{
	struct call c = begin();
	int err;

	(void)handle;
	trace("read", count, offset, flags);
	if (is_one_page(count, offset))
		err = rzs_store_read(store, c.worker, offset >> RZS_PAGE_SHIFT, buf);
	else
		err = rzs_store_pread(store, c.worker, buf, count, offset);
	return done(c, RZS_LATENCY_READ, count, err);
}

/*
 * A write found the reserve empty: the refill thread is behind, which a fast copy onto the device
 * causes easily.  Wait a moment, and return true to try again.  After PATIENCE_MS without a block
 * the machine is so short of memory that an error is better.  If the machine swaps, do not wait at
 * all: the kernel keeps a page that is refused, and the memory waited for may depend on this write.
 */
#define PATIENCE_MS 500

static bool wait_for_reserve(unsigned *waited_ms)
{
	static const struct timespec one_ms = { .tv_nsec = 1000000 };

	if (rzs_protect_server_swap_is_on() || (*waited_ms)++ == PATIENCE_MS)
		return false;
	nanosleep(&one_ms, NULL);
	return true;
}

/* Write in pieces, each of which waits only for its own pages. */
#define PATIENCE_PIECE (16 * RZS_PAGE_SIZE)

static int write_patiently(struct rzs_worker *worker, const char *buf, uint32_t count,
			   uint64_t offset)
{
	while (count) {
		uint32_t n = count < PATIENCE_PIECE ? count : PATIENCE_PIECE;
		unsigned waited_ms = 0;
		int err;

		do
			err = rzs_store_pwrite(store, worker, buf, n, offset);
		while (err == -ENOMEM && wait_for_reserve(&waited_ms));
		if (err < 0)
			return err;
		buf += n;
		count -= n;
		offset += n;
	}
	return 0;
}

int rzs_io_pwrite(void *handle, const void *buf, uint32_t count, uint64_t offset, uint32_t flags)
{
	struct call c;
	int err;

	if (unlikely(!rzs_client_may_change(handle)))
		return refuse_change();
	c = begin();
	trace("write", count, offset, flags);
	if (is_one_page(count, offset))
		err = rzs_store_write(store, c.worker, offset >> RZS_PAGE_SHIFT, buf);
	else
		err = rzs_store_pwrite(store, c.worker, buf, count, offset);
	if (unlikely(err == -ENOMEM))
		err = write_patiently(c.worker, buf, count, offset);
	if (unlikely(err == -ENOSPC))
		rzs_upkeep_wake();
	return done(c, RZS_LATENCY_WRITE, count, err);
}

/* A write to memory is complete at once, so flush and FUA have nothing to do. */
int rzs_io_flush(void *handle, uint32_t flags)
{
	(void)handle;
	(void)flags;
	return 0;
}

int rzs_io_trim(void *handle, uint32_t count, uint64_t offset, uint32_t flags)
{
	struct call c;

	if (unlikely(!rzs_client_may_change(handle)))
		return refuse_change();
	c = begin();
	trace("trim", count, offset, flags);
	return done(c, RZS_LATENCY_DISCARD, count, rzs_store_ptrim(store, c.worker, count, offset));
}

/*
 * Zeros are stored by dropping pages, with MAY_TRIM or without, which is always fast.  Without
 * MAY_TRIM a client asks to keep the space allocated.  No space is ever allocated ahead here, and
 * extents say so.
 */
int rzs_io_zero(void *handle, uint32_t count, uint64_t offset, uint32_t flags)
{
	struct call c;
	unsigned waited_ms = 0;
	int err;

	if (unlikely(!rzs_client_may_change(handle)))
		return refuse_change();
	c = begin();
	trace("zero", count, offset, flags);
	do
		err = rzs_store_pzero(store, c.worker, count, offset);
	while (unlikely(err == -ENOMEM) && wait_for_reserve(&waited_ms));
	if (unlikely(err == -ENOSPC))
		rzs_upkeep_wake();
	return done(c, RZS_LATENCY_DISCARD, count, err);
}

_Static_assert(RZS_EXTENT_HOLE == NBDKIT_EXTENT_HOLE && RZS_EXTENT_ZERO == NBDKIT_EXTENT_ZERO,
	       "extents' flags are nbdkit's");

/* At most so many extents for a call; clients ask again from where they end. */
#define EXTENTS_PER_CALL 8192

int rzs_io_extents(void *handle, uint32_t count, uint64_t offset, uint32_t flags,
		   struct nbdkit_extents *extents)
{
	/* count is below 4 GiB, so no extent is longer; nbdkit would abort. */
	uint64_t end = offset + count, from = offset, at = offset;
	uint64_t last = (end - 1) >> RZS_PAGE_SHIFT;
	bool has_limit = atomic_load_explicit(limited, memory_order_relaxed);
	uint32_t type = 0;
	unsigned nr = 0;

	(void)handle;
	trace("extents", count, offset, flags);
	while (at < end) {
		rzs_slot_t slot = at >> RZS_PAGE_SHIFT;
		enum rzs_map_kind kind;
		uint64_t run;
		int err = rzs_store_map(store, slot, last - slot + 1, &kind, &run);

		if (err < 0) {
			errno = -err;
			return -1;
		}
		if (at > from && rzs_extent_flags(kind, has_limit) != type) {
			if (nbdkit_add_extent(extents, from, at - from, type) < 0)
				return -1;
			if ((flags & NBDKIT_FLAG_REQ_ONE) || ++nr == EXTENTS_PER_CALL)
				return 0;
			from = at;
		}
		type = rzs_extent_flags(kind, has_limit);
		at = (slot + run) << RZS_PAGE_SHIFT;
	}
	return nbdkit_add_extent(extents, from, end - from, type);
}

void rzs_io_start(struct rzs_store *of, unsigned io_workers, struct rzs_latency *counts,
		  const atomic_bool *has_limit)
{
	store = of;
	latency = counts;
	nr_hints = io_workers;
	limited = has_limit;
}
