/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The threads that serve requests; see io_loop.h.
 *
 * A thread waits in its own epoll set.  Its sockets are edge-triggered and stay in the set for
 * their lives.  Only when replies cannot be sent are a socket's events changed, by EPOLL_CTL_MOD,
 * which needs no memory.  (Threads that may wait have another loop, host/loop.c.)
 *
 * Threading: the front thread passes connections to a thread through `adopted`, and gets their
 * memory back through `returned`.  Both are stacks: one side pushes, the other takes all.  So is
 * the inbox, through which parked requests come back (request.h).  The rest of a struct io_thread
 * belongs to its thread.  While connections are held and none is adopted, `all` is the front
 * thread's to read.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "conn.h"
#include "io_loop.h"
#include "protect_server.h"

_Static_assert(RZS_IO_EARLY_MAX <= RZS_CONN_IN_SIZE, "early bytes go to the receive buffer");

#define EVENTS 64 /* of one epoll_wait() */

#define INPUT_EVENTS (EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET)
#define ENDS	     (EPOLLRDHUP | EPOLLHUP | EPOLLERR)

struct io_thread {
	struct rzs_io *io;
	pthread_t thread;
	struct rzs_conn_thread self;
	int epoll, wake; /* the set, and an eventfd in it */
	_Atomic(struct rzs_conn *) adopted;
	atomic_uint load; /* connections given to it */
	struct rzs_conn *all;
	struct rzs_conn *queue, **queue_end; /* connections that yielded or pause */
	bool holding;	  /* since rzs_io_hold() */
	bool still;	  /* and all are still */
	unsigned nr_busy; /* connections that are not still yet; while holding */
};

struct rzs_io {
	struct rzs_io_options options;
	unsigned live;	     /* connections whose memory is not freed; the front thread's */
	struct rzs_conn *spare; /* memory of connections to come; the front thread's */
	unsigned nr_threads; /* running */
	atomic_bool stopping, holding;
	sem_t ready;		/* a thread has started */
	sem_t told;		/* one of the next two may have changed */
	atomic_uint nr_holding; /* threads that hold their connections */
	atomic_uint nr_still;	/* of these, in which all are still */
	_Atomic(struct rzs_conn *) returned;
	struct io_thread thread[];
};

static void push(_Atomic(struct rzs_conn *) *stack, struct rzs_conn *c)
{
	c->next = atomic_load_explicit(stack, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(stack, &c->next, c, memory_order_release,
						      memory_order_relaxed))
		;
}

static struct rzs_conn *take_all(_Atomic(struct rzs_conn *) *stack)
{
	return atomic_exchange_explicit(stack, NULL, memory_order_acquire);
}

/* ---- a thread's connections ---- */

static void io_close(struct io_thread *t, struct rzs_conn *c)
{
	struct rzs_io *io = t->io;
	struct rzs_nbd_session session = c->session;

	if (c->prev)
		c->prev->next = c->next;
	else
		t->all = c->next;
	if (c->next)
		c->next->prev = c->prev;
	if (t->holding && c->wants != RZS_CONN_STILL)
		t->nr_busy--;
	close(c->fd);
	atomic_fetch_sub_explicit(&t->load, 1, memory_order_relaxed);
	push(&io->returned, c); /* the front thread owns it from here on */
	if (io->options.closed)
		io->options.closed(io->options.arg, &session);
}

/* Watch the socket for being writable, too; or no longer. */
static int io_watch(struct io_thread *t, struct rzs_conn *c, bool output)
{
	struct epoll_event e = {.events = INPUT_EVENTS | (output ? EPOLLOUT : 0u), .data.ptr = c};

	c->watches_output = output;
	return epoll_ctl(t->epoll, EPOLL_CTL_MOD, c->fd, &e);
}

static void io_enqueue(struct io_thread *t, struct rzs_conn *c)
{
	c->queued = NULL;
	*t->queue_end = c;
	t->queue_end = &c->queued;
}

static void io_run(struct io_thread *t, struct rzs_conn *c)
{
	enum rzs_conn_wants wants = rzs_conn_run(c, &t->self);
	bool output = wants == RZS_CONN_OUTPUT;

	if (wants == RZS_CONN_CLOSE || (output != c->watches_output && io_watch(t, c, output)))
		io_close(t, c);
	else if (wants == RZS_CONN_YIELD || wants == RZS_CONN_PAUSE)
		io_enqueue(t, c);
	else if (wants == RZS_CONN_STILL)
		t->nr_busy--;
}

