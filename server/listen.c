/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sockets that NBD clients connect to.  See listen.h.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "listen.h"
#include "listen_unix.h"

#define BACKLOG SOMAXCONN

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un local;
};

/* The path.  An abstract one begins with a 0 byte, written as "@". */
static void name_local(struct rzs_listener *l, const union address *a, socklen_t len)
{
	const char *path = a->local.sun_path;
	int most = (int)len - (int)offsetof(struct sockaddr_un, sun_path);

	if (most > 1 && path[0] == '\0')
		snprintf(l->name, sizeof(l->name), "@%.*s", most - 1, path + 1);
	else
		snprintf(l->name, sizeof(l->name), "%.*s", most > 0 ? most : 0, path);
}

/* -EINVAL: NBD clients cannot use this kind of socket. */
static int set_name(struct rzs_listener *l, const union address *a, socklen_t len)
{
	char host[INET6_ADDRSTRLEN];

	l->local = false;
	switch (a->any.sa_family) {
	case AF_UNIX:
		l->local = true;
		name_local(l, a, len);
		return 0;
	case AF_INET:
		inet_ntop(AF_INET, &a->v4.sin_addr, host, sizeof(host));
		snprintf(l->name, sizeof(l->name), "tcp:%s:%u", host, ntohs(a->v4.sin_port));
		return 0;
	case AF_INET6:
		inet_ntop(AF_INET6, &a->v6.sin6_addr, host, sizeof(host));
		snprintf(l->name, sizeof(l->name), "tcp:[%s]:%u", host, ntohs(a->v6.sin6_port));
		return 0;
	default:
		return -EINVAL;
	}
}

/* Set the name to the address that the socket is bound to. */
static int identify(struct rzs_listener *l, union address *out)
{
	socklen_t len = sizeof(*out);

	memset(out, 0, sizeof(*out));
	if (getsockname(l->fd, &out->any, &len) < 0)
		return -errno;
	return set_name(l, out, len);
}

static int open_tcp(const union address *a, socklen_t len)
{
	int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int one = 1;
	int err;

	if (fd < 0)
		return -errno;
	/* Otherwise the port stays in use for minutes after a server that had clients. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
	    (a->any.sa_family != AF_INET6 ||
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) == 0) &&
	    bind(fd, &a->any, len) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int rzs_listen_open(const struct sockaddr *address, socklen_t len, mode_t mode,
		    struct rzs_listener *out, char why[RZS_WHY_MAX])
{
	union address a = {.any.sa_family = AF_UNSPEC};
	int fd;

	*out = (struct rzs_listener){.fd = -1};
	why[0] = '\0';
	memcpy(&a, address, len < sizeof(a) ? len : sizeof(a));
	if (set_name(out, &a, len) < 0)
		return rzs_value_fail(why, -EINVAL, "not an address to listen on");
	if (out->local) {
		fd = rzs_listen_unix(a.local.sun_path, mode, why);
		out->remove = true;
	} else {
		fd = open_tcp(&a, len);
		if (fd < 0)
			rzs_value_fail(why, fd, "%s: cannot listen on it: %s", out->name,
				       strerror(-fd));
	}
	if (fd < 0)
		return fd;
	out->fd = fd;
	return out->local ? 0 : identify(out, &a);
}

static bool listens(int fd)
{
	int type = 0, yes = 0;
	socklen_t type_len = sizeof(type), yes_len = sizeof(yes);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) == 0 && type == SOCK_STREAM &&
	       getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &yes_len) == 0 && yes;
}

int rzs_listen_adopt(int fd, bool anywhere, struct rzs_listener *out, char why[RZS_WHY_MAX])
{
	union address a;
	int flags = fcntl(fd, F_GETFL);
	int err = 0;

	*out = (struct rzs_listener){.fd = fd};
	why[0] = '\0';
	if (!listens(fd) || flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    identify(out, &a) < 0)
		err = rzs_value_fail(why, -EINVAL,
				     "descriptor %d from the service manager is not a listening "
				     "stream socket; use "
				     "ListenStream= and Accept=no",
				     fd);
	else if (!out->local && !anywhere && !rzs_listen_is_local(&a))
		err = rzs_value_fail(why, -EINVAL,
				     "%s, from the service manager, can be reached from other "
				     "machines: everybody "
				     "there could read what is swapped out; use an address on the "
				     "loopback interface, or "
				     "allow-tcp-anywhere",
				     out->name);
	if (err < 0)
		out->fd = -1;
	/* SO_PEERCRED of clients then names this process, not the service manager. */
	else if (out->local)
		(void)listen(fd, BACKLOG);
	return err;
}

static void learn_peer(int fd, struct rzs_peer *out)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || len != sizeof(peer))
		return;
	out->known = true;
	out->uid = peer.uid;
	out->pid = peer.pid;
	rzs_peer_set_pid(&out->id, peer.pid);
}

int rzs_listen_accept(const struct rzs_listener *l, struct rzs_peer *out_peer)
{
	const int one = 1;
	union address from;
	socklen_t len = sizeof(from);
	int fd = accept4(l->fd, &from.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	*out_peer = (struct rzs_peer){.local = l->local};
	if (fd < 0)
		return -errno;
	if (l->local) {
		learn_peer(fd, out_peer);
	} else {
		rzs_peer_set_address(&out_peer->id, &from, len);
		/* Clients wait for each reply; and a client's machine may vanish. */
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	}
	return fd;
}

void rzs_listen_close(struct rzs_listener *l)
{
	if (l->fd < 0)
		return;
	close(l->fd);
	l->fd = -1;
	if (l->remove)
		rzs_listen_unix_remove(l->name);
}
