/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages to a service manager, and the sockets it passes. */
#include "t_scratch.h"

#include "notify.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

/* ---- telling ---- */

/* A manager that listens at name, "@..." for an abstract one. */
static int manager(const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	T_GE(fd, 0);
	memcpy(a.sun_path, name, strlen(name));
	if (name[0] == '@')
		a.sun_path[0] = '\0';
	T_EQ(bind(fd, (struct sockaddr *)&a,
		  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
	     0);
	T_EQ(setenv("NOTIFY_SOCKET", name, 1), 0);
	return fd;
}

static const char *received(int fd)
{
	static char text[1024];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	T_GE(n, 0);
	text[n] = '\0';
	return text;
}

T_TEST(nothing_when_nobody_asked)
{
	unsetenv("NOTIFY_SOCKET");
	T_EQ(rzs_notify("READY=1"), 0);
}

T_TEST(one_datagram_as_it_was_said)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "@rzs-notify-%d", (int)getpid());
	fd = manager(name);
	T_EQ(rzs_notify("READY=1\nSTATUS=%d of %d", 1, 2), 1);
	T_STR_EQ(received(fd), "READY=1\nSTATUS=1 of 2");
	T_EQ(rzs_notify("STOPPING=1"), 1);
	T_STR_EQ(received(fd), "STOPPING=1");
	T_EQ(recv(fd, name, 1, 0), -1);
}

T_TEST(to_a_path)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/s", t_scratch());
	fd = manager(path);
	T_EQ(rzs_notify("READY=1"), 1);
	unlink(path);
	T_STR_EQ(received(fd), "READY=1");
	T_EQ(rzs_notify("READY=1"), -ENOENT);
}

T_TEST(bad_addresses_and_texts_are_errors)
{
	char longest[200];

	setenv("NOTIFY_SOCKET", "relative", 1);
	T_EQ(rzs_notify("READY=1"), -EINVAL);
	setenv("NOTIFY_SOCKET", "", 1);
	T_EQ(rzs_notify("READY=1"), -EINVAL);
	setenv("NOTIFY_SOCKET", "/", 1);
	T_EQ(rzs_notify("READY=1"), -EINVAL);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	setenv("NOTIFY_SOCKET", longest, 1);
	T_EQ(rzs_notify("READY=1"), -EINVAL);
	T_EQ(rzs_notify("%0600d", 1), -EMSGSIZE);
}

T_TEST_TIMEOUT(a_manager_that_does_not_read_is_not_waited_for, 20)
{
	char name[64];
	int err, fd;

	snprintf(name, sizeof(name), "@rzs-notify-%d", (int)getpid());
	fd = manager(name);
	for (int i = 0; i < 100000; i++) {
		err = rzs_notify("STATUS=%d", i);
		if (err < 0)
			break;
	}
	T_EQ(err, -EAGAIN);
	close(fd);
}

/* ---- given sockets ---- */

/* The variables, for this process or another; descriptors 3 and 4 are pipes'. */
static void give(const char *pid, const char *fds, const char *names)
{
	char self[32];
	int ends[2];

	/* The harness may have these open. */
	T_EQ(pipe(ends), 0);
	T_EQ(dup2(ends[0], 10), 10);
	for (int fd = 3; fd <= 4; fd++)
		T_EQ(dup2(10, fd), fd);
	snprintf(self, sizeof(self), "%d", (int)getpid());
	setenv("LISTEN_PID", pid ? pid : self, 1);
	setenv("LISTEN_FDS", fds, 1);
	if (names)
		setenv("LISTEN_FDNAMES", names, 1);
	else
		unsetenv("LISTEN_FDNAMES");
}

T_TEST(none_given)
{
	struct rzs_given g[RZS_GIVEN_MAX];
	unsigned nr = 9;

	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	T_EQ(rzs_notify_given(g, &nr), 0);
	T_EQ(nr, 0);
}

T_TEST(given_with_names)
{
	struct rzs_given g[RZS_GIVEN_MAX];
	unsigned nr;

	give(NULL, "2", "nbd:control");
	T_EQ(rzs_notify_given(g, &nr), 0);
	T_EQ(nr, 2);
	T_EQ(g[0].fd, 3);
	T_EQ(g[1].fd, 4);
	T_STR_EQ(g[0].name, "nbd");
	T_STR_EQ(g[1].name, "control");
	T_OK(fcntl(3, F_GETFD) & FD_CLOEXEC);
	T_OK(fcntl(4, F_GETFD) & FD_CLOEXEC);
	/* Whoever is started from here was given nothing. */
	T_EQ(getenv("LISTEN_PID"), NULL);
	T_EQ(getenv("LISTEN_FDS"), NULL);
	T_EQ(getenv("LISTEN_FDNAMES"), NULL);
	T_EQ(rzs_notify_given(g, &nr), 0);
	T_EQ(nr, 0);
}

T_TEST(names_may_be_missing_or_long)
{
	struct rzs_given g[RZS_GIVEN_MAX];
	unsigned nr;

	give(NULL, "2", NULL);
	T_EQ(rzs_notify_given(g, &nr), 0);
	T_EQ(nr, 2);
	T_STR_EQ(g[0].name, "");
	T_STR_EQ(g[1].name, "");
	give(NULL, "2", "0123456789012345678901234567890123456789");
	T_EQ(rzs_notify_given(g, &nr), 0);
	T_STR_EQ(g[0].name, "0123456789012345678901234567890");
	T_STR_EQ(g[1].name, "");
}

T_TEST(what_is_for_another_process_is_left_alone)
{
	struct rzs_given g[RZS_GIVEN_MAX];
	unsigned nr;

	give("1", "2", "nbd:control");
	fcntl(3, F_SETFD, 0);
	T_EQ(rzs_notify_given(g, &nr), 0);
	T_EQ(nr, 0);
	T_EQ(fcntl(3, F_GETFD), 0);
}

T_TEST(nonsense_is_an_error)
{
	static const char *const bad[] = {"", "-1", "2x", " 2", "99999999999999999999"};
	struct rzs_given g[RZS_GIVEN_MAX];
	unsigned nr;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		give(NULL, bad[i], NULL);
		T_EQ(rzs_notify_given(g, &nr), -EINVAL);
		T_EQ(nr, 0);
		give(bad[i], "1", NULL);
		T_EQ(rzs_notify_given(g, &nr), -EINVAL);
		T_EQ(nr, 0);
	}
	give(NULL, "17", NULL);
	T_EQ(rzs_notify_given(g, &nr), -E2BIG);
	T_EQ(nr, 0);
	give(NULL, "2", NULL);
	close(4);
	T_EQ(rzs_notify_given(g, &nr), -EINVAL);
	T_EQ(nr, 0);
}
