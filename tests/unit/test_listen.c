/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The NBD listeners: unix and TCP, given ones, who has connected. */
#include "t_scratch.h"

#include "listen.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>

static struct sockaddr_un local = {.sun_family = AF_UNIX};
static char why[RZS_WHY_MAX];

static void enter(void)
{
	snprintf(local.sun_path, sizeof(local.sun_path), "%s/sock", t_scratch());
}

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons(port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static struct rzs_listener open_well(const void *address, socklen_t len)
{
	struct rzs_listener l;
	int err = rzs_listen_open(address, len, 0600, &l, why);

	if (err)
		T_FAIL("%d %s", err, why);
	T_STR_EQ(why, "");
	T_GE(l.fd, 0);
	T_OK(fcntl(l.fd, F_GETFD) & FD_CLOEXEC);
	T_OK(fcntl(l.fd, F_GETFL) & O_NONBLOCK);
	return l;
}

static int call(const void *address, socklen_t len)
{
	int fd = socket(((const struct sockaddr *)address)->sa_family, SOCK_STREAM, 0);

	T_GE(fd, 0);
	if (connect(fd, address, len) == 0)
		return fd;
	close(fd);
	return -errno;
}

T_TEST(a_unix_socket_knows_its_clients_and_goes_when_closed)
{
	struct rzs_listener l;
	struct rzs_peer peer;
	struct stat st;
	int caller, fd;

	enter();
	l = open_well(&local, sizeof(local));
	T_OK(l.local);
	T_STR_EQ(l.name, local.sun_path);
	T_EQ(stat(local.sun_path, &st), 0);
	T_EQ(st.st_mode & 0777, 0600);

	T_EQ(rzs_listen_accept(&l, &peer), -EAGAIN);
	T_OK(!peer.known);
	caller = call(&local, sizeof(local));
	T_GE(caller, 0);
	fd = rzs_listen_accept(&l, &peer);
	T_GE(fd, 0);
	T_OK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	T_OK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	T_OK(peer.known);
	T_EQ(peer.uid, geteuid());
	T_EQ(peer.pid, getpid());
	close(fd);
	close(caller);

	rzs_listen_close(&l);
	T_EQ(l.fd, -1);
	T_EQ(access(local.sun_path, F_OK), -1);
	rzs_listen_close(&l);
}

T_TEST(tcp_takes_a_free_port_and_says_which)
{
	struct sockaddr_in a = loopback(0);
	struct rzs_listener l = open_well(&a, sizeof(a));
	struct rzs_peer peer;
	socklen_t len = sizeof(int);
	unsigned port = 0;
	int caller, fd, yes = 0;

	T_OK(!l.local);
	T_EQ(sscanf(l.name, "tcp:127.0.0.1:%u", &port), 1);
	T_GT(port, 0);
	a = loopback((uint16_t)port);
	caller = call(&a, sizeof(a));
	T_GE(caller, 0);
	T_WAIT((fd = rzs_listen_accept(&l, &peer)) != -EAGAIN, 20);
	T_GE(fd, 0);
	T_OK(!peer.known);
	T_EQ(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, &len), 0);
	T_EQ(yes, 1);
	T_EQ(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, &len), 0);
	T_EQ(yes, 1);

	/* Another server at the port that is taken. */
	{
		struct rzs_listener second;

		T_EQ(rzs_listen_open((struct sockaddr *)&a, sizeof(a), 0600, &second, why),
		     -EADDRINUSE);
		T_EQ(second.fd, -1);
		T_OK(strstr(why, l.name) != NULL);
	}

	/* With a connection that lingers the port is free all the same. */
	close(fd);
	rzs_listen_close(&l);
	l = open_well(&a, sizeof(a));
	rzs_listen_close(&l);
	close(caller);
}

T_TEST(ipv6_loopback)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct rzs_listener l;
	unsigned port;

	if (rzs_listen_open((struct sockaddr *)&a, sizeof(a), 0600, &l, why) < 0)
		T_SKIP("no IPv6 here: %s", why);
	T_EQ(sscanf(l.name, "tcp:[::1]:%u", &port), 1);
	T_GT(port, 0);
	rzs_listen_close(&l);
}

