/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages between a server and its successor.  See hand.h. */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "hand.h"
#include "pass_fd.h"

#define PATIENCE_SECONDS 10

/* On the stream; the body of the kind follows, and the rest. */
struct head {
	uint32_t kind, len;
};

#define BODY offsetof(struct rzs_hand_message, hello)

static size_t body_size(uint32_t kind)
{
	switch (kind) {
	case RZS_HAND_HELLO:
		return sizeof(struct rzs_hand_hello);
	case RZS_HAND_DEVICE:
		return sizeof(struct rzs_hand_device);
	case RZS_HAND_LISTENER:
		return sizeof(struct rzs_hand_listener);
	case RZS_HAND_CONTROL:
		return sizeof(struct rzs_hand_control);
	case RZS_HAND_CONNECTION:
		return sizeof(struct rzs_hand_connection);
	case RZS_HAND_GO:
		return sizeof(struct rzs_hand_go);
	default:
		return 0;
	}
}

int rzs_hand_init(int fd)
{
	const struct timeval patience = {.tv_sec = PATIENCE_SECONDS};

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
		return -errno;
	return 0;
}

/* Send len bytes, the first of them with pass unless that is negative. */
static int send_all(int fd, const void *data, size_t len, int pass)
{
	const uint8_t *p = data;

	while (len) {
		union rzs_pass_fd room;
		struct iovec iov = {(void *)(uintptr_t)p, len};
		struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
		ssize_t n;

		if (pass >= 0)
			rzs_pass_fd_put(&msg, &room, pass);
		n = sendmsg(fd, &msg, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		pass = -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Receive len bytes; a descriptor that comes with them becomes *out_fd, if there is none yet. */
static int receive_all(int fd, void *data, size_t len, int *out_fd)
{
	uint8_t *p = data;

	while (len) {
		union rzs_pass_fd room;
		struct iovec iov = {p, len};
		struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
		ssize_t n;
		int passed;

		rzs_pass_fd_expect(&msg, &room);
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EPIPE;
		passed = rzs_pass_fd_get(&msg);
		if (passed >= 0 && *out_fd >= 0)
			close(*out_fd);
		if (passed >= 0)
			*out_fd = passed;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int rzs_hand_send(int fd, const struct rzs_hand_message *m)
{
	const struct head head = {m->kind, m->len};
	int err = send_all(fd, &head, sizeof(head), m->fd);

	if (err == 0)
		err = send_all(fd, (const uint8_t *)m + BODY, body_size(m->kind), -1);
	if (err == 0)
		err = send_all(fd, m->rest, m->len, -1);
	return err;
}

int rzs_hand_say(int fd, enum rzs_hand_kind kind, const char *text)
{
	const struct head head = {kind, text ? (uint32_t)strlen(text) : 0};
	int err = send_all(fd, &head, sizeof(head), -1);

	return err == 0 && text ? send_all(fd, text, head.len, -1) : err;
}

int rzs_hand_receive(int fd, struct rzs_hand_message *m)
{
	struct head head;
	int err;

	m->fd = -1;
	err = receive_all(fd, &head, sizeof(head), &m->fd);
	if (err == 0 &&
	    (head.kind < RZS_HAND_HELLO || head.kind > RZS_HAND_GO || head.len > RZS_HAND_REST_MAX))
		err = -EPROTO;
	if (err == 0) {
		m->kind = head.kind;
		m->len = head.len;
		m->rest[head.len] = 0;
		err = receive_all(fd, (uint8_t *)m + BODY, body_size(head.kind), &m->fd);
	}
	if (err == 0)
		err = receive_all(fd, m->rest, head.len, &m->fd);
	if (err == -ECONNRESET) /* it has ended, and has not read all */
		err = -EPIPE;
	if (err < 0 && m->fd >= 0) {
		close(m->fd);
		m->fd = -1;
	}
	return err;
}
