/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The threads that serve requests (server/io_loop.h), on a real store: clients that come, go and
 * vanish, and what the threads must not do meanwhile.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "conn.h"
#include "io_rig.h"

#include <dirent.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

static uint8_t page[PAGE], back[PAGE];

T_TEST(serves_until_disconnected)
{
	struct io_rig r;
	int fd;

	io_rig_open(&r, 2, 4, 1024, 0);
	fd = io_rig_connect(&r, false);
	pages_make(page, PAGES_TEXT, 1);
	io_rig_write(fd, 1, page, 5 * PAGE, PAGE);
	T_EQ(io_rig_answer(fd, 1), 0u);
	T_EQ(io_rig_read(fd, 2, back, 5 * PAGE, PAGE), 0u);
	T_MEM_EQ(back, page, PAGE);
	T_EQ(atomic_load(&r.ended), 0u);
	io_rig_ask(fd, WIRE_DISC, 0, 3, 0, 0);
	T_EQ(recv(fd, back, 1, 0), 0);
	T_WAIT(atomic_load(&r.ended) == 1, 30);
	close(fd);
	io_rig_close(&r);
}

/* No more than were asked for at once; those that ended make room. */
T_TEST(connections_are_bounded)
{
	struct rzs_nbd_session session;
	struct io_rig r;
	int fd[4], pair[2];

	io_rig_open(&r, 2, 4, 1024, 0);
	session = io_rig_session(&r, false);
	for (unsigned i = 0; i < 4; i++)
		fd[i] = io_rig_connect(&r, false);
	T_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	T_EQ(rzs_io_adopt(r.io, pair[1], &session, NULL, 0), -EBUSY);
	T_EQ(fcntl(pair[1], F_GETFD), FD_CLOEXEC); /* still the caller's */
	T_EQ(rzs_io_adopt(r.io, pair[1], &session, page, RZS_IO_EARLY_MAX + 1), -EINVAL);
	close(fd[2]);
	T_WAIT(atomic_load(&r.ended) == 1, 30);
	T_EQ(rzs_io_adopt(r.io, pair[1], &session, NULL, 0), 0);
	fd[2] = pair[0];
	for (unsigned i = 0; i < 4; i++) {
		T_EQ(io_rig_read(fd[i], i, back, 0, PAGE), 0u);
		close(fd[i]);
	}
	T_WAIT(atomic_load(&r.ended) == 5, 30);
	io_rig_close(&r);
}

/* Requests that came with the handshake's last bytes. */
T_TEST(early_requests_are_served)
{
	struct rzs_nbd_session session;
	uint8_t early[WIRE_REQUEST + PAGE];
	struct io_rig r;
	int pair[2];

	io_rig_open(&r, 1, 1, 1024, 0);
	session = io_rig_session(&r, false);
	T_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	wire_request(early, WIRE_WRITE, 0, 1, 0, PAGE);
	pages_make(early + WIRE_REQUEST, PAGES_TEXT, 3);
	T_EQ(rzs_io_adopt(r.io, pair[1], &session, early, sizeof(early)), 0);
	T_EQ(io_rig_answer(pair[0], 1), 0u);
	T_EQ(io_rig_read(pair[0], 2, back, 0, PAGE), 0u);
	T_MEM_EQ(back, early + WIRE_REQUEST, PAGE);
	close(pair[0]);
	io_rig_close(&r);
}

/* A request, with fd beside it. */
static void ask_with_descriptor(int to, uint64_t cookie, int fd)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {.room = {0}};
	uint8_t head[WIRE_REQUEST];
	struct iovec iov = {head, sizeof(head)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.room,
			     .msg_controllen = sizeof(control.room)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	wire_request(head, WIRE_READ, 0, cookie, 0, PAGE);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	T_EQ(sendmsg(to, &msg, MSG_NOSIGNAL), (ssize_t)sizeof(head));
}

static void adopt_all(struct io_rig *r, int fd)
{
	struct rzs_nbd_session session = io_rig_session(r, false);

	T_EQ(rzs_io_adopt(r->io, fd, &session, NULL, 0), 0);
}

