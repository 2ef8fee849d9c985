/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The keeper; see keeper.h.
 *
 * All signals are blocked and come through a signalfd.  Those that end a server are passed on to
 * it, and a server that takes over gets the one that its predecessor had.
 *
 * Invariants: `server` has a process.  `next` has one while a server is being replaced.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keeper_private.h"
#include "notify.h"
#include "pid_file.h"
#include "protect_steps.h"
#include "say.h"

#define EXIT_FAILED 1

/* A server. */
struct child {
	pid_t pid; /* 0: none */
	int fd;	   /* socket to it; -1: none */
	bool serves;
};

static struct {
	struct rzs_keeper_options options;
	char *const *argv;
	char program[4096];
	struct child server, next;
	bool handed;
	int asked; /* the signal that asked it to end; 0: none */
	unsigned takeovers;
	int signals, pid_file;
	sigset_t before;
} k;

static const int passed_on[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1};

/* ---- children ---- */

/* In the child: become the server.  given: descriptors of the service manager are for it. */
__attribute__((noreturn)) static void become_server(int keeper, int predecessor, bool given)
{
	char text[48];

	snprintf(text, sizeof(text), "%d,%d,%u", keeper, predecessor, k.takeovers);
	(void)setenv(RZS_KEEPER_VARIABLE, text, 1);
	/* What the service is doing, the keeper says. */
	(void)unsetenv("NOTIFY_SOCKET");
	if (given && getenv("LISTEN_PID")) {
		snprintf(text, sizeof(text), "%d", (int)getpid());
		(void)setenv("LISTEN_PID", text, 1);
	}
	sigprocmask(SIG_SETMASK, &k.before, NULL);
	execv(k.program, k.argv);
	rzs_say_at(RZS_SAY_ERROR, "cannot start %s: %s", k.program, strerror(errno));
	_exit(EXIT_FAILED);
}

/* Start a server, which replaces another one if predecessor is not negative.  0 or -errno. */
static int start(struct child *out, int predecessor)
{
	int fd[2], err;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		int keeper = dup(fd[1]), old = predecessor >= 0 ? dup(predecessor) : -1;

		become_server(keeper, old, predecessor < 0);
	}
	err = -errno;
	close(fd[1]);
	if (pid < 0) {
		close(fd[0]);
		return err;
	}
	*out = (struct child){.pid = pid, .fd = fd[0]};
	return 0;
}

static void forget(struct child *c)
{
	if (c->fd >= 0)
		close(c->fd);
	*c = (struct child){.fd = -1};
}

/* ---- replacing ---- */

/* Without a new server; the old one shows why on its control socket. */
static void refuse_upgrade(const char *why)
{
	rzs_say_at(RZS_SAY_WARNING, "not replaced: %s", why);
	(void)rzs_keeper_send(k.server.fd, RZS_KEEPER_REFUSED, why, -1);
}

static void upgrade(void)
{
	int fd[2], err;

	if (k.next.pid || !k.server.serves || k.asked) {
		refuse_upgrade(k.next.pid ? "the server is being replaced already"
			       : k.asked  ? "the server is to end"
					  : "the server is starting");
		return;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0) {
		refuse_upgrade(strerror(errno));
		return;
	}
	err = rzs_keeper_send(k.server.fd, RZS_KEEPER_HAND_OVER, NULL, fd[0]);
	if (err == 0)
		err = start(&k.next, fd[1]);
	/* The server learns of an error by the end of the stream. */
	close(fd[0]);
	close(fd[1]);
	if (err < 0)
		rzs_say_at(RZS_SAY_ERROR, "not replaced: %s", strerror(-err));
	else
		rzs_say("replacing the server by process %d, of %s", (int)k.next.pid, k.program);
}

/* The first time it has to be announced. */
static bool announce(void)
{
	char why[RZS_WHY_MAX];

	if (k.options.pid_file) {
		k.pid_file = rzs_pid_file_open(k.options.pid_file, why);
		if (k.pid_file < 0) {
			k.options.error(why);
			kill(k.server.pid, SIGTERM);
			return false;
		}
	}
	(void)rzs_notify("READY=1");
	return true;
}

static void on_serving(struct child *c)
{
	c->serves = true;
	if (c == &k.server) {
		(void)announce();
		return;
	}
	/* The predecessor has ended; if that was not seen yet, it will be, as of no known child. */
	forget(&k.server);
	k.server = k.next;
	k.next = (struct child){.fd = -1};
	k.handed = false;
	k.takeovers++;
	rzs_say("the server was replaced, for the %u. time: process %d", k.takeovers,
		(int)k.server.pid);
	if (k.asked)
		kill(k.server.pid, k.asked);
}

