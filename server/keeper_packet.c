/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets between keeper and server, and what a child gets from its keeper.  See keeper.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keeper_private.h"
#include "pass_fd.h"

int rzs_keeper_send(int to, enum rzs_keeper_say say, const char *text, int fd)
{
	union rzs_pass_fd room;
	struct rzs_keeper_packet packet = {.say = say};
	struct iovec iov = {&packet, sizeof(packet)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (text)
		snprintf(packet.text, sizeof(packet.text), "%s", text);
	if (fd >= 0)
		rzs_pass_fd_put(&msg, &room, fd);
	return sendmsg(to, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

int rzs_keeper_receive(int from, struct rzs_keeper_packet *out, int *out_fd)
{
	union rzs_pass_fd room;
	struct iovec iov = {out, sizeof(*out)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	*out_fd = -1;
	rzs_pass_fd_expect(&msg, &room);
	n = recvmsg(from, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -EPIPE;
	*out_fd = rzs_pass_fd_get(&msg);
	out->text[sizeof(out->text) - 1] = '\0';
	return n == sizeof(*out) ? 1 : -EPROTO;
}

/* A descriptor that the variable names, not to be inherited further; -1: none. */
static int descriptor_of(const char *text, char **end)
{
	long fd = strtol(text, end, 10);

	if (fd < 3 || fd > 65535 || fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0)
		return -1;
	return (int)fd;
}

void rzs_keeper_child(struct rzs_keeper_child *out)
{
	const char *text = getenv(RZS_KEEPER_VARIABLE);
	char *end;

	*out = (struct rzs_keeper_child){.keeper = -1, .predecessor = -1};
	if (!text)
		return;
	out->keeper = descriptor_of(text, &end);
	if (out->keeper >= 0 && *end == ',')
		out->predecessor = descriptor_of(end + 1, &end);
	if (*end == ',')
		out->takeovers = (unsigned)strtoul(end + 1, NULL, 10);
	(void)unsetenv(RZS_KEEPER_VARIABLE);
}