static void io_event(struct io_thread *t, struct rzs_conn *c, uint32_t events)
{
	if (events & (EPOLLIN | EPOLLPRI | ENDS))
		c->readable = true;
	if (events & (EPOLLPRI | ENDS))
		c->cut_short = true;
	if ((c->wants == RZS_CONN_INPUT && c->readable) ||
	    (c->wants == RZS_CONN_OUTPUT && (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))))
		io_run(t, c);
}

/* Run each connection in the queue once.  Those that queue again are run next time. */
static void io_run_queue(struct io_thread *t)
{
	struct rzs_conn *c = t->queue, *next;
	uint64_t now = 0;

	t->queue = NULL;
	t->queue_end = &t->queue;
	for (; c; c = next) {
		next = c->queued;
		if (c->wants == RZS_CONN_PAUSE) {
			now = now ? now : rzs_clock_ns();
			if (now < c->pause_until) {
				io_enqueue(t, c);
				continue;
			}
		}
		io_run(t, c);
	}
}

/* They are in the set.  Until now they were still, so that their events were only noted. */
static void io_adopt_all(struct io_thread *t)
{
	struct rzs_conn *c = take_all(&t->adopted), *next;

	for (; c; c = next) {
		next = c->next;
		c->prev = NULL;
		c->next = t->all;
		if (t->all)
			t->all->prev = c;
		t->all = c;
		if (t->holding) {
			rzs_conn_hold(c);
		} else {
			c->wants = RZS_CONN_INPUT;
			io_run(t, c);
		}
	}
}

/* For how many ms the thread may sleep; -1: without limit. */
static int io_timeout(const struct io_thread *t)
{
	const struct rzs_conn *c;

	for (c = t->queue; c; c = c->queued)
		if (c->wants == RZS_CONN_YIELD)
			return 0;
	return t->queue ? (int)((RZS_CONN_PAUSE_NS + 999999) / 1000000) : -1;
}

/* Requests that were parked: their connections go on, except where replies cannot be sent. */
static void io_wake_parked(struct io_thread *t)
{
	struct rzs_request *rq = rzs_request_inbox_take(&t->self.inbox), *next;

	for (; rq; rq = next) {
		struct rzs_conn *c;

		next = rq->next;
		c = rzs_conn_wake(rq);
		if (c->wants == RZS_CONN_INPUT || c->wants == RZS_CONN_PARKED) {
			c->wants = RZS_CONN_YIELD;
			io_enqueue(t, c);
		}
	}
}

static void io_wait(struct io_thread *t)
{
	struct epoll_event e[EVENTS];
	int n = epoll_wait(t->epoll, e, EVENTS, io_timeout(t));
	uint64_t woken = 0;

	for (int i = 0; i < n; i++) {
		if (e[i].data.ptr)
			io_event(t, e[i].data.ptr, e[i].events);
		else if (read(t->wake, &woken, sizeof(woken)) < 0)
			woken = 0;
	}
	if (woken >= RZS_REQUEST_WAKE)
		io_wake_parked(t);
	if (t->queue)
		io_run_queue(t);
	if (woken)
		io_adopt_all(t);
}

/* ---- holding them ---- */

/* The connections that wait for a socket or their turn get there by themselves. */
static void io_hold(struct io_thread *t)
{
	struct rzs_conn *c, *next;

	t->holding = true;
	t->nr_busy = 0;
	for (c = t->all; c; c = c->next) {
		rzs_conn_hold(c);
		t->nr_busy++;
	}
	for (c = t->all; c; c = next) {
		next = c->next;
		if (c->wants == RZS_CONN_INPUT)
			io_run(t, c);
	}
}

static void io_release(struct io_thread *t)
{
	struct rzs_conn *c, *next;

	t->holding = false;
	for (c = t->all; c; c = next) {
		bool still = c->wants == RZS_CONN_STILL;

		next = c->next;
		rzs_conn_release(c);
		if (still)
			io_run(t, c);
	}
}