/*
 * A receive ends behind descriptors, whatever else is there, and nothing tells of the rest again.
 * Nor does the server keep them: with the last copy gone the pipe ends.
 */
T_TEST(descriptors_beside_requests_are_dropped)
{
	struct io_rig r;
	int pair[2], ends[2];

	io_rig_open(&r, 1, 1, 1024, 0);
	T_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	T_EQ(pipe2(ends, O_CLOEXEC), 0);
	for (unsigned round = 0; round < 2; round++) {
		/* The first time all are there before the server looks. */
		for (unsigned i = 0; i < 3; i++)
			ask_with_descriptor(pair[0], i, ends[1]);
		io_rig_ask(pair[0], WIRE_READ, 0, 3, 0, PAGE);
		if (round == 0)
			adopt_all(&r, pair[1]);
		for (unsigned i = 0; i < 4; i++)
			T_EQ(io_rig_data(pair[0], i, back, 0, PAGE, false), 0u);
	}
	close(ends[1]);
	T_EQ(read(ends[0], back, 1), 0);
	close(ends[0]);
	close(pair[0]);
	io_rig_close(&r);
}

/* Nor does a receive go beyond an out-of-band byte, which is not part of the stream. */
T_TEST(bytes_out_of_band_are_dropped)
{
	struct io_rig r;
	int pair[2];

	io_rig_open(&r, 1, 1, 1024, 0);
	T_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	for (unsigned round = 0; round < 2; round++) {
		io_rig_ask(pair[0], WIRE_READ, 0, 1, 0, PAGE);
		if (send(pair[0], "!", 1, MSG_OOB | MSG_NOSIGNAL) != 1)
			T_SKIP("no out-of-band bytes on unix sockets");
		io_rig_ask(pair[0], WIRE_READ, 0, 2, 0, PAGE);
		if (round == 0)
			adopt_all(&r, pair[1]);
		for (unsigned i = 1; i <= 2; i++)
			T_EQ(io_rig_data(pair[0], i, back, 0, PAGE, false), 0u);
	}
	close(pair[0]);
	io_rig_close(&r);
}

/* Stopping hangs up on clients in every state, and each end is reported. */
T_TEST(stop_with_clients)
{
	struct io_rig r;
	int fd[8];
	char c;

	io_rig_open(&r, 2, 8, 1024, 0);
	for (unsigned i = 0; i < 8; i++) {
		fd[i] = io_rig_connect(&r, i % 2);
		/* Idle, in the middle of a header, of data; with replies that nobody reads. */
		if (i >= 2)
			io_rig_send(fd[i], page, i < 4 ? 13 : 0);
		if (i == 4 || i == 5)
			io_rig_ask(fd[i], WIRE_WRITE, 0, 1, 0, 2 * PAGE);
		for (unsigned n = 0; n < 200 && i >= 6; n++)
			io_rig_ask(fd[i], WIRE_READ, WIRE_DF * (i % 2), n, 0, PAGE);
	}
	rzs_io_stop(r.io);
	T_EQ(atomic_load(&r.ended), 8u);
	for (unsigned i = 0; i < 8; i++) {
		while (recv(fd[i], &c, 1, 0) > 0)
			;
		close(fd[i]);
	}
	r.io = NULL;
	io_rig_close(&r);
}

static void count(void *arg, const struct rzs_conn *c)
{
	T_EQ(c->wants, RZS_CONN_STILL);
	++*(unsigned *)arg;
}

