/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The threads of a process that serves swap: what each is for, at which priority it therefore runs,
 * and whether it gets on.
 *
 * Priorities while they are real-time ones, highest first:
 *   watchdog 3  helps whoever is stuck, so nobody may be in its way; does nearly nothing
 *   I/O     2  replies: everybody waits for them
 *   refill  1  takes memory for the I/O threads ahead of time; must run before those who use
 *              memory up, and never instead of an I/O thread
 *   helper  -  talks, compacts: may wait for memory, so it must not be a real-time one, which
 *              would wait in the way of everybody else; nice -20.  While it takes I/O threads'
 *              locks it does not wait, and has their priority (rzs_threads_raise())
 *
 * A thread that gets on says so: an I/O thread around each request, the refill thread at each step.
 * One that uses processor time and does not get on is in the kernel, looking for memory.  (A thread
 * that waits for its client uses none.)
 *
 * Threading: any, where nothing else is said.  The table is the process's, its size is fixed, and a
 * thread takes its entry back when it ends.  The kernel gives the number of a thread that has ended
 * to another, of any process; so a number is used only under its entry's lock, which a thread that
 * ends takes as well.  A fork leaves the child the entry of the thread that forked, with its new
 * number, and no other.
 */
#ifndef RZS_THREADS_H
#define RZS_THREADS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "rzs_port_sync.h"

enum rzs_thread_role {
	RZS_THREAD_IO,
	RZS_THREAD_REFILL,
	RZS_THREAD_HELPER,
	RZS_THREAD_WATCHDOG,
	RZS_THREAD_ROLES,
};

#define RZS_THREAD_PRIORITY_MAX 3

/*
 * All fields by atomic access: an entry may be freed and used again at any time.  The lock is held
 * for a system call or two; who may not wait tries it.
 */
struct rzs_thread {
	rzs_lock_t lock; /* the thread does not end meanwhile */
	pid_t tid;	 /* 0: free entry */
	int role;
	int ordinary;	   /* its policy when it is not a real-time one */
	clockid_t clock;   /* of its processor time */
	uint32_t progress; /* written by the thread itself; odd while it works without the kernel */
	bool realtime;	   /* it is to have its role's priority, when it is not demoted */
	bool demoted;	   /* an ordinary one until it gets on */
};

#define RZS_THREADS_MAX 1024u

/*
 * Start a thread of ours: on a small stack, and with all signals blocked, which are the process's
 * business.  name: at most 15 bytes.  0 or a negative errno.
 */
int rzs_threads_start(pthread_t *out, const char *name, void *(*main)(void *), void *arg);

/*
 * By a thread that serves many clients, before it enters: while it is an ordinary one it does not
 * interrupt the client that wakes it (SCHED_BATCH), so that it finds several requests where it
 * would have found one.  Without the right to that nothing changes.
 */
void rzs_threads_prefer_batches(void);

/*
 * Enter the calling thread, as it is scheduled now; of one that is entered only the role changes.
 * NULL: the table is full, the thread goes unwatched.  Never waits.
 */
struct rzs_thread *rzs_threads_enter(enum rzs_thread_role role);

/*
 * Give the entry's thread the priority of its role, or an ordinary one, from now on.  0 or a
 * negative errno; -ESRCH: it has ended.  Waits for whoever schedules the same thread: not for
 * threads that serve I/O, nor for the watchdog.
 */
int rzs_threads_schedule(struct rzs_thread *t, bool realtime);

/*
 * Make the entry's thread an ordinary one until it makes progress.  A page that it is looking for
 * in the kernel meanwhile stays one of a real-time thread, but the next would not be.  0, as above,
 * or -EAGAIN: somebody else schedules it now.  Never waits.
 */
int rzs_threads_demote(struct rzs_thread *t);

/* It gets on: as it is to be again.  Likewise. */
int rzs_threads_restore(struct rzs_thread *t);

/*
 * By an ordinary thread itself, before it takes locks for which threads that serve I/O wait: while
 * it holds one and anybody else had the processor, they would wait for that, whatever their
 * priority.  Gives it theirs until rzs_threads_lower(); meanwhile it must not wait for memory, nor
 * take longer than one of their requests.  false: it stays as it is, for t is NULL, threads are not
 * to be real-time ones now, or that is refused; then nothing is to follow.  (Locks of the kernel
 * that pass the waiter's priority on, FUTEX_LOCK_PI, take kernel memory from whoever has to wait.)
 */
bool rzs_threads_raise(struct rzs_thread *t);
void rzs_threads_lower(struct rzs_thread *t);

/* Schedule the calling thread, entered or not, as it is told here and no longer. */
int rzs_threads_schedule_self(enum rzs_thread_role role, bool realtime);

/* Entry number i < RZS_THREADS_MAX, which stays readable when its thread ends; NULL: free. */
struct rzs_thread *rzs_threads_at(unsigned i);

/* ns of processor time.  -ESRCH: it has ended. */
int rzs_threads_time(struct rzs_thread *t, uint64_t *out_ns);

/*
 * By the thread itself; t may be NULL.  works: until the next call the thread asks nobody for
 * memory.
 */
static inline void rzs_threads_progress(struct rzs_thread *t, bool works)
{
	if (!t)
		return;
	__atomic_store_n(&t->progress, ((t->progress + 2) & ~1u) | works, __ATOMIC_RELAXED);
	if (__builtin_expect(__atomic_load_n(&t->demoted, __ATOMIC_RELAXED), false))
		(void)rzs_threads_restore(t);
}

#endif
