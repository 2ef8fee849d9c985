/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See rzst_swapoff_job.h.
 *
 * The helper sends its result through a socket.  An end without a result says that it was killed.
 * So a process that is not its parent can take the job over: the keeper, below.
 */
#include "rzst_swapoff_job.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "rzst.h"
#include "rzst_area.h"
#include "rzst_swaps.h"

#define LOCK_SECONDS 2u	 /* for the lock of the notes: without them it goes on as well */
#define PAUSE_MOST   60u /* seconds */
#define FIRST_FREE   3	 /* descriptor, after the standard ones */

struct result {
	int result;
	enum rzst_swap_fault fault;
};

static int64_t ms_now(void)
{
	return (int64_t)(rzst_now() / 1000000);
}

/* ---- what is noted ---- */

struct note {
	struct rzst_swapoff_job *job;
	pid_t by; /* only if this process is what is noted as its helper; 0: whoever is */
	enum rzst_area_state state;
	pid_t helper;
	int error;
	unsigned pause; /* seconds; 0: no more tries */
};

static int change(struct rzst_areas *areas, void *arg)
{
	const struct note *n = arg;
	struct rzst_area *a = rzst_area_find(areas, n->job->name);

	if (!a && n->state == RZST_AREA_COMPLETE)
		a = rzst_area_add(areas, n->job->name);
	/* What is on is not complete: somebody has swapped to it again; nor the other way round. */
	if (!a || a->on == (n->state == RZST_AREA_COMPLETE))
		return -ENODEV;
	if (n->by && a->helper && a->helper != n->by)
		return -EBUSY;
	if (n->state == RZST_AREA_SWAPOFF &&
	    (n->by ? a->state != RZST_AREA_BUSY || !a->helper : a->state == RZST_AREA_SWAPOFF))
		return -EBUSY;
	a->state = n->state;
	a->helper = n->helper;
	a->helper_start = n->helper ? rzst_process_start(n->helper) : 0;
	a->since = time(NULL);
	a->used_at_start = n->job->used_at_start;
	a->error = n->error;
	a->retry_at = n->pause ? a->since + n->pause : 0;
	return 0;
}

static int note(struct note n)
{
	return rzst_areas_change(LOCK_SECONDS, change, &n);
}

/* Whether an error of note() says that the job must not go on; else only the notes are missing. */
static bool forbids(int err)
{
	return err == -ENODEV || err == -EBUSY;
}

/* ---- the helper ---- */

/*
 * A process in the background: no terminal, and nothing open but `keep`, which becomes FIRST_FREE.
 * Whoever waits for the end of what the caller writes, or for its locks, would wait for this one.
 */
static void leave(int keep)
{
	int null = open("/dev/null", O_RDWR);

	setsid();
	for (int fd = 0; fd < FIRST_FREE && null >= 0; fd++)
		dup2(null, fd);
	if (keep != FIRST_FREE)
		dup2(keep, FIRST_FREE);
#ifdef SYS_close_range
	if (syscall(SYS_close_range, FIRST_FREE + 1u, ~0u, 0) == 0)
		return;
#endif
	for (int fd = FIRST_FREE + 1; fd < 1024; fd++)
		close(fd);
}

static void reset_signals(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM, SIGCHLD};
	sigset_t none;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The first to be killed in any case: say so to kernels that ask nothing but this. */
static void offer_to_be_killed(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "1000", 4) < 0)
		(void)0; /* then the kernel's own mark has to do */
	close(fd);
}

/* Begins when a byte arrives, and not at all if there is none. */
static void help(const char *name, int fd)
{
	struct result r = {0};
	char byte;

	reset_signals();
	offer_to_be_killed();
	if (read(fd, &byte, 1) != 1)
		_exit(1);
	leave(fd);
	r.result = rzst_swapoff(name, &r.fault);
	_exit(write(FIRST_FREE, &r, sizeof(r)) == (ssize_t)sizeof(r) ? 0 : 1);
}

static void forget(struct rzst_swapoff_job *job)
{
	if (job->pidfd >= 0)
		close(job->pidfd);
	job->pid = 0;
	job->pidfd = -1;
}

static int fork_helper(struct rzst_swapoff_job *job)
{
	int fd[2], err;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) < 0)
		return -errno;
	job->pid = fork();
	err = job->pid < 0 ? -errno : 0;
	if (job->pid == 0) {
		close(fd[0]);
		help(job->name, fd[1]);
	}
	close(fd[1]);
	job->pidfd = fd[0];
	if (err < 0)
		forget(job);
	return err;
}

/* by: who may begin it, of those that are noted; 0: whoever. */
static int begin(struct rzst_swapoff_job *job, const char *name, pid_t by)
{
	struct rzst_swap_area area;
	int err;

	*job = (struct rzst_swapoff_job){.pidfd = -1, .began = ms_now()};
	if (rzst_swaps_find(name, &area) < 0)
		return -ENODEV;
	strcpy(job->name, area.name);
	job->used_at_start = job->used = area.used;
	err = fork_helper(job);
	if (err < 0)
		return err;
	err = note((struct note){
		.job = job, .by = by, .state = RZST_AREA_SWAPOFF, .helper = job->pid});
	if (!forbids(err))
		err = send(job->pidfd, "", 1, MSG_NOSIGNAL) == 1 ? 0 : -errno;
	if (err < 0) {
		pid_t pid = job->pid;

		forget(job); /* it ends by that */
		waitpid(pid, NULL, 0);
	}
	return err;
}

