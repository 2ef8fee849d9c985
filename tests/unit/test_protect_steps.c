/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Process protection.  What the system grants differs from machine to machine, so tests compare
 * what each step says with what the system says; as an ordinary user without limits to spare,
 * refusals are certain.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "t.h"

#include "protect_steps.h"
#include "sanitized.h"
#include "stack.h"
#include "swaps.h"

#include <malloc.h>
#include <pthread.h>
#include <dirent.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static long number_in(const char *path)
{
	long n = -1;
	FILE *f = fopen(path, "r");

	T_NE(f, NULL);
	T_EQ(fscanf(f, "%ld", &n), 1);
	fclose(f);
	return n;
}

static void become_nobody(void)
{
	const struct rlimit none = {0, 0};

	T_EQ(setrlimit(RLIMIT_MEMLOCK, &none), 0);
	T_EQ(setrlimit(RLIMIT_RTPRIO, &none), 0);
	if (geteuid() == 0 && (setgid(65534) || setuid(65534)))
		T_SKIP("cannot become an ordinary user");
}

static int io_thread(struct rzs_protect *p)
{
	struct rzs_thread *entry;

	return rzs_protect_thread(p, RZS_THREAD_IO, &entry);
}

T_TEST(modes_by_name)
{
	enum rzs_protect_mode mode;

	T_EQ(rzs_protect_mode_parse("require", &mode), 0);
	T_EQ(mode, RZS_PROTECT_REQUIRE);
	T_EQ(rzs_protect_mode_parse("off", &mode), 0);
	T_EQ(mode, RZS_PROTECT_OFF);
	T_EQ(rzs_protect_mode_parse("auto", &mode), 0);
	T_EQ(mode, RZS_PROTECT_AUTO);
	T_EQ(rzs_protect_mode_parse("on", &mode), -EINVAL);
	T_EQ(rzs_protect_mode_parse("", &mode), -EINVAL);
	T_EQ(mode, RZS_PROTECT_AUTO);
}

/* Off means off: nothing of the process changes, every step says so. */
T_TEST(off_does_nothing)
{
	struct rlimit before, after;
	struct rzs_protect p;
	long score = number_in("/proc/self/oom_score_adj");

	T_EQ(getrlimit(RLIMIT_CORE, &before), 0);
	rzs_protect_init(&p, RZS_PROTECT_OFF, true);
	T_EQ(rzs_protect_early(&p), 0);
	T_EQ(rzs_protect_process(&p), 0);
	T_EQ(io_thread(&p), 0);
	for (int i = 0; i < RZS_PROTECT_STEPS; i++)
		T_EQ(rzs_protect_state(&p, (enum rzs_protect_step_id)i), RZS_PROTECT_NOT_DONE);
	T_EQ(getrlimit(RLIMIT_CORE, &after), 0);
	T_EQ(after.rlim_cur, before.rlim_cur);
	T_EQ(number_in("/proc/self/oom_score_adj"), score);
	T_EQ(prctl(PR_GET_DUMPABLE), 1);
	T_EQ(sched_getscheduler(0), SCHED_OTHER);
}

static void *stack_size(void *arg)
{
	pthread_attr_t attr;
	size_t size = 0;

	(void)arg;
	T_EQ(pthread_getattr_np(pthread_self(), &attr), 0);
	T_EQ(pthread_attr_getstacksize(&attr, &size), 0);
	pthread_attr_destroy(&attr);
	return (void *)size;
}

/* What early says it has done is so, and what it says was refused is as before. */
T_TEST(early_steps_tell_the_truth)
{
	long before = number_in("/proc/self/oom_score_adj"), now;
	struct rlimit limit;
	struct rzs_protect p;
	pthread_t thread;
	void *size;

	rzs_protect_init(&p, RZS_PROTECT_AUTO, true);
	T_EQ(rzs_protect_early(&p), 0);
	T_EQ(rzs_protect_state(&p, RZS_PROTECT_CORE_LIMIT), RZS_PROTECT_OK);
	T_EQ(getrlimit(RLIMIT_CORE, &limit), 0);
	T_EQ(limit.rlim_cur, 0);
	T_EQ(limit.rlim_max, 0);
	now = number_in("/proc/self/oom_score_adj");
	if (rzs_protect_state(&p, RZS_PROTECT_OOM_SCORE) == RZS_PROTECT_OK)
		T_EQ(now, -1000);
	else
		T_EQ(now, before);
	if (instrumented())
		return; /* these have stacks and a malloc of their own */
	T_EQ(rzs_protect_state(&p, RZS_PROTECT_MALLOC), RZS_PROTECT_OK);
	T_EQ(rzs_protect_state(&p, RZS_PROTECT_STACKS), RZS_PROTECT_OK);
	T_EQ(pthread_create(&thread, NULL, stack_size, NULL), 0);
	T_EQ(pthread_join(thread, &size), 0);
	T_GE((size_t)size, RZS_STACK);
}