/* Do as the front thread says, and tell it. */
static void io_obey(struct io_thread *t)
{
	struct rzs_io *io = t->io;
	bool hold = atomic_load(&io->holding);

	if (hold && !t->holding) {
		io_adopt_all(t);
		io_hold(t);
		atomic_fetch_add(&io->nr_holding, 1);
	} else if (!hold && t->holding) {
		io_release(t);
		atomic_fetch_sub(&io->nr_still, t->still);
		t->still = false;
		atomic_fetch_sub(&io->nr_holding, 1);
		sem_post(&io->told);
	}
	if (t->holding && !t->still && !t->nr_busy) {
		t->still = true;
		atomic_fetch_add(&io->nr_still, 1);
		sem_post(&io->told);
	}
}

/* Hang up on all clients.  Their connections end when their parked requests have come back. */
static void io_hang_up(struct io_thread *t)
{
	struct rzs_conn *c;

	t->queue = NULL;
	t->queue_end = &t->queue;
	for (c = t->all; c; c = c->next) {
		rzs_conn_hang_up(c);
		c->wants = RZS_CONN_YIELD;
		io_enqueue(t, c);
	}
	while (t->all)
		io_wait(t);
}

static void *io_main(void *arg)
{
	struct io_thread *t = arg;

	rzs_threads_prefer_batches();
	t->self.entry = rzs_protect_server_thread(RZS_THREAD_IO);
	sem_post(&t->io->ready);
	while (!atomic_load_explicit(&t->io->stopping, memory_order_relaxed)) {
		io_obey(t);
		io_wait(t);
	}
	t->holding = false;
	io_adopt_all(t);
	io_hang_up(t);
	return NULL;
}

/* ---- by the front thread ---- */

static void io_wake(struct io_thread *t)
{
	static const uint64_t one = 1;

	(void)!write(t->wake, &one, sizeof(one)); /* a full counter wakes it, too */
}

static int io_start_thread(struct rzs_io *io, unsigned index)
{
	struct io_thread *t = &io->thread[index];
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
	char name[16] = "rzs-io-";
	int err;

	name[7] = (char)('0' + index / 10);
	name[8] = (char)('0' + index % 10);
	t->io = io;
	t->self.index = index;
	t->queue_end = &t->queue;
	t->epoll = epoll_create1(EPOLL_CLOEXEC);
	t->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rzs_request_inbox_init(&t->self.inbox, t->wake);
	if (t->epoll < 0 || t->wake < 0 || epoll_ctl(t->epoll, EPOLL_CTL_ADD, t->wake, &e))
		err = -errno;
	else
		err = rzs_threads_start(&t->thread, name, io_main, t);
	if (err == 0)
		return 0;
	if (t->epoll >= 0)
		close(t->epoll);
	if (t->wake >= 0)
		close(t->wake);
	return err;
}

int rzs_io_start(const struct rzs_io_options *options, struct rzs_io **out)
{
	unsigned n = options->nr_threads;
	struct rzs_io *io;
	int err = 0;

	*out = NULL;
	if (n == 0 || n > RZS_IO_THREADS_MAX)
		return -EINVAL;
	io = calloc(1, sizeof(*io) + n * sizeof(io->thread[0]));
	if (!io)
		return -ENOMEM;
	io->options = *options;
	sem_init(&io->ready, 0, 0);
	sem_init(&io->told, 0, 0);
	while (io->nr_threads < n && !err) {
		err = io_start_thread(io, io->nr_threads);
		if (!err)
			io->nr_threads++;
	}
	for (unsigned i = 0; i < io->nr_threads; i++)
		while (sem_wait(&io->ready) && errno == EINTR)
			;
	if (err) {
		rzs_io_stop(io);
		return err;
	}
	*out = io;
	return 0;
}

void rzs_io_tidy(struct rzs_io *io)
{
	struct rzs_conn *c = take_all(&io->returned), *next;

	for (; c; c = next) {
		next = c->next;
		rzs_conn_destroy(c);
		io->live--;
	}
}

static struct io_thread *io_least(struct rzs_io *io)
{
	struct io_thread *least = &io->thread[0];

	for (unsigned i = 1; i < io->nr_threads; i++)
		if (atomic_load_explicit(&io->thread[i].load, memory_order_relaxed) <
		    atomic_load_explicit(&least->load, memory_order_relaxed))
			least = &io->thread[i];
	return least;
}

int rzs_io_prepare(struct rzs_io *io, unsigned nr)
{
	struct rzs_conn *c;

	for (; nr; nr--) {
		int err = rzs_conn_alloc(&c);

		if (err)
			return err;
		c->next = io->spare;
		io->spare = c;
	}
	return 0;
}