/* Held, the threads begin nothing; released, they serve what has come, and new clients. */
T_TEST(held_and_released)
{
	struct io_rig r;
	int fd[5];

	io_rig_open(&r, 2, 5, 1024, 0);
	for (unsigned i = 0; i < 4; i++)
		fd[i] = io_rig_connect(&r, i % 2);
	io_rig_send(fd[1], page, 13); /* in the middle of a header */
	for (unsigned round = 0; round < 3; round++) {
		unsigned held = 0;

		T_EQ(rzs_io_hold(r.io, 60000), 0);
		rzs_io_each_held(r.io, count, &held);
		T_EQ(held, 4u);
		io_rig_ask(fd[0], WIRE_READ, 0, round, 0, PAGE);
		T_EQ(recv(fd[0], back, 1, MSG_DONTWAIT), -1);
		rzs_io_release(r.io);
		T_EQ(io_rig_data(fd[0], round, back, 0, PAGE, false), 0u);
		T_EQ(io_rig_read(fd[2], round, back, 0, PAGE), 0u);
	}
	fd[4] = io_rig_connect(&r, false);
	T_EQ(io_rig_read(fd[4], 1, back, 0, PAGE), 0u);
	T_EQ(rzs_io_hold(r.io, 60000), 0);
	rzs_io_stop(r.io); /* while it holds them */
	T_EQ(atomic_load(&r.ended), 5u);
	r.io = NULL;
	for (unsigned i = 0; i < 5; i++)
		close(fd[i]);
	io_rig_close(&r);
}

/* A client that does not take its replies ends the attempt, and nobody is held then. */
T_TEST(holding_is_given_up)
{
	struct io_rig r;
	int deaf, fd;

	io_rig_open(&r, 2, 2, 4096, 0);
	deaf = io_rig_connect(&r, false);
	fd = io_rig_connect(&r, false);
	io_rig_ask(deaf, WIRE_READ, 0, 1, 0, 4096 * PAGE);
	T_EQ(io_rig_read(fd, 1, back, 0, PAGE), 0u);
	T_WAIT(recv(deaf, back, 1, MSG_PEEK | MSG_DONTWAIT) == 1, 60);
	T_EQ(rzs_io_hold(r.io, 1), -ETIMEDOUT);
	T_EQ(io_rig_read(fd, 2, back, 0, PAGE), 0u);
	close(deaf);
	T_WAIT(atomic_load(&r.ended) == 1, 60);
	T_EQ(rzs_io_hold(r.io, 60000), 0);
	rzs_io_release(r.io);
	T_EQ(io_rig_read(fd, 3, back, 0, PAGE), 0u);
	close(fd);
	io_rig_close(&r);
}

T_TEST(start_is_refused)
{
	struct rzs_io_options options = {.nr_threads = 0, .max_connections = 1};
	struct rzs_io *io;

	T_EQ(rzs_io_start(&options, &io), -EINVAL);
	T_OK(io == NULL);
	options.nr_threads = RZS_IO_THREADS_MAX + 1;
	T_EQ(rzs_io_start(&options, &io), -EINVAL);
	rzs_io_stop(NULL);
}

/* A full store refuses, and the connection goes on. */
T_TEST(limit_is_told)
{
	uint64_t limit;
	struct rzs_config cfg = {.nr_pages = 4096, .nr_workers = 3};
	unsigned refused = 0, slot;
	struct io_rig r;
	int fd;

	T_EQ(rzs_store_min_limit(&cfg, &limit), 0);
	io_rig_open(&r, 2, 4, 4096, limit + (2u << 20));
	fd = io_rig_connect(&r, false);
	for (slot = 0; slot < 4096 && refused < 100; slot++) {
		uint32_t err;

		pages_make(page, PAGES_RANDOM, slot);
		io_rig_write(fd, slot, page, (uint64_t)slot * PAGE, PAGE);
		err = io_rig_answer(fd, slot);
		T_OK(err == 0 || err == 28);
		refused += err != 0;
	}
	T_EQ(refused, 100u);
	T_GE(slot, 200u);
	pages_make(page, PAGES_RANDOM, 7);
	T_EQ(io_rig_read(fd, 1, back, 7 * PAGE, PAGE), 0u);
	T_MEM_EQ(back, page, PAGE);
	io_rig_ask(fd, WIRE_TRIM, 0, 2, 0, 200 * PAGE);
	T_EQ(io_rig_answer(fd, 2), 0u);
	io_rig_write(fd, 3, page, 0, PAGE);
	T_EQ(io_rig_answer(fd, 3), 0u);
	close(fd);
	io_rig_close(&r);
}

