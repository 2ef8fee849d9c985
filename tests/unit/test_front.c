/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The front, with real sockets and the I/O threads left out: handing over, and what clients cost
 * that are silent, slow, many, or not to be there at all.
 */
#include "front_rig.h"

/* ---- a system that does not tell who connects ---- */

static bool nobody_knows;

int __real_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len);

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	if (nobody_knows && level == SOL_SOCKET && name == SO_PEERCRED) {
		errno = ENOPROTOOPT;
		return -1;
	}
	return __real_getsockopt(fd, level, name, value, len);
}

/* ---- handing over ---- */

T_TEST(a_client_is_handed_over)
{
	uint8_t text[512] = {0, 0, 0, 3};
	size_t len;
	int fd;

	enter((struct rzs_front_options){.max_handshakes = 0}, false);
	fd = call();
	/* All at once, and a request that does not wait for the answer. */
	len = 4 + make_go(text + 4, "a");
	memcpy(text + len, "early bytes", 11);
	put_all(fd, text, len + 11);
	get_greeting(fd);
	T_EQ(get_last_reply(fd), REP_ACK);
	SERVE_UNTIL(adoptions == 1);
	T_STR_EQ(device()->name, "a");
	T_EQ(adopted.size, 1u << 20);
	T_EQ(nr_early, 11);
	T_MEM_EQ(early, "early bytes", 11);
	T_EQ(front->nr_handshakes, 0);
	T_EQ(atomic_load(&device()->connections), 1);

	/* The front has let go of the descriptor: bytes stay where they are, hanging up too. */
	put_all(fd, "more", 4);
	close(fd);
	for (int i = 0; i < 100; i++)
		rzs_loop_run_once(&loop, false);
	T_EQ(recv(adopted_fd, text, sizeof(text), 0), 4);

	T_EQ(left, 0);
	rzs_front_closed(front, &adopted);
	SERVE_UNTIL(left == 1);
	T_EQ(tidied, 1);
	T_EQ(rzs_devices_connections(devices), 0);
	close(adopted_fd);
	leave();
}

T_TEST(bytes_may_come_one_by_one)
{
	uint8_t text[256] = {0, 0, 0, 3};
	size_t len;
	int fd;

	enter((struct rzs_front_options){.max_handshakes = 0}, true);
	fd = call();
	len = 4 + make_go(text + 4, "");
	for (size_t i = 0; i < len; i++) {
		put_all(fd, text + i, 1);
		for (int k = 0; k < 3; k++)
			rzs_loop_run_once(&loop, false);
	}
	SERVE_UNTIL(adoptions == 1);
	T_EQ(nr_early, 0);
	get_greeting(fd);
	T_EQ(get_last_reply(fd), REP_ACK);
	rzs_front_closed(front, &adopted);
	close(adopted_fd);
	close(fd);
	leave();
}

T_TEST(who_cannot_be_adopted_is_hung_up_on)
{
	int fd;

	enter((struct rzs_front_options){.max_handshakes = 0}, false);
	adopt_err = -ENOMEM;
	fd = call();
	go(fd, "a");
	get_greeting(fd);
	T_EQ(get_last_reply(fd), REP_ACK);
	SERVE_UNTIL(is_hung_up(fd));
	T_EQ(rzs_devices_connections(devices), 0);
	SERVE_UNTIL(left == 1);
	close(fd);
	leave();
}

T_TEST(no_more_connections_than_allowed)
{
	int first, second;

	enter((struct rzs_front_options){.max_connections = 1}, false);
	first = call();
	go(first, "a");
	SERVE_UNTIL(adoptions == 1);
	second = call();
	go(second, "a");
	get_greeting(second);
	T_NE(get_last_reply(second), REP_ACK);
	T_EQ(adoptions, 1);
	rzs_front_closed(front, &adopted);
	/* It may ask again. */
	{
		uint8_t text[64];

		put_all(second, text, make_go(text, "a"));
	}
	T_EQ(get_last_reply(second), REP_ACK);
	SERVE_UNTIL(adoptions == 2);
	rzs_front_closed(front, &adopted);
	leave();
}

/* ---- what clients may cost ---- */

