/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parked requests (server/request.h) in an I/O thread, which other threads complete.
 *
 * Threading: the device (fake_dispatch.h) is the I/O thread's; the tests read and change it while
 * that thread has nothing to do.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fake_dispatch.h"
#include "io_client.h"

#include "io_loop.h"
#include "protect_server.h"

#define DEVICE_PAGES 256u

static struct {
	struct rzs_io *io;
	atomic_uint ended; /* connections */
} rig;

static void count_ended(void *arg, const struct rzs_nbd_session *session)
{
	(void)arg;
	(void)session;
	atomic_fetch_add(&rig.ended, 1);
}

static void open_rig(void)
{
	struct rzs_protect_server_options protection = {.mode = RZS_PROTECT_OFF,
							.realtime = RZS_REALTIME_NEVER};
	struct rzs_io_options options = {
		.nr_threads = 1, .max_connections = 8, .closed = count_ended};

	fake_reset();
	fake_fill(0, DEVICE_PAGES * PAGE);
	T_EQ(rzs_protect_server_early(&protection), 0);
	T_EQ(rzs_io_start(&options, &rig.io), 0);
}

static int connect_client(bool structured)
{
	struct rzs_nbd_session session = {
		.tag = &fake_device,
		.size = DEVICE_PAGES * PAGE,
		.max_payload = RZS_NBD_MAX_PAYLOAD,
		.flags = RZS_NBD_FLAG_HAS_FLAGS | RZS_NBD_FLAG_TRIM | RZS_NBD_FLAG_WRITE_ZEROES,
		.structured = structured,
	};
	int fd[2];

	T_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	T_EQ(rzs_io_adopt(rig.io, fd[1], &session, NULL, 0), 0);
	return fd[0];
}

/* Completes requests, any of those that wait, until parker_end() and none is left. */
static void *completer(void *arg)
{
	uint64_t *state = arg;
	unsigned n;

	while ((n = parker_wait(1)) > 0)
		(void)parker_complete((unsigned)(t_rand(state) % n), 0);
	return NULL;
}

/* Answers to nr reads of a page each, in any order. */
static void hear_reads(int fd, unsigned nr)
{
	bool seen[DEVICE_PAGES] = {false};
	uint8_t head[16], page[PAGE];
	struct wire_reply reply;

	while (nr--) {
		io_rig_recv(fd, head, sizeof(head));
		T_EQ(wire_head(head, sizeof(head), &reply), 1);
		T_LT(reply.cookie, (uint64_t)DEVICE_PAGES);
		T_EQ(seen[reply.cookie], false);
		seen[reply.cookie] = true;
		T_EQ(reply.error, 0u);
		io_rig_recv(fd, page, PAGE);
		T_MEM_EQ(page, fake.bytes + reply.cookie * PAGE, PAGE);
	}
}

static void ask_reads(int fd, unsigned first, unsigned nr)
{
	for (unsigned i = first; i < first + nr; i++)
		io_rig_ask(fd, WIRE_READ, 0, i, i * PAGE, PAGE);
}

/* Two threads complete what four connections have parked, which is most of it. */
T_TEST(completed_by_other_threads)
{
	enum { CLIENTS = 4, DEPTH = 24 };
	uint64_t seed = t_seed(), state[2] = {seed, seed + 1};
	pthread_t thread[2];
	int fd[CLIENTS];

	open_rig();
	for (unsigned i = 0; i < DEVICE_PAGES; i++)
		parker.pages[i] = i % 4 ? PARKER_ALWAYS : 0;
	for (unsigned i = 0; i < CLIENTS; i++)
		fd[i] = connect_client(false);
	for (unsigned i = 0; i < 2; i++)
		T_EQ(pthread_create(&thread[i], NULL, completer, &state[i]), 0);
	for (unsigned round = 0; round < 200 / t_scale(); round++) {
		for (unsigned i = 0; i < CLIENTS; i++)
			ask_reads(fd[i], round % 200, DEPTH);
		for (unsigned i = 0; i < CLIENTS; i++)
			hear_reads(fd[i], DEPTH);
	}
	for (unsigned i = 0; i < CLIENTS; i++)
		close(fd[i]);
	T_WAIT(atomic_load(&rig.ended) == CLIENTS, 30);
	parker_end();
	for (unsigned i = 0; i < 2; i++)
		T_EQ(pthread_join(thread[i], NULL), 0);
	rzs_io_stop(rig.io);
	T_EQ(parker.nr, 0u);
}

/* What is parked, on this connection or another one, delays nobody. */
T_TEST(others_are_served_meanwhile)
{
	int parked, other;

	open_rig();
	memset(parker.pages, PARKER_ALWAYS, 16);
	parked = connect_client(false);
	other = connect_client(false);
	ask_reads(parked, 0, 16);
	T_EQ(parker_wait(16), 16u);
	ask_reads(other, 100, 8);
	hear_reads(other, 8);
	ask_reads(parked, 100, 8);
	hear_reads(parked, 8);
	T_EQ(parker_wait(16), 16u);
	for (unsigned i = 0; i < 16; i++)
		T_OK(parker_complete(0, 0));
	hear_reads(parked, 16);
	close(parked);
	close(other);
	rzs_io_stop(rig.io);
	T_EQ(parker.nr, 0u);
}

/* A client that vanished: its connection, and so its device, is in use until all has come back. */
T_TEST(a_connection_outlives_its_client)
{
	int fd, other;

	open_rig();
	memset(parker.pages, PARKER_ALWAYS, 16);
	fd = connect_client(false);
	other = connect_client(false);
	ask_reads(fd, 0, 16);
	T_EQ(parker_wait(16), 16u);
	close(fd);
	for (unsigned i = 0; i < 16; i++) {
		ask_reads(other, 50, 1); /* the thread has seen the end of the first client */
		hear_reads(other, 1);
		T_EQ(atomic_load(&rig.ended), 0u);
		T_OK(parker_complete(0, i % 2 ? -EIO : 0));
	}
	T_WAIT(atomic_load(&rig.ended) == 1, 30);
	close(other);
	rzs_io_stop(rig.io);
	T_EQ(parker.nr, 0u);
}

static void *stop(void *arg)
{
	rzs_io_stop(arg);
	return NULL;
}

/* Threads that are to end wait for what is parked. */
T_TEST(stop_with_parked_requests)
{
	for (unsigned round = 0; round < 20; round++) {
		uint64_t state = round;
		pthread_t thread[2];
		int fd[2];

		open_rig();
		atomic_store(&rig.ended, 0);
		memset(parker.pages, PARKER_ALWAYS, 32);
		for (unsigned i = 0; i < 2; i++) {
			fd[i] = connect_client(false);
			ask_reads(fd[i], i * 16, 16);
			io_rig_ask(fd[i], WIRE_READ, 0, 99, i * 16 * PAGE, 16 * PAGE);
		}
		T_EQ(parker_wait(34), 34u);
		T_EQ(pthread_create(&thread[0], NULL, stop, rig.io), 0);
		T_EQ(pthread_create(&thread[1], NULL, completer, &state), 0);
		T_EQ(pthread_join(thread[0], NULL), 0);
		T_EQ(atomic_load(&rig.ended), 2u);
		parker_end();
		T_EQ(pthread_join(thread[1], NULL), 0);
		T_EQ(parker.nr, 0u);
		close(fd[0]);
		close(fd[1]);
	}
}