static unsigned open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	T_OK(d != NULL);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Kilobytes of address space: buffers are mapped, and have to be unmapped. */
static unsigned long mapped(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	T_OK(f != NULL);
	T_EQ(fscanf(f, "%lu", &pages), 1);
	fclose(f);
	return pages * 4;
}

/* Clients vanish with 64 requests in flight, over and over: nothing of them stays. */
T_TEST_TIMEOUT(hang_ups_leave_nothing, 120)
{
	static const unsigned types[] = {WIRE_READ, WIRE_WRITE, WIRE_TRIM, WIRE_ZEROES};
	uint64_t seed = t_seed();
	unsigned rounds = t_scale() > 1 ? 40 : 400, files = 0;
	unsigned long size = 0;
	struct io_rig r;

	io_rig_open(&r, 2, 4, 4096, 0);
	for (unsigned round = 0; round < rounds; round++) {
		int fd = io_rig_connect(&r, round % 2);
		unsigned type = types[t_rand(&seed) % 4];

		for (unsigned i = 0; i < 64; i++) {
			uint64_t slot = t_rand(&seed) % 4000;

			pages_make_any(page, t_rand(&seed));
			wire_request(back, type, 0, i, slot * PAGE, PAGE);
			/* As far as it goes: the server may be waiting for us to read. */
			if (send(fd, back, WIRE_REQUEST, MSG_DONTWAIT) != WIRE_REQUEST ||
			    (type == WIRE_WRITE && send(fd, page, PAGE, MSG_DONTWAIT) != PAGE))
				break;
		}
		if (t_rand(&seed) % 2)
			sched_yield();
		if (t_rand(&seed) % 4 == 0)
			T_GT(recv(fd, back, sizeof(back), 0), 0);
		close(fd);
		T_WAIT(atomic_load(&r.ended) == round + 1, 30);
		rzs_io_tidy(r.io);
		if (round == rounds / 4) {
			files = open_files();
			size = mapped();
		}
	}
	T_EQ(open_files(), files);
	/* valgrind takes a few pages for itself; one connection's buffers are more than that. */
	T_LE(mapped(), size + (instrumented() ? RZS_CONN_OUT_SIZE / 1024 : 0));
	io_rig_close(&r);
}

/* ---- what the threads must not do ---- */

/*
 * malloc() and its like, watched: with `forbidden` set no I/O thread may call them.  (Under a
 * sanitizer they are its own, and the test is left out.)
 */
static atomic_bool forbidden;
static atomic_uint forbidden_calls;
static pid_t watched[4];

#if !SANITIZED
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

static void look(void)
{
	pid_t self;

	if (!atomic_load(&forbidden))
		return;
	self = (pid_t)syscall(SYS_gettid);
	for (unsigned i = 0; i < 4; i++)
		if (watched[i] == self)
			atomic_fetch_add(&forbidden_calls, 1);
}

void *malloc(size_t n)
{
	look();
	return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	look();
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	look();
	return __libc_realloc(p, n);
}
#endif

/* Page faults of a thread so far. */
static unsigned long faults(pid_t tid)
{
	char path[64], text[512], *p;
	unsigned long minor = 0, major = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
	f = fopen(path, "r");
	T_OK(f != NULL);
	T_OK(fgets(text, sizeof(text), f) != NULL);
	fclose(f);
	p = strrchr(text, ')');
	T_OK(p != NULL);
	T_EQ(sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %lu %*u %lu", &minor, &major), 2);
	return minor + major;
}

/* The threads named rzs-io-*. */
static unsigned find_threads(pid_t *tid, unsigned max)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	unsigned n = 0;

	T_OK(d != NULL);
	while ((e = readdir(d))) {
		char path[300], name[32] = "";
		FILE *f;

		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", e->d_name);
		f = fopen(path, "r");
		if (!f)
			continue;
		if (fgets(name, sizeof(name), f) && strncmp(name, "rzs-io-", 7) == 0 && n < max)
			tid[n++] = (pid_t)atoi(e->d_name);
		fclose(f);
	}
	closedir(d);
	return n;
}

