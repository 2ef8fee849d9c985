/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sockets that NBD clients connect to: unix sockets, of which the system tells who connects,
 * and TCP, of which it does not.
 *
 * Threading: the front thread.
 */
#ifndef RZS_LISTEN_H
#define RZS_LISTEN_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "device_params.h"
#include "hold.h"

#define RZS_LISTEN_NAME_MAX 128u

struct rzs_listener {
	int fd;				/* non-blocking, close-on-exec; -1: closed */
	bool local;			/* a unix socket */
	bool remove;			/* its file goes when it is closed: it was made here */
	char name[RZS_LISTEN_NAME_MAX]; /* the path, or "tcp:HOST:PORT" as it came out */
};

struct rzs_peer {
	bool local; /* on a unix socket: there the system tells who that is, */
	bool known; /* and has: uid and pid are set */
	uid_t uid;
	pid_t pid;
	struct rzs_peer_id id; /* as well as can be */
};

/*
 * Listen at an address of a unix socket, made with these permissions, its folder if missing, a
 * stale one replaced (listen_unix.h); or of IPv4 or IPv6, where port 0 lets the system choose one.
 * 0 or a negative errno with why set: -EADDRINUSE etc.
 */
int rzs_listen_open(const struct sockaddr *address, socklen_t len, mode_t mode,
		    struct rzs_listener *out, char why[RZS_WHY_MAX]);

/*
 * The same of a socket that this process was given, and that listens; on success fd is the
 * listener's, and SO_PEERCRED tells clients of a unix socket that it is this process's.  -EINVAL,
 * why set: it does not, or it is TCP beyond the loopback interface and not meant to be reached from
 * anywhere.
 */
int rzs_listen_adopt(int fd, bool anywhere, struct rzs_listener *out, char why[RZS_WHY_MAX]);

/*
 * The next client: a descriptor, non-blocking and close-on-exec, or a negative errno; -EAGAIN:
 * nobody is waiting.
 */
int rzs_listen_accept(const struct rzs_listener *l, struct rzs_peer *out_peer);

/* Nobody connects from here on.  Fine when it is closed already. */
void rzs_listen_close(struct rzs_listener *l);

#endif
