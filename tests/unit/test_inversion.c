/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread that serves I/O waits for a lock that a helper holds, while somebody of lower priority
 * wants the same processor.  What that one gets done in between is counted, not how long it takes.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "t.h"

#include "rzs_port.h"
#include "threads.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>

#define HELD_NS 20000000u /* of the helper's own processor time, under the lock */

static rzs_lock_t lock;
static sem_t locked, ready; /* the lock is held; the bystander is there */
static bool done;
static uint64_t bystander_before, bystander_after; /* ns of its processor time */
static pthread_t bystander;

static uint64_t time_of(clockid_t clock)
{
	struct timespec ts;

	T_EQ(clock_gettime(clock, &ts), 0);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint64_t time_of_bystander(void)
{
	clockid_t clock;

	T_EQ(pthread_getcpuclockid(bystander, &clock), 0);
	return time_of(clock);
}

static void down(sem_t *sem)
{
	while (sem_wait(sem))
		;
}

/* Has the refill thread's priority, above any ordinary one, and always something to do. */
static void *stand_by(void *unused)
{
	(void)unused;
	T_EQ(rzs_threads_schedule_self(RZS_THREAD_REFILL, true), 0);
	sem_post(&ready);
	down(&locked);
	while (!__atomic_load_n(&done, __ATOMIC_RELAXED))
		;
	return NULL;
}

static void *serve(void *unused)
{
	(void)unused;
	T_EQ(rzs_threads_schedule_self(RZS_THREAD_IO, true), 0);
	sem_post(&ready);
	down(&locked);
	rzs_lock(&lock);
	bystander_after = time_of_bystander();
	__atomic_store_n(&done, true, __ATOMIC_RELAXED);
	rzs_unlock(&lock);
	return NULL;
}

static void *help(void *unused)
{
	struct rzs_thread *t = rzs_threads_enter(RZS_THREAD_HELPER);
	uint64_t start;

	(void)unused;
	T_NE(t, NULL);
	T_EQ(rzs_threads_schedule(t, true), 0);
	T_EQ(rzs_threads_raise(t), true);
	rzs_lock(&lock);
	bystander_before = time_of_bystander();
	sem_post(&locked);
	sem_post(&locked);
	for (start = time_of(CLOCK_THREAD_CPUTIME_ID);
	     time_of(CLOCK_THREAD_CPUTIME_ID) - start < HELD_NS;)
		;
	rzs_unlock(&lock);
	rzs_threads_lower(t);
	T_EQ(sched_getscheduler(0) & ~SCHED_RESET_ON_FORK, SCHED_OTHER);
	return NULL;
}

static uint64_t bystanders_gain(void)
{
	pthread_t io, helper;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		T_SKIP("cannot stay on one processor");
	if (rzs_threads_schedule_self(RZS_THREAD_IO, true))
		T_SKIP("this user may not have real-time threads");
	T_EQ(rzs_threads_schedule_self(RZS_THREAD_IO, false), 0);
	rzs_lock_init(&lock);
	sem_init(&locked, 0, 0);
	sem_init(&ready, 0, 0);
	T_EQ(pthread_create(&bystander, NULL, stand_by, NULL), 0);
	T_EQ(pthread_create(&io, NULL, serve, NULL), 0);
	down(&ready);
	down(&ready);
	T_EQ(pthread_create(&helper, NULL, help, NULL), 0);
	pthread_join(io, NULL);
	pthread_join(helper, NULL);
	pthread_join(bystander, NULL);
	return bystander_after - bystander_before;
}

/* Red when whoever is below the one that waits runs instead of the one it waits for. */
T_TEST(nobody_gets_on_instead_of_a_helper_that_is_waited_for)
{
	uint64_t gain = bystanders_gain();

	t_note("the bystander got %llu us", (unsigned long long)gain / 1000);
	T_LT(gain, HELD_NS / 4);
}

/* No reason to be raised: no swap, or no entry. */
T_TEST(a_helper_is_raised_only_while_others_are_real_time_ones)
{
	struct rzs_thread *t = rzs_threads_enter(RZS_THREAD_HELPER);

	T_NE(t, NULL);
	T_EQ(rzs_threads_raise(t), false);
	T_EQ(rzs_threads_raise(NULL), false);
	T_EQ(sched_getscheduler(0), SCHED_OTHER);
}
