/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The helper that calls swapoff(2), and the process that goes on in the background, with a stand-in
 * for the call.  What is noted, the clock, pauses, the log and whether there is room are stand-ins,
 * too, in memory that all processes share.
 */
#include "swapoff_rig.h"
#include "t_scratch.h"
#include "t_syscall.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "rzst_area.h"
#include "rzst_fit.h"
#include "rzst_swapoff_job.h"
#include "rzst_swapoff_keep.h"

#define AREA   "/dev/sda 2"
#define SECOND INT64_C(1000000000)

static struct machine {
	struct rzst_areas areas;
	int lock;
	bool room[CALLS], no_pause, no_fork;
	unsigned looks;
	int change_error;
	int64_t now;
	int pauses[CALLS];
	unsigned nr_pauses;
	int64_t retry_in[CALLS];
	pid_t keeper[CALLS];
	char log[1024];
} * m;

/* ---- stand-ins ---- */

pid_t __real_fork(void);
pid_t __wrap_fork(void);
void __wrap_syslog(int priority, const char *fmt, ...);
int __real_ppoll(struct pollfd *fds, nfds_t nr, const struct timespec *t, const sigset_t *mask);
int __wrap_ppoll(struct pollfd *fds, nfds_t nr, const struct timespec *t, const sigset_t *mask);
uint64_t __wrap_rzst_now(void);
void __wrap_rzst_areas_read(struct rzst_areas *out);
int __wrap_rzst_areas_change(unsigned wait, int (*change)(struct rzst_areas *areas, void *arg),
			     void *arg);
int __wrap_rzst_fit_look(const struct rzst_areas *areas, const char *name, struct rzst_fit *out);

pid_t __wrap_fork(void)
{
	if (!m || !m->no_fork)
		return __real_fork();
	errno = EAGAIN;
	return -1;
}

static void put_swaps(unsigned used_kib, bool on)
{
	char path[PATH_MAX], new[PATH_MAX + 8];
	FILE *f;

	snprintf(path, sizeof(path), "%s/proc/swaps", t_scratch_path);
	snprintf(new, sizeof(new), "%s.%d", path, (int)getpid());
	f = fopen(new, "w");
	if (!f)
		abort();
	fputs("Filename Type Size Used Priority\n", f);
	if (on)
		fprintf(f, "/dev/sda\\0402 partition 2000 %u 5\n", used_kib);
	if (fclose(f) != 0 || rename(new, path) < 0)
		abort();
	m->areas.v[0].on = on;
	m->areas.v[0].used = used_kib * 1024u;
}

static void turn_off(void)
{
	put_swaps(0, false);
}

void __wrap_syslog(int priority, const char *fmt, ...)
{
	va_list ap;

	(void)priority;
	va_start(ap, fmt);
	vsnprintf(m->log, sizeof(m->log), fmt, ap);
	va_end(ap);
}

/* A pause is over at once, and the clock has gone on. */
int __wrap_ppoll(struct pollfd *fds, nfds_t nr, const struct timespec *t, const sigset_t *mask)
{
	struct timespec soon = {0, 1000000};

	if (nr)
		return __real_ppoll(fds, nr, &soon, mask);
	m->retry_in[m->nr_pauses] = m->areas.v[0].retry_at - time(NULL);
	m->keeper[m->nr_pauses] = m->areas.v[0].helper;
	m->pauses[m->nr_pauses] = (int)t->tv_sec;
	__atomic_store_n(&m->nr_pauses, m->nr_pauses + 1, __ATOMIC_SEQ_CST);
	if (m->no_pause)
		return __real_ppoll(fds, nr, NULL, mask);
	m->now += t->tv_sec * SECOND;
	return 0;
}

uint64_t __wrap_rzst_now(void)
{
	return (uint64_t)m->now;
}

void __wrap_rzst_areas_read(struct rzst_areas *out)
{
	*out = m->areas;
}

int __wrap_rzst_areas_change(unsigned wait, int (*change)(struct rzst_areas *areas, void *arg),
			     void *arg)
{
	int err;

	(void)wait;
	if (m->change_error)
		return m->change_error;
	while (__atomic_exchange_n(&m->lock, 1, __ATOMIC_SEQ_CST))
		t_pause();
	err = change(&m->areas, arg);
	__atomic_store_n(&m->lock, 0, __ATOMIC_SEQ_CST);
	return err;
}

