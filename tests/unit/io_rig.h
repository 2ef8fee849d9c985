/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * I/O threads on a real store, and clients that block on the other ends of socket pairs.
 *
 * Threading: a rig is opened, connected to and closed by one thread; clients' descriptors are used
 * by any.
 */
#ifndef RZS_TEST_IO_RIG_H
#define RZS_TEST_IO_RIG_H

#include "t.h"

#include "devices.h"
#include "io_client.h"
#include "io_loop.h"
#include "protect_server.h"
#include "pages.h"
#include "sanitized.h"

#include <fcntl.h>
#include <sys/socket.h>

struct io_rig {
	struct rzs_device device;
	struct rzs_io *io;
	atomic_uint ended; /* connections */
};

static void io_rig_ended(void *arg, const struct rzs_nbd_session *session)
{
	struct io_rig *r = arg;

	T_OK(session->tag == &r->device);
	atomic_fetch_add(&r->ended, 1);
}

static inline void io_rig_open(struct io_rig *r, unsigned threads, unsigned connections,
			       uint64_t nr_pages, uint64_t limit)
{
	struct rzs_config cfg = {
		.nr_pages = nr_pages, .nr_workers = threads + 1, .limit_bytes = limit};
	struct rzs_protect_server_options protection = {.mode = RZS_PROTECT_OFF,
							.realtime = RZS_REALTIME_NEVER};
	struct rzs_io_options options = {.nr_threads = threads,
					 .max_connections = connections,
					 .closed = io_rig_ended,
					 .arg = r};

	memset(r, 0, sizeof(*r));
	T_EQ(rzs_protect_server_early(&protection), 0);
	T_EQ(rzs_store_create(&cfg, &r->device.store), 0);
	T_EQ(rzs_latency_create(threads, &r->device.latency), 0);
	atomic_store(&r->device.limited, limit != 0);
	T_EQ(rzs_io_start(&options, &r->io), 0);
}

static inline void io_rig_close(struct io_rig *r)
{
	struct rzs_worker *worker;
	const char *what;

	rzs_io_stop(r->io);
	worker = rzs_worker_get(r->device.store, 0);
	T_EQ(rzs_store_verify(r->device.store, worker, true, &what), 0);
	rzs_worker_put(r->device.store, worker);
	rzs_store_destroy(r->device.store);
	rzs_latency_destroy(r->device.latency);
}

static inline struct rzs_nbd_session io_rig_session(struct io_rig *r, bool structured)
{
	return (struct rzs_nbd_session){
		.tag = &r->device,
		.size = rzs_store_pages(r->device.store) * PAGE,
		.max_payload = RZS_NBD_MAX_PAYLOAD,
		.flags = RZS_NBD_FLAG_HAS_FLAGS | RZS_NBD_FLAG_FLUSH | RZS_NBD_FLAG_FUA |
			 RZS_NBD_FLAG_TRIM | RZS_NBD_FLAG_WRITE_ZEROES | RZS_NBD_FLAG_CACHE |
			 RZS_NBD_FLAG_FAST_ZERO | (structured ? RZS_NBD_FLAG_DF : 0),
		.structured = structured,
		.block_status = structured,
		.context = 1,
	};
}

/* A new connection; its client's end. */
static inline int io_rig_connect(struct io_rig *r, bool structured)
{
	struct rzs_nbd_session session = io_rig_session(r, structured);
	int fd[2];

	T_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	T_EQ(rzs_io_adopt(r->io, fd[1], &session, NULL, 0), 0);
	return fd[0];
}

#endif
