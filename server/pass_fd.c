/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See pass_fd.h. */
#include <string.h>

#include "pass_fd.h"

void rzs_pass_fd_put(struct msghdr *msg, union rzs_pass_fd *room, int fd)
{
	struct cmsghdr *c = &room->align;

	memset(room, 0, sizeof(*room));
	rzs_pass_fd_expect(msg, room);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
}

void rzs_pass_fd_expect(struct msghdr *msg, union rzs_pass_fd *room)
{
	msg->msg_control = room->bytes;
	msg->msg_controllen = sizeof(room->bytes);
}

int rzs_pass_fd_get(struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	int fd = -1;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}