int __wrap_rzst_fit_look(const struct rzst_areas *areas, const char *name, struct rzst_fit *out)
{
	memset(out, 0, sizeof(*out));
	if (strcmp(name, AREA) != 0 || !areas->v[0].on)
		return -ENODEV;
	out->fits = m->room[m->looks++ % CALLS];
	return 0;
}

/* ---- the machine ---- */

/* The answers to the calls, in their order, 0 at the end. */
static void make_machine(int first, ...)
{
	char path[PATH_MAX];
	va_list ap;

	m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	T_OK(m != MAP_FAILED);
	va_start(ap, first);
	make_kernel(AREA, first, ap);
	va_end(ap);
	snprintf(path, sizeof(path), "%s/proc", t_scratch());
	T_EQ(mkdir(path, 0700), 0);
	T_EQ(setenv("RZS_SYSROOT", t_scratch(), 1), 0);
	memset(m->room, true, sizeof(m->room));
	m->now = SECOND;
	m->areas.nr = 1;
	strcpy(m->areas.v[0].name, AREA);
	put_swaps(1000, true);
}

#define MACHINE(...) make_machine(__VA_ARGS__, -1)

static const struct rzst_area *area(void)
{
	return &m->areas.v[0];
}

static void no_children(void)
{
	T_EQ(waitpid(-1, NULL, WNOHANG), -1);
	T_EQ(errno, ECHILD);
}

/* Until it has ended; then it is reaped, and nothing is open. */
static void run(struct rzst_swapoff_job *job)
{
	T_EQ(rzst_swapoff_job_begin(job, AREA), 0);
	T_WAIT(!rzst_swapoff_job_look(job), 20);
	T_EQ(job->pid, 0);
	T_EQ(job->pidfd, -1);
	T_EQ(job->said, -1);
	no_children();
}

/* ---- the helper ---- */

T_TEST(notes_its_beginning_and_its_end)
{
	struct rzst_swapoff_job job;

	MACHINE(ANSWER_HOLD);
	T_EQ(rzst_swapoff_job_begin(&job, AREA), 0);
	T_EQ(job.noted, 0);
	T_EQ(area()->state, RZST_AREA_SWAPOFF);
	T_EQ(area()->helper, job.pid);
	T_NE(area()->helper_start, 0);
	T_EQ(area()->helper_start, rzst_process_start(job.pid));
	T_EQ(area()->used_at_start, 1000 * 1024);
	T_EQ(job.used_at_start, 1000 * 1024);
	T_OK(rzst_swapoff_job_look(&job));
	put_swaps(400, true);
	T_OK(rzst_swapoff_job_look(&job));
	T_EQ(job.used, 400 * 1024);
	T_WAIT(kernel->at_call, 20);
	T_NE(getsid(job.pid), getsid(0));
	kernel->held = false;
	T_WAIT(!rzst_swapoff_job_look(&job), 20);
	T_EQ(job.result, 0);
	T_EQ(job.used, 0);
	T_EQ(area()->state, RZST_AREA_COMPLETE);
	T_EQ(area()->helper, 0);
	T_OK(!rzst_swapoff_job_look(&job));
	no_children();
}

T_TEST(killed_is_busy)
{
	struct rzst_swapoff_job job;

	MACHINE(ANSWER_KILL);
	run(&job);
	T_EQ(job.result, -EINTR);
	T_EQ(job.fault, RZST_SWAP_INTERRUPTED);
	T_OK(job.killed);
	T_OK(rzst_swapoff_job_may_pass(&job));
	T_EQ(job.used, 1000 * 1024);
	T_EQ(area()->state, RZST_AREA_BUSY);
	T_EQ(area()->error, -EINTR);
	T_EQ(area()->helper, 0);
}

