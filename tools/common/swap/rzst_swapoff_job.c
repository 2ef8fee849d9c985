/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See rzst_swapoff_job.h: the helper, and what is noted of it.  rzst_swapoff_keep.c has the process
 * that goes on in the background.
 */
#define _GNU_SOURCE
#include "rzst_swapoff_job.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rzst.h"
#include "rzst_area.h"
#include "rzst_swapoff_keep.h"
#include "rzst_swaps.h"

#define LOCK_WAIT	5u  /* seconds for the lock of what is noted */
#define SIGNAL_AGAIN_MS 100 /* between two interrupts: one may come before swapoff(2) does */

/* What the helper says of its end. */
struct said {
	int result;
	enum rzst_swap_fault fault;
};

/* ---- what is noted ---- */

static int note_begin(struct rzst_areas *areas, void *arg)
{
	struct rzst_swapoff_job *job = arg;
	struct rzst_area *area = rzst_area_find(areas, job->name);

	if (!area || !area->on)
		return -ENODEV;
	if (area->state == RZST_AREA_SWAPOFF)
		return -EBUSY;
	job->used_at_start = job->used = area->used;
	area->state = RZST_AREA_SWAPOFF;
	area->helper = job->pid;
	area->helper_start = rzst_process_start(job->pid);
	area->since = time(NULL);
	area->used_at_start = area->used;
	area->error = 0;
	area->retry_at = 0;
	return 0;
}

static int note_end(struct rzst_areas *areas, void *arg)
{
	const struct rzst_swapoff_job *job = arg;
	struct rzst_area *area = rzst_area_find(areas, job->name);

	if (!area && job->result == 0)
		area = rzst_area_add(areas, job->name);
	if (!area) /* it is off, by another */
		return 0;
	if (job->result == 0)
		area->state = RZST_AREA_COMPLETE;
	else
		area->state = rzst_swapoff_job_may_pass(job) ? RZST_AREA_BUSY : RZST_AREA_FAILED;
	area->helper = 0;
	area->helper_start = 0;
	area->since = time(NULL);
	area->error = job->result;
	area->retry_at = 0;
	return 0;
}

/* ---- the helper ---- */

/* Only so that swapoff(2) ends with EINTR. */
static void on_signal(int sig)
{
	(void)sig;
}

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

#define NR_SIGNALS (sizeof(signals) / sizeof(signals[0]))

