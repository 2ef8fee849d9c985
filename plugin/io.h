/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The callbacks that serve requests.  See io.c; what each must do is in nbdkit-plugin(3).
 */
#ifndef RZS_PLUGIN_IO_H
#define RZS_PLUGIN_IO_H

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include <stdatomic.h>

#include "latency.h"
#include "rzs_store.h"

/*
 * Call this before the first request.  Threads use workers 0 .. io_workers - 1 of store, and count
 * in latency.  *limited: whether there is a memlimit; it may change.  All pointers are kept.
 */
void rzs_io_start(struct rzs_store *store, unsigned io_workers, struct rzs_latency *latency,
		  const atomic_bool *limited);

/*
 * A connection's thread calls this before its first request.  nbdkit receives the data of a write
 * before it calls the plugin, so without this the thread would do that unprotected, and might wait
 * for memory.  A thread that does not call this is set up by its first request.
 */
void rzs_io_enter(void);

/*
 * The callbacks.  0, or -1 with errno set: ENOSPC: the limit; ENOMEM: no memory; EIO; EPERM:
 * another client holds the device.  They allocate nothing.  Without swap they may wait half a
 * second for the reserve.
 */
int rzs_io_pread(void *handle, void *buf, uint32_t count, uint64_t offset, uint32_t flags);
int rzs_io_pwrite(void *handle, const void *buf, uint32_t count, uint64_t offset, uint32_t flags);
int rzs_io_flush(void *handle, uint32_t flags);
int rzs_io_trim(void *handle, uint32_t count, uint64_t offset, uint32_t flags);
int rzs_io_zero(void *handle, uint32_t count, uint64_t offset, uint32_t flags);
int rzs_io_extents(void *handle, uint32_t count, uint64_t offset, uint32_t flags,
		   struct nbdkit_extents *extents);

#endif
