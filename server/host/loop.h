/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A loop for a thread that may wait, for memory too: it watches descriptors, has timers, and takes
 * calls from other threads and from signal handlers.
 *
 * Nothing in it ends the process: what cannot be had is an error of the call that asked for it.
 * Memory is asked for in rzs_loop_open() and rzs_loop_add() only, and there it is the kernel's.
 * What is watched, timers and calls are the caller's structs.
 *
 * Threading: one thread at a time has the loop, and all of this is its, but for rzs_loop_call().
 */
#ifndef RZS_LOOP_H
#define RZS_LOOP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

/* A descriptor. */
struct rzs_loop_fd {
	int fd;
	/* events: EPOLLIN etc.; EPOLLERR and EPOLLHUP come unasked. */
	void (*fn)(void *arg, uint32_t events);
	void *arg;
};

/* Zeroed at first. */
struct rzs_loop_timer {
	struct rzs_loop_timer *next; /* due no sooner */
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
	int epoll, wake; /* the latter an eventfd in the former */
	bool stopping;
	uint64_t now; /* ms */
	struct rzs_loop_timer *timers;
	struct rzs_loop_call *calls;
	struct epoll_event *event, *end; /* to come, of those that are being served */
};

/* What one is before it is opened. */
#define RZS_LOOP_CLOSED                                                                            \
	{                                                                                          \
		.epoll = -1, .wake = -1                                                            \
	}

/* 0 or a negative errno; l is closed then. */
int rzs_loop_open(struct rzs_loop *l);

/* Also when it is closed already.  What is watched is the caller's to close. */
void rzs_loop_close(struct rzs_loop *l);

/* Go on until rzs_loop_stop(), which may be called before. */
void rzs_loop_run(struct rzs_loop *l);
void rzs_loop_stop(struct rzs_loop *l);

/* One iteration: wait, if wait says so, then run all that is due. */
void rzs_loop_run_once(struct rzs_loop *l, bool wait);

/*
 * Watch fd for events, level-triggered.  fd, fn and arg of w are set before; w stays where it is.
 * A negative errno: -ENOMEM, -ENOSPC (of /proc/sys/fs/epoll/max_user_watches), -EPERM (a file).
 */
int rzs_loop_add(struct rzs_loop *l, struct rzs_loop_fd *w, uint32_t events);

/* Watch it for these from now on; 0: for its end only.  Needs no memory.  0 or a negative errno. */
int rzs_loop_change(struct rzs_loop *l, struct rzs_loop_fd *w, uint32_t events);

/*
 * Watch it no more; call this before the descriptor is closed.  fn is not called from here on, and
 * w may go.  A negative errno: the loop has it still, until it is closed everywhere.
 */
int rzs_loop_remove(struct rzs_loop *l, struct rzs_loop_fd *w);

/* Call fn(arg) once, in this many ms (at least 1).  Replaces what was set before. */
void rzs_loop_set_timer(struct rzs_loop *l, struct rzs_loop_timer *t, uint64_t ms,
			void (*fn)(void *arg), void *arg);
void rzs_loop_clear_timer(struct rzs_loop *l, struct rzs_loop_timer *t);

/* Make a call known, for the loop's life; before anybody makes it. */
void rzs_loop_add_call(struct rzs_loop *l, struct rzs_loop_call *c, void (*fn)(void *arg),
		       void *arg);

/* Have it called, once for any number of these.  Any thread, any signal handler; no memory. */
void rzs_loop_call(struct rzs_loop *l, struct rzs_loop_call *c);

#endif