T_TEST(what_is_no_address_is_refused)
{
	struct sockaddr a = {.sa_family = AF_PACKET};
	struct rzs_listener l;

	T_EQ(rzs_listen_open(&a, sizeof(a), 0600, &l, why), -EINVAL);
	T_EQ(l.fd, -1);
	T_NE(why[0], '\0');
}

static int listening(const void *address, socklen_t len)
{
	int fd = socket(((const struct sockaddr *)address)->sa_family, SOCK_STREAM, 0);

	T_GE(fd, 0);
	T_EQ(bind(fd, address, len), 0);
	T_EQ(listen(fd, 1), 0);
	return fd;
}

T_TEST(a_given_unix_socket_is_not_removed)
{
	struct rzs_listener l;
	int fd;

	enter();
	fd = listening(&local, sizeof(local));
	T_EQ(rzs_listen_adopt(fd, false, &l, why), 0);
	T_EQ(l.fd, fd);
	T_OK(l.local);
	T_STR_EQ(l.name, local.sun_path);
	T_OK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	rzs_listen_close(&l);
	T_EQ(fcntl(fd, F_GETFL), -1);
	T_EQ(access(local.sun_path, F_OK), 0);
}

T_TEST(a_given_abstract_socket_has_a_name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct rzs_listener l;
	char name[64];
	int len;

	len = snprintf(name, sizeof(name), "@rzs-test-%d", (int)getpid());
	memcpy(a.sun_path + 1, name + 1, (size_t)len - 1);
	T_EQ(rzs_listen_adopt(listening(&a, (socklen_t)(sizeof(a.sun_family) + len)), false, &l,
			      why),
	     0);
	T_STR_EQ(l.name, name);
	rzs_listen_close(&l);
}

static void adopt_refused(int fd, const char *part)
{
	struct rzs_listener l;

	T_EQ(rzs_listen_adopt(fd, false, &l, why), -EINVAL);
	T_EQ(l.fd, -1);
	if (!strstr(why, part))
		T_FAIL("\"%s\" does not say \"%s\"", why, part);
}

T_TEST(what_is_given_must_listen)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	adopt_refused(fd, "is not a listening stream socket");
	T_GE(fcntl(fd, F_GETFD), 0); /* still the caller's */
	adopt_refused(socket(AF_INET, SOCK_DGRAM, 0), "is not a listening stream socket");
	adopt_refused(open("/dev/null", O_RDWR), "is not a listening stream socket");
	adopt_refused(1000, "descriptor 1000");
}

T_TEST(given_tcp_stays_on_the_loopback_interface)
{
	struct sockaddr_in a = loopback(0);
	struct rzs_listener l;

	T_EQ(rzs_listen_adopt(listening(&a, sizeof(a)), false, &l, why), 0);
	rzs_listen_close(&l);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 0x123456);
	T_EQ(rzs_listen_adopt(listening(&a, sizeof(a)), false, &l, why), 0);
	rzs_listen_close(&l);
	a.sin_addr.s_addr = htonl(INADDR_ANY);
	adopt_refused(listening(&a, sizeof(a)), "allow-tcp-anywhere");
	T_EQ(rzs_listen_adopt(listening(&a, sizeof(a)), true, &l, why), 0);
	rzs_listen_close(&l);
}

/* A socket of both families has addresses of IPv4 in IPv6's clothes. */
T_TEST(given_tcp_of_both_families)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6};
	const int no = 0;
	struct rzs_listener l;
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	T_EQ(inet_pton(AF_INET6, "::ffff:127.0.0.1", &a.sin6_addr), 1);
	if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no)) < 0 ||
	    bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		T_SKIP("no IPv6 here");
	T_EQ(listen(fd, 1), 0);
	T_EQ(rzs_listen_adopt(fd, false, &l, why), 0);
	rzs_listen_close(&l);
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	a.sin6_addr = in6addr_any;
	T_EQ(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	T_EQ(listen(fd, 1), 0);
	adopt_refused(fd, "allow-tcp-anywhere");
}
