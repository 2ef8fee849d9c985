/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Servers that rzs-autoswap asks: the test is the server, and the clock is its own, so that one
 * that hangs takes no time.
 */
#include "t.h"
#include "t_scratch.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "rzsa_inside.h"

#define GREETING "ramzswap-control 1 rzsd 1.0\n"
#define SERVER	 " program rzsd\n pid 4711\nok\n"
#define LIST                                                                                     \
	" a state=ready size=8589934592 memlimit=1073741824 algorithm=lz4 connections=1 "        \
	"swap-uuid=- stored=3145728 mem=1048576 holder=0\n"                                      \
	" b state=off size=0 memlimit=0 algorithm=lz4 connections=0 swap-uuid=- stored=0 mem=0 " \
	"holder=-\nok\n"

static struct rzsa_inside in;
static int listener = -1, client = -1;
static int64_t now = 1000;

static void listen_at(const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/run/rzs/%s", t_scratch(), name);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	T_EQ(bind(listener, (struct sockaddr *)&a, sizeof(a)), 0);
	T_EQ(listen(listener, 1), 0);
}

static void make(void)
{
	T_EQ(setenv("RZS_SYSROOT", t_scratch(), 1), 0);
	t_scratch_put("/run/rzs/nbd0.state", "server_pid 4711\nname a\n");
	rzsa_servers_init(&in.servers);
	listen_at("control.sock");
}

static void tick(int64_t ms)
{
	in.now = now += ms;
	rzsa_servers_tick(&in.servers, now);
}

static void hear(void)
{
	struct pollfd p[RZSA_SERVERS_MAX];

	rzsa_servers_poll(&in.servers, p);
	T_GE(poll(p, RZSA_SERVERS_MAX, 0), 0);
	rzsa_servers_take(&in.servers, p, now);
}