/* After the process step old mappings are not filled, new ones are, and nobody may look in. */
T_TEST(process_is_locked_and_closed)
{
	const size_t len = 64 * (size_t)sysconf(_SC_PAGESIZE);
	unsigned char vec[64];
	struct rzs_protect p;
	char *old, *new;

	old = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	T_NE(old, MAP_FAILED);
	rzs_protect_init(&p, RZS_PROTECT_AUTO, false);
	T_EQ(rzs_protect_early(&p), 0);
	T_EQ(rzs_protect_process(&p), 0);
	T_EQ(rzs_protect_state(&p, RZS_PROTECT_DUMPABLE), RZS_PROTECT_OK);
	T_EQ(prctl(PR_GET_DUMPABLE), 0);
	if (instrumented())
		T_SKIP("sanitizers and valgrind ignore mlockall()");
	if (rzs_protect_state(&p, RZS_PROTECT_LOCK) != RZS_PROTECT_OK)
		T_SKIP("this user may not lock memory");
	T_EQ(mincore(old, len, vec), 0);
	T_EQ(vec[0] & 1, 0);
	new = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	T_NE(new, MAP_FAILED);
	T_EQ(mincore(new, len, vec), 0);
	for (unsigned i = 0; i < sizeof(vec); i++)
		T_EQ(vec[i] & 1, 1);
}

/* Flags of this thread as the system shows them (field 9 of its stat file). */
static unsigned long thread_flags(void)
{
	char path[64], line[1024], *p;
	unsigned long flags = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%ld/stat", syscall(SYS_gettid));
	f = fopen(path, "r");
	T_NE(f, NULL);
	T_NE(fgets(line, sizeof(line), f), NULL);
	fclose(f);
	p = strrchr(line, ')');
	T_NE(p, NULL);
	T_EQ(sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %lu", &flags), 1);
	return flags;
}

#define FLAG_NOIO 0x00080000ul /* PF_MEMALLOC_NOIO */

T_TEST(thread_steps_tell_the_truth)
{
	struct sched_param param;
	struct rzs_protect p;

	rzs_protect_init(&p, RZS_PROTECT_AUTO, true);
	T_EQ(io_thread(&p), 0);
	T_EQ((thread_flags() & FLAG_NOIO) != 0,
	     rzs_protect_state(&p, RZS_PROTECT_IO_FLUSHER) == RZS_PROTECT_OK);
	if (rzs_protect_state(&p, RZS_PROTECT_REALTIME) == RZS_PROTECT_OK) {
		T_EQ(sched_getscheduler(0), SCHED_FIFO | SCHED_RESET_ON_FORK);
		T_EQ(sched_getparam(0, &param), 0);
		T_EQ(param.sched_priority, 2);
	} else {
		T_EQ(sched_getscheduler(0), SCHED_OTHER);
	}
}

struct follower {
	struct rzs_protect *p;
	sem_t ready, end;
	bool batches;
	int policy; /* right after its start */
};

static void *follow(void *arg)
{
	struct follower *f = arg;

	if (f->batches)
		rzs_threads_prefer_batches();
	T_EQ(io_thread(f->p), 0);
	f->policy = sched_getscheduler(0);
	sem_post(&f->ready);
	while (sem_wait(&f->end))
		;
	return NULL;
}

static pid_t only_other_thread(void)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *e;
	pid_t found = 0;

	T_OK(tasks != NULL);
	while ((e = readdir(tasks)))
		if (atoi(e->d_name) && atoi(e->d_name) != getpid())
			found = atoi(e->d_name);
	closedir(tasks);
	return found;
}

