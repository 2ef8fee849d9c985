/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The front, with real sockets and the I/O threads left out: handing over, and what clients cost
 * that are silent, slow, many, or not to be there at all.
 */
#include "t.h"

#include "front_private.h"
#include "nbd.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
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

/* ---- the server ---- */

static uv_loop_t loop;
static struct rzs_devices *devices;
static struct rzs_target target;
static struct rzs_front *front;
static struct rzs_listener listener;
static unsigned left;
static char folder[64];
static struct sockaddr_un local = {.sun_family = AF_UNIX};
static struct sockaddr_in inet; /* of the listener, when that is TCP */
static char why[RZS_WHY_MAX];

static void remove_folder(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	if (system(command) != 0)
		_exit(T_EXIT_ERROR);
}

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

	snprintf(folder, sizeof(folder), "/tmp/rzs-front.XXXXXX");
	if (!mkdtemp(folder))
		_exit(T_EXIT_ERROR);
	atexit(remove_folder);
	T_EQ(chmod(folder, 0711), 0);
	snprintf(local.sun_path, sizeof(local.sun_path), "%s/sock", folder);
	inet = (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	T_EQ(uv_loop_init(&loop), 0);
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
	uv_run(&loop, UV_RUN_DEFAULT);
	T_EQ(uv_loop_close(&loop), 0);
	T_EQ(rzs_devices_connections(devices), 0);
	rzs_devices_close(devices);
}

/* Whether the server would sleep now. */
static bool is_idle(void)
{
	struct pollfd fd = {.fd = uv_backend_fd(&loop), .events = POLLIN};

	return poll(&fd, 1, 0) == 0;
}

/* Let the server run until cond is true. */
#define SERVE_UNTIL(cond) T_WAIT((uv_run(&loop, UV_RUN_NOWAIT), (cond)), 20)

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

/* The flags that INFO or GO tells; *out_type: how it ends. */
static unsigned get_flags(int fd, uint32_t *out_type)
{
	uint8_t head[20], data[512];
	unsigned flags = 0;
	uint32_t len;

	do {
		get(fd, head, sizeof(head));
		memcpy(out_type, head + 12, 4);
		memcpy(&len, head + 16, 4);
		*out_type = ntohl(*out_type);
		T_LE(ntohl(len), sizeof(data));
		get(fd, data, ntohl(len));
		if (*out_type == REP_INFO && ntohl(len) == 12)
			flags = (unsigned)data[10] << 8 | data[11];
	} while (*out_type == REP_INFO);
	return flags;
}