T_TEST(the_oldest_makes_room)
{
	int fds[6];

	enter((struct rzs_front_options){.max_handshakes = 4}, false);
	for (int i = 0; i < 6; i++) {
		fds[i] = call();
		get_greeting(fds[i]);
	}
	T_EQ(front->nr_handshakes, 4);
	T_OK(is_hung_up(fds[0]));
	T_OK(is_hung_up(fds[1]));
	for (int i = 2; i < 6; i++)
		T_OK(!is_hung_up(fds[i]));
	go(fds[5], "a");
	SERVE_UNTIL(adoptions == 1);
	T_EQ(front->nr_handshakes, 3);
	rzs_front_closed(front, &adopted);
	leave();
}

T_TEST(many_at_once_have_their_time)
{
	int fds[6];

	enter((struct rzs_front_options){.max_handshakes = 4, .grace_ms = 60000}, false);
	for (int i = 0; i < 6; i++)
		fds[i] = call();
	for (int i = 0; i < 4; i++)
		get_greeting(fds[i]);
	for (int i = 0; i < 100; i++)
		rzs_loop_run_once(&loop, false);
	T_EQ(front->nr_handshakes, 4);
	/* Nobody spins meanwhile; the next comes when one has gone, and not a minute later. */
	T_OK(is_idle());
	go(fds[1], "a");
	get_greeting(fds[4]);
	close(fds[0]);
	get_greeting(fds[5]);
	for (int i = 1; i < 6; i++)
		T_OK(!is_hung_up(fds[i]));
	T_EQ(adoptions, 1);
	rzs_front_closed(front, &adopted);
	leave();
}

T_TEST(a_thousand_silent_clients)
{
	static int fds[1000];
	int fd;

	enter((struct rzs_front_options){.max_handshakes = 0}, false);
	for (int i = 0; i < 1000; i++) {
		fds[i] = call();
		if (i % 50 == 49)
			SERVE_UNTIL(recv(fds[i], &fd, 1, MSG_PEEK) == 1);
	}
	T_EQ(front->nr_handshakes, 64);
	T_LT(64 * (rzs_nbd_handshake_size() + 1024), 2u << 20);
	fd = call();
	go(fd, "a");
	get_greeting(fd);
	T_EQ(get_last_reply(fd), REP_ACK);
	SERVE_UNTIL(adoptions == 1);
	rzs_front_closed(front, &adopted);
	leave();
}

T_TEST(time_is_limited)
{
	uint64_t start;
	int silent, slow;

	enter((struct rzs_front_options){.handshake_ms = 100}, false);
	silent = call();
	get_greeting(silent);
	start = loop.now;
	SERVE_UNTIL(loop.now > start + 30);
	slow = call();
	get_greeting(slow);
	put_all(slow, "\0\0\0\3", 4);
	/* Neither time nor a few bytes help. */
	SERVE_UNTIL(is_hung_up(silent));
	SERVE_UNTIL(is_hung_up(slow));
	T_EQ(front->nr_handshakes, 0);

	/* The clock is not stopped by the list having been empty. */
	slow = call();
	get_greeting(slow);
	SERVE_UNTIL(is_hung_up(slow));
	leave();
}