/* ordinary: the policy of a thread that is not a real-time one. */
static void follow_realtime(bool batches, int ordinary)
{
	struct rzs_protect p;
	struct follower f = {.p = &p, .batches = batches};
	pthread_t thread;
	pid_t tid;

	rzs_protect_init(&p, RZS_PROTECT_AUTO, true);
	T_EQ(rzs_protect_set_realtime(&p, false), 0);
	sem_init(&f.ready, 0, 0);
	sem_init(&f.end, 0, 0);
	T_EQ(pthread_create(&thread, NULL, follow, &f), 0);
	while (sem_wait(&f.ready))
		;
	if (rzs_protect_state(&p, RZS_PROTECT_REALTIME) != RZS_PROTECT_OK)
		T_SKIP("real-time priority is not allowed here");
	T_EQ(f.policy & ~SCHED_RESET_ON_FORK, ordinary);
	tid = only_other_thread();
	T_EQ(rzs_protect_set_realtime(&p, true), 0);
	T_EQ(sched_getscheduler(tid), SCHED_FIFO | SCHED_RESET_ON_FORK);
	T_EQ(sched_getscheduler(0), SCHED_OTHER); /* not the first thread */
	T_EQ(rzs_protect_set_realtime(&p, false), 0);
	T_EQ(sched_getscheduler(tid) & ~SCHED_RESET_ON_FORK, ordinary);
	sem_post(&f.end);
	pthread_join(thread, NULL);
}

T_TEST(threads_there_and_to_come_follow_a_change_of_realtime)
{
	follow_realtime(false, SCHED_OTHER);
}

T_TEST(threads_that_prefer_batches_do_so_again_after_realtime)
{
	follow_realtime(true, SCHED_BATCH);
}

T_TEST(swaps_are_there_or_cannot_be_told)
{
	int fd = rzs_swaps_open(), lines = 0, c;
	FILE *file = fopen("/proc/swaps", "r");

	T_OK(rzs_swaps_any(-1));
	if (fd < 0 || !file)
		T_SKIP("no /proc/swaps");
	while ((c = getc(file)) != EOF)
		lines += c == '\n';
	T_EQ(rzs_swaps_any(fd), lines > 1);
	fclose(file);
	close(fd);
}

T_TEST(realtime_is_left_out_when_not_wanted)
{
	struct rzs_protect p;

	rzs_protect_init(&p, RZS_PROTECT_AUTO, false);
	T_EQ(rzs_protect_early(&p), 0);
	T_EQ(io_thread(&p), 0);
	T_EQ(rzs_protect_state(&p, RZS_PROTECT_REALTIME), RZS_PROTECT_NOT_DONE);
	T_EQ(rzs_protect_state(&p, RZS_PROTECT_REALTIME_LIMIT), RZS_PROTECT_NOT_DONE);
	T_EQ(sched_getscheduler(0), SCHED_OTHER);
}

/* Each step can be left out by itself, and nothing else is then. */
T_TEST(a_step_is_left_out_when_told)
{
	struct rzs_protect p;

	for (int i = 0; i < RZS_PROTECT_HEADROOM; i++) {
		rzs_protect_init(&p, RZS_PROTECT_AUTO, true);
		p.without = 1u << i;
		T_EQ(rzs_protect_early(&p), 0);
		T_EQ(rzs_protect_process(&p), 0);
		T_EQ(io_thread(&p), 0);
		for (int j = 0; j < RZS_PROTECT_HEADROOM; j++)
			T_EQ(rzs_protect_state(&p, (enum rzs_protect_step_id)j) ==
				     RZS_PROTECT_NOT_DONE,
			     i == j);
		T_EQ(rzs_protect_wants(&p, (enum rzs_protect_step_id)i), false);
	}
	rzs_protect_init(&p, RZS_PROTECT_OFF, true);
	T_EQ(rzs_protect_wants(&p, RZS_PROTECT_WATCHDOG), false);
}

/* A thread that talks may have to wait for memory: never as a real-time one. */
T_TEST(helpers_are_no_realtime_threads)
{
	struct rzs_thread *entry;
	struct rzs_protect p;

	rzs_protect_init(&p, RZS_PROTECT_AUTO, true);
	T_EQ(rzs_protect_thread(&p, RZS_THREAD_HELPER, &entry), 0);
	T_NE(entry, NULL);
	T_EQ(sched_getscheduler(0) & ~SCHED_RESET_ON_FORK, SCHED_OTHER);
}

