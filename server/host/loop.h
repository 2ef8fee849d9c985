/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A loop for a thread that may wait, also for memory.  It watches descriptors, has timers, and
 * takes calls from other threads and from signal handlers.
 *
 * It never ends the process: whatever it cannot get is an error of the function that asked for it.
 * Only rzs_loop_open() and rzs_loop_add() ask for memory, and only the kernel's.  The structs of
 * descriptors, timers and calls belong to the caller.
 *
 * Threading: one thread at a time has the loop, and calls these functions.  Any thread calls
 * rzs_loop_call().
 */
#ifndef RZS_LOOP_H
#define RZS_LOOP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

/* A watched descriptor. */
struct rzs_loop_fd {
	int fd;
	/* events: EPOLLIN etc.; EPOLLERR and EPOLLHUP always come. */
	void (*fn)(void *arg, uint32_t events);
	void *arg;
};

/* All zero at first. */
struct rzs_loop_timer {
	struct rzs_loop_timer *next; /* due at the same time or later */
	uint64_t due;		     /* ms */
	bool set;
	void (*fn)(void *arg);
	void *arg;
};

struct rzs_loop_call {
	struct rzs_loop_call *next;
	atomic_bool asked;
	void (*fn)(void *arg);
	void *arg;
};

struct rzs_loop {
	int epoll, wake; /* wake: an eventfd in the epoll set */
	bool stopping;
	uint64_t now; /* ms */
	struct rzs_loop_timer *timers;
	struct rzs_loop_call *calls;
	struct epoll_event *event, *end; /* the rest of the events that were taken */
};

/* A loop before it is opened. */
#define RZS_LOOP_CLOSED                                                                            \
	{                                                                                          \
		.epoll = -1, .wake = -1                                                            \
	}

/* 0 or a negative errno.  After an error l is closed. */
int rzs_loop_open(struct rzs_loop *l);

/* l may be closed already.  The caller closes the watched descriptors. */
void rzs_loop_close(struct rzs_loop *l);

/* Run until rzs_loop_stop(), which may be called earlier. */
void rzs_loop_run(struct rzs_loop *l);
void rzs_loop_stop(struct rzs_loop *l);

/* One iteration: call what is ready and due.  wait: until something is. */
void rzs_loop_run_once(struct rzs_loop *l, bool wait);

/*
 * Watch w->fd for events, level-triggered.  The caller has set w, and does not move it.  0 or a
 * negative errno: -ENOMEM; -ENOSPC: /proc/sys/fs/epoll/max_user_watches; -EPERM: a regular file.
 */
int rzs_loop_add(struct rzs_loop *l, struct rzs_loop_fd *w, uint32_t events);

/*
 * Watch it for other events; 0: only for EPOLLERR and EPOLLHUP.  Needs no memory.  0 or a negative
 * errno.
 */
int rzs_loop_change(struct rzs_loop *l, struct rzs_loop_fd *w, uint32_t events);

/*
 * Stop watching it; call this before the descriptor is closed.  fn is not called any more, and w
 * may be freed.  0, or a negative errno: the kernel watches the descriptor until it is closed in
 * every process.
 */
int rzs_loop_remove(struct rzs_loop *l, struct rzs_loop_fd *w);

/* Call fn(arg) once, after ms milliseconds (at least 1).  Replaces what was set before. */
void rzs_loop_set_timer(struct rzs_loop *l, struct rzs_loop_timer *t, uint64_t ms,
			void (*fn)(void *arg), void *arg);

/* t may be unset. */
void rzs_loop_clear_timer(struct rzs_loop *l, struct rzs_loop_timer *t);

/* Add a call, for the loop's life.  Before any rzs_loop_call() of it. */
void rzs_loop_add_call(struct rzs_loop *l, struct rzs_loop_call *c, void (*fn)(void *arg),
		       void *arg);

/*
 * Let the loop call it; several of these before it runs are one.  Any thread, any signal handler;
 * never waits, takes no memory.
 */
void rzs_loop_call(struct rzs_loop *l, struct rzs_loop_call *c);

#endif