static void answer(const char *text)
{
	T_EQ(send(client, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	hear();
}

static void asked(const char *want)
{
	char got[512] = "";

	(void)!recv(client, got, sizeof(got) - 1, MSG_DONTWAIT);
	T_STR_EQ(got, want);
}

static void greet(void)
{
	tick(0);
	client = accept(listener, NULL, NULL);
	T_GE(client, 0);
	asked("server\nlist\n");
	answer(GREETING SERVER);
	answer(LIST);
}

static bool look(struct rzst_fit_other *out)
{
	const struct rzst_area area = {.name = "/dev/nbd0", .on = true, .size = 100, .used = 40};

	bool compacts;

	rzsa_inside_look(&in, &area, out, &compacts);
	T_OK(out->in_memory);
	return compacts;
}

T_TEST(a_server_says_what_its_device_holds)
{
	struct rzst_fit_other other;

	make();
	look(&other);
	T_EQ(other.room + other.held, 0);
	greet();
	look(&other);
	T_EQ(other.room, 60);
	T_EQ(other.stored, 3145728);
	T_EQ(other.held, 1048576);
	T_EQ(other.limit, 1073741824);
	/* The next tick asks again, on the same connection; not while an answer is waited for. */
	tick(1000);
	asked("server\nlist\n");
	tick(1000);
	asked("");
	/* Of another process than the note's, or of no note, nothing is known. */
	t_scratch_put("/run/rzs/nbd0.state", "server_pid 4712\nname a\n");
	look(&other);
	T_EQ(other.room + other.held, 0);
	t_scratch_put("/run/rzs/nbd0.state", "server_pid 4711\nname b\n");
	look(&other);
	T_EQ(other.held, 0);
	/* Without a name it is the only one. */
	t_scratch_put("/run/rzs/nbd0.state", "server_pid 4711\n");
	look(&other);
	T_EQ(other.held, 1048576);
}

static void outcome_is(enum rzsa_outcome want, const char *text)
{
	enum rzsa_outcome got;
	char why[RZSA_WHY_MAX];

	T_OK(rzsa_servers_outcome(&in.servers, RZSA_WISH_LIMIT, &got, why));
	T_EQ(got, want);
	T_OK(strstr(why, text));
	T_EQ(rzsa_servers_outcome(&in.servers, RZSA_WISH_LIMIT, &got, why), false);
}

static bool set_limit(uint64_t bytes, enum rzsa_outcome *out)
{
	char why[RZSA_WHY_MAX];

	return rzsa_inside_set_limit(&in, "/dev/nbd0", bytes, out, why);
}

T_TEST(a_limit_is_set_by_the_server)
{
	enum rzsa_outcome got;
	char why[RZSA_WHY_MAX];

	make();
	T_OK(set_limit(5, &got));
	T_EQ(got, RZSA_REFUSED);
	greet();
	T_EQ(set_limit(123456, &got), false);
	asked("set a memlimit=123456\n");
	T_EQ(rzsa_servers_outcome(&in.servers, RZSA_WISH_LIMIT, &got, why), false);
	/* Not two at a time. */
	T_OK(set_limit(5, &got));
	T_EQ(got, RZSA_REFUSED);
	/* The answer may come in pieces. */
	answer("o");
	T_EQ(rzsa_servers_outcome(&in.servers, RZSA_WISH_LIMIT, &got, why), false);
	answer("k\n");
	outcome_is(RZSA_DONE, "");
	T_EQ(set_limit(1, &got), false);
	answer("error 28 memlimit is less than what is held\n");
	outcome_is(RZSA_REFUSED, "less than what is held");
	T_EQ(set_limit(1, &got), false);
	answer("error 12 not enough memory\n");
	outcome_is(RZSA_NO_MEMORY, "not enough");
}

static bool reclaim(enum rzsa_outcome *out)
{
	char why[RZSA_WHY_MAX];

	return rzsa_inside_reclaim(&in, "/dev/nbd0", out, why);
}

/* Beside a limit; and a server that does not know the verb is asked no more. */
T_TEST(a_server_compacts)
{
	struct rzst_fit_other other;
	enum rzsa_outcome got;
	char why[RZSA_WHY_MAX];

	make();
	T_EQ(look(&other), false);
	T_OK(reclaim(&got));
	T_EQ(got, RZSA_REFUSED);
	greet();
	T_OK(look(&other));
	T_EQ(reclaim(&got), false);
	T_EQ(set_limit(123456, &got), false);
	asked("compact a\nset a memlimit=123456\n");
	T_OK(reclaim(&got));
	T_EQ(got, RZSA_REFUSED);
	answer("ok\n");
	T_OK(rzsa_servers_outcome(&in.servers, RZSA_WISH_COMPACT, &got, why));
	T_EQ(got, RZSA_DONE);
	T_EQ(rzsa_servers_outcome(&in.servers, RZSA_WISH_LIMIT, &got, why), false);
	answer("ok\n");
	outcome_is(RZSA_DONE, "");
	T_EQ(reclaim(&got), false);
	answer("error 22 compact: no such verb; there are server, list\n");
	T_OK(rzsa_servers_outcome(&in.servers, RZSA_WISH_COMPACT, &got, why));
	T_EQ(got, RZSA_REFUSED);
	T_OK(strstr(why, "no such verb"));
	T_EQ(look(&other), false);
	T_EQ(other.held, 1048576);
	/* Another connection is to another server, perhaps a newer one. */
	close(client);
	hear();
	tick(5000);
	client = accept(listener, NULL, NULL);
	T_GE(client, 0);
	answer(GREETING SERVER LIST);
	T_OK(look(&other));
}

/* One that hangs costs no time; what it was asked for is over, and it is asked anew elsewhere. */
T_TEST(a_server_hangs)
{
	struct rzst_fit_other other;
	enum rzsa_outcome got;
	int old;

	make();
	greet();
	tick(1000);
	T_EQ(set_limit(1, &got), false);
	old = client;
	tick(8999);
	look(&other);
	T_GT(other.held, 0);
	tick(1001);
	outcome_is(RZSA_INTERRUPTED, "does not answer");
	look(&other);
	T_EQ(other.room + other.held, 0);
	close(old);
	/* Its queue takes no more: it is not waited for. */
	tick(2000);
	tick(10000);
	tick(2000);
	tick(10000);
	tick(2000);
	tick(2000);
	close(listener);
	T_EQ(in.servers.v[1].path[0], '\0');
}

T_TEST(a_server_dies_and_another_comes)
{
	struct rzst_fit_other other;
	enum rzsa_outcome got;
	char path[300];

	make();
	greet();
	T_EQ(set_limit(1, &got), false);
	close(client);
	close(listener);
	tick(0);
	{
		struct pollfd p[RZSA_SERVERS_MAX];

		rzsa_servers_poll(&in.servers, p);
		T_GT(poll(p, RZSA_SERVERS_MAX, 0), 0);
		rzsa_servers_take(&in.servers, p, now);
	}
	outcome_is(RZSA_INTERRUPTED, "ended the connection");
	/* It cannot be reached; what it said is true for some seconds. */
	tick(2000);
	look(&other);
	T_GT(other.held, 0);
	tick(10000);
	look(&other);
	T_EQ(other.held, 0);
	tick(2000);
	T_STR_EQ(in.servers.v[0].path, "");
	/* Another one, with another process. */
	snprintf(path, sizeof(path), "%s/run/rzs/control.sock", t_scratch());
	T_EQ(unlink(path), 0);
	listen_at("control.sock");
	tick(5000);
	client = accept(listener, NULL, NULL);
	T_GE(client, 0);
	answer(GREETING " pid 5000\nok\n" LIST);
	look(&other);
	T_EQ(other.held, 0);
	t_scratch_put("/run/rzs/nbd0.state", "server_pid 5000\nname a\n");
	look(&other);
	T_GT(other.held, 0);
}

/* What is not a control socket, or has too many clients, is left for a while. */
T_TEST(strangers_are_left_alone)
{
	static const char *const lines[] = {"HTTP/1.1 400\n", "ramzswap-control 9 rzsd 1.0\n",
					    "error 11 too many clients\n"};
	struct rzst_fit_other other;

	make();
	tick(0);
	for (unsigned i = 0; i < 3; i++) {
		client = accept(listener, NULL, NULL);
		T_GE(client, 0);
		answer(lines[i]);
		T_EQ(in.servers.v[0].fd, -1);
		close(client);
		tick(1999);
		T_EQ(in.servers.v[0].fd, -1);
		tick(1);
	}
	look(&other);
	T_EQ(other.held, 0);
}

/* The kernel module's devices, by their files. */
T_TEST(the_modules_device)
{
	const struct rzst_area area = {.name = "/dev/ramzswap0", .on = true, .size = 9, .used = 2};
	struct rzst_fit_other other;
	enum rzsa_outcome got;
	char why[RZSA_WHY_MAX], path[300], text[32] = "";
	bool compacts;
	int fd;

	make();
	t_scratch_put("/sys/block/ramzswap0/store_stat",
		      "orig_bytes 3000\nobject_bytes 900\nmem_bytes 1000\nlimit_bytes 2000\n");
	t_scratch_put("/sys/block/ramzswap0/mem_limit", "");
	rzsa_inside_look(&in, &area, &other, &compacts);
	T_EQ(compacts, false);
	T_EQ(other.room, 7);
	T_EQ(other.stored, 3000);
	T_EQ(other.held, 1000);
	T_EQ(other.limit, 2000);
	T_OK(rzsa_inside_set_limit(&in, "/dev/ramzswap0", 4096, &got, why));
	T_EQ(got, RZSA_DONE);
	snprintf(path, sizeof(path), "%s/sys/block/ramzswap0/mem_limit", t_scratch());
	fd = open(path, O_RDONLY);
	T_GT(read(fd, text, sizeof(text) - 1), 0);
	T_STR_EQ(text, "4096");
	close(fd);
	T_OK(rzsa_inside_set_limit(&in, "/dev/ramzswap1", 4096, &got, why));
	T_EQ(got, RZSA_REFUSED);
	T_OK(strstr(why, "ramzswap1/mem_limit"));
}
