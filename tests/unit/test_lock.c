/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Locks, waiting and atomics of the user and the test port; the test port's yield points mix the
 * threads' order.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "t.h"

#include "port_test.h"
#include "rzs_port.h"

#include <pthread.h>
#include <sched.h>

#define THREADS 4u
#define ROUNDS	20000u

struct shared {
	rzs_lock_t lock;
	uint64_t word;
	uint64_t plain[2]; /* under lock */
	uint64_t counter;  /* atomic */
	uint64_t woken;
	int inside;
};

struct job {
	struct shared *s;
	pthread_t thread;
	uint64_t seed;
	unsigned bad;
	unsigned returns; /* of rzs_wait() */
};

static void run(struct shared *s, void *(*fn)(void *), struct job *jobs, uint64_t seed)
{
	for (unsigned i = 0; i < THREADS; i++) {
		jobs[i] = (struct job){.s = s, .seed = seed + i};
		T_EQ(pthread_create(&jobs[i].thread, NULL, fn, &jobs[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		T_EQ(pthread_join(jobs[i].thread, NULL), 0);
}

static void *lock_rounds(void *arg)
{
	struct job *j = arg;
	struct shared *s = j->s;

	for (unsigned i = 0; i < ROUNDS; i++) {
		if (t_rand(&j->seed) % 4 == 0) {
			if (!rzs_trylock(&s->lock))
				continue;
		} else {
			rzs_lock(&s->lock);
		}
		j->bad += s->plain[0] != s->plain[1];
		s->plain[0]++;
		if (i % 64 == 0)
			sched_yield(); /* held for long: others go to sleep */
		s->plain[1]++;
		rzs_unlock(&s->lock);
		rzs_add(&s->counter, 1);
	}
	return NULL;
}

/* Two threads inside at once, or a change not seen by the next holder, breaks the equality. */
T_TEST(lock_excludes_and_publishes)
{
	struct shared s = {.counter = 0};
	struct job jobs[THREADS];
	uint64_t seed = t_seed();

	rzs_test_set_yield(20, seed);
	rzs_lock_init(&s.lock);
	run(&s, lock_rounds, jobs, seed);
	for (unsigned i = 0; i < THREADS; i++)
		T_EQ(jobs[i].bad, 0);
	T_EQ(s.plain[0], s.plain[1]);
	T_EQ(s.plain[0], s.counter);
	T_GE(s.counter, ROUNDS);
	T_EQ(rzs_trylock(&s.lock), true);
}

T_TEST(trylock_does_not_wait)
{
	rzs_lock_t l;

	T_LE(sizeof(l), 4);
	rzs_lock_init(&l);
	T_EQ(rzs_trylock(&l), true);
	T_EQ(rzs_trylock(&l), false);
	rzs_unlock(&l);
	T_EQ(rzs_trylock(&l), true);
	rzs_unlock(&l);
	rzs_lock(&l);
	T_EQ(rzs_trylock(&l), false);
	rzs_unlock(&l);
}

static double thread_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double realtime_spent;

static void *realtime_waiter(void *arg)
{
	struct sched_param param = {.sched_priority = 1};
	struct shared *s = arg;
	double start;

	if (sched_setscheduler(0, SCHED_FIFO, &param)) {
		__atomic_store_n(&s->inside, -1, __ATOMIC_RELEASE);
		return NULL;
	}
	start = thread_time();
	__atomic_store_n(&s->inside, 1, __ATOMIC_RELEASE);
	rzs_lock(&s->lock);
	realtime_spent = thread_time() - start;
	rzs_unlock(&s->lock);
	return NULL;
}

/*
 * On one processor, a real-time thread that waits for an ordinary one must sleep: if it spun, the
 * holder would get no time but what the system's throttle leaves it, and the waiter's own time
 * would show it.
 */
T_TEST(realtime_waiter_lets_the_holder_run)
{
	struct shared s = {.inside = 0};
	pthread_t thread;
	cpu_set_t one;
	double start;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		T_SKIP("cannot stay on one processor");
	rzs_lock_init(&s.lock);
	rzs_lock(&s.lock);
	T_EQ(pthread_create(&thread, NULL, realtime_waiter, &s), 0);
	T_WAIT(__atomic_load_n(&s.inside, __ATOMIC_ACQUIRE), 20);
	if (s.inside < 0)
		T_SKIP("this user may not have real-time threads");
	for (start = thread_time(); thread_time() - start < 0.1;)
		;
	rzs_unlock(&s.lock);
	T_EQ(pthread_join(thread, NULL), 0);
	if (realtime_spent > 0.02)
		T_FAIL("the waiter used %g s of processor time", realtime_spent);
}

#define BIT_HELD    1ull
#define BIT_WAITERS 2ull
#define HIGH_ONE    (1ull << 32)

/*
 * A lock of two bits in a word whose high half others change all the time: the way slots are
 * locked.
 */
static void word_lock(uint64_t *p)
{
	uint64_t seen = rzs_load(p);

	for (;;) {
		if (!(seen & BIT_HELD)) {
			if (rzs_cas(p, &seen, seen | BIT_HELD))
				return;
		} else if (!(seen & BIT_WAITERS)) {
			if (rzs_cas(p, &seen, seen | BIT_WAITERS))
				seen |= BIT_WAITERS;
		} else {
			rzs_wait(p, seen);
			seen = rzs_load(p);
		}
	}
}

static void word_unlock(uint64_t *p)
{
	uint64_t seen = rzs_load(p);

	while (!rzs_cas(p, &seen, seen & ~(BIT_HELD | BIT_WAITERS)))
		;
	if (seen & BIT_WAITERS)
		rzs_wake(p);
}

static void *word_rounds(void *arg)
{
	struct job *j = arg;
	struct shared *s = j->s;

	for (unsigned i = 0; i < ROUNDS; i++) {
		rzs_add(&s->word, HIGH_ONE);
		word_lock(&s->word);
		j->bad += s->plain[0] != s->plain[1];
		s->plain[0]++;
		if (i % 64 == 0)
			sched_yield();
		s->plain[1]++;
		word_unlock(&s->word);
	}
	return NULL;
}

/* A lost wake-up ends in the deadline; waiting on the wrong half, too, or in two holders. */
T_TEST(waiting_on_a_word_loses_no_wakeup)
{
	struct shared s = {.word = 0};
	struct job jobs[THREADS];
	uint64_t seed = t_seed();

	rzs_test_set_yield(20, seed);
	run(&s, word_rounds, jobs, seed);
	for (unsigned i = 0; i < THREADS; i++)
		T_EQ(jobs[i].bad, 0);
	T_EQ(s.plain[0], THREADS * ROUNDS);
	T_EQ(s.word, THREADS * ROUNDS * HIGH_ONE);
}

static void *wait_once(void *arg)
{
	struct job *j = arg;
	struct shared *s = j->s;
	uint64_t seen;

	rzs_add(&s->counter, 1);
	while ((seen = rzs_load(&s->word)) == HIGH_ONE) {
		rzs_wait(&s->word, seen);
		j->returns++;
	}
	rzs_add(&s->woken, 1);
	return NULL;
}

/*
 * One wake-up reaches every waiter, which slept until then; a wait for a value that is gone returns
 * at once.
 */
T_TEST(wake_reaches_all)
{
	struct shared s = {.word = HIGH_ONE};
	struct job jobs[THREADS];
	double start;

	rzs_wait(&s.word, HIGH_ONE + 1);
	for (unsigned i = 0; i < THREADS; i++) {
		jobs[i] = (struct job){.s = &s};
		T_EQ(pthread_create(&jobs[i].thread, NULL, wait_once, &jobs[i]), 0);
	}
	T_WAIT(rzs_load(&s.counter) == THREADS, 10);
	for (unsigned i = 0; i < 10; i++) {
		rzs_wake(&s.word); /* to no purpose: they look and wait again */
		T_EQ(rzs_load(&s.woken), 0);
	}
	for (start = thread_time(); thread_time() - start < 0.05;)
		;
	rzs_set(&s.word, HIGH_ONE + 1);
	rzs_wake(&s.word);
	T_WAIT(rzs_load(&s.woken) == THREADS, 10);
	for (unsigned i = 0; i < THREADS; i++) {
		T_EQ(pthread_join(jobs[i].thread, NULL), 0);
		T_LE(jobs[i].returns, 100);
	}
}

/*
 * A wait for a time lasts that long, and no longer than the test.  Red where the system call takes
 * the time in another shape than time_t has: the refill and watch threads then never sleep.
 */
T_TEST(a_wait_for_a_time_lasts)
{
	const struct timespec timeout = {0, 20000000};
	uint32_t word = 7;
	unsigned lasted = 0;

	for (unsigned i = 0; i < 10; i++) {
		double start = t_now();

		rzs_sync_futex_wait(&word, 7, &timeout);
		lasted += t_now() - start >= 0.019;
	}
	T_GE(lasted, 5); /* a signal may end one before its time */
	rzs_sync_futex_wait(&word, 8, &timeout);
	rzs_sync_futex_wait(&word, 8, NULL);
}

T_TEST(atomics_do_what_they_say)
{
	uint64_t w = 5, seen = 4;
	uint32_t h = 5, seen32 = 4;

	T_EQ(rzs_cas(&w, &seen, 9), false);
	T_EQ(seen, 5);
	T_EQ(rzs_cas(&w, &seen, 9), true);
	T_EQ(rzs_load(&w), 9);
	T_EQ(rzs_load_relaxed(&w), 9);
	rzs_add(&w, (uint64_t)-10);
	T_EQ(w, UINT64_MAX);
	rzs_set(&w, 1);
	T_EQ(w, 1);
	T_EQ(rzs_cas32(&h, &seen32, 9), false);
	T_EQ(seen32, 5);
	T_EQ(rzs_load32(&h), 5);
	T_EQ(rzs_cas32(&h, &seen32, 9), true);
	T_EQ(rzs_load32(&h), 9);
	rzs_set32(&h, 1);
	T_EQ(h, 1);
}
