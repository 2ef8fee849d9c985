/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nbdreader SOCKET SEED COUNT: a second client of the server that the kernel swaps to.  It reads at
 * random places of the device, with WINDOW requests in flight.  After COUNT replies it kills itself
 * with SIGKILL, so the server still has requests to process and replies that nobody reads.
 *
 * Exit status: killed by SIGKILL on success, 1 a wrong reply from the server, 2 usage.
 *
 * Threading: one thread.
 */
#include <endian.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "pages.h"

#define WINDOW 64u
#define LENGTH 32768u

#define NBD_MAGIC	    0x4e42444d41474943ull
#define NBD_OPTION_MAGIC    0x49484156454f5054ull
#define NBD_OPTION_EXPORT   1u
#define NBD_FIXED_NO_ZEROES 3u
#define NBD_REQUEST_MAGIC   0x25609513u
#define NBD_REPLY_MAGIC	    0x67446698u
#define NBD_REQUEST_READ    0u

struct hello {
	uint64_t magic, option_magic;
	uint16_t flags;
} __attribute__((packed));

struct choice {
	uint32_t flags;
	uint64_t magic;
	uint32_t option, length;
} __attribute__((packed));

struct export
{
	uint64_t size;
	uint16_t flags;
}
__attribute__((packed));

struct request {
	uint32_t magic;
	uint16_t flags, type;
	uint64_t cookie, offset;
	uint32_t length;
} __attribute__((packed));

struct reply {
	uint32_t magic, error;
	uint64_t cookie;
} __attribute__((packed));

static int connect_to(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(addr.sun_path))
		return -EINVAL;
	strcpy(addr.sun_path, path);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return -errno;
	return fd;
}

static int get(int fd, void *to, size_t n)
{
	return recv(fd, to, n, MSG_WAITALL) == (ssize_t)n ? 0 : -EIO;
}

static int put(int fd, const void *from, size_t n)
{
	return send(fd, from, n, MSG_NOSIGNAL) == (ssize_t)n ? 0 : -EIO;
}

/* Fixed newstyle, the export without a name. */
static int shake_hands(int fd, uint64_t *size)
{
	struct choice choice = {
		.flags = htobe32(NBD_FIXED_NO_ZEROES),
		.magic = htobe64(NBD_OPTION_MAGIC),
		.option = htobe32(NBD_OPTION_EXPORT),
	};
	struct export export;
	struct hello hello;

	*size = 0;
	if (get(fd, &hello, sizeof(hello)) || be64toh(hello.magic) != NBD_MAGIC ||
	    be64toh(hello.option_magic) != NBD_OPTION_MAGIC ||
	    (be16toh(hello.flags) & NBD_FIXED_NO_ZEROES) != NBD_FIXED_NO_ZEROES)
		return -EPROTO;
	if (put(fd, &choice, sizeof(choice)) || get(fd, &export, sizeof(export)))
		return -EPROTO;
	*size = be64toh(export.size);
	return *size >= LENGTH ? 0 : -EPROTO;
}

static int ask(int fd, struct pages_rng *rng, uint64_t size)
{
	struct request request = {
		.magic = htobe32(NBD_REQUEST_MAGIC),
		.type = htobe16(NBD_REQUEST_READ),
		.offset = htobe64(pages_below(rng, (size - LENGTH) / PAGES_SIZE + 1) * PAGES_SIZE),
		.length = htobe32(LENGTH),
	};

	return put(fd, &request, sizeof(request));
}

static int hear(int fd)
{
	static uint8_t data[LENGTH];
	struct reply reply;

	if (get(fd, &reply, sizeof(reply)) || be32toh(reply.magic) != NBD_REPLY_MAGIC ||
	    reply.error)
		return -EIO;
	return get(fd, data, sizeof(data));
}

int main(int argc, char **argv)
{
	struct pages_rng rng = {0};
	unsigned long count;
	uint64_t size;
	int fd, err = 0;

	if (argc != 4)
		return 2;
	rng.state = strtoull(argv[2], NULL, 10);
	count = strtoul(argv[3], NULL, 10);
	fd = connect_to(argv[1]);
	if (fd < 0 || shake_hands(fd, &size)) {
		fprintf(stderr, "nbdreader: the server does not let us in\n");
		return 1;
	}
	for (unsigned i = 0; i < WINDOW && err == 0; i++)
		err = ask(fd, &rng, size);
	for (unsigned long i = 0; i < count && err == 0; i++) {
		err = hear(fd);
		if (err == 0)
			err = ask(fd, &rng, size);
	}
	if (err == 0)
		raise(SIGKILL);
	fprintf(stderr, "nbdreader: the server does not answer\n");
	return 1;
}
