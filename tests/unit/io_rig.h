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
#include "io_loop.h"
#include "protect_server.h"
#include "nbdwire.h"
#include "pages.h"
#include "sanitized.h"

#include <fcntl.h>
#include <sys/socket.h>

#define PAGE RZS_PAGE_SIZE

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

static inline void io_rig_send(int fd, const void *buf, size_t n)
{
	T_EQ(send(fd, buf, n, MSG_NOSIGNAL), (ssize_t)n);
}

static inline void io_rig_recv(int fd, void *buf, size_t n)
{
	T_EQ(recv(fd, buf, n, MSG_WAITALL), (ssize_t)n);
}

static inline void io_rig_ask(int fd, unsigned type, unsigned flags, uint64_t cookie,
			      uint64_t offset, uint64_t length)
{
	uint8_t head[WIRE_REQUEST];

	wire_request(head, type, flags, cookie, offset, length);
	io_rig_send(fd, head, sizeof(head));
}

static inline void io_rig_write(int fd, uint64_t cookie, const void *buf, uint64_t offset,
				uint32_t length)
{
	io_rig_ask(fd, WIRE_WRITE, 0, cookie, offset, length);
	io_rig_send(fd, buf, length);
}

/* A simple reply; its error. */
static inline uint32_t io_rig_answer(int fd, uint64_t cookie)
{
	struct wire_reply head;
	uint8_t p[16];

	io_rig_recv(fd, p, sizeof(p));
	T_EQ(wire_head(p, sizeof(p), &head), 1);
	T_EQ(head.cookie, cookie);
	return head.error;
}

/* The chunks of a structured reply to a read. */
static inline uint32_t io_rig_chunks(int fd, uint64_t cookie, uint8_t *buf, uint64_t offset,
				     uint32_t length)
{
	struct wire_reply head;
	uint32_t came = 0;
	uint8_t p[34];

	do {
		uint32_t n;

		io_rig_recv(fd, p, 20);
		T_EQ(wire_head(p, 20, &head), 1);
		T_EQ(head.cookie, cookie);
		T_EQ(head.structured, 1);
		if (head.type == WIRE_ERROR || head.type == WIRE_ERROR_OFFSET) {
			io_rig_recv(fd, p, head.length);
			return (uint32_t)wire_get(p, 4);
		}
		T_OK(head.type == WIRE_DATA || head.type == WIRE_HOLE);
		io_rig_recv(fd, p, 8);
		T_EQ(wire_get(p, 8), offset + came); /* in order, as this server has it */
		n = head.length - 8;
		if (head.type == WIRE_HOLE) {
			io_rig_recv(fd, p, 4);
			n = (uint32_t)wire_get(p, 4);
		}
		T_LE(n, length - came);
		if (head.type == WIRE_HOLE)
			memset(buf + came, 0, n);
		else
			io_rig_recv(fd, buf + came, n);
		came += n;
	} while (!(head.flags & 1));
	T_EQ(came, length);
	return 0;
}

/* The answer to a read, in the form that was agreed on. */
static inline uint32_t io_rig_data(int fd, uint64_t cookie, void *buf, uint64_t offset,
				   uint32_t length, bool structured)
{
	uint32_t err;

	if (structured)
		return io_rig_chunks(fd, cookie, buf, offset, length);
	err = io_rig_answer(fd, cookie);
	if (!err)
		io_rig_recv(fd, buf, length);
	return err;
}

static inline uint32_t io_rig_read_any(int fd, uint64_t cookie, void *buf, uint64_t offset,
				       uint32_t length, bool structured)
{
	io_rig_ask(fd, WIRE_READ, 0, cookie, offset, length);
	return io_rig_data(fd, cookie, buf, offset, length, structured);
}

static inline uint32_t io_rig_read(int fd, uint64_t cookie, void *buf, uint64_t offset,
				   uint32_t length)
{
	return io_rig_read_any(fd, cookie, buf, offset, length, false);
}

#endif