pid_t rzst_swapoff_fork(void)
{
	sigset_t set, before;
	pid_t pid;

	sigemptyset(&set);
	for (size_t i = 0; i < NR_SIGNALS; i++)
		sigaddset(&set, signals[i]);
	fflush(NULL);
	sigprocmask(SIG_BLOCK, &set, &before);
	pid = fork();
	if (pid == 0)
		return 0;
	pid = pid < 0 ? -errno : pid;
	sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

/* Whoever waits for our caller's locks, or for the end of its pipes, need not wait for us. */
static void close_all_but(int a, int b)
{
	unsigned from = 3, low = (unsigned)(a < b ? a : b), high = (unsigned)(a < b ? b : a);

	for (unsigned i = 0; i < 2; i++) {
		unsigned keep = i ? high : low;

		if (keep >= from && keep <= INT_MAX) {
			if (keep > from)
				(void)syscall(SYS_close_range, from, keep - 1, 0);
			from = keep + 1;
		}
	}
	(void)syscall(SYS_close_range, from, ~0u, 0); /* Linux 5.9; older ones keep them open */
}

void rzst_swapoff_detach(void (*handler)(int sig), int keep, int keep_too)
{
	struct sigaction act;
	sigset_t none;
	int null = open("/dev/null", O_RDWR);

	memset(&act, 0, sizeof(act));
	act.sa_handler = handler;
	for (size_t i = 0; i < NR_SIGNALS; i++)
		sigaction(signals[i], &act, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	for (int fd = 0; null >= 0 && fd <= 2; fd++)
		dup2(null, fd);
	close_all_but(keep, keep_too);
}

/* The first to be killed, also where the kernel does not look at who is in swapoff(2). */
static void offer_to_be_killed(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, "1000", 4);
	close(fd);
}

static void __attribute__((noreturn)) help(const char *name, int go, int say)
{
	struct said said = {0, RZST_SWAP_FINE};
	char c;

	rzst_swapoff_detach(on_signal, go, say);
	offer_to_be_killed();
	if (read(go, &c, 1) != 1) /* interrupted, or not wanted after all */
		said = (struct said){-EINTR, RZST_SWAP_INTERRUPTED};
	else
		said.result = rzst_swapoff(name, &said.fault);
	_exit(write(say, &said, sizeof(said)) == sizeof(said) ? 0 : 1);
}

static int two_pipes(int go[2], int say[2])
{
	int err;

	if (pipe2(go, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(say, O_CLOEXEC) == 0)
		return 0;
	err = -errno;
	close(go[0]);
	close(go[1]);
	return err;
}

/* Forked and waiting for a byte at *go; 0 or a negative errno, and then nothing is left. */
static int start(struct rzst_swapoff_job *job, int *go_fd)
{
	int go[2], say[2], err = two_pipes(go, say);

	if (err < 0)
		return err;
	job->pid = rzst_swapoff_fork();
	err = job->pid < 0 ? (int)job->pid : 0;
	if (job->pid == 0) {
		close(go[1]);
		close(say[0]);
		help(job->name, go[0], say[1]);
	}
	close(go[0]);
	close(say[1]);
	*go_fd = go[1];
	job->said = say[0];
	job->pidfd = err == 0 ? (int)syscall(SYS_pidfd_open, job->pid, 0) : -1;
	if (err == 0 && job->pidfd >= 0)
		return 0;
	err = err ? err : -errno;
	close(go[1]); /* which ends it */
	close(say[0]);
	if (job->pid > 0)
		while (waitpid(job->pid, NULL, 0) < 0 && errno == EINTR)
			;
	return err;
}

static void forget(struct rzst_swapoff_job *job)
{
	if (job->pidfd >= 0)
		close(job->pidfd);
	if (job->said >= 0)
		close(job->said);
	job->pidfd = job->said = -1;
	job->pid = 0;
}

/* Not our child where it was begun by the process that has left it to us. */
static void reap(const struct rzst_swapoff_job *job)
{
	while (waitpid(job->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int rzst_swapoff_job_begin(struct rzst_swapoff_job *job, const char *name)
{
	struct rzst_swap_area area;
	int go, err;

	memset(job, 0, sizeof(*job));
	job->pidfd = job->said = -1;
	if (strlen(name) >= sizeof(job->name))
		return -ENAMETOOLONG;
	strcpy(job->name, name);
	err = start(job, &go);
	if (err < 0) {
		job->pid = 0;
		job->pidfd = job->said = -1;
		return err;
	}
	err = rzst_areas_change(LOCK_WAIT, note_begin, job);
	if (err == -EBUSY || err == -ENODEV) {
		close(go);
		reap(job);
		forget(job);
		return err;
	}
	job->noted = err;
	if (err < 0) {
		(void)rzst_swaps_find(job->name, &area);
		job->used_at_start = job->used = area.used;
	}
	job->began = rzst_now_ms();
	/* If it has been killed meanwhile, that is how it ended. */
	(void)!write(go, "", 1);
	close(go);
	return 0;
}

static bool ended(const struct rzst_swapoff_job *job, int timeout_ms)
{
	struct pollfd p = {.fd = job->pidfd, .events = POLLIN};

	return poll(&p, 1, timeout_ms) > 0;
}

bool rzst_swapoff_job_look(struct rzst_swapoff_job *job)
{
	struct rzst_swap_area area;
	struct said said;
	int err;

	if (!job->pid)
		return false;
	(void)rzst_swaps_find(job->name, &area); /* zeros: it is off */
	job->used = area.used;
	if (!ended(job, 0))
		return true;
	job->killed = read(job->said, &said, sizeof(said)) != sizeof(said);
	if (job->killed)
		said = (struct said){-EINTR, RZST_SWAP_INTERRUPTED};
	job->result = said.result;
	job->fault = said.fault;
	reap(job);
	forget(job);
	/* It was on when we began: another has been faster, or the kill came too late. */
	if (job->fault == RZST_SWAP_NOT_ON ||
	    (job->killed && rzst_swaps_find(job->name, &area) < 0)) {
		job->result = 0;
		job->fault = RZST_SWAP_FINE;
	}
	(void)rzst_swaps_find(job->name, &area);
	job->used = area.used;
	err = rzst_areas_change(LOCK_WAIT, note_end, job);
	if (err < 0 && !job->noted)
		job->noted = err;
	return false;
}

bool rzst_swapoff_job_may_pass(const struct rzst_swapoff_job *job)
{
	return job->fault == RZST_SWAP_INTERRUPTED || job->fault == RZST_SWAP_NO_MEMORY ||
	       job->fault == RZST_SWAP_DRAINING;
}

void rzst_swapoff_job_cancel(struct rzst_swapoff_job *job)
{
	while (job->pid && !ended(job, 0)) {
		(void)syscall(SYS_pidfd_send_signal, job->pidfd, SIGINT, NULL, 0);
		(void)ended(job, SIGNAL_AGAIN_MS);
	}
	(void)rzst_swapoff_job_look(job);
}

static volatile sig_atomic_t interrupts;

static void on_interrupt(int sig)
{
	(void)sig;
	interrupts = 1;
}

int rzst_swapoff_job_run(struct rzst_swapoff_job *job, const char *name, bool *interrupted)
{
	struct pollfd p = {.events = POLLIN};
	struct sigaction before[NR_SIGNALS], act;
	sigset_t ours, mask;
	int err;

	memset(&act, 0, sizeof(act));
	act.sa_handler = on_interrupt;
	interrupts = 0;
	sigemptyset(&ours);
	for (size_t i = 0; i < NR_SIGNALS; i++) {
		sigaction(signals[i], NULL, &before[i]);
		if (before[i].sa_handler != SIG_IGN)
			sigaction(signals[i], &act, NULL);
		sigaddset(&ours, signals[i]);
	}
	/* They come only while we wait: none is missed, also none that came before. */
	sigprocmask(SIG_BLOCK, &ours, &mask);
	err = rzst_swapoff_job_begin(job, name);
	while (err == 0 && rzst_swapoff_job_look(job) && !interrupts) {
		p.fd = job->pidfd;
		(void)ppoll(&p, 1, NULL, &mask);
	}
	if (err == 0)
		rzst_swapoff_job_cancel(job);
	*interrupted = interrupts;
	for (size_t i = 0; i < NR_SIGNALS; i++)
		sigaction(signals[i], &before[i], NULL);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	return err;
}

pid_t rzst_swapoff_job_background(struct rzst_swapoff_job *job, unsigned give_up)
{
	pid_t pid = rzst_swapoff_fork();

	if (pid < 0)
		return pid;
	if (pid == 0)
		rzst_swapoff_keep(job, give_up);
	forget(job);
	return pid;
}
