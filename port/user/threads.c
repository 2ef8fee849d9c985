/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The threads of a process that serves swap; see threads.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "threads.h"
#include "stack.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static const int threads_priority[RZS_THREAD_ROLES] = {
	[RZS_THREAD_WATCHDOG] = 3,
	[RZS_THREAD_IO] = 2,
	[RZS_THREAD_REFILL] = 1,
	[RZS_THREAD_HELPER] = 0,
};

/* Policy of the calling thread.  Static TLS: a plugin's other kind takes memory on first use. */
static _Thread_local __attribute__((tls_model("initial-exec"))) int threads_ordinary = SCHED_OTHER;

static struct rzs_thread threads[RZS_THREADS_MAX];

/* An entry's tid while it is filled in; others see the entry only after that. */
#define THREADS_CLAIMED (-1)

/*
 * A thread's entry is the value of this key.  So the entry is freed when the thread ends, in
 * whatever way.  The key is created once; without it there are no entries.
 */
static pthread_once_t threads_once = PTHREAD_ONCE_INIT;
static pthread_key_t threads_key;
static bool threads_have_key;

int rzs_threads_start(pthread_t *out, const char *name, void *(*main)(void *), void *arg)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int err;

	err = pthread_attr_init(&attr);
	if (err)
		return -err;
	(void)pthread_attr_setstacksize(&attr, RZS_STACK);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(out, &attr, main, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (err)
		return -err;
	(void)pthread_setname_np(*out, name);
	return 0;
}

static pid_t threads_self(void)
{
	return (pid_t)syscall(SYS_gettid);
}

/* The calling thread's entry, or NULL. */
static struct rzs_thread *threads_own(void)
{
	return threads_have_key ? pthread_getspecific(threads_key) : NULL;
}

/* The thread ends.  After this its id may be another thread's, so nobody may be using it. */
static void threads_leave(void *entry)
{
	struct rzs_thread *t = entry;

	rzs_lock(&t->lock);
	__atomic_store_n(&t->tid, 0, __ATOMIC_RELEASE);
	rzs_unlock(&t->lock);
}

/* In the child.  The other threads stayed with the parent; this one has a new id. */
static void threads_after_fork(void)
{
	const struct rzs_thread *own = threads_own();

	for (unsigned i = 0; i < RZS_THREADS_MAX; i++) {
		struct rzs_thread *t = &threads[i];

		rzs_lock_init(&t->lock); /* its holder is not in the child */
		t->tid = t == own && pthread_getcpuclockid(pthread_self(), &t->clock) == 0
				 ? threads_self()
				 : 0;
	}
}

static void threads_prepare(void)
{
	if (pthread_key_create(&threads_key, threads_leave))
		return;
	threads_have_key = pthread_atfork(NULL, NULL, threads_after_fork) == 0;
}

static struct rzs_thread *threads_fill(struct rzs_thread *t, enum rzs_thread_role role,
				       clockid_t clock)
{
	int policy = sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;

	__atomic_store_n(&t->role, (int)role, __ATOMIC_RELAXED);
	__atomic_store_n(&t->ordinary, threads_ordinary, __ATOMIC_RELAXED);
	__atomic_store_n(&t->realtime, policy == SCHED_FIFO, __ATOMIC_RELAXED);
	__atomic_store_n(&t->clock, clock, __ATOMIC_RELAXED);
	__atomic_store_n(&t->progress, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&t->demoted, false, __ATOMIC_RELAXED);
	__atomic_store_n(&t->tid, threads_self(), __ATOMIC_RELEASE);
	return t;
}

struct rzs_thread *rzs_threads_enter(enum rzs_thread_role role)
{
	struct rzs_thread *own;
	clockid_t clock;

