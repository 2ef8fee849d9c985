/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The harness itself.  Its deadlines: a process that others keep from its processor is given time,
 * one that waits or spins is not.  Its output: every test has its line, however it ended.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "t.h"

#include <sched.h>

static void spin(void)
{
	for (;;)
		__asm__ __volatile__("" ::: "memory");
}

static void sleep_for_ever(void)
{
	for (;;)
		pause();
}

static pid_t start(void (*does)(void), bool idle)
{
	static const struct sched_param param;
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (idle && sched_setscheduler(0, SCHED_IDLE, &param))
			_exit(1);
		does();
	}
	T_GT(pid, 0);
	return pid;
}

static void end(pid_t pid)
{
	int status = 0;

	kill(pid, SIGKILL);
	T_EQ(waitpid(pid, &status, 0), pid);
	T_EQ(WTERMSIG(status), SIGKILL);
}

static void stay_on_one_processor(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		T_SKIP("cannot stay on one processor");
}

/* What counts for the process while whoever it is measured by uses this processor time. */
static double counted_beside(pid_t pid, pid_t by, double seconds)
{
	struct t_clock c;
	double counted = 0, from = t_process_cpu(by);

	t_clock_start(&c, pid);
	while (t_process_cpu(by) - from < seconds) {
		t_pause();
		counted = t_clock_tick(&c);
	}
	return counted;
}

/* Red when a deadline goes by the clock on the wall. */
T_TEST(time_without_a_processor_does_not_count)
{
	pid_t starved, other;
	double counted;

	stay_on_one_processor();
	starved = start(spin, true);
	T_WAIT(t_process_cpu(starved) > 0, 10);
	other = start(spin, false);
	counted = counted_beside(starved, other, 1.0);
	t_note("%g s counted", counted);
	T_LT((uint64_t)(counted * 1000), 500);
	end(other);
	end(starved);
}

/* Red when a process that waits is taken for one that is kept waiting. */
T_TEST(waiting_counts)
{
	pid_t pid = start(sleep_for_ever, false);
	struct t_clock c;
	double from, counted;

	T_WAIT(t_process_cpu(pid) > 0, 10);
	t_clock_start(&c, pid);
	from = c.wall;
	do {
		t_pause();
		counted = t_clock_tick(&c);
	} while (c.wall - from < 0.5);
	T_GE((uint64_t)(counted * 1000), 400);
	end(pid);
}

/* Red when threads in each other's way are given time for ever. */
T_TEST(spinning_counts)
{
	pid_t pid = start(spin, false);
	double counted = counted_beside(pid, pid, 0.5);

	T_GE((uint64_t)(counted * 1000), 490 / (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
	end(pid);
}

/* Both kinds of hang are found, by the test's deadline and by a condition's. */
static int run_one(void (*does)(void))
{
	struct t_case one = {"one_that_hangs", does, 1, NULL};

	setenv("T_TIMEOUT_SCALE", "1", 1);
	return t_run(&one);
}

static void wait_in_vain(void)
{
	T_WAIT(false, 0.2);
}

T_TEST(a_hang_is_found)
{
	T_EQ(run_one(sleep_for_ever), T_EXIT_FAIL);
	T_EQ(run_one(spin), T_EXIT_FAIL);
	T_EQ(run_one(wait_in_vain), T_EXIT_FAIL);
}

static void pass(void)
{
}

static void skip(void)
{
	T_SKIP("no %s here", "such thing\nat all");
}

static void fail(void)
{
	T_FAIL("on purpose");
}

static void die(void)
{
	abort();
}

static void leave_with_a_status(void)
{
	exit(119);
}

/* What the harness prints for these tests, without the lines for people. */
static void run_all(char *out, size_t size, struct t_count *count)
{
	struct t_case all[] = {
		{"pass", pass, 10, NULL},
		{"skip", skip, 10, NULL},
		{"fail", fail, 10, NULL},
		{"die", die, 10, NULL},
		{"leave_with_a_status", leave_with_a_status, 10, NULL},
		{"pass_again", pass, 10, NULL},
	};
	FILE *real = stdout, *file = tmpfile();
	char line[200];

	T_OK(file);
	stdout = file;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		t_run_counted(&all[i], false, count);
	stdout = real;
	rewind(file);
	for (out[0] = '\0'; fgets(line, sizeof(line), file);)
		if (line[0] != '#')
			strncat(out, line, size - strlen(out) - 1);
	fclose(file);
}

/* Red when a test has no line or the wrong one, or when the exit status hides a failure. */
T_TEST(every_test_has_its_line)
{
	struct t_count count = {0, 0, 0};
	char out[1000];

	run_all(out, sizeof(out), &count);
	T_STR_EQ(out, "ok 1 - pass\n"
		      "ok 2 - skip # SKIP no such thing\n"
		      "not ok 3 - fail\n"
		      "not ok 4 - die\n"
		      "not ok 5 - leave_with_a_status\n"
		      "ok 6 - pass_again\n");
	T_EQ(count.failed, 3);
	T_EQ(t_status(&count), T_EXIT_FAIL);
	count.failed = 0;
	T_EQ(t_status(&count), T_EXIT_PASS);
	count.run = 0;
	T_EQ(t_status(&count), T_EXIT_ERROR);
}
