/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A descriptor that goes with a message on a unix socket (SCM_RIGHTS).
 *
 * Pure functions on the caller's memory.
 */
#ifndef RZS_PASS_FD_H
#define RZS_PASS_FD_H

#include <sys/socket.h>

/* Control data with space for one descriptor. */
union rzs_pass_fd {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

/* Let msg, before it is sent, take fd along.  room stays until then. */
void rzs_pass_fd_put(struct msghdr *msg, union rzs_pass_fd *room, int fd);

/* Let msg, before it is received, have space for one.  room stays until rzs_pass_fd_get(). */
void rzs_pass_fd_expect(struct msghdr *msg, union rzs_pass_fd *room);

/* The descriptor that came with msg, which is the caller's from now on; -1: none. */
int rzs_pass_fd_get(struct msghdr *msg);

#endif