static struct rzs_device *device(void)
{
	return adopted.tag;
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
		uv_run(&loop, UV_RUN_NOWAIT);
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
			uv_run(&loop, UV_RUN_NOWAIT);
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
		uv_run(&loop, UV_RUN_NOWAIT);
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
	start = uv_now(&loop);
	SERVE_UNTIL(uv_now(&loop) > start + 30);
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
		uv_run(&loop, UV_RUN_NOWAIT);
	T_LE(rzs_handshake_unsent(front->newest), RZS_NBD_HANDSHAKE_ROOM);
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
	SERVE_UNTIL(front->shortages.count == 1);
	/* It does not spin on a listener that stays readable. */
	for (int i = 0; i < 1000; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	T_LE(front->shortages.count, 3);
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
	T_EQ(front->strangers.count, 1);
	fd = call_as(65532);
	get_greeting(fd);
	fd = call_as(0);
	get_greeting(fd);
	T_EQ(front->strangers.count, 1);
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
	T_EQ(front->strangers.count, 1);
	nobody_knows = false;
	fd = call();
	get_greeting(fd);
	T_EQ(front->strangers.count, 1);
	leave();
}

/* ---- who may write: over TCP each connection is a client of its own ---- */

#define CHANGES (RZS_NBD_FLAG_TRIM | RZS_NBD_FLAG_WRITE_ZEROES)

static int connect_to(const char *name)
{
	int fd = call();

	go(fd, name);
	get_greeting(fd);
	return fd;
}

T_TEST(one_client_may_write)
{
	struct rzs_nbd_session first;
	uint32_t type;
	unsigned flags;
	int a, b, c;

	enter((struct rzs_front_options){.max_handshakes = 0}, true);
	a = connect_to("a");
	flags = get_flags(a, &type);
	T_EQ(type, REP_ACK);
	T_EQ(flags & (CHANGES | RZS_NBD_FLAG_READ_ONLY | RZS_NBD_FLAG_MULTI_CONN), CHANGES);
	SERVE_UNTIL(adoptions == 1);
	first = adopted;
	T_NE(first.client, NULL);

	b = connect_to("a");
	flags = get_flags(b, &type);
	T_EQ(type, REP_ACK);
	T_EQ(flags & (CHANGES | RZS_NBD_FLAG_READ_ONLY), RZS_NBD_FLAG_READ_ONLY);
	SERVE_UNTIL(adoptions == 2);
	T_EQ(adopted.client, NULL);
	T_OK(adopted.flags & RZS_NBD_FLAG_READ_ONLY);
	T_EQ(atomic_load(&device()->connections), 2);
	rzs_front_closed(front, &adopted);
	close(b);

	/* Another device is nobody's yet. */
	make_device("other");
	c = connect_to("other");
	T_EQ(get_flags(c, &type) & RZS_NBD_FLAG_READ_ONLY, 0);
	SERVE_UNTIL(adoptions == 3);
	rzs_front_closed(front, &adopted);
	rzs_front_closed(front, &first);
	b = connect_to("a");
	T_EQ(get_flags(b, &type) & RZS_NBD_FLAG_READ_ONLY, 0);
	SERVE_UNTIL(adoptions == 4);
	rzs_front_closed(front, &adopted);
	close(a);
	leave();
}

/* With INFO nobody takes anything; nor with structured replies, which a kernel does not know. */
T_TEST(lookers_hold_nothing)
{
	struct rzs_nbd_session first;
	uint8_t text[256] = {0, 0, 0, 3}, *at;
	uint32_t type;
	size_t len;
	int a, b;

	enter((struct rzs_front_options){.max_handshakes = 0}, true);
	a = call();
	len = 4 + make_go(text + 4, "a");
	text[4 + 11] = 6; /* INFO, the last byte of the option's number */
	put_all(a, text, len);
	get_greeting(a);
	T_EQ(get_flags(a, &type) & RZS_NBD_FLAG_READ_ONLY, 0);
	at = put_option(text, 8, 0); /* STRUCTURED_REPLY */
	put_all(a, text, (size_t)(at - text) + make_go(at, "a"));
	T_EQ(get_reply(a), REP_ACK);
	T_EQ(get_last_reply(a), REP_ACK);
	SERVE_UNTIL(adoptions == 1);
	first = adopted;
	b = connect_to("a");
	T_EQ(get_flags(b, &type) & RZS_NBD_FLAG_READ_ONLY, 0);
	SERVE_UNTIL(adoptions == 2);
	/* The one that came as a kernel has it, and not who could have written before. */
	T_OK(rzs_hold_take(&device()->hold, adopted.client));
	T_OK(!rzs_hold_take(&device()->hold, first.client));
	rzs_front_closed(front, &first);
	rzs_front_closed(front, &adopted);
	close(a);
	close(b);
	leave();
}

T_TEST(a_shared_device_is_anybodys)
{
	struct rzs_nbd_session first;
	uint32_t type;
	int a, b;

	enter((struct rzs_front_options){.max_handshakes = 0}, true);
	T_EQ(target.reset(target.arg, "a", why), 0);
	T_EQ(target.set(target.arg, "a", "shared", "yes", why), 0);
	T_EQ(target.init(target.arg, "a", why), 0);
	a = connect_to("a");
	T_OK(get_flags(a, &type) & RZS_NBD_FLAG_MULTI_CONN);
	SERVE_UNTIL(adoptions == 1);
	first = adopted;
	b = connect_to("a");
	T_EQ(get_flags(b, &type) & RZS_NBD_FLAG_READ_ONLY, 0);
	SERVE_UNTIL(adoptions == 2);
	T_OK(rzs_hold_take(&device()->hold, adopted.client));
	T_OK(rzs_hold_take(&device()->hold, first.client));
	rzs_front_closed(front, &first);
	rzs_front_closed(front, &adopted);
	close(a);
	close(b);
	leave();
}

/* The holder has hung up, and its thread has not noticed: who comes next is answered after that. */
T_TEST(who_is_about_to_leave_is_waited_for)
{
	struct rzs_nbd_session first;
	uint32_t type;
	int a, b, holder_fd;

	enter((struct rzs_front_options){.max_handshakes = 0}, true);
	a = connect_to("a");
	T_EQ(get_last_reply(a), REP_ACK);
	SERVE_UNTIL(adoptions == 1);
	first = adopted;
	holder_fd = adopted_fd;
	close(a);
	T_WAIT(is_hung_up(holder_fd), 20);
	b = connect_to("a");
	for (int i = 0; i < 100; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	T_EQ(adoptions, 1);
	T_EQ(front->nr_handshakes, 1);
	T_EQ(recv(b, why, 1, MSG_PEEK), -1);
	/* More than it may say in the meantime keeps nobody busy. */
	for (int i = 0; i < 1000; i++)
		put_all(b, "x", 1);
	for (int i = 0; i < 100; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	T_OK(is_idle());
	close(holder_fd);
	rzs_front_closed(front, &first);
	T_EQ(get_flags(b, &type) & RZS_NBD_FLAG_READ_ONLY, 0);
	T_EQ(type, REP_ACK);
	SERVE_UNTIL(adoptions == 2);
	rzs_front_closed(front, &adopted);
	close(b);
	leave();
}

/* Nobody waits longer than a handshake may take. */
T_TEST(waiting_for_who_leaves_is_limited)
{
	struct rzs_nbd_session first;
	int a, b, holder_fd;

	enter((struct rzs_front_options){.handshake_ms = 100}, true);
	a = connect_to("a");
	T_EQ(get_last_reply(a), REP_ACK);
	SERVE_UNTIL(adoptions == 1);
	first = adopted;
	holder_fd = adopted_fd;
	close(a);
	T_WAIT(is_hung_up(holder_fd), 20);
	b = connect_to("a");
	SERVE_UNTIL(is_hung_up(b));
	T_EQ(adoptions, 1);
	close(b);
	close(holder_fd);
	rzs_front_closed(front, &first);
	leave();
}

/* ---- the end ---- */

T_TEST(a_drain_refuses_who_haggles)
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
	rzs_front_drain(front);
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
