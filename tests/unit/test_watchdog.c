/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of threads and the watchdog: a thread that uses processor time without making progress
 * is helped; one that makes progress, or waits, is not.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "t.h"

#include "threads.h"
#include "headroom.h"
#include "sanitized.h"
#include "watchdog.h"

#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define BALLAST (1u << 20)

static struct rzs_watchdog_info info(void)
{
	struct rzs_watchdog_info i;

	rzs_watchdog_info(&i);
	return i;
}

/* What the watched thread does. */
enum { GETS_ON, SPINS, WORKS, WAITS, ENDS };

struct patient {
	enum rzs_thread_role role;
	pthread_t thread;
	struct rzs_thread *entry;
	pid_t tid;
	int does;
	bool realtime;
};

static void *patient_main(void *arg)
{
	struct patient *p = arg;
	int does, did = SPINS;

	if (p->realtime)
		T_EQ(rzs_threads_schedule_self(p->role, true), 0);
	__atomic_store_n(&p->entry, rzs_threads_enter(p->role), __ATOMIC_RELEASE);
	while ((does = __atomic_load_n(&p->does, __ATOMIC_RELAXED)) != ENDS) {
		if (does == GETS_ON || (does == WORKS && did != WORKS))
			rzs_threads_progress(p->entry, does == WORKS);
		if (does == WAITS)
			(void)poll(NULL, 0, 50); /* for a request that does not come */
		did = does;
	}
	return NULL;
}

static pid_t number_of(const struct rzs_thread *t)
{
	return __atomic_load_n(&t->tid, __ATOMIC_ACQUIRE);
}

static void start(struct patient *p)
{
	T_EQ(pthread_create(&p->thread, NULL, patient_main, p), 0);
	T_WAIT(__atomic_load_n(&p->entry, __ATOMIC_ACQUIRE) != NULL, 10);
}

static void set(struct patient *p, int does)
{
	__atomic_store_n(&p->does, does, __ATOMIC_RELAXED);
}

static void end(struct patient *p)
{
	set(p, ENDS);
	pthread_join(p->thread, NULL);
}

/* Whether the system is short, and how often that was asked. */
static bool is_short;
static unsigned asked;

bool __wrap_rzs_headroom_short(struct rzs_headroom *r);
bool __wrap_rzs_headroom_short(struct rzs_headroom *r)
{
	(void)r;
	__atomic_fetch_add(&asked, 1, __ATOMIC_RELAXED);
	return __atomic_load_n(&is_short, __ATOMIC_RELAXED);
}

static unsigned looks(void)
{
	return __atomic_load_n(&asked, __ATOMIC_RELAXED);
}

static void start_watchdog(void)
{
	T_EQ(rzs_watchdog_start(NULL, NULL), 0);
	if (rzs_watchdog_take_ballast(BALLAST) < 0)
		T_SKIP("this user may not lock memory");
	T_EQ(info().running, true);
	T_EQ(info().ballast_bytes, BALLAST);
}

/* Processor time of a thread that spins, as the watchdog sees it. */
static bool has_used(struct patient *p, uint64_t ns)
{
	uint64_t now;

	return rzs_threads_time(p->entry, &now) == 0 && now > ns;
}

T_TEST(a_stuck_thread_gets_the_ballast_then_loses_its_priority)
{
	struct patient p = {.role = RZS_THREAD_IO, .does = SPINS};

	start_watchdog();
	start(&p);
	rzs_watchdog_set_active(true);
	T_WAIT(info().released == 1, 20);
	T_EQ(info().ballast_bytes, 0);
	T_WAIT(info().demoted == 1, 20);
	T_GE(info().stuck, 2);
	end(&p);
	rzs_watchdog_stop();
}

T_TEST(a_thread_that_gets_on_is_left_alone)
{
	struct patient p = {.role = RZS_THREAD_IO, .does = GETS_ON};

	start_watchdog();
	start(&p);
	rzs_watchdog_set_active(true);
	T_WAIT(has_used(&p, 500000000), 20);
	T_EQ(info().stuck, 0);
	T_EQ(info().ballast_bytes, BALLAST);
	end(&p);
	rzs_watchdog_stop();
}