/* A packet, or the end, of a child. */
static void on_packet(struct child *c)
{
	struct rzs_keeper_packet packet;
	int fd, got = rzs_keeper_receive(c->fd, &packet, &fd);

	if (fd >= 0)
		close(fd);
	if (got < 0) {
		/* SIGCHLD says the rest. */
		close(c->fd);
		c->fd = -1;
		return;
	}
	if (got == 0)
		return;
	if (packet.say == RZS_KEEPER_SERVING && !c->serves)
		on_serving(c);
	else if (packet.say == RZS_KEEPER_UPGRADE && c == &k.server)
		upgrade();
	else if (packet.say == RZS_KEEPER_HANDED && c == &k.server)
		k.handed = true;
	else if (packet.say == RZS_KEEPER_REFUSED && c == &k.server)
		rzs_say_at(RZS_SAY_ERROR, "not replaced: %s; the old server goes on", packet.text);
}

/* ---- ends ---- */

static int exit_status(int status)
{
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	rzs_say_at(RZS_SAY_ERROR, "the server was killed by signal %d; what was stored is lost",
		   WTERMSIG(status));
	return EXIT_FAILED;
}

/* Reap what has ended.  true: there is no server any more; *out is the keeper's exit status. */
static bool reap(int *out)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == k.next.pid) {
			forget(&k.next);
			if (!k.handed)
				continue;
			rzs_say_at(RZS_SAY_ERROR,
				   "the new server has ended while it took over; what was stored "
				   "is lost");
			*out = EXIT_FAILED;
			return true;
		}
		if (pid != k.server.pid)
			continue;
		/* Its last packet may not have been read. */
		while (k.server.fd >= 0 && !k.handed)
			on_packet(&k.server);
		if (k.next.pid && k.handed) {
			k.server.pid = 0;
			continue;
		}
		*out = exit_status(status);
		return true;
	}
	return false;
}

static void on_signal(int sig)
{
	if (sig == SIGUSR2) {
		upgrade();
		return;
	}
	if (sig != SIGUSR1) {
		if (!k.asked)
			(void)rzs_notify("STOPPING=1");
		k.asked = sig;
	}
	if (k.server.pid)
		kill(k.server.pid, sig);
}

/* ---- life ---- */

static int set_up(void)
{
	ssize_t n = readlink("/proc/self/exe", k.program, sizeof(k.program) - 1);
	sigset_t set;

	if (n <= 0)
		return -errno;
	k.program[n] = '\0';
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		sigaddset(&set, passed_on[i]);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, &k.before) < 0)
		return -errno;
	k.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return k.signals < 0 ? -errno : 0;
}

/* Until the last server has ended. */
static int keep(void)
{
	int status = EXIT_FAILED;

	for (;;) {
		struct pollfd p[] = {{.fd = k.signals, .events = POLLIN},
				     {.fd = k.server.fd, .events = POLLIN},
				     {.fd = k.next.fd, .events = POLLIN}};
		struct signalfd_siginfo info;

		if (poll(p, 3, -1) < 0 && errno != EINTR)
			return EXIT_FAILED;
		/* The old server's last word comes before the new one's first. */
		if (p[1].revents)
			on_packet(&k.server);
		if (p[2].revents && k.next.fd == p[2].fd)
			on_packet(&k.next);
		while (read(k.signals, &info, sizeof(info)) == sizeof(info)) {
			if (info.ssi_signo != SIGCHLD)
				on_signal((int)info.ssi_signo);
			else if (reap(&status))
				return status;
		}
	}
}

int rzs_keeper_run(char *const argv[], const struct rzs_keeper_options *options)
{
	int err, status;

	k.options = *options;
	k.argv = argv;
	k.server.fd = k.next.fd = k.pid_file = -1;
	err = set_up();
	if (err == 0)
		err = start(&k.server, -1);
	if (err < 0) {
		rzs_say_at(RZS_SAY_ERROR, "cannot start: %s", strerror(-err));
		return EXIT_FAILED;
	}
	status = keep();
	if (k.next.pid) /* it has nothing: its predecessor has not handed over */
		kill(k.next.pid, SIGKILL);
	if (k.pid_file >= 0)
		rzs_pid_file_close(options->pid_file, k.pid_file);
	return status;
}
