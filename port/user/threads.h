/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The threads of a process that serves swap: the role of each, the priority that follows from it,
 * and whether it makes progress.
 *
 * Priorities while threads are real-time ones, highest first:
 *   watchdog  3  helps a thread that is stuck, so no other thread may keep it from running; it
 *                does nearly nothing
 *   I/O       2  sends replies; everybody waits for them
 *   refill    1  takes memory ahead of time, for the I/O threads; must run before the programs that
 *                use memory up, and never instead of an I/O thread
 *   helper    -  compacts, and writes messages.  It may wait for memory, and a real-time thread
 *                that does so keeps others from running; so it has nice -20.  While it holds locks
 *                of I/O threads it does not wait, and has their priority (rzs_threads_raise())
 *
 * A thread reports its progress: an I/O thread before and after each request, the refill thread at
 * each step.  A thread that uses processor time and makes no progress is in the kernel, searching
 * for memory.  (A thread that waits for its client uses no processor time.)
 *
 * Threading: any thread, unless said otherwise.  There is one table in the process.  Its size is
 * fixed.  A thread frees its entry when it ends.  The kernel may then give the thread's id to
 * another thread, of any process; so an id is used only under the lock of its entry, and an ending
 * thread takes that lock too.  After a fork the child has the entry of the thread that forked, with
 * its new id, and no other.
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
 * All fields are accessed atomically, because an entry may be freed and used again at any time.
 * The lock is held for one or two system calls.  A thread that must not wait only tries it.
 */
struct rzs_thread {
	rzs_lock_t lock;   /* while it is held the thread cannot end */
	pid_t tid;	   /* 0: the entry is free */
	int role;	   /* enum rzs_thread_role */
	int ordinary;	   /* the thread's policy when it is not a real-time one */
	clockid_t clock;   /* of its processor time */
	uint32_t progress; /* written by the thread itself; odd: it asks the kernel for nothing */
	bool realtime;	   /* it has the priority of its role, unless it is demoted */
	bool demoted;	   /* an ordinary thread until it makes progress */
};

#define RZS_THREADS_MAX 1024u

/*
 * Start a thread with a small stack and all signals blocked: signals are for the main thread.
 * name: at most 15 bytes.  0 or a negative errno.  Allocates.
 */
int rzs_threads_start(pthread_t *out, const char *name, void *(*main)(void *), void *arg);

/*
 * Make the calling thread SCHED_BATCH, for as long as it is not a real-time one.  For a thread that
 * serves many clients: it then does not interrupt the client that wakes it, and finds several
 * requests where it would have found one.  Call it before rzs_threads_enter().  Does nothing if the
 * system refuses, or if the thread was started with another policy.
 */
void rzs_threads_prefer_batches(void);

/*
 * Put the calling thread into the table, with its present policy.  If it is there already, only its
 * role changes.  Returns its entry, or NULL if the table is full; the watchdog then does not see
 * the thread.  Never waits.
 */
struct rzs_thread *rzs_threads_enter(enum rzs_thread_role role);

/*
 * Give the entry's thread the priority of its role, or make it an ordinary thread.  0 or a negative
 * errno; -ESRCH: the thread has ended.  May wait for another thread that schedules the same one.
 * Not for I/O threads or the watchdog.
 */
int rzs_threads_schedule(struct rzs_thread *t, bool realtime);

/*
 * Make the entry's thread an ordinary one until it makes progress.  If it is searching for a page
 * in the kernel, that search remains one of a real-time thread; the next page is asked for as an
 * ordinary thread.  0 or a negative errno; -ESRCH: the thread has ended; -EAGAIN: another thread is
 * scheduling it.  Never waits.
 */
int rzs_threads_demote(struct rzs_thread *t);

/* Undo that.  Never waits.  Errors as for rzs_threads_demote(). */
int rzs_threads_restore(struct rzs_thread *t);

/*
 * Give the calling helper thread the priority of I/O threads, until rzs_threads_lower().  It calls
 * this before it takes a lock that I/O threads need: if it lost the processor while it held that
 * lock, the I/O threads would wait for whoever got the processor, at any priority.  Until it calls
 * rzs_threads_lower() it must not wait for memory, nor run for longer than a request takes.
 *
 * Returns false if nothing was changed: t is NULL, threads are not real-time ones now, or the
 * system refuses.  Do not call rzs_threads_lower() then.  Both may wait for another thread that
 * schedules this one.  (FUTEX_LOCK_PI would pass the priority on by itself, but takes kernel memory
 * in each thread that has to wait.)
 */
bool rzs_threads_raise(struct rzs_thread *t);
void rzs_threads_lower(struct rzs_thread *t);

/*
 * Schedule the calling thread for this role, whether it is in the table or not.  The table does not
 * change.  0 or a negative errno.
 */
int rzs_threads_schedule_self(enum rzs_thread_role role, bool realtime);

/*
 * Entry i, 0 to RZS_THREADS_MAX - 1; NULL: it is free.  An entry stays readable when its thread
 * ends.
 */
struct rzs_thread *rzs_threads_at(unsigned i);

/* The processor time that the thread has used, in ns.  -ESRCH and 0: it has ended. */
int rzs_threads_time(struct rzs_thread *t, uint64_t *out_ns);

/*
 * The calling thread makes progress.  t: its entry, or NULL.  works: until the next call it asks
 * the kernel for no memory, so it cannot get stuck.  On the data path: no system call, unless the
 * thread was demoted.
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
