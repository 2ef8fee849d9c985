/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket: what clients may do to it and what they may not.  The loop is turned by the
 * test itself, between its steps as a client, so what has happened when is known.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "t_scratch.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "control.h"
#include "target_rig.h"

#define GREETING "ramzswap-control 1 rzsd " PACKAGE_VERSION "\n"

static struct rzs_loop loop;
static struct rzs_control *control;
static char path[108], why[RZS_WHY_MAX];

static void begin(unsigned max_clients, unsigned idle_seconds)
{
	struct rzs_control_options options = {
		.path = path, .fd = -1, .max_clients = max_clients, .idle_seconds = idle_seconds};

	/* As in a server that thinks of nothing: a reply to nobody must not end the process. */
	signal(SIGPIPE, SIG_DFL);
	snprintf(path, sizeof(path), "%s/made/control.sock", t_scratch());
	T_EQ(rzs_loop_open(&loop), 0);
	if (rzs_control_start(&loop, &options, &rig_target, &control, why) < 0)
		T_FAIL("%s", why);
	T_STR_EQ(why, "");
}

static void turn(void)
{
	rzs_loop_run_once(&loop, false);
}

static bool turned(void)
{
	turn();
	return true;
}

static void end(void)
{
	rzs_control_stop(control);
	T_EQ(access(path, F_OK), -1);
	rzs_loop_close(&loop);
	rig_end();
}