/* A connection that thread t is to have; prepared, or else new.  0 or -ENOMEM. */
static int io_create(struct rzs_io *io, struct io_thread *t, int fd,
		     const struct rzs_nbd_session *session, const void *early, size_t early_len,
		     struct rzs_conn **out)
{
	struct rzs_conn *c = io->spare;

	if (!c)
		return rzs_conn_create(fd, session, &t->self.inbox, early, early_len, out);
	io->spare = c->next;
	c->next = NULL;
	rzs_conn_set_up(c, fd, session, &t->self.inbox, early, early_len);
	*out = c;
	return 0;
}

int rzs_io_adopt(struct rzs_io *io, int fd, const struct rzs_nbd_session *session,
		 const void *early, size_t early_len)
{
	struct epoll_event e = {.events = INPUT_EVENTS};
	struct io_thread *t = io_least(io);
	struct rzs_conn *c;
	int err;

	if (early_len > RZS_IO_EARLY_MAX)
		return -EINVAL;
	rzs_io_tidy(io);
	if (io->live == io->options.max_connections)
		return -EBUSY;
	err = io_create(io, t, fd, session, early, early_len, &c);
	if (err)
		return err;
	/* From here on the thread may note events, and does nothing else until it has taken it. */
	c->wants = RZS_CONN_STILL;
	e.data.ptr = c;
	if (epoll_ctl(t->epoll, EPOLL_CTL_ADD, fd, &e)) {
		err = -errno;
		rzs_conn_destroy(c);
		return err;
	}
	io->live++;
	atomic_fetch_add_explicit(&t->load, 1, memory_order_relaxed);
	push(&t->adopted, c);
	io_wake(t);
	return 0;
}

static void io_wake_all(struct rzs_io *io)
{
	for (unsigned i = 0; i < io->nr_threads; i++)
		io_wake(&io->thread[i]);
}

/* Wait until nr has become want.  -ETIMEDOUT: it has not until then. */
static int io_wait_told(struct rzs_io *io, atomic_uint *nr, unsigned want,
			const struct timespec *until)
{
	while (atomic_load(nr) != want)
		if (until && sem_clockwait(&io->told, CLOCK_MONOTONIC, until) < 0 &&
		    errno == ETIMEDOUT)
			return -ETIMEDOUT;
		else if (!until)
			(void)sem_wait(&io->told);
	return 0;
}

int rzs_io_hold(struct rzs_io *io, unsigned ms)
{
	uint64_t until = rzs_clock_ns() + ms * UINT64_C(1000000);
	const struct timespec ts = {(time_t)(until / 1000000000), (long)(until % 1000000000)};
	int err;

	atomic_store(&io->holding, true);
	io_wake_all(io);
	err = io_wait_told(io, &io->nr_still, io->nr_threads, &ts);
	if (err)
		rzs_io_release(io);
	else
		rzs_io_tidy(io);
	return err;
}

void rzs_io_each_held(struct rzs_io *io, void (*fn)(void *arg, const struct rzs_conn *c), void *arg)
{
	for (unsigned i = 0; i < io->nr_threads; i++)
		for (struct rzs_conn *c = io->thread[i].all; c; c = c->next)
			fn(arg, c);
}

void rzs_io_release(struct rzs_io *io)
{
	/* A thread that has not noticed the hold yet is not waited for, and never will. */
	atomic_store(&io->holding, false);
	io_wake_all(io);
	(void)io_wait_told(io, &io->nr_holding, 0, NULL);
}

static void io_free_spare(struct rzs_io *io)
{
	struct rzs_conn *c;

	while ((c = io->spare) != NULL) {
		io->spare = c->next;
		rzs_conn_destroy(c);
	}
}

void rzs_io_stop(struct rzs_io *io)
{
	if (!io)
		return;
	atomic_store_explicit(&io->stopping, true, memory_order_relaxed);
	io_wake_all(io);
	for (unsigned i = 0; i < io->nr_threads; i++) {
		pthread_join(io->thread[i].thread, NULL);
		close(io->thread[i].epoll);
		close(io->thread[i].wake);
	}
	rzs_io_tidy(io);
	io_free_spare(io);
	sem_destroy(&io->ready);
	sem_destroy(&io->told);
	free(io);
}
