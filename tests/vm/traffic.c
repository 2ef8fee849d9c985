/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * traffic MIB: fill and drain the buffers of sockets, unix and TCP over loopback in turn, until
 * SIGTERM.
 *
 * Every byte sent is in kernel memory until it is received.  A server on the same machine needs the
 * same memory for its replies.  Each round writes to all pairs until they hold MIB in all, or until
 * no more fits.  Then it reads everything and checks it: each word is the number of words before
 * it.
 *
 * Exit status: 0 ended by SIGTERM, 1 a wrong word or a failed call, 2 usage.
 *
 * Threading: one thread; only memory allocation blocks.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAIRS 16u /* even ones unix, odd ones TCP */
#define WORDS 4096u

struct pair {
	int in, out;	     /* written to, read from */
	uint64_t sent, seen; /* bytes */
};

static volatile sig_atomic_t asked_to_stop;

static void on_term(int sig)
{
	(void)sig;
	asked_to_stop = 1;
}

static int open_unix(struct pair *p)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return -errno;
	p->in = fds[0];
	p->out = fds[1];
	return 0;
}

static int open_tcp(struct pair *p)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	socklen_t len = sizeof(addr);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int err = 0;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	p->out = -1;
	p->in = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || p->in < 0 || bind(listener, (struct sockaddr *)&addr, len) ||
	    listen(listener, 1) || getsockname(listener, (struct sockaddr *)&addr, &len) ||
	    connect(p->in, (struct sockaddr *)&addr, len))
		err = -errno;
	else
		p->out = accept(listener, NULL, NULL);
	if (err == 0 && p->out < 0)
		err = -errno;
	close(listener);
	return err;
}

/* Past the machine's limits for buffers, which only root may pass. */
static int enlarge(const struct pair *p, int bytes)
{
	if (setsockopt(p->in, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) ||
	    setsockopt(p->out, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		return -errno;
	return 0;
}

/* Until the pair holds limit bytes, or no more goes in. */
static int fill(struct pair *p, uint64_t limit)
{
	static uint64_t words[WORDS + 1];

	while (p->sent - p->seen < limit) {
		unsigned skip = p->sent % 8; /* the last write may have ended within a word */
		ssize_t n;

		for (unsigned i = 0; i <= WORDS; i++)
			words[i] = p->sent / 8 + i;
		n = send(p->in, (char *)words + skip, sizeof(words) - skip, MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		p->sent += (uint64_t)n;
	}
	return 0;
}

static int drain(struct pair *p)
{
	static uint64_t words[WORDS];

	while (p->seen < p->sent && !asked_to_stop) {
		unsigned skip = p->seen % 8; /* the last read may have ended within a word */
		ssize_t n = recv(p->out, (char *)words + skip, sizeof(words) - skip, 0);

		if (n <= 0)
			return n < 0 && errno == EINTR ? 0 : -EIO;
		for (unsigned i = skip ? 1 : 0; i < (skip + (size_t)n) / 8; i++) {
			if (words[i] != p->seen / 8 + i)
				return -EILSEQ;
		}
		p->seen += (uint64_t)n;
	}
	return 0;
}

static int open_pairs(struct pair *pairs, int bytes)
{
	for (unsigned i = 0; i < PAIRS; i++) {
		int err = i % 2 ? open_tcp(&pairs[i]) : open_unix(&pairs[i]);

		if (err == 0)
			err = enlarge(&pairs[i], bytes);
		if (err)
			return err;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static struct pair pairs[PAIRS];
	uint64_t limit, total = 0, most = 0;
	int err;

	if (argc != 2 || atoi(argv[1]) < 1 || atoi(argv[1]) > 1024)
		return 2;
	limit = ((uint64_t)atoi(argv[1]) << 20) / PAIRS;
	signal(SIGTERM, on_term);
	err = open_pairs(pairs, (int)limit);
	while (err == 0 && !asked_to_stop) {
		uint64_t held = 0;

		for (unsigned i = 0; i < PAIRS && err == 0; i++) {
			err = fill(&pairs[i], limit);
			held += pairs[i].sent - pairs[i].seen;
		}
		most = held > most ? held : most;
		for (unsigned i = 0; i < PAIRS && err == 0; i++)
			err = drain(&pairs[i]);
	}
	for (unsigned i = 0; i < PAIRS; i++)
		total += pairs[i].seen;
	printf("sent_kib=%llu most_held_kib=%llu error=%d\n", (unsigned long long)total / 1024,
	       (unsigned long long)most / 1024, -err);
	return err ? 1 : 0;
}