	pthread_once(&threads_once, threads_prepare);
	if (!threads_have_key || pthread_getcpuclockid(pthread_self(), &clock))
		return NULL;
	own = threads_own();
	if (own) {
		__atomic_store_n(&own->role, (int)role, __ATOMIC_RELAXED);
		return own;
	}
	for (unsigned i = 0; i < RZS_THREADS_MAX; i++) {
		struct rzs_thread *t = &threads[i];
		pid_t seen = 0;

		if (!__atomic_compare_exchange_n(&t->tid, &seen, THREADS_CLAIMED, false,
						 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			continue;
		if (pthread_setspecific(threads_key, t) == 0)
			return threads_fill(t, role, clock);
		__atomic_store_n(&t->tid, 0, __ATOMIC_RELAXED);
		return NULL;
	}
	return NULL;
}

struct rzs_thread *rzs_threads_at(unsigned i)
{
	return __atomic_load_n(&threads[i].tid, __ATOMIC_ACQUIRE) > 0 ? &threads[i] : NULL;
}

int rzs_threads_time(struct rzs_thread *t, uint64_t *out_ns)
{
	struct timespec ts;

	*out_ns = 0;
	if (__atomic_load_n(&t->tid, __ATOMIC_ACQUIRE) <= 0 ||
	    clock_gettime(__atomic_load_n(&t->clock, __ATOMIC_RELAXED), &ts))
		return -ESRCH;
	*out_ns = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	return 0;
}

static int threads_set(pid_t tid, enum rzs_thread_role role, int ordinary, bool realtime)
{
	struct sched_param param = {.sched_priority = realtime ? threads_priority[role] : 0};
	int policy = param.sched_priority ? SCHED_FIFO : ordinary;

	/* For this thread only: programs that it starts are ordinary again. */
	if (sched_setscheduler(tid, policy | SCHED_RESET_ON_FORK, &param))
		return -errno;
	/* A helper's nice value is welcome, but not needed. */
	if (policy != SCHED_FIFO)
		(void)setpriority(PRIO_PROCESS, (id_t)tid, realtime ? -20 : 0);
	return 0;
}

/* Under the entry's lock, so the thread cannot end. */
static int threads_set_entry(const struct rzs_thread *t, bool realtime)
{
	pid_t tid = __atomic_load_n(&t->tid, __ATOMIC_ACQUIRE);
	int role = __atomic_load_n(&t->role, __ATOMIC_RELAXED);
	int ordinary = __atomic_load_n(&t->ordinary, __ATOMIC_RELAXED);

	return tid > 0 ? threads_set(tid, (enum rzs_thread_role)role, ordinary, realtime) : -ESRCH;
}

int rzs_threads_schedule(struct rzs_thread *t, bool realtime)
{
	int err;

	rzs_lock(&t->lock);
	__atomic_store_n(&t->realtime, realtime, __ATOMIC_RELAXED);
	__atomic_store_n(&t->demoted, false, __ATOMIC_RELAXED);
	err = threads_set_entry(t, realtime);
	rzs_unlock(&t->lock);
	return err;
}

int rzs_threads_demote(struct rzs_thread *t)
{
	int err;

	if (!rzs_trylock(&t->lock))
		return -EAGAIN;
	__atomic_store_n(&t->demoted, true, __ATOMIC_RELAXED);
	err = threads_set_entry(t, false);
	rzs_unlock(&t->lock);
	return err;
}

int rzs_threads_restore(struct rzs_thread *t)
{
	int err;

	if (!rzs_trylock(&t->lock))
		return -EAGAIN;
	err = threads_set_entry(t, __atomic_load_n(&t->realtime, __ATOMIC_RELAXED));
	if (!err)
		__atomic_store_n(&t->demoted, false, __ATOMIC_RELAXED);
	rzs_unlock(&t->lock);
	return err;
}

bool rzs_threads_raise(struct rzs_thread *t)
{
	bool raised;

	if (!t || !__atomic_load_n(&t->realtime, __ATOMIC_RELAXED))
		return false;
	rzs_lock(&t->lock);
	raised = threads_set(threads_self(), RZS_THREAD_IO,
			     __atomic_load_n(&t->ordinary, __ATOMIC_RELAXED), true) == 0;
	rzs_unlock(&t->lock);
	return raised;
}

void rzs_threads_lower(struct rzs_thread *t)
{
	rzs_lock(&t->lock);
	(void)threads_set_entry(t, __atomic_load_n(&t->realtime, __ATOMIC_RELAXED));
	rzs_unlock(&t->lock);
}

int rzs_threads_schedule_self(enum rzs_thread_role role, bool realtime)
{
	return threads_set(0, role, threads_ordinary, realtime);
}

void rzs_threads_prefer_batches(void)
{
	static const struct sched_param param;

	/* Another policy was chosen on purpose. */
	if (sched_getscheduler(0) != SCHED_OTHER)
		return;
	if (sched_setscheduler(0, SCHED_BATCH | SCHED_RESET_ON_FORK, &param) == 0)
		threads_ordinary = SCHED_BATCH;
}
