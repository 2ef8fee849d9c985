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
 * Serve from this store, threads spread over workers 0 .. io_workers - 1, and count in latency.
 * limited: whether a memlimit is in force; may change.  Before any request.
 */
void rzs_io_start(struct rzs_store *store, unsigned io_workers, struct rzs_latency *latency,
		  const atomic_bool *limited);

/*
 * By a connection's thread, before its first request: nbdkit receives what is to be written before
 * it calls, so a thread that is set up by its first request waits for memory unprotected.  Threads
 * that never call this are set up all the same.
 */
void rzs_io_enter(void);

int rzs_io_pread(void *handle, void *buf, uint32_t count, uint64_t offset, uint32_t flags);
int rzs_io_pwrite(void *handle, const void *buf, uint32_t count, uint64_t offset, uint32_t flags);
int rzs_io_flush(void *handle, uint32_t flags);
int rzs_io_trim(void *handle, uint32_t count, uint64_t offset, uint32_t flags);
int rzs_io_zero(void *handle, uint32_t count, uint64_t offset, uint32_t flags);
int rzs_io_extents(void *handle, uint32_t count, uint64_t offset, uint32_t flags,
		   struct nbdkit_extents *extents);

#endif
