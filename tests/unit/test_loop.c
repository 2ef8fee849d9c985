/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The loop of threads that may wait: descriptors, timers, calls, and what the system refuses. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "t.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "loop.h"

/* ---- what the system refuses */

static long countdown = -1; /* calls to let through; negative: all */

static bool fails(void)
{
	if (countdown < 0 || countdown-- > 0)
		return false;
	errno = ENOMEM;
	return true;
}

int __real_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event);
int __real_epoll_create1(int flags);
int __real_eventfd(unsigned count, int flags);
int __wrap_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event);
int __wrap_epoll_create1(int flags);
int __wrap_eventfd(unsigned count, int flags);

int __wrap_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
	return fails() ? -1 : __real_epoll_ctl(epoll, op, fd, event);
}

int __wrap_epoll_create1(int flags)
{
	return fails() ? -1 : __real_epoll_create1(flags);
}

int __wrap_eventfd(unsigned count, int flags)
{
	return fails() ? -1 : __real_eventfd(count, flags);
}

/* ---- a rig */

static struct rzs_loop l;
static struct rzs_loop_fd watched[2];
static struct rzs_loop_timer timer[4];
static struct rzs_loop_call call[2];
static char done[64]; /* by whom, in their order */

static void note(void *arg)
{
	T_LT(strlen(done), sizeof(done) - 1);
	strcat(done, arg);
}

static void note_events(void *arg, uint32_t events)
{
	(void)events;
	note(arg);
}

static int pair(int *out_far)
{
	int fds[2];

	T_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	*out_far = fds[1];
	return fds[0];
}

static void run_once(const char *want)
{
	done[0] = '\0';
	rzs_loop_run_once(&l, false);
	T_STR_EQ(done, want);
}

T_TEST(a_descriptor_and_what_it_is_watched_for)
{
	int far, near = pair(&far);
	char byte;

	T_EQ(rzs_loop_open(&l), 0);
	watched[0] = (struct rzs_loop_fd){near, note_events, "a"};
	T_EQ(rzs_loop_add(&l, &watched[0], EPOLLIN), 0);
	run_once("");
	T_EQ(send(far, "x", 1, 0), 1);
	run_once("a");
	run_once("a"); /* as long as it is so */
	T_EQ(rzs_loop_change(&l, &watched[0], 0), 0);
	run_once("");
	T_EQ(rzs_loop_change(&l, &watched[0], EPOLLOUT), 0);
	run_once("a");
	T_EQ(rzs_loop_change(&l, &watched[0], EPOLLIN), 0);
	T_EQ(recv(near, &byte, 1, 0), 1);
	run_once("");
	close(far);
	run_once("a");
	T_EQ(rzs_loop_remove(&l, &watched[0]), 0);
	run_once("");
	close(near);
	rzs_loop_close(&l);
	rzs_loop_close(&l);
}

static void remove_other(void *arg, uint32_t events)
{
	struct rzs_loop_fd *other = arg;

	(void)events;
	note("r");
	T_EQ(rzs_loop_remove(&l, other), 0);
	memset(other, 0xa5, sizeof(*other)); /* as if it were freed */
}

/* Both have something at the same time, and the first to be called removes the other. */
T_TEST(one_removes_another)
{
	int far[2], near[2];

	T_EQ(rzs_loop_open(&l), 0);
	for (int i = 0; i < 2; i++) {
		near[i] = pair(&far[i]);
		watched[i] = (struct rzs_loop_fd){near[i], remove_other, &watched[1 - i]};
		T_EQ(rzs_loop_add(&l, &watched[i], EPOLLIN), 0);
		T_EQ(send(far[i], "x", 1, 0), 1);
	}
	run_once("r");
	rzs_loop_close(&l);
}

static void set_again(void *arg)
{
	note("s");
	rzs_loop_set_timer(&l, arg, 0, set_again, arg);
}