T_TEST(each_failure_has_its_state)
{
	static const struct {
		int error;
		enum rzst_swap_fault fault;
		enum rzst_area_state state;
	} rows[] = {
		{ENOMEM, RZST_SWAP_NO_MEMORY, RZST_AREA_BUSY},
		{EINTR, RZST_SWAP_INTERRUPTED, RZST_AREA_BUSY},
		{ENOENT, RZST_SWAP_NO_FILE, RZST_AREA_FAILED},
		{EIO, RZST_SWAP_IO, RZST_AREA_FAILED},
		{E2BIG, RZST_SWAP_OTHER, RZST_AREA_FAILED},
	};
	struct rzst_swapoff_job job;

	MACHINE(ERRNO(ENOMEM), ERRNO(EINTR), ERRNO(ENOENT), ERRNO(EIO), ERRNO(E2BIG));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		run(&job);
		T_EQ(job.result, -rows[i].error);
		T_EQ(job.fault, rows[i].fault);
		T_OK(!job.killed);
		T_EQ(area()->state, rows[i].state);
		T_EQ(area()->error, -rows[i].error);
		T_EQ(rzst_swapoff_job_may_pass(&job), rows[i].state == RZST_AREA_BUSY);
	}
}

T_TEST(two_at_once)
{
	struct rzst_swapoff_job job, other;

	MACHINE(ANSWER_HOLD);
	T_EQ(rzst_swapoff_job_begin(&job, AREA), 0);
	T_EQ(rzst_swapoff_job_begin(&other, AREA), -EBUSY);
	T_EQ(other.pid, 0);
	T_EQ(area()->helper, job.pid);
	kernel->held = false;
	T_WAIT(!rzst_swapoff_job_look(&job), 20);
	T_EQ(job.result, 0);
	T_EQ(kernel->calls, 1);
	no_children();
}

/* Where the kernel finds it off, and it was on: somebody else has been faster. */
T_TEST(another_has_been_faster)
{
	struct rzst_swapoff_job job;

	MACHINE(ANSWER_LATE);
	T_EQ(rzst_swapoff_job_begin(&job, AREA), 0);
	kernel->held = false;
	T_WAIT(!rzst_swapoff_job_look(&job), 20);
	T_EQ(job.result, 0);
}

T_TEST(not_on)
{
	struct rzst_swapoff_job job;
	char longer[300];

	MACHINE(ANSWER_OFF);
	m->areas.v[0].on = false;
	T_EQ(rzst_swapoff_job_begin(&job, AREA), -ENODEV);
	T_EQ(rzst_swapoff_job_begin(&job, "/dev/sdb"), -ENODEV);
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	T_EQ(rzst_swapoff_job_begin(&job, longer), -ENAMETOOLONG);
	T_EQ(kernel->calls, 0);
	no_children();
}

T_TEST(works_where_nothing_can_be_noted)
{
	struct rzst_swapoff_job job;

	MACHINE(ERRNO(ENOMEM), ANSWER_OFF);
	m->change_error = -EROFS;
	run(&job);
	T_EQ(job.result, -ENOMEM);
	T_EQ(job.noted, -EROFS);
	T_EQ(job.used_at_start, 1000 * 1024);
	run(&job);
	T_EQ(job.result, 0);
	T_EQ(job.noted, -EROFS);
}

T_TEST(cancel)
{
	struct rzst_swapoff_job job;

	MACHINE(ANSWER_WAIT, ANSWER_WAIT_MORE);
	for (unsigned i = 0; i < 2; i++) {
		T_EQ(rzst_swapoff_job_begin(&job, AREA), 0);
		rzst_swapoff_job_cancel(&job);
		T_EQ(job.pid, 0);
		T_EQ(job.result, -EINTR);
		T_OK(!job.killed);
		T_EQ(area()->state, RZST_AREA_BUSY);
		no_children();
	}
	rzst_swapoff_job_cancel(&job);
	T_EQ(job.result, -EINTR);
}

T_TEST(run_waits_and_a_signal_cancels)
{
	static const int results[] = {-ENOMEM, -EINTR, 0};
	struct rzst_swapoff_job job;
	struct sigaction act;
	bool interrupted;

	MACHINE(ERRNO(ENOMEM), ANSWER_WAIT, ANSWER_OFF);
	signal(SIGHUP, SIG_IGN);
	for (int i = 0; i < 3; i++) {
		kernel->at_call = false;
		if (i == 1 && __real_fork() == 0) {
			while (!__atomic_load_n(&kernel->at_call, __ATOMIC_SEQ_CST))
				t_pause();
			_exit(kill(getppid(), SIGTERM) < 0);
		}
		T_EQ(rzst_swapoff_job_run(&job, AREA, &interrupted), 0);
		T_EQ(job.result, results[i]);
		T_EQ(interrupted, i == 1);
	}
	T_GT(wait(NULL), 0);
	no_children();
	T_EQ(sigaction(SIGTERM, NULL, &act), 0);
	T_OK(act.sa_handler == SIG_DFL);
	T_EQ(sigaction(SIGHUP, NULL, &act), 0);
	T_OK(act.sa_handler == SIG_IGN);
}

