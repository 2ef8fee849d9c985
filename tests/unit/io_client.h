/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client of an I/O thread that blocks on its end of a socket pair.
 *
 * Threading: a descriptor is one thread's at a time.
 */
#ifndef RZS_TEST_IO_CLIENT_H
#define RZS_TEST_IO_CLIENT_H

#include "t.h"

#include "nbdwire.h"
#include "rzs_store.h"

#include <sys/socket.h>

#define PAGE RZS_PAGE_SIZE

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
