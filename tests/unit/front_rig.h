/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A front with real sockets, and something that stands in for the I/O threads; clients that are as
 * slow as a test wants, in the same thread.
 *
 * Threading: none; a test is a process of its own, so what is static is that test's.
 */
#ifndef RZS_TEST_FRONT_RIG_H
#define RZS_TEST_FRONT_RIG_H

#include "t_scratch.h"

#include "front_private.h"
#include "nbd.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

/* ---- what stands in for the I/O threads ---- */

static unsigned adoptions, tidied;
static int adopt_err, adopted_fd = -1;
static struct rzs_nbd_session adopted;
static uint8_t early[1024];
static size_t nr_early;

int rzs_io_adopt(struct rzs_io *io, int fd, const struct rzs_nbd_session *session, const void *data,
		 size_t len)
{
	(void)io;
	if (adopt_err)
		return adopt_err;
	T_LE(len, sizeof(early));
	adoptions++;
	adopted_fd = fd;
	adopted = *session;
	memcpy(early, data, len);
	nr_early = len;
	return 0;
}

void rzs_io_tidy(struct rzs_io *io)
{
	(void)io;
	tidied++;
}

/* ---- the server ---- */

static struct rzs_loop loop;
static struct rzs_devices *devices;
static struct rzs_target target;
static struct rzs_front *front;
static struct rzs_listener listener;
static unsigned left;
static struct sockaddr_un local = {.sun_family = AF_UNIX};
static struct sockaddr_in inet; /* of the listener, when that is TCP */
static char why[RZS_WHY_MAX];

static void on_left(void *unused)
{
	(void)unused;
	left++;
}

static void make_device(const char *name)
{
	T_EQ(target.create(target.arg, name, why), 0);
	T_EQ(target.set(target.arg, name, "size", "1M", why), 0);
	T_EQ(target.set(target.arg, name, "reserve", "64K", why), 0);
	if (target.init(target.arg, name, why))
		T_FAIL("%s", why);
}

/* *options' devices and left are set here. */
static void enter(struct rzs_front_options options, bool tcp)
{
	socklen_t len = sizeof(inet);

	T_EQ(chmod(t_scratch(), 0711), 0);
	snprintf(local.sun_path, sizeof(local.sun_path), "%s/sock", t_scratch());
	inet = (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	T_EQ(rzs_loop_open(&loop), 0);
	T_EQ(rzs_devices_open(3, &devices), 0);
	rzs_devices_target(devices, &target);
	make_device("a");
	options.devices = devices;
	options.left = on_left;
	if (options.max_connections == 0)
		options.max_connections = 8;
	if (options.handshake_ms == 0)
		options.handshake_ms = 60000;
	T_EQ(rzs_front_open(&loop, &options, &front), 0);
	if (tcp)
		T_EQ(rzs_listen_open((struct sockaddr *)&inet, sizeof(inet), 0, &listener, why), 0);
	else
		T_EQ(rzs_listen_open((struct sockaddr *)&local, sizeof(local), 0666, &listener,
				     why),
		     0);
	if (tcp)
		T_EQ(getsockname(listener.fd, (struct sockaddr *)&inet, &len), 0);
	T_EQ(rzs_front_serve(front, (struct rzs_io *)&adoptions, &listener, 1), 0);
}

static void leave(void)
{
	rzs_front_close(front);
	rzs_loop_close(&loop);
	T_EQ(rzs_devices_connections(devices), 0);
	rzs_devices_close(devices);
}

/* Whether the server would sleep now. */
static bool is_idle(void)
{
	struct pollfd fd = {.fd = loop.epoll, .events = POLLIN};

	return poll(&fd, 1, 0) == 0;
}

/* Let the server run until cond is true. */
#define SERVE_UNTIL(cond) T_WAIT((rzs_loop_run_once(&loop, false), (cond)), 20)

/* ---- the client ---- */

#define GO		 7
#define LIST		 3
#define REP_ACK		 1u
#define REP_INFO	 3u
#define REP_ERR_SHUTDOWN 0x80000007u

static int call(void)
{
	const struct sockaddr *to = (struct sockaddr *)&local;
	socklen_t len = sizeof(local);
	int fd;

	if (inet.sin_port) {
		to = (struct sockaddr *)&inet;
		len = sizeof(inet);
	}
	fd = socket(to->sa_family, SOCK_STREAM, 0);
	T_GE(fd, 0);
	T_EQ(connect(fd, to, len), 0);
	T_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

/* Read exactly len bytes, the server running meanwhile. */
static void get(int fd, void *out, size_t len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n;

		SERVE_UNTIL((n = recv(fd, (char *)out + got, len - got, 0)) >= 0 ||
			    errno != EAGAIN);
		if (n <= 0)
			T_FAIL("hung up on after %zu of %zu bytes", got, len);
		got += (size_t)n;
	}
}

static bool is_hung_up(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, MSG_PEEK);

	return n == 0 || (n < 0 && errno == ECONNRESET);
}

static void get_greeting(int fd)
{
	uint8_t greeting[18];

	get(fd, greeting, sizeof(greeting));
	T_MEM_EQ(greeting, "NBDMAGICIHAVEOPT", 16);
}

static uint8_t *put32(uint8_t *at, uint32_t value)
{
	value = htonl(value);
	memcpy(at, &value, 4);
	return at + 4;
}

static uint8_t *put_option(uint8_t *at, uint32_t option, uint32_t len)
{
	memcpy(at, "IHAVEOPT", 8);
	return put32(put32(at + 8, option), len);
}

/* GO for a name.  Returns its bytes. */
static size_t make_go(uint8_t *out, const char *name)
{
	uint32_t len = (uint32_t)strlen(name);
	uint8_t *at = put_option(out, GO, 4 + len + 2);

	at = put32(at, len);
	memcpy(at, name, len);
	at[len] = at[len + 1] = 0;
	return (size_t)(at + len + 2 - out);
}

static void put_all(int fd, const void *data, size_t len)
{
	T_EQ(send(fd, data, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* The client's flags, fixed newstyle and no zeroes, and then GO. */
static void go(int fd, const char *name)
{
	uint8_t text[256] = {0, 0, 0, 3};

	put_all(fd, text, 4 + make_go(text + 4, name));
}

/* The next reply's type; its data is read. */
static uint32_t get_reply(int fd)
{
	uint8_t head[20], data[512];
	uint32_t type, len;

	get(fd, head, sizeof(head));
	memcpy(&type, head + 12, 4);
	memcpy(&len, head + 16, 4);
	T_LE(ntohl(len), sizeof(data));
	get(fd, data, ntohl(len));
	return ntohl(type);
}

static uint32_t get_last_reply(int fd)
{
	uint32_t type;

	do
		type = get_reply(fd);
	while (type == REP_INFO);
	return type;
}

static struct rzs_device *device(void)
{
	return adopted.tag;
}

#endif
