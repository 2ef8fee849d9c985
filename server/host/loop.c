/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loop of threads that may wait.  See loop.h.
 *
 * A descriptor stays in the epoll set from rzs_loop_add() to rzs_loop_remove().  EPOLL_CTL_MOD
 * changes the events that it is watched for, which needs no memory.  (libuv removes the descriptor
 * and adds it again for that, and calls abort() if the kernel has no memory for it.  Its start and
 * its signals abort like that at other calls.)
 *
 * Invariants: timers are sorted by their times.  The function of one descriptor may remove others
 * whose events were taken at the same time; rzs_loop_remove() clears those events.
 */
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "loop.h"

#define EVENTS 64 /* taken at a time */

/* ---- life ---- */

int rzs_loop_open(struct rzs_loop *l)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
	int err;

	*l = (struct rzs_loop){.wake = -1};
	l->now = rzs_clock_ms();
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll >= 0)
		l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->wake >= 0 && epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->wake, &e) == 0)
		return 0;
	err = -errno;
	rzs_loop_close(l);
	return err;
}

void rzs_loop_close(struct rzs_loop *l)
{
	if (l->epoll >= 0)
		close(l->epoll);
	if (l->wake >= 0)
		close(l->wake);
	l->epoll = l->wake = -1;
}

/* ---- descriptors ---- */

static int control(struct rzs_loop *l, int op, struct rzs_loop_fd *w, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = w};

	return epoll_ctl(l->epoll, op, w->fd, &e) ? -errno : 0;
}

int rzs_loop_add(struct rzs_loop *l, struct rzs_loop_fd *w, uint32_t events)
{
	return control(l, EPOLL_CTL_ADD, w, events);
}

int rzs_loop_change(struct rzs_loop *l, struct rzs_loop_fd *w, uint32_t events)
{
	return control(l, EPOLL_CTL_MOD, w, events);
}

int rzs_loop_remove(struct rzs_loop *l, struct rzs_loop_fd *w)
{
	for (struct epoll_event *e = l->event; e < l->end; e++)
		if (e->data.ptr == w)
			e->events = 0;
	return control(l, EPOLL_CTL_DEL, w, 0);
}

/* ---- timers ---- */

void rzs_loop_clear_timer(struct rzs_loop *l, struct rzs_loop_timer *t)
{
	struct rzs_loop_timer **at = &l->timers;

	if (!t->set)
		return;
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	t->set = false;
}

void rzs_loop_set_timer(struct rzs_loop *l, struct rzs_loop_timer *t, uint64_t ms,
			void (*fn)(void *arg), void *arg)
{
	struct rzs_loop_timer **at = &l->timers;

	rzs_loop_clear_timer(l, t);
	t->due = l->now + (ms ? ms : 1);
	t->fn = fn;
	t->arg = arg;
	while (*at && (*at)->due <= t->due)
		at = &(*at)->next;
	t->next = *at;
	*at = t;
	t->set = true;
}

/* A timer that is set meanwhile is due later. */
static void run_timers(struct rzs_loop *l)
{
	struct rzs_loop_timer *t;

	while ((t = l->timers) != NULL && t->due <= l->now) {
		rzs_loop_clear_timer(l, t);
		t->fn(t->arg);
	}
}

/* Milliseconds until the next is due, for epoll_wait(). */
static int timeout(struct rzs_loop *l)
{
	uint64_t left;

	if (!l->timers)
		return -1;
	l->now = rzs_clock_ms();
	left = l->timers->due > l->now ? l->timers->due - l->now : 0;
	return left < INT_MAX ? (int)left : INT_MAX;
}

/* ---- calls ---- */

void rzs_loop_add_call(struct rzs_loop *l, struct rzs_loop_call *c, void (*fn)(void *arg),
		       void *arg)
{
	atomic_init(&c->asked, false);
	c->fn = fn;
	c->arg = arg;
	c->next = l->calls;
	l->calls = c;
}

void rzs_loop_call(struct rzs_loop *l, struct rzs_loop_call *c)
{
	static const uint64_t one = 1;
	int saved = errno;

	if (!atomic_exchange(&c->asked, true))
		(void)!write(l->wake, &one, sizeof(one)); /* EAGAIN: it is awake already */
	errno = saved;
}

static void make_calls(struct rzs_loop *l)
{
	uint64_t count;

	(void)!read(l->wake, &count, sizeof(count)); /* `asked` says which calls */
	for (struct rzs_loop_call *c = l->calls; c; c = c->next)
		if (atomic_exchange(&c->asked, false))
			c->fn(c->arg);
}

/* ---- iterations ---- */

void rzs_loop_run_once(struct rzs_loop *l, bool wait)
{
	struct epoll_event events[EVENTS];
	int nr = epoll_wait(l->epoll, events, EVENTS, wait ? timeout(l) : 0);

	l->now = rzs_clock_ms();
	l->event = events;
	l->end = events + (nr > 0 ? nr : 0); /* -1: a signal, whose handler has made its call */
	while (l->event < l->end) {
		const struct epoll_event e = *l->event++;
		struct rzs_loop_fd *w = e.data.ptr;

		if (!w)
			make_calls(l);
		else if (e.events)
			w->fn(w->arg, e.events);
	}
	l->event = l->end = NULL;
	run_timers(l);
}

void rzs_loop_run(struct rzs_loop *l)
{
	while (!l->stopping)
		rzs_loop_run_once(l, true);
}

void rzs_loop_stop(struct rzs_loop *l)
{
	l->stopping = true;
}
