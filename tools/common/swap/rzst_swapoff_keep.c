/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzst_swapoff_keep.h.  One thread; it does nothing but wait and try again. */
#define _GNU_SOURCE
#include "rzst_swapoff_keep.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "rzst.h"
#include "rzst_fit.h"

#define LOCK_WAIT  60u /* seconds */
#define PAUSE_MOST 60
#define LOOK_EVERY 3600 /* seconds; only a limit to one wait */

struct keep {
	struct rzst_swapoff_job *job;
	char name[256]; /* fit for the log */
	int64_t until;	/* ms, CLOCK_MONOTONIC */
	unsigned tries;
	int64_t pause;		/* seconds, before the next try */
	uint64_t used_at_start; /* of the first */
	int64_t began;
};

static volatile sig_atomic_t stop;

static void on_stop(int sig)
{
	(void)sig;
	stop = 1;
}

/*
 * Wait until fd is readable (-1: for nothing), for so long, or for a signal that ends us.  Blocked
 * but for this call, none comes unseen.
 */
static void wait_ms(int fd, int64_t ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct timespec t;
	sigset_t none;

	if (ms > LOOK_EVERY * 1000)
		ms = LOOK_EVERY * 1000;
	if (ms < 0)
		ms = 0;
	t = (struct timespec){ms / 1000, ms % 1000 * 1000000};
	sigemptyset(&none);
	(void)ppoll(&p, fd >= 0, &t, &none);
}

/* ---- what is noted ---- */

struct pending {
	const struct rzst_swapoff_job *job;
	enum rzst_area_state state;
	int64_t retry_at;
};

static int note_state(struct rzst_areas *areas, void *arg)
{
	const struct pending *p = arg;
	struct rzst_area *area = rzst_area_find(areas, p->job->name);

	/* Another command may be at work there by now, or the area is off. */
	if (!area || !area->on || area->state == RZST_AREA_SWAPOFF)
		return -ENODEV;
	area->state = p->state;
	area->retry_at = p->retry_at;
	area->error = p->job->result;
	area->since = time(NULL);
	/* Whom to end if no more tries are wanted. */
	area->helper = p->retry_at ? getpid() : 0;
	area->helper_start = p->retry_at ? rzst_process_start(getpid()) : 0;
	return 0;
}

static void note(struct keep *k, enum rzst_area_state state, int64_t retry_at)
{
	struct pending p = {k->job, state, retry_at};

	(void)rzst_areas_change(LOCK_WAIT, note_state, &p);
}

/* ---- the end ---- */

static void __attribute__((noreturn)) done(const struct keep *k)
{
	syslog(LOG_NOTICE, "%s: no longer swapped to; %llu KiB brought back in %lld s", k->name,
	       (unsigned long long)k->used_at_start / 1024,
	       (long long)((rzst_now_ms() - k->began) / 1000));
	_exit(0);
}

static void __attribute__((noreturn)) give_up(struct keep *k, const char *why)
{
	char text[512];

	note(k, RZST_AREA_FAILED, 0);
	if (!k->job->result)
		text[0] = '\0';
	else
		rzst_swapoff_why(k->job->fault, k->job->result, text, sizeof(text));
	syslog(LOG_WARNING, "%s: swapoff given up after %u tries (%s); it is still swapped to%s%s",
	       k->name, k->tries, why, *text ? ": " : "", text);
	_exit(1);
}

static void __attribute__((noreturn)) out_of_time(struct keep *k)
{
	give_up(k, stop ? "ended by a signal" : "no more time");
}

/* ---- trying ---- */

/* Until the helper has ended, or our time has; or we were told to stop. */
static void finish_try(struct keep *k)
{
	while (rzst_swapoff_job_look(k->job)) {
		if (stop || rzst_now_ms() >= k->until) {
			rzst_swapoff_job_cancel(k->job);
			break;
		}
		wait_ms(k->job->pidfd, k->until - rzst_now_ms());
	}
	if (k->job->result == 0)
		done(k);
	if (stop || rzst_now_ms() >= k->until)
		out_of_time(k);
	if (!rzst_swapoff_job_may_pass(k->job))
		give_up(k, "it cannot succeed");
}

static bool has_room(struct keep *k)
{
	struct rzst_areas areas;
	struct rzst_fit fit;

	rzst_areas_read(&areas);
	if (rzst_fit_look(&areas, k->job->name, &fit) < 0)
		done(k); /* by another */
	return fit.fits;
}

/* Begin the next try, as soon as there is room for it. */
static void begin_again(struct keep *k)
{
	struct rzst_swapoff_job before = *k->job;
	int err;

	for (;;) {
		int64_t pause = k->pause;

		k->pause = pause * 2 < PAUSE_MOST ? pause * 2 : PAUSE_MOST;
		if (stop || rzst_now_ms() + pause * 1000 > k->until)
			out_of_time(k);
		note(k, RZST_AREA_BUSY, time(NULL) + pause);
		wait_ms(-1, pause * 1000);
		if (stop)
			out_of_time(k);
		if (!has_room(k))
			continue;
		err = rzst_swapoff_job_begin(k->job, before.name);
		if (err == 0)
			return;
		if (err == -ENODEV)
			done(k);
		*k->job = before; /* another is at work, or there is no process for us */
	}
}

void rzst_swapoff_keep(struct rzst_swapoff_job *job, unsigned seconds)
{
	struct keep k = {.job = job, .tries = 1, .pause = 1};
	sigset_t ours;

	k.began = job->began;
	k.used_at_start = job->used_at_start;
	k.until = rzst_now_ms() + (int64_t)seconds * 1000;
	strcpy(k.name, job->name);
	rzst_tame(k.name);
	rzst_swapoff_detach(on_stop, job->pidfd, job->said);
	sigemptyset(&ours);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGHUP);
	sigprocmask(SIG_BLOCK, &ours, NULL);
	openlog("rzs-swapoff", LOG_PID, LOG_DAEMON);
	for (;; k.tries++) {
		finish_try(&k);
		begin_again(&k);
	}
}