/* Every kind of request, large and small, on all connections; some hang up, some come. */
static void traffic(struct io_rig *r, unsigned rounds, uint64_t *seed)
{
	static uint8_t large[1u << 20];
	int fd[3];

	for (unsigned i = 0; i < 3; i++)
		fd[i] = io_rig_connect(r, i == 2);
	for (unsigned n = 0; n < rounds; n++) {
		uint64_t at = t_rand(seed) % 2048 * PAGE;
		int s = fd[n % 3];

		for (size_t i = 0; i < sizeof(large); i += PAGE)
			pages_make_any(large + i, t_rand(seed));
		io_rig_write(s, 1, large, at + 11, sizeof(large));
		T_EQ(io_rig_answer(s, 1), 0u);
		T_EQ(io_rig_read_any(s, 2, large, at, sizeof(large), n % 3 == 2), 0u);
		io_rig_ask(s, WIRE_TRIM, 0, 3, at, 100 * PAGE);
		T_EQ(io_rig_answer(s, 3), 0u);
		io_rig_ask(s, WIRE_ZEROES, 0, 4, at + 5, 10 * PAGE);
		T_EQ(io_rig_answer(s, 4), 0u);
	}
	for (unsigned i = 0; i < 3; i++)
		close(fd[i]);
}

/*
 * As a successor adopts: while the threads are held, in memory that was prepared.  Red when a held
 * connection is served or receives, when its release does not serve it, or when adopting maps other
 * memory than what was prepared.
 */
T_TEST(held_connections_wait_for_the_release)
{
	struct rzs_nbd_session session;
	uint8_t early[WIRE_REQUEST];
	struct io_rig r;
	int fd[2], pair[2];

	io_rig_open(&r, 2, 2, 1024, 0);
	session = io_rig_session(&r, false);
	wire_request(early, WIRE_READ, 0, 1, 0, PAGE);
	T_EQ(rzs_io_hold(r.io, 30000), 0);
	T_EQ(rzs_io_prepare(r.io, 3), 0);
	for (unsigned i = 0; i < 2; i++) {
		unsigned long size;
		int left;

		T_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
		fd[i] = pair[0];
		io_rig_ask(fd[i], WIRE_READ, 0, 2, 0, PAGE);
		size = mapped();
		T_EQ(rzs_io_adopt(r.io, pair[1], &session, early, i ? 0 : sizeof(early)), 0);
		if (!instrumented())
			T_EQ(mapped(), size);
		/* A thread that serves it nevertheless gets the time to. */
		for (unsigned n = 0; n < 1000; n++) {
			sched_yield();
			T_EQ(ioctl(pair[1], FIONREAD, &left), 0);
			T_EQ(left, WIRE_REQUEST);
		}
	}
	rzs_io_release(r.io);
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned cookie = i + 1; cookie <= 2; cookie++) {
			T_EQ(io_rig_answer(fd[i], cookie), 0u);
			io_rig_recv(fd[i], back, PAGE);
		}
		close(fd[i]);
	}
	T_WAIT(atomic_load(&r.ended) == 2, 30);
	io_rig_close(&r);
}

T_TEST_TIMEOUT(io_threads_take_no_memory, 120)
{
	uint64_t seed = t_seed();
	unsigned long before[4];
	struct io_rig r;
	unsigned n;

	if (instrumented())
		T_SKIP("a sanitizer or valgrind takes memory on every thread");
	/* A thread's stack is as protect_steps.c would have it: in memory. */
	io_rig_open(&r, 2, 8, 4096, 0);
	n = find_threads(watched, 4);
	T_EQ(n, 2u);
	traffic(&r, 20, &seed);
	for (unsigned i = 0; i < n; i++)
		before[i] = faults(watched[i]);
	atomic_store(&forbidden, true);
	traffic(&r, 60, &seed);
	atomic_store(&forbidden, false);
	T_EQ(atomic_load(&forbidden_calls), 0u);
	for (unsigned i = 0; i < n; i++)
		T_EQ(faults(watched[i]), before[i]);
	io_rig_close(&r);
}