/* A compression takes its time, and no memory. */
T_TEST(a_thread_at_work_is_left_alone)
{
	struct patient p = {.role = RZS_THREAD_IO, .does = WORKS};

	start_watchdog();
	start(&p);
	T_WAIT(has_used(&p, 100000000), 20);
	rzs_watchdog_set_active(true);
	T_WAIT(has_used(&p, 600000000), 20);
	T_EQ(info().stuck, 0);
	end(&p);
	rzs_watchdog_stop();
}

T_TEST(nobody_watches_while_there_is_no_swap)
{
	struct patient p = {.role = RZS_THREAD_IO, .does = SPINS};

	start_watchdog();
	start(&p);
	T_WAIT(has_used(&p, 500000000), 20);
	T_EQ(info().stuck, 0);
	end(&p);
	rzs_watchdog_stop();
}

/* As long as waiting helps, the ballast is not given away for the refill thread. */
T_TEST(a_stuck_refill_thread_loses_its_priority_until_it_gets_on)
{
	struct patient p = {.role = RZS_THREAD_REFILL, .does = GETS_ON, .realtime = true};
	pid_t tid;

	if (rzs_threads_schedule_self(RZS_THREAD_REFILL, true))
		T_SKIP("real-time priority is not allowed here");
	T_EQ(rzs_threads_schedule_self(RZS_THREAD_REFILL, false), 0);
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		T_SKIP("a real-time thread that spins needs a processor for itself");
	start_watchdog();
	start(&p);
	tid = number_of(p.entry);
	set(&p, SPINS);
	rzs_watchdog_set_active(true);
	T_WAIT(info().stuck >= 1, 20);
	T_WAIT(info().demoted == 1, 20);
	T_EQ(sched_getscheduler(tid) & ~SCHED_RESET_ON_FORK, SCHED_OTHER);
	T_WAIT(info().released == 1, 20);
	T_EQ(info().ballast_bytes, 0);
	T_GE(info().stuck, 2);
	T_EQ(info().demoted, 1);
	set(&p, GETS_ON);
	T_WAIT((sched_getscheduler(tid) & ~SCHED_RESET_ON_FORK) == SCHED_FIFO, 20);
	end(&p);
	rzs_watchdog_stop();
}

/* At once, not when the watchdog looks again: the next page is asked for before that. */
T_TEST(a_thread_that_gets_on_takes_its_priority_back_itself)
{
	struct rzs_thread *t = rzs_threads_enter(RZS_THREAD_REFILL);

	T_NE(t, NULL);
	if (rzs_threads_schedule(t, true))
		T_SKIP("real-time priority is not allowed here");
	T_EQ(rzs_threads_demote(t), 0);
	T_EQ(sched_getscheduler(0) & ~SCHED_RESET_ON_FORK, SCHED_OTHER);
	rzs_threads_progress(t, false);
	T_EQ(sched_getscheduler(0) & ~SCHED_RESET_ON_FORK, SCHED_FIFO);
	/* Swap is off meanwhile. */
	T_EQ(rzs_threads_demote(t), 0);
	T_EQ(rzs_threads_schedule(t, false), 0);
	rzs_threads_progress(t, false);
	T_EQ(sched_getscheduler(0) & ~SCHED_RESET_ON_FORK, SCHED_OTHER);
}

