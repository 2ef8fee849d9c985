/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rzsd's twin without a store: its data path (server/io_loop.h) with a plain array
 * (null_dispatch.c).  It has one unix socket, does one blocking handshake at a time, and has no
 * protection.
 *
 * Ends on SIGTERM or SIGINT.  Exit codes: 0, 2 wrong usage, 99 an error.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "io_loop.h"
#include "protect_server.h"
#include "nbd.h"
#include "null_dispatch.h"

#define MAX_CONNECTIONS 64u

static struct {
	struct rzs_device *device;
	uint64_t size;
	struct rzs_io *io;
} server;

static int at(void *arg, unsigned i, struct rzs_nbd_export *out)
{
	(void)arg;
	if (i > 0)
		return -ENOENT;
	*out = (struct rzs_nbd_export){
		.name = "bench",
		.size = server.size,
		.flags = RZS_NBD_FLAG_FLUSH | RZS_NBD_FLAG_FUA | RZS_NBD_FLAG_TRIM |
			 RZS_NBD_FLAG_WRITE_ZEROES | RZS_NBD_FLAG_MULTI_CONN | RZS_NBD_FLAG_CACHE |
			 RZS_NBD_FLAG_FAST_ZERO,
		.min_block = 1,
		.preferred_block = 4096,
		.max_payload = RZS_NBD_MAX_PAYLOAD,
		.tag = server.device,
	};
	return 0;
}

/* The device has any name. */
static int find(void *arg, const char *name, size_t len, struct rzs_nbd_export *out,
		const char **out_why)
{
	(void)name;
	(void)len;
	(void)out_why;
	return at(arg, 0, out);
}

/* false: not everything could be sent. */
static bool send_all(int fd, const uint8_t *p, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

		if (sent < 0)
			return false;
		p += sent;
		n -= (size_t)sent;
	}
	return true;
}

/* Negotiate until the client is in transmission and adopted, or gone. */
static bool negotiate(int fd, struct rzs_nbd_handshake *h)
{
	static uint8_t in[RZS_IO_EARLY_MAX], out[RZS_NBD_HANDSHAKE_OUT_MIN];
	size_t len = 0, used, put;
	enum rzs_nbd_progress progress;
	ssize_t n;

	for (;;) {
		progress = rzs_nbd_handshake_step(h, in, len, &used, out, sizeof(out), &put);
		len -= used;
		memmove(in, in + used, len);
		if (!send_all(fd, out, put) || progress == RZS_NBD_CLOSE)
			return false;
		if (progress == RZS_NBD_TRANSMISSION)
			return rzs_io_adopt(server.io, fd, rzs_nbd_handshake_session(h), in, len) ==
			       0;
		if (used || put)
			continue;
		n = recv(fd, in + len, sizeof(in) - len, 0);
		if (n <= 0)
			return false;
		len += (size_t)n;
	}
}

static void welcome(int fd)
{
	static const struct rzs_nbd_exports exports = {.find = find, .at = at};
	struct rzs_nbd_handshake *h = malloc(rzs_nbd_handshake_size());

	if (!h)
		errx(99, "no memory");
	rzs_nbd_handshake_init(h, &exports);
	if (!negotiate(fd, h))
		close(fd);
	free(h);
}

static int listen_at(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(addr.sun_path))
		errx(2, "%s: the name is too long", path);
	memcpy(addr.sun_path, path, strlen(path));
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(fd, 16))
		err(99, "%s", path);
	return fd;
}

static void serve(const char *path, int signals)
{
	struct pollfd fds[] = {{.fd = listen_at(path), .events = POLLIN},
			       {.fd = signals, .events = POLLIN}};

	while (!fds[1].revents) {
		if (poll(fds, 2, -1) > 0 && fds[0].revents) {
			int fd = accept4(fds[0].fd, NULL, NULL, SOCK_CLOEXEC);

			if (fd >= 0)
				welcome(fd);
		}
	}
	unlink(path);
}

static void __attribute__((noreturn)) usage(int code)
{
	fprintf(code ? stderr : stdout, "usage: null_server SOCKET BYTES [THREADS]\n");
	if (!code && fflush(stdout) != 0)
		err(99, "standard output");
	exit(code);
}

static unsigned long long number(const char *text, unsigned long long most)
{
	char *end;
	unsigned long long v = strtoull(text, &end, 10);

	if (!*text || *end || v == 0 || v > most)
		usage(2);
	return v;
}

int main(int argc, char **argv)
{
	struct rzs_protect_server_options protection = {.mode = RZS_PROTECT_OFF,
							.realtime = RZS_REALTIME_NEVER};
	struct rzs_io_options options = {.nr_threads = 1, .max_connections = MAX_CONNECTIONS};
	sigset_t set;
	int e;

	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		usage(0);
	if (argc < 3 || argc > 4)
		usage(2);
	server.size = number(argv[2], 1ull << 44);
	if (argc == 4)
		options.nr_threads = (unsigned)number(argv[3], RZS_IO_THREADS_MAX);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (rzs_protect_server_early(&protection))
		return 99;
	server.device = null_device(server.size, options.nr_threads);
	e = rzs_io_start(&options, &server.io);
	if (e)
		errx(99, "cannot start threads: %s", strerror(-e));
	serve(argv[1], signalfd(-1, &set, SFD_CLOEXEC));
	rzs_io_stop(server.io);
	return 0;
}