T_TEST(timers_in_their_order)
{
	T_EQ(rzs_loop_open(&l), 0);
	rzs_loop_set_timer(&l, &timer[0], 30, note, "c");
	rzs_loop_set_timer(&l, &timer[1], 10, note, "a");
	rzs_loop_set_timer(&l, &timer[2], 60000, note, "never");
	rzs_loop_set_timer(&l, &timer[3], 30, note, "d");
	rzs_loop_set_timer(&l, &timer[2], 20, note, "b"); /* replaces */
	run_once("");
	while (strlen(done) < 4)
		rzs_loop_run_once(&l, true);
	T_STR_EQ(done, "abcd");
	rzs_loop_clear_timer(&l, &timer[0]); /* not set: fine */

	/* One that sets itself does not starve others. */
	rzs_loop_set_timer(&l, &timer[0], 0, set_again, &timer[0]);
	done[0] = '\0';
	while (!done[0])
		rzs_loop_run_once(&l, true);
	T_STR_EQ(done, "s");
	T_OK(timer[0].set);
	rzs_loop_clear_timer(&l, &timer[0]);
	T_EQ(l.timers, NULL);
	rzs_loop_close(&l);
}

T_TEST(it_sleeps_no_longer_than_to_its_timer)
{
	double start = t_now();

	T_EQ(rzs_loop_open(&l), 0);
	rzs_loop_set_timer(&l, &timer[0], 100, note, "a");
	rzs_loop_run_once(&l, true);
	T_STR_EQ(done, "a");
	T_GE((int)((t_now() - start) * 1000), 99);
	rzs_loop_close(&l);
}

static void stop(void *arg)
{
	(void)arg;
	rzs_loop_stop(&l);
}

static void *caller(void *unused)
{
	(void)unused;
	for (int i = 0; i < 1000; i++)
		rzs_loop_call(&l, &call[0]);
	rzs_loop_call(&l, &call[1]);
	return NULL;
}

T_TEST(calls_from_another_thread)
{
	pthread_t thread;

	T_EQ(rzs_loop_open(&l), 0);
	rzs_loop_add_call(&l, &call[0], note, "");
	rzs_loop_add_call(&l, &call[1], stop, NULL);
	T_EQ(pthread_create(&thread, NULL, caller, NULL), 0);
	rzs_loop_run(&l);
	pthread_join(thread, NULL);

	/* Any number of the same are one, and errno is the caller's. */
	rzs_loop_close(&l);
	T_EQ(rzs_loop_open(&l), 0);
	rzs_loop_add_call(&l, &call[0], note, "x");
	errno = EXDEV;
	for (int i = 0; i < 3; i++)
		rzs_loop_call(&l, &call[0]);
	T_EQ(errno, EXDEV);
	run_once("x");
	run_once("");
	rzs_loop_close(&l);
}

T_TEST(stopped_before_it_runs)
{
	T_EQ(rzs_loop_open(&l), 0);
	rzs_loop_stop(&l);
	rzs_loop_run(&l);
	rzs_loop_close(&l);
}

/* Whatever is refused is an error of that call, and the loop goes on as if nothing had been. */
T_TEST(the_system_refuses)
{
	int far, near = pair(&far), before = dup(near);

	close(before);
	for (int i = 0; i < 3; i++) {
		countdown = i;
		T_EQ(rzs_loop_open(&l), -ENOMEM);
		T_EQ(l.epoll, -1);
		T_EQ(l.wake, -1);
		countdown = -1;
		T_EQ(dup(near), before); /* nothing was left open */
		close(before);
	}
	T_EQ(rzs_loop_open(&l), 0);
	watched[0] = (struct rzs_loop_fd){near, note_events, "a"};
	countdown = 0;
	T_EQ(rzs_loop_add(&l, &watched[0], EPOLLIN), -ENOMEM);
	T_EQ(send(far, "x", 1, 0), 1);
	run_once("");
	T_EQ(rzs_loop_add(&l, &watched[0], EPOLLIN), 0);
	countdown = 0;
	T_EQ(rzs_loop_change(&l, &watched[0], 0), -ENOMEM);
	run_once("a");
	countdown = 0;
	T_EQ(rzs_loop_remove(&l, &watched[0]), -ENOMEM);
	close(near);
	run_once("");
	rzs_loop_close(&l);
}