/* Red when whoever was stuck once ends as a real-time thread, though that is not wanted. */
T_TEST(an_ordinary_thread_that_gets_on_stays_one)
{
	struct rzs_thread *t = rzs_threads_enter(RZS_THREAD_IO);
	struct patient p = {.role = RZS_THREAD_IO, .does = SPINS};

	T_NE(t, NULL);
	T_EQ(rzs_threads_demote(t), 0);
	rzs_threads_progress(t, false);
	T_EQ(sched_getscheduler(0) & ~SCHED_RESET_ON_FORK, SCHED_OTHER);
	T_EQ(t->demoted, false);
	/* By way of the watchdog.  It may find this thread stuck as well, and count it. */
	start_watchdog();
	start(&p);
	rzs_watchdog_set_active(true);
	T_WAIT(__atomic_load_n(&p.entry->demoted, __ATOMIC_RELAXED), 20);
	set(&p, GETS_ON);
	T_WAIT(!__atomic_load_n(&p.entry->demoted, __ATOMIC_RELAXED), 20);
	T_WAIT(has_used(&p, 1000000000), 20);
	T_EQ(sched_getscheduler(number_of(p.entry)) & ~SCHED_RESET_ON_FORK, SCHED_OTHER);
	end(&p);
	rzs_watchdog_stop();
}

T_TEST(a_system_that_is_short_while_nobody_gets_on_gets_the_ballast)
{
	struct patient p = {.role = RZS_THREAD_IO, .does = WAITS};
	unsigned before;

	start_watchdog();
	start(&p);
	rzs_watchdog_set_active(true);
	before = looks();
	T_WAIT(looks() >= before + 8, 20);
	T_EQ(info().released, 0);
	before = looks();
	__atomic_store_n(&is_short, true, __ATOMIC_RELAXED);
	T_WAIT(info().released == 1, 20);
	T_GE(looks() - before, 5);
	T_EQ(info().ballast_bytes, 0);
	T_EQ(info().stuck, 0);
	end(&p);
	rzs_watchdog_stop();
}

/* Somebody is served: that is what brings memory. */
T_TEST(a_system_that_is_short_while_a_thread_gets_on_is_left_alone)
{
	struct patient p = {.role = RZS_THREAD_IO, .does = GETS_ON};

	start_watchdog();
	start(&p);
	__atomic_store_n(&is_short, true, __ATOMIC_RELAXED);
	rzs_watchdog_set_active(true);
	T_WAIT(has_used(&p, 2000000000), 30);
	T_EQ(info().released, 0);
	end(&p);
	rzs_watchdog_stop();
}

T_TEST(the_ballast_is_taken_again)
{
	struct patient p = {.role = RZS_THREAD_IO, .does = SPINS};

	start_watchdog();
	start(&p);
	rzs_watchdog_set_active(true);
	T_WAIT(info().released == 1, 20);
	end(&p);
	rzs_watchdog_tick();
	T_EQ(info().ballast_bytes, BALLAST);
	rzs_watchdog_tick();
	T_EQ(info().ballast_bytes, BALLAST);
	rzs_watchdog_stop();
	T_EQ(info().ballast_bytes, 0);
	T_EQ(info().running, false);
}

T_TEST(a_ballast_is_of_a_sensible_size)
{
	T_EQ(rzs_watchdog_default_ballast(0), 512u << 10);
	T_EQ(rzs_watchdog_default_ballast(192u << 20), 768u << 10);
	T_EQ(rzs_watchdog_default_ballast(1ull << 30), 4u << 20);
	T_EQ(rzs_watchdog_default_ballast(1ull << 40), 8u << 20);
}

static void *enter_and_end(void *arg)
{
	struct rzs_thread **out = arg;

	*out = rzs_threads_enter(RZS_THREAD_IO);
	return NULL;
}

/* Threads come and go with connections, and there is room for them for ever. */
T_TEST(entries_of_ended_threads_are_used_again)
{
	for (unsigned i = 0; i < 3 * RZS_THREADS_MAX; i++) {
		struct rzs_thread *entry = NULL;
		pthread_t thread;

		T_EQ(pthread_create(&thread, NULL, enter_and_end, &entry), 0);
		pthread_join(thread, NULL);
		T_NE(entry, NULL);
	}
}

static void *enter_twice(void *arg)
{
	struct patient *p = arg;
	struct rzs_thread *entry = rzs_threads_enter(RZS_THREAD_HELPER);

	p->entry = rzs_threads_enter(p->role);
	T_EQ(p->entry, entry);
	p->tid = number_of(p->entry);
	return NULL;
}