/* A client, connected; not yet noticed by the server. */
static int call(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	T_GE(fd, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	T_EQ(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	T_EQ(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* All that has come; *hung_up when nothing will come any more. */
static const char *heard(int fd, bool *hung_up)
{
	static char text[1 << 20];
	size_t len = 0;
	ssize_t n;

	turn();
	while ((n = recv(fd, text + len, sizeof(text) - 1 - len, 0)) > 0)
		len += (size_t)n;
	*hung_up = n == 0 || errno == ECONNRESET;
	text[len] = '\0';
	return text;
}

/* Wait for exactly this; the rest of it may come late. */
static void hear(int fd, const char *want)
{
	static char got[1 << 20];
	bool hung_up = false;

	got[0] = '\0';
	T_WAIT((strcat(got, heard(fd, &hung_up)), strlen(got) >= strlen(want) || hung_up), 20);
	T_STR_EQ(got, want);
}

static bool is_hung_up(int fd)
{
	bool hung_up;

	(void)heard(fd, &hung_up);
	return hung_up;
}

static void hear_end(int fd)
{
	T_WAIT(is_hung_up(fd), 20);
	close(fd);
}

static int greeted(void)
{
	int fd = call();

	hear(fd, GREETING);
	return fd;
}

static unsigned mode_of(const char *of)
{
	struct stat st;

	T_EQ(lstat(of, &st), 0);
	return st.st_mode & 07777;
}

T_TEST(a_conversation)
{
	int fd;

	begin(0, 0);
	T_EQ(mode_of(path), 0600);
	fd = greeted();
	say(fd, "init a\n");
	hear(fd, "ok\n");
	T_STR_EQ(rig.log, "init a;");
	say(fd, "stats a\n");
	hear(fd, "error 2 a: no such device; 'list' shows those there are\n");
	say(fd, "list\r\n");
	hear(fd, "ok\n");
	close(fd);
	end();
}

T_TEST(requests_in_a_row_and_in_pieces)
{
	static const char many[] = "init a\nnonsense\n\ninit b\nreset c\n";
	static const char want[] =
		"ok\nerror 22 nonsense: no such verb; there are server, list, stats, process, "
		"describe, latency, buckets, params, create, set, compact, idle, init, reset, "
		"remove, upgrade\n"
		"error 22 an empty line: a request begins with a verb\nok\nok\n";
	int fd;

	begin(0, 0);
	fd = greeted();
	say(fd, many);
	hear(fd, want);
	for (size_t cut = 1; cut < sizeof(many) - 1; cut++) {
		T_EQ(send(fd, many, cut, 0), (ssize_t)cut);
		turn();
		say(fd, many + cut);
		hear(fd, want);
	}
	close(fd);
	end();
}

/* More than one read's worth of requests at once. */
T_TEST(hundreds_of_requests_at_once)
{
	static char lines[8192], want[4096];
	int fd;

	begin(0, 0);
	for (unsigned i = 0; i < 1000; i++) {
		strcat(lines, "list\n");
		strcat(want, "ok\n");
	}
	fd = greeted();
	say(fd, lines);
	hear(fd, want);
	close(fd);
	end();
}

T_TEST(a_client_may_end_its_side_first)
{
	int fd;

	begin(0, 0);
	fd = greeted();
	say(fd, "init a\ninit b\ninit unfinished");
	T_EQ(shutdown(fd, SHUT_WR), 0);
	hear(fd, "ok\nok\n");
	hear_end(fd);
	T_STR_EQ(rig.log, "init a;init b;");
	end();
}

T_TEST(a_line_too_long_is_the_last)
{
	char line[1500];
	int fd;

	begin(0, 0);
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	memcpy(line, "init a\n", 7);
	memcpy(line + 1200, "\ninit b\n", 8);
	fd = greeted();
	say(fd, line);
	hear(fd, "ok\nerror 22 a line of more than 1024 bytes\n");
	hear_end(fd);
	T_STR_EQ(rig.log, "init a;");
	end();
}

/* Bytes that complete no request do not count, requests do. */
T_TEST(who_asks_for_nothing_is_let_go)
{
	bool silent_gone = false, dripping_gone = false;
	int silent, dripping, busy;
	double start, dripped = 0;

	begin(0, 1);
	silent = greeted();
	dripping = greeted();
	busy = greeted();
	start = t_now();
	while (!silent_gone || !dripping_gone) {
		if (t_now() - dripped > 0.1) { /* or it would end as too long a line */
			(void)!send(dripping, "x", 1, MSG_NOSIGNAL);
			dripped = t_now();
		}
		(void)!send(busy, "list\n", 5, MSG_NOSIGNAL);
		T_OK(!is_hung_up(busy));
		silent_gone = is_hung_up(silent);
		dripping_gone = is_hung_up(dripping);
		t_pause();
	}
	T_OK(t_now() - start >= 0.9);
	close(silent);
	close(dripping);
	close(busy);
	end();
}

/* Devices enough for replies of some size. */
static void add_devices(void)
{
	char name[64];

	for (unsigned i = 0; i < RIG_DEVICES; i++) {
		snprintf(name, sizeof(name), "%060u", i);
		rig_add(name);
	}
}

/* Ask, without reading, until no more is taken; returns how often. */
static unsigned ask_deafly(int fd)
{
	static const char both[] = "init x\nlist\n";
	unsigned asked = 0, refused = 0;

	while (refused < 100) {
		ssize_t n = send(fd, both, sizeof(both) - 1, MSG_NOSIGNAL);

		if (n > 0) {
			T_EQ(n, sizeof(both) - 1);
			asked++;
			refused = 0;
		} else {
			refused++;
		}
		turn();
	}
	return asked;
}

/* Read the replies to what was asked deafly: of each reply every line. */
static void hear_all(int fd, unsigned asked)
{
	unsigned want = asked * (RIG_DEVICES + 2), lines = 0;
	bool hung_up = false;

	while (lines < want) {
		T_OK(!hung_up);
		for (const char *at = heard(fd, &hung_up); (at = strchr(at, '\n')); at++)
			lines++;
	}
	T_EQ(lines, want);
}

/*
 * A client that asks and does not read: the server stops looking at its requests, serves others,
 * and goes on where it was when the client reads.
 */
T_TEST(who_does_not_read_is_not_answered)
{
	unsigned asked;
	int deaf, other;

	begin(0, 0);
	add_devices();
	deaf = greeted();
	asked = ask_deafly(deaf);
	T_LT(rig.changes, asked);

	other = greeted();
	say(other, "init y\n");
	hear(other, "ok\n");
	close(other);

	hear_all(deaf, asked);
	T_EQ(rig.changes, asked + 1);
	say(deaf, "init z\n");
	hear(deaf, "ok\n");
	close(deaf);
	end();
}

static int unread(int fd)
{
	int n;

	T_EQ(ioctl(fd, FIONREAD, &n), 0);
	return n;
}

/* With all requests taken, and the last reply in the socket and in the server each in part. */
T_TEST(who_reads_late_may_have_ended_its_side)
{
	int deaf, reply, before;
	unsigned asked = 0;

	begin(0, 0);
	add_devices();
	deaf = greeted();
	for (reply = 0;; reply = asked == 1 ? unread(deaf) : reply) {
		before = unread(deaf);
		say(deaf, "init x\nlist\n");
		turn();
		asked++;
		if (unread(deaf) - before < reply)
			break;
	}
	T_EQ(shutdown(deaf, SHUT_WR), 0);
	turn();
	hear_all(deaf, asked);
	hear_end(deaf);
	end();
}

T_TEST(who_does_not_read_is_let_go)
{
	int deaf;

	begin(0, 1);
	add_devices();
	deaf = greeted();
	(void)ask_deafly(deaf);
	T_WAIT(turned() && send(deaf, "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE, 20);
	hear_end(deaf);
	end();
}

T_TEST(who_vanishes_costs_nothing)
{
	int other;

	begin(0, 60);
	add_devices();
	other = greeted();
	for (unsigned i = 0; i < 50; i++) {
		int fd = call();

		if (i % 2)
			turn();
		for (unsigned k = 0; k < i * 4; k++)
			(void)!send(fd, "list\nlist\nlist\n", 5 + k % 10, MSG_NOSIGNAL);
		if (i % 3)
			turn();
		close(fd);
		turn();
	}
	say(other, "init a\n");
	hear(other, "ok\n");
	close(other);
	end();
}

T_TEST(only_so_many_at_once)
{
	int fd[40], late;

	begin(3, 0);
	for (unsigned i = 0; i < 40; i++)
		fd[i] = call();
	for (unsigned i = 0; i < 40; i++) {
		if (i < 3) {
			hear(fd[i], GREETING);
			continue;
		}
		hear(fd[i], "error 11 too many clients at once; try again when one has left\n");
		hear_end(fd[i]);
	}
	close(fd[1]);
	turn();
	late = greeted();
	say(fd[0], "init a\n");
	hear(fd[0], "ok\n");
	close(late);
	close(fd[0]);
	close(fd[2]);
	end();
}

T_TEST(others_users_are_turned_away)
{
	int status, pipes[2];
	char got[128] = "";
	pid_t pid;

	if (geteuid() != 0)
		T_SKIP("needs root, to become somebody else");
	begin(0, 0);
	T_EQ(chmod(t_scratch(), 0755), 0);
	snprintf(path, sizeof(path), "%s/made", t_scratch());
	T_EQ(chmod(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/made/control.sock", t_scratch());
	T_EQ(chmod(path, 0666), 0);
	T_EQ(pipe(pipes), 0);
	pid = fork();
	if (pid == 0) {
		ssize_t n;
		int fd;

		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(T_EXIT_ERROR);
		fd = call();
		T_EQ(fcntl(fd, F_SETFL, 0), 0);
		(void)!send(fd, "init a\n", 7, MSG_NOSIGNAL);
		n = recv(fd, got, sizeof(got) - 1, MSG_WAITALL);
		_exit(n > 0 && write(pipes[1], got, (size_t)n) == n ? 0 : T_EXIT_ERROR);
	}
	T_WAIT(turned() && waitpid(pid, &status, WNOHANG) == pid, 20);
	T_EQ(status, 0);
	T_GT(read(pipes[0], got, sizeof(got) - 1), 0);
	T_STR_EQ(got, "error 13 only root and the user the server runs as are served\n");
	T_STR_EQ(rig.log, "");
	end();
}

T_TEST(two_servers)
{
	struct rzs_control_options options = {.path = path, .fd = -1};
	struct rzs_control *second = control;
	int fd;

	begin(0, 0);
	T_EQ(rzs_control_start(&loop, &options, &rig_target, &second, why), -EADDRINUSE);
	T_EQ(second, NULL);
	T_OK(strstr(why, "another server answers there") != NULL);
	fd = greeted();
	close(fd);
	end();
}

T_TEST(a_socket_that_was_given)
{
	struct rzs_control_options options = {.path = NULL};
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	begin(0, 0);
	end();
	T_EQ(rzs_loop_open(&loop), 0);
	options.fd = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(path, sizeof(path), "%s/given", t_scratch());
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	T_EQ(bind(options.fd, (struct sockaddr *)&address, sizeof(address)), 0);
	T_EQ(listen(options.fd, 5), 0);
	T_EQ(rzs_control_start(&loop, &options, &rig_target, &control, why), 0);
	T_OK(fcntl(options.fd, F_GETFL) & O_NONBLOCK);
	close(greeted());
	/* Its file is whose it was. */
	rzs_control_stop(control);
	T_EQ(access(path, F_OK), 0);
	T_EQ(fcntl(options.fd, F_GETFD), -1);
	rzs_loop_close(&loop);
}

T_TEST(paths_that_cannot_be)
{
	struct rzs_control_options options = {.path = "/proc/no/such", .fd = -1};

	T_EQ(rzs_loop_open(&loop), 0);
	T_LT(rzs_control_start(&loop, &options, &rig_target, &control, why), 0);
	T_EQ(control, NULL);
	T_OK(strstr(why, "/proc/no/such") != NULL);
	/* What cannot be watched. */
	options.path = NULL;
	options.fd = open("/dev/null", O_RDONLY);
	T_LT(rzs_control_start(&loop, &options, &rig_target, &control, why), 0);
	T_OK(why[0] != '\0');
	close(options.fd);
	rzs_loop_close(&loop);
}

/* In mid-conversation, with replies that nobody reads. */
T_TEST(the_end_comes_at_any_time)
{
	int fd[5];

	begin(0, 0);
	add_devices();
	for (unsigned i = 0; i < 5; i++) {
		fd[i] = call();
		for (unsigned k = 0; k < 200 * i; k++) {
			(void)!send(fd[i], "list\n", 5, MSG_NOSIGNAL);
			turn();
		}
	}
	end();
	for (unsigned i = 0; i < 5; i++)
		close(fd[i]);
}

/* Without a descriptor for it a client waits, and the server does not spin. */
T_TEST(no_descriptor_to_be_had)
{
	struct rlimit limit, little;
	bool hung_up;
	int fd, spare;
	double start;

	begin(0, 0);
	fd = call();
	spare = dup(0);
	close(spare);
	T_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	little = limit;
	little.rlim_cur = (rlim_t)spare;
	T_EQ(setrlimit(RLIMIT_NOFILE, &little), 0);
	turn();
	if (*heard(fd, &hung_up) || hung_up)
		T_SKIP("valgrind accepts what is over the limit");
	start = t_now();
	rzs_loop_run_once(&loop, true);
	T_OK(t_now() - start >= 0.5);
	T_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	hear(fd, GREETING);
	close(fd);
	end();
}