static unsigned open_files(void)
{
	unsigned nr = 0;

	for (int fd = 0; fd < 256; fd++)
		nr += fcntl(fd, F_GETFD) >= 0;
	return nr;
}

T_TEST(without_descriptors_nothing_begins)
{
	struct rzst_swapoff_job job;
	struct rlimit limit, before;
	unsigned failures = 0, nr;
	int err = -1;

	MACHINE(ANSWER_OFF);
	/* No gap below the highest, so that the number of open files is the next descriptor. */
	while ((unsigned)open("/dev/null", O_RDONLY) + 1 < open_files())
		;
	nr = open_files();
	T_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
	for (unsigned i = 0; err < 0; i++) {
		limit = (struct rlimit){nr + i, before.rlim_max};
		T_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
		err = rzst_swapoff_job_begin(&job, AREA);
		T_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
		if (err == 0)
			break;
		failures++;
		T_EQ(err, -EMFILE);
		T_EQ(job.pid, 0);
		T_EQ(open_files(), nr);
		T_EQ(area()->state, RZST_AREA_ON);
		no_children();
	}
	/* Two pipes of two each. */
	T_GE(failures, 4);
	T_WAIT(!rzst_swapoff_job_look(&job), 20);
	T_EQ(open_files(), nr);
}

T_TEST(without_processes_nothing_begins)
{
	struct rzst_swapoff_job job;
	unsigned nr;

	MACHINE(ERRNO(ENOMEM));
	nr = open_files();
	m->no_fork = true;
	T_EQ(rzst_swapoff_job_begin(&job, AREA), -EAGAIN);
	T_EQ(job.pid, 0);
	T_EQ(open_files(), nr);
	m->no_fork = false;
	run(&job);
	m->no_fork = true;
	T_EQ(rzst_swapoff_job_background(&job, 100), -EAGAIN);
	T_EQ(job.result, -ENOMEM);
	T_EQ(area()->state, RZST_AREA_BUSY);
	T_EQ(area()->retry_at, 0);
}

/* As before Linux 5.3.  The helper was there already, and must not wait for ever. */
T_TEST(without_pidfd_nothing_begins)
{
	struct rzst_swapoff_job job;
	unsigned nr;

	MACHINE(ANSWER_OFF);
	nr = open_files();
	t_missing_syscall = SYS_pidfd_open;
	T_EQ(rzst_swapoff_job_begin(&job, AREA), -ENOSYS);
	T_EQ(job.pid, 0);
	T_EQ(job.pidfd, -1);
	T_OK(!rzst_swapoff_job_look(&job));
	T_EQ(open_files(), nr);
	T_EQ(area()->state, RZST_AREA_ON);
	T_EQ(kernel->calls, 0);
	no_children();
}

/* ---- the background ---- */

static void await(pid_t keeper, int status)
{
	int got;

	T_GT(keeper, 0);
	T_EQ(waitpid(keeper, &got, 0), keeper);
	T_OK(WIFEXITED(got));
	T_EQ(WEXITSTATUS(got), status);
}

static void logged(const char *text)
{
	if (!strstr(m->log, text))
		T_FAIL("logged: %s", m->log);
}

T_TEST(background_takes_over_what_is_at_work)
{
	struct rzst_swapoff_job job;
	pid_t keeper, helper;

	MACHINE(ANSWER_HOLD);
	T_EQ(rzst_swapoff_job_begin(&job, AREA), 0);
	helper = job.pid;
	keeper = rzst_swapoff_job_background(&job, 100);
	T_EQ(job.pid, 0);
	T_EQ(job.pidfd, -1);
	kernel->held = false;
	await(keeper, 0);
	T_EQ(waitpid(helper, NULL, 0), helper);
	T_EQ(area()->state, RZST_AREA_COMPLETE);
	T_EQ(kernel->calls, 1);
	logged("/dev/sda 2: no longer swapped to; 1000 KiB brought back");
}