/* A process of this number that waits to be ended; -1: that is not to be had. */
static pid_t process_of_number(pid_t pid)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&pid, .set_tid_size = 1};
	long got = syscall(SYS_clone3, &args, sizeof(args));

	if (got == 0)
		for (;;)
			(void)poll(NULL, 0, 1000);
	return (pid_t)got;
}

/* Red when a thread that has ended keeps its entry: its number is another process's by now. */
T_TEST(nobody_is_scheduled_by_the_number_of_an_ended_thread)
{
	struct patient p = {.role = RZS_THREAD_IO};
	pid_t other;
	int policy;

	T_EQ(pthread_create(&p.thread, NULL, enter_twice, &p), 0);
	pthread_join(p.thread, NULL);
	for (unsigned i = 0; i < RZS_THREADS_MAX; i++)
		T_EQ(rzs_threads_at(i), NULL);
	other = process_of_number(p.tid);
	if (other < 0)
		T_SKIP("no process of a chosen number: %s", strerror(errno));
	T_EQ(other, p.tid);
	T_EQ(rzs_threads_schedule(p.entry, true), -ESRCH);
	T_EQ(rzs_threads_demote(p.entry), -ESRCH);
	T_EQ(rzs_threads_restore(p.entry), -ESRCH);
	policy = sched_getscheduler(other);
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	T_EQ(policy, SCHED_OTHER);
}

/* What the child of a fork says of itself: 0, or the line that is not so. */
static int child_of_fork(struct rzs_thread *t, const struct patient *other)
{
	for (unsigned i = 0; i < RZS_THREADS_MAX; i++)
		if (rzs_threads_at(i) && rzs_threads_at(i) != t)
			return __LINE__;
	if (t->tid != getpid() || rzs_threads_enter(RZS_THREAD_HELPER) != t)
		return __LINE__;
	if (rzs_threads_schedule(other->entry, true) != -ESRCH)
		return __LINE__;
	if (rzs_threads_schedule(t, true) || getpriority(PRIO_PROCESS, 0) != -20)
		return __LINE__;
	return 0;
}

/* Red when the child schedules its parent, or the parent's threads, by numbers from before. */
T_TEST(a_fork_leaves_the_child_its_own_entry_and_no_other)
{
	struct patient p = {.role = RZS_THREAD_IO, .does = WAITS};
	struct rzs_thread *t = rzs_threads_enter(RZS_THREAD_HELPER);
	int status = 0, before = getpriority(PRIO_PROCESS, 0);
	pid_t child;

	T_NE(t, NULL);
	if (setpriority(PRIO_PROCESS, 0, -20) || setpriority(PRIO_PROCESS, 0, before))
		T_SKIP("this user may not be in haste");
	start(&p);
	child = fork();
	if (child == 0)
		_exit(child_of_fork(t, &p) % 256);
	T_EQ(waitpid(child, &status, 0), child);
	T_EQ(WEXITSTATUS(status), 0);
	T_OK(WIFEXITED(status));
	T_EQ(getpriority(PRIO_PROCESS, 0), before);
	T_EQ(sched_getscheduler(number_of(p.entry)) & ~SCHED_RESET_ON_FORK, SCHED_OTHER);
	end(&p);
}

T_TEST(a_full_table_says_so)
{
	static struct patient p[RZS_THREADS_MAX];
	struct rzs_thread *entry = NULL;

	if (instrumented() && !SANITIZED)
		T_SKIP("valgrind has no room for so many threads");
	for (unsigned i = 0; i < RZS_THREADS_MAX; i++) {
		p[i] = (struct patient){.role = RZS_THREAD_HELPER, .does = WAITS};
		start(&p[i]);
	}
	entry = rzs_threads_enter(RZS_THREAD_IO);
	T_EQ(entry, NULL);
	rzs_threads_progress(entry, true); /* fine */
	for (unsigned i = 0; i < RZS_THREADS_MAX; i++)
		set(&p[i], ENDS);
	for (unsigned i = 0; i < RZS_THREADS_MAX; i++)
		pthread_join(p[i].thread, NULL);
	T_NE(rzs_threads_enter(RZS_THREAD_IO), NULL);
}