int rzst_swapoff_job_begin(struct rzst_swapoff_job *job, const char *name)
{
	return begin(job, name, 0);
}

/* ---- its end ---- */

/* Takes what the ended helper left; notes nothing. */
static void take_result(struct rzst_swapoff_job *job)
{
	struct result r = {.result = -EINTR, .fault = RZST_SWAP_INTERRUPTED};
	struct rzst_swap_area area;

	if (read(job->pidfd, &r, sizeof(r)) != (ssize_t)sizeof(r))
		r = (struct result){-EINTR, RZST_SWAP_INTERRUPTED};
	while (waitpid(job->pid, NULL, 0) < 0 && errno == EINTR)
		;
	forget(job);
	/* Killed when all was done. */
	if (r.result == -EINTR && rzst_swaps_find(job->name, &area) < 0)
		r = (struct result){0, RZST_SWAP_FINE};
	job->result = r.result;
	job->fault = r.fault;
	if (r.result == 0)
		job->used = 0;
}

bool rzst_swapoff_job_look(struct rzst_swapoff_job *job)
{
	struct pollfd p = {.fd = job->pidfd, .events = POLLIN};
	struct rzst_swap_area area;
	pid_t pid = job->pid;

	if (!pid)
		return false;
	job->used = rzst_swaps_find(job->name, &area) == 0 ? area.used : 0;
	if (poll(&p, 1, 0) != 1)
		return true;
	take_result(job);
	(void)note((struct note){.job = job,
				 .by = pid,
				 .state = job->result ? RZST_AREA_BUSY : RZST_AREA_COMPLETE,
				 .error = job->result});
	return false;
}

/* Until the helper has ended. */
static void wait_for(const struct rzst_swapoff_job *job)
{
	struct pollfd p = {.fd = job->pidfd, .events = POLLIN};

	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
}

void rzst_swapoff_job_cancel(struct rzst_swapoff_job *job)
{
	if (!job->pid)
		return;
	kill(job->pid, SIGTERM);
	wait_for(job);
	(void)rzst_swapoff_job_look(job);
}

/* ---- the keeper: a process that goes on in the background ---- */

static void say_end(const struct rzst_swapoff_job *job, uint64_t used, int64_t seconds)
{
	char name[sizeof(job->name)], why[256];

	rzst_tame(strcpy(name, job->name));
	openlog("rzs-swapoff", LOG_PID | LOG_CONS, LOG_DAEMON);
	if (job->result == 0)
		syslog(LOG_NOTICE, "%s: swapoff is complete: %" PRIu64 " KiB in %" PRId64 " s",
		       name, used / 1024, seconds);
	else
		syslog(LOG_ERR, "%s: swapoff was given up after %" PRId64 " s, it is still on: %s",
		       name, seconds, rzst_swapoff_why(job->fault, job->result, why, sizeof(why)));
	closelog();
}

static bool can_retry(int result)
{
	return result == -EINTR || result == -ENOMEM;
}

/* Waits, with the area noted as BUSY; false: somebody else has it, or it is off. */
static bool pause_for(struct rzst_swapoff_job *job, pid_t by, unsigned seconds)
{
	struct timespec ts = {.tv_sec = seconds};
	struct rzst_swap_area area;
	int err = note((struct note){.job = job,
				     .by = by,
				     .state = RZST_AREA_BUSY,
				     .helper = getpid(),
				     .error = job->result,
				     .pause = seconds});

	if (forbids(err))
		return false;
	while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
		;
	return rzst_swaps_find(job->name, &area) == 0;
}

/* Begin again; a helper that could not be made has found no memory. */
static int begin_again(struct rzst_swapoff_job *job)
{
	struct rzst_swapoff_job next;
	int err = begin(&next, job->name, getpid());

	if (forbids(err))
		return err;
	if (err < 0) {
		job->result = -ENOMEM;
		job->fault = RZST_SWAP_NO_MEMORY;
	} else {
		*job = next;
	}
	return 0;
}

static void keep(struct rzst_swapoff_job *job, unsigned give_up)
{
	int64_t began = job->began, until = ms_now() + give_up * 1000ll;
	uint64_t used = job->used_at_start;
	unsigned pause = 1;
	pid_t by = job->pid;

	for (;;) {
		if (job->pid) {
			by = job->pid;
			wait_for(job);
			take_result(job);
		}
		if (!can_retry(job->result) || ms_now() + pause * 1000ll > until)
			break;
		if (!pause_for(job, by, pause) || begin_again(job) < 0)
			return;
		by = getpid();
		pause = pause * 2 < PAUSE_MOST ? pause * 2 : PAUSE_MOST;
	}
	(void)note((struct note){.job = job,
				 .by = by,
				 .state = job->result ? RZST_AREA_FAILED : RZST_AREA_COMPLETE,
				 .error = job->result});
	say_end(job, used, (ms_now() - began) / 1000);
}

int rzst_swapoff_job_background(struct rzst_swapoff_job *job, unsigned give_up)
{
	int status = 0;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		/* Twice: nobody has to wait for the second. */
		pid = fork();
		if (pid != 0)
			_exit(pid < 0 ? errno : 0);
		reset_signals();
		leave(job->pidfd);
		job->pidfd = FIRST_FREE;
		keep(job, give_up);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
	forget(job);
	return 0;
}