T_TEST(a_client_that_does_not_read_is_not_read_from)
{
	uint8_t text[64 * 16 + 4] = {0, 0, 0, 3};
	unsigned acks = 0;
	int small = 1, fd;

	enter((struct rzs_front_options){.max_handshakes = 0}, true);
	for (char name[] = "b"; name[0] < 'i'; name[0]++)
		make_device(name);
	/* Accepted sockets take it over. */
	T_EQ(setsockopt(listener.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	fd = call();
	T_EQ(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	for (int i = 0; i < 64; i++)
		put_option(text + 4 + 16 * i, LIST, 0);
	put_all(fd, text, sizeof(text));
	SERVE_UNTIL(front->newest && rzs_handshake_unsent(front->newest) > 0);
	for (int i = 0; i < 100; i++)
		rzs_loop_run_once(&loop, false);
	T_LE(rzs_handshake_unsent(front->newest), RZS_NBD_HANDSHAKE_OUT_MIN);
	T_OK(is_idle());
	/* Not a byte is lost or doubled when it reads at last. */
	get_greeting(fd);
	while (acks < 64)
		acks += get_reply(fd) == REP_ACK;
	T_EQ(rzs_handshake_unsent(front->newest), 0);
	close(fd);
	SERVE_UNTIL(front->nr_handshakes == 0);
	leave();
}

T_TEST(out_of_descriptors)
{
	struct rlimit before, none;
	int fd, probe;

	enter((struct rzs_front_options){.max_handshakes = 0}, false);
	fd = call();
	probe = dup(fd);
	close(probe);
	T_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = (rlim_t)probe;
	T_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
	SERVE_UNTIL(front->nr_shortages == 1);
	/* It does not spin on a listener that stays readable. */
	for (int i = 0; i < 1000; i++)
		rzs_loop_run_once(&loop, false);
	T_LE(front->nr_shortages, 3);
	T_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
	if (is_hung_up(fd)) /* valgrind accepts, and closes what is over the limit */
		fd = call();
	go(fd, "a");
	SERVE_UNTIL(adoptions == 1);
	rzs_front_closed(front, &adopted);
	leave();
}

/* ---- who may not ---- */

static int call_as(uid_t uid)
{
	int fd;

	T_EQ(seteuid(uid), 0);
	fd = call();
	T_EQ(seteuid(0), 0);
	return fd;
}

T_TEST(strangers_get_not_a_byte)
{
	const uid_t friends[] = {65533, 65532};
	int fd;

	if (geteuid() != 0)
		T_SKIP("needs root");
	enter((struct rzs_front_options){.users = friends, .nr_users = 2}, false);
	fd = call_as(65534);
	SERVE_UNTIL(is_hung_up(fd));
	T_EQ(recv(fd, why, 1, 0), 0);
	T_EQ(front->nr_strangers, 1);
	fd = call_as(65532);
	get_greeting(fd);
	fd = call_as(0);
	get_greeting(fd);
	T_EQ(front->nr_strangers, 1);
	leave();
}

T_TEST(who_is_not_known_is_a_stranger)
{
	int fd;

	enter((struct rzs_front_options){.max_handshakes = 0}, false);
	nobody_knows = true;
	fd = call();
	SERVE_UNTIL(is_hung_up(fd));
	T_EQ(recv(fd, why, 1, 0), 0);
	T_EQ(front->nr_strangers, 1);
	nobody_knows = false;
	fd = call();
	get_greeting(fd);
	T_EQ(front->nr_strangers, 1);
	leave();
}

/* ---- the end ---- */

T_TEST(a_shutdown_refuses_those_in_their_handshake)
{
	uint8_t option[64];
	int haggler, fd;

	enter((struct rzs_front_options){.max_handshakes = 0}, false);
	haggler = call();
	get_greeting(haggler);
	fd = call();
	go(fd, "a");
	SERVE_UNTIL(adoptions == 1);
	rzs_devices_shutdown(devices);
	rzs_front_shutdown(front);
	put_all(haggler, "\0\0\0\3", 4);
	put_all(haggler, option, (size_t)(put_option(option, LIST, 0) - option));
	T_EQ(get_reply(haggler), REP_ERR_SHUTDOWN);
	put_all(haggler, option, make_go(option, "a"));
	T_EQ(get_last_reply(haggler), REP_ERR_SHUTDOWN);
	T_EQ(access(local.sun_path, F_OK), -1);
	T_EQ(adoptions, 1);
	T_EQ(rzs_devices_connections(devices), 1);
	rzs_front_closed(front, &adopted);
	SERVE_UNTIL(left == 1);
	leave();
	T_OK(is_hung_up(haggler));
}

T_TEST(closing_with_clients_at_every_stage)
{
	int fd;

	enter((struct rzs_front_options){.max_handshakes = 0}, false);
	(void)call();
	fd = call();
	get_greeting(fd);
	put_all(fd, "\0\0\0\3IHAVE", 9);
	fd = call();
	go(fd, "no such device");
	get_greeting(fd);
	T_NE(get_last_reply(fd), REP_ACK);
	leave();
	T_OK(is_hung_up(fd));
}