T_TEST(outcomes_from_elsewhere_are_kept)
{
	struct rzs_protect p;

	rzs_protect_init(&p, RZS_PROTECT_AUTO, true);
	rzs_protect_set(&p, RZS_PROTECT_WATCHDOG, 0);
	rzs_protect_set(&p, RZS_PROTECT_BALLAST, -ENOMEM);
	T_EQ(rzs_protect_state(&p, RZS_PROTECT_WATCHDOG), RZS_PROTECT_OK);
	T_EQ(rzs_protect_state(&p, RZS_PROTECT_BALLAST), RZS_PROTECT_REFUSED);
	T_EQ(p.step[RZS_PROTECT_BALLAST].err, ENOMEM);
	T_EQ(rzs_protect_refused(&p), 1);
}

struct lines {
	unsigned nr;
	bool oom, lock, flusher;
};

static void collect(void *arg, const char *text)
{
	struct lines *l = arg;

	l->nr++;
	T_LT(strlen(text), RZS_PROTECT_LINE_MAX - 1);
	T_EQ(strchr(text, '\n'), NULL);
	if (!strstr(text, ": refused ("))
		return;
	l->oom |= strstr(text, "OOM killer") != NULL;
	l->lock |= strstr(text, "lock: ") == text && strstr(text, "not permitted");
	l->flusher |= strstr(text, "io-flusher: ") == text;
}

/*
 * Refusals are warnings in auto: the calls succeed, the report names each with its risk, and
 * allocates nothing.
 */
T_TEST(refusals_are_reported_in_auto)
{
	struct lines l = {0, false, false, false};
	struct mallinfo2 before, after;
	struct rzs_protect p;

	become_nobody();
	rzs_protect_init(&p, RZS_PROTECT_AUTO, true);
	T_EQ(rzs_protect_early(&p), 0);
	T_EQ(rzs_protect_process(&p), 0);
	T_EQ(io_thread(&p), 0);
	T_EQ(rzs_protect_state(&p, RZS_PROTECT_LOCK), RZS_PROTECT_REFUSED);
	T_EQ(p.step[RZS_PROTECT_LOCK].err, EPERM);
	before = mallinfo2();
	rzs_protect_report(&p, false, collect, &l);
	after = mallinfo2();
	T_EQ(after.uordblks, before.uordblks);
	T_EQ(l.nr, rzs_protect_refused(&p));
	T_GE(l.nr, 4);
	T_EQ(l.oom, true);
	T_EQ(l.lock, true);
	T_EQ(l.flusher, true);
	l.nr = 0;
	rzs_protect_report(&p, true, collect, &l);
	T_EQ(l.nr, RZS_PROTECT_STEPS);
}

/*
 * In require they are errors, of every function that meets one; a refused lock leaves nothing
 * locked for the future.
 */
T_TEST(refusals_are_errors_in_require)
{
	struct rzs_protect p;

	become_nobody();
	rzs_protect_init(&p, RZS_PROTECT_REQUIRE, true);
	T_LT(rzs_protect_early(&p), 0);
	T_EQ(rzs_protect_process(&p), -EPERM);
	T_EQ(io_thread(&p), -EPERM);
	T_EQ(rzs_protect_state(&p, RZS_PROTECT_CORE_LIMIT), RZS_PROTECT_OK);
}

static void *unprivileged_thread(void *p)
{
	/* The system call changes this thread alone. */
	if (geteuid() == 0)
		T_EQ(syscall(SYS_setresuid, 65534, 65534, 65534), 0);
	T_EQ(io_thread(p), 0);
	return NULL;
}

/* One thread's refusal is not hidden by another's success, before or after it. */
T_TEST(a_refusal_of_one_thread_stays)
{
	const struct rlimit none = {0, 0};
	struct rzs_protect p;
	pthread_t thread;

	T_EQ(setrlimit(RLIMIT_RTPRIO, &none), 0);
	rzs_protect_init(&p, RZS_PROTECT_AUTO, true);
	T_EQ(io_thread(&p), 0);
	if (rzs_protect_state(&p, RZS_PROTECT_REALTIME) != RZS_PROTECT_OK)
		T_SKIP("this user may not have real-time threads");
	T_EQ(pthread_create(&thread, NULL, unprivileged_thread, &p), 0);
	T_EQ(pthread_join(thread, NULL), 0);
	T_EQ(rzs_protect_state(&p, RZS_PROTECT_REALTIME), RZS_PROTECT_REFUSED);
	T_EQ(io_thread(&p), 0);
	T_EQ(rzs_protect_state(&p, RZS_PROTECT_REALTIME), RZS_PROTECT_REFUSED);
}
