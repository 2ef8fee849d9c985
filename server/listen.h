/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sockets that NBD clients connect to: unix sockets, where the system says who connects, and
 * TCP, where it does not.
 *
 * Threading: the front thread.
 */
#ifndef RZS_LISTEN_H
#define RZS_LISTEN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "device_params.h"
#include "hold.h"

#define RZS_LISTEN_NAME_MAX 128u

struct rzs_listener {
	int fd;				/* non-blocking, close-on-exec; -1: closed */
	bool local;			/* a unix socket */
	bool remove;			/* created here: closing it removes its file */
	char name[RZS_LISTEN_NAME_MAX]; /* the path, or "tcp:HOST:PORT" with the actual port */
};

struct rzs_peer {
	bool local; /* connected to a unix socket */
	bool known; /* uid and pid are set */
	uid_t uid;
	pid_t pid;
	struct rzs_peer_id id; /* as far as the system says */
};

/*
 * Listen on an address.  A unix socket is created with these permissions, its directory if it is
 * missing; a stale socket is replaced (listen_unix.h).  Port 0 of IPv4 or IPv6: any free port.
 * 0, or a negative errno with why set: -EADDRINUSE etc.
 */
int rzs_listen_open(const struct sockaddr *address, socklen_t len, mode_t mode,
		    struct rzs_listener *out, char why[RZS_WHY_MAX]);

/*
 * Use a listening socket that was passed to this process.  On success the listener owns fd.
 * -EINVAL with why set: it does not listen; or it is TCP beyond the loopback interface, and
 * anywhere is false.
 */
int rzs_listen_adopt(int fd, bool anywhere, struct rzs_listener *out, char why[RZS_WHY_MAX]);

/*
 * Accept a client.  A descriptor, non-blocking and close-on-exec, or a negative errno; -EAGAIN: no
 * client is waiting.
 */
int rzs_listen_accept(const struct rzs_listener *l, struct rzs_peer *out_peer);

/*
 * Whether only processes of this machine can reach an address, which lies in a union or struct that
 * has space for each kind.
 */
static inline bool rzs_listen_is_local(const void *address)
{
	struct sockaddr_in6 v6;
	struct sockaddr_in v4;

	memcpy(&v4, address, sizeof(v4));
	memcpy(&v6, address, sizeof(v6));
	if (v4.sin_family == AF_INET)
		return ntohl(v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	/* A socket for both families has IPv4 addresses in this form. */
	if (v4.sin_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
		return v6.sin6_addr.s6_addr[12] == IN_LOOPBACKNET;
	return v4.sin_family != AF_INET6 || IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

/* Close it.  A closed one is fine. */
void rzs_listen_close(struct rzs_listener *l);

#endif