T_TEST(background_tries_again)
{
	struct rzst_swapoff_job job;

	MACHINE(ANSWER_KILL, ERRNO(ENOMEM), ANSWER_KILL, ERRNO(EINTR), ANSWER_OFF);
	run(&job);
	await(rzst_swapoff_job_background(&job, 100), 0);
	T_EQ(kernel->calls, 5);
	T_EQ(m->nr_pauses, 4);
	for (int i = 0; i < 4; i++) {
		T_EQ(m->pauses[i], 1 << i);
		T_LE(m->retry_in[i], 1 << i);
		T_GT(m->retry_in[i], (1 << i) - 30);
		T_GT(m->keeper[i], 0);
		T_EQ(m->keeper[i], m->keeper[0]);
	}
	T_EQ(area()->state, RZST_AREA_COMPLETE);
	logged("no longer swapped to");
}

/* A try without room would only get another helper killed. */
T_TEST(background_waits_for_room)
{
	struct rzst_swapoff_job job;

	MACHINE(ANSWER_KILL, ANSWER_OFF);
	m->room[0] = m->room[1] = m->room[2] = false;
	run(&job);
	await(rzst_swapoff_job_background(&job, 100), 0);
	T_EQ(kernel->calls, 2);
	T_EQ(m->nr_pauses, 4);
	T_EQ(m->looks, 4);
}

T_TEST(background_gives_up)
{
	struct rzst_swapoff_job job;

	MACHINE(ANSWER_KILL);
	run(&job);
	await(rzst_swapoff_job_background(&job, 300), 1);
	/* 1 + 2 + 4 + 8 + 16 + 32 + 60 + 60 + 60 = 243, and 60 more would be too much. */
	T_EQ(m->nr_pauses, 9);
	T_EQ(m->pauses[5], 32);
	T_EQ(m->pauses[6], 60);
	T_EQ(m->pauses[8], 60);
	T_EQ(kernel->calls, 10);
	T_EQ(area()->state, RZST_AREA_FAILED);
	T_EQ(area()->error, -EINTR);
	T_EQ(area()->retry_at, 0);
	T_EQ(area()->helper, 0);
	T_OK(area()->on);
	logged("swapoff given up after 10 tries (no more time); it is still swapped to");
}

T_TEST(background_does_not_repeat_the_hopeless)
{
	struct rzst_swapoff_job job;

	MACHINE(ERRNO(ENOMEM), ERRNO(EIO));
	run(&job);
	await(rzst_swapoff_job_background(&job, 300), 1);
	T_EQ(kernel->calls, 2);
	T_EQ(area()->state, RZST_AREA_FAILED);
	logged("it cannot succeed");
}

T_TEST(background_sees_that_it_is_off)
{
	struct rzst_swapoff_job job;

	MACHINE(ERRNO(ENOMEM));
	run(&job);
	put_swaps(0, false);
	await(rzst_swapoff_job_background(&job, 300), 0);
	T_EQ(kernel->calls, 1);
}

T_TEST(background_ends_by_signal)
{
	struct rzst_swapoff_job job;
	pid_t keeper, helper;

	/* While a try is at work. */
	MACHINE(ANSWER_WAIT, ERRNO(ENOMEM));
	T_EQ(rzst_swapoff_job_begin(&job, AREA), 0);
	helper = job.pid;
	T_WAIT(kernel->at_call, 20);
	keeper = rzst_swapoff_job_background(&job, 100);
	T_WAIT(getsid(keeper) == keeper, 20);
	T_EQ(kill(keeper, SIGTERM), 0);
	await(keeper, 1);
	T_EQ(waitpid(helper, NULL, 0), helper);
	T_EQ(area()->state, RZST_AREA_FAILED);
	T_OK(area()->on);
	logged("ended by a signal");
	/* In a pause. */
	m->no_pause = true;
	m->log[0] = '\0';
	run(&job);
	keeper = rzst_swapoff_job_background(&job, 100);
	T_WAIT(__atomic_load_n(&m->nr_pauses, __ATOMIC_SEQ_CST) == 1, 20);
	T_EQ(area()->state, RZST_AREA_BUSY);
	T_EQ(area()->helper, keeper);
	T_EQ(kill(keeper, SIGTERM), 0);
	await(keeper, 1);
	T_EQ(area()->state, RZST_AREA_FAILED);
	logged("ended by a signal");
}
