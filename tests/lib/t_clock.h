/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Deadlines that distinguish a hang from a busy machine.
 *
 * A process that hangs either waits for something that does not come, or uses processor time
 * without end.  A process that is only slow because others run waits for a processor.  This time
 * does not count.  What counts of an interval is the time that the process's threads did not wait
 * to be run (the second number in schedstat; the whole interval when they are runnable and have not
 * run), but at least its processor time divided by the number of processors, since threads may also
 * wait for each other's.
 *
 * Measuring costs time, so it begins when the deadline has passed by the wall clock.  Then the same
 * time has to pass once more by this clock.  Without schedstat the two clocks are the same.
 *
 * Threading: a struct is one thread's.
 *
 * System calls are made by number: some tests put their own functions in the place of open().
 */
#ifndef T_CLOCK_H
#define T_CLOCK_H

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define T_CLOCK_THREADS 64u /* of more, the rest is not looked at */

struct t_thread_times {
	long tid;
	uint64_t ran, waited; /* ns; the latter up to when it last ran */
	bool runnable;
};

struct t_clock {
	pid_t pid;
	double wall, cpu; /* s, at the last look */
	unsigned nr;
	struct t_thread_times thread[T_CLOCK_THREADS];
	double counted, shared; /* s since the start; of the processors' time */
};

static inline double t_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/*
 * A file of a thread as text; false: it has ended, or the system does not say.  MemorySanitizer
 * does not see what these calls write to text: it must be initialized.
 */
static inline bool t_thread_read(pid_t pid, long tid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t n;
	long fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%ld/%s", (int)pid, tid, name);
	fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = syscall(SYS_read, fd, text, size - 1);
	syscall(SYS_close, fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static inline bool t_thread_look(pid_t pid, long tid, struct t_thread_times *out)
{
	char text[512] = "", *end;

	if (!t_thread_read(pid, tid, "schedstat", text, sizeof(text)))
		return false;
	out->tid = tid;
	out->ran = strtoull(text, &end, 10);
	out->waited = strtoull(end, NULL, 10);
	if (!t_thread_read(pid, tid, "stat", text, sizeof(text)))
		return false;
	end = strrchr(text, ')');
	out->runnable = end && end[1] && end[2] == 'R';
	return true;
}

/* Look at all threads.  *out_waited: s that they waited since last, added up, wall at most. */
static inline void t_clock_look(struct t_clock *c, const struct t_clock *last, double *out_waited)
{
	double wall = c->wall - last->wall, waited = 0;
	char path[64];
	struct dirent *e;
	DIR *d;

	c->nr = 0;
	snprintf(path, sizeof(path), "/proc/%d/task", (int)c->pid);
	d = opendir(path);
	while (d && c->nr < T_CLOCK_THREADS && (e = readdir(d))) {
		struct t_thread_times *t = &c->thread[c->nr];
		unsigned i = 0;

		if (e->d_name[0] == '.' || !t_thread_look(c->pid, atol(e->d_name), t))
			continue;
		c->nr++;
		while (i < last->nr && last->thread[i].tid != t->tid)
			i++;
		if (i == last->nr)
			continue;
		waited += (double)(t->waited - last->thread[i].waited) / 1e9;
		if (t->runnable && t->ran == last->thread[i].ran)
			waited = wall; /* it has been waiting all the time */
	}
	if (d)
		closedir(d);
	*out_waited = waited < wall ? waited : wall;
}

static inline double t_process_cpu(pid_t pid)
{
	struct timespec ts;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &ts))
		return 0;
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static inline void t_clock_start(struct t_clock *c, pid_t pid)
{
	const struct t_clock none = {.pid = pid};
	double unused;

	*c = none;
	c->wall = t_now();
	c->cpu = t_process_cpu(pid);
	t_clock_look(c, &none, &unused);
}

/* s that count since the start.  To be asked often: what threads say is gone when they end. */
static inline double t_clock_tick(struct t_clock *c)
{
	const struct t_clock last = *c;
	double waited;

	c->wall = t_now();
	c->cpu = t_process_cpu(c->pid);
	t_clock_look(c, &last, &waited);
	c->counted += c->wall - last.wall - waited;
	if (c->cpu > last.cpu)
		c->shared += (c->cpu - last.cpu) / (double)sysconf(_SC_NPROCESSORS_ONLN);
	if (c->counted < c->shared)
		c->counted = c->shared;
	return c->counted;
}

struct t_deadline {
	pid_t pid; /* whose */
	double seconds, end;
	bool measured;
	struct t_clock clock;
};

static inline struct t_deadline t_deadline(pid_t pid, double seconds)
{
	struct t_deadline d = {.pid = pid, .seconds = seconds, .end = t_now() + seconds};

	return d;
}

/* To be asked again and again. */
static inline bool t_overdue(struct t_deadline *d)
{
	double now = t_now();

	if (now < d->end)
		return false;
	if (!d->measured) {
		d->measured = true;
		t_clock_start(&d->clock, d->pid);
		return false;
	}
	return now - d->clock.wall > 0.05 && t_clock_tick(&d->clock) > d->seconds;
}

#endif
