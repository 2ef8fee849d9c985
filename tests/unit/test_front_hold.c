/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may write to a device (hold.h), as the handshake says it to clients.  Over TCP each
 * connection is a client of its own.
 */
#include "front_rig.h"

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

#define CHANGES (RZS_NBD_FLAG_TRIM | RZS_NBD_FLAG_WRITE_ZEROES)

static int connect_to(const char *name)
{
	int fd = call();

	go(fd, name);
	get_greeting(fd);
	return fd;
}

/* A client that may write; the nr-th whose connection the I/O threads get. */
static int connect_writer(const char *name, unsigned nr)
{
	int fd = connect_to(name);
	uint32_t type;

	T_EQ(get_flags(fd, &type) & RZS_NBD_FLAG_READ_ONLY, 0);
	T_EQ(type, REP_ACK);
	SERVE_UNTIL(adoptions == nr);
	return fd;
}

/* The first writer has hung up, and its I/O thread has not noticed.  Returns the server's end. */
static int hang_up_holder(struct rzs_nbd_session *out_session)
{
	int fd = connect_writer("a", 1), server_fd = adopted_fd;

	*out_session = adopted;
	close(fd);
	T_WAIT(is_hung_up(server_fd), 20);
	return server_fd;
}

#define REP_ERR_POLICY 0x80000002u

/* With structured replies. */
static int look_at(const char *name)
{
	uint8_t text[256] = {0, 0, 0, 3}, *at = put_option(text + 4, 8, 0);
	int fd = call();

	put_all(fd, text, (size_t)(at - text) + make_go(at, name));
	get_greeting(fd);
	T_EQ(get_reply(fd), REP_ACK);
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

	/* Another kernel, which could swap to a read-only device, is refused; */
	b = connect_to("a");
	T_EQ(get_last_reply(b), REP_ERR_POLICY);
	T_EQ(adoptions, 1);
	close(b);
	/* and not who can do what no kernel does. */
	b = look_at("a");
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
	c = connect_writer("other", 3);
	rzs_front_closed(front, &adopted);
	rzs_front_closed(front, &first);
	b = connect_writer("a", 4);
	rzs_front_closed(front, &adopted);
	close(a);
	close(b);
	close(c);
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
	b = connect_writer("a", 2);
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
	b = connect_writer("a", 2);
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
	int b, holder_fd;

	enter((struct rzs_front_options){.max_handshakes = 0}, true);
	holder_fd = hang_up_holder(&first);
	b = connect_to("a");
	for (int i = 0; i < 100; i++)
		rzs_loop_run_once(&loop, false);
	T_EQ(adoptions, 1);
	T_EQ(front->nr_handshakes, 1);
	T_EQ(recv(b, why, 1, MSG_PEEK), -1);
	/* More than it may say in the meantime keeps nobody busy. */
	for (int i = 0; i < 1000; i++)
		put_all(b, "x", 1);
	for (int i = 0; i < 100; i++)
		rzs_loop_run_once(&loop, false);
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
	int b, holder_fd;

	enter((struct rzs_front_options){.handshake_ms = 100}, true);
	holder_fd = hang_up_holder(&first);
	b = connect_to("a");
	SERVE_UNTIL(is_hung_up(b));
	T_EQ(adoptions, 1);
	close(b);
	close(holder_fd);
	rzs_front_closed(front, &first);
	leave();
}
