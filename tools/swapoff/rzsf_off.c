/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsf_off.h. */
#define _GNU_SOURCE
#include "rzsf_off.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "rzsf_progress.h"
#include "rzst_json.h"
#include "rzst_swapoff_job.h"

#define TICK_MS	   500	 /* a bar is drawn anew */
#define LINE_MS	   10000 /* a line, where there is no terminal */
#define KIB(bytes) ((unsigned long long)(bytes) / 1024)

#define BUSY                                                                       \
	"busy: its helper was killed, as the kernel does when memory ends; it is " \
	"still swapped to, with %llu KiB"

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

/* They come in between only while we wait. */
static void take_signals(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction act;
	sigset_t set;

	memset(&act, 0, sizeof(act));
	act.sa_handler = on_signal;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigaction(signals[i], &act, NULL);
		sigaddset(&set, signals[i]);
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static void wait_for_end(const struct rzst_swapoff_job *job, int64_t ms)
{
	struct pollfd p = {.fd = job->pidfd, .events = POLLIN};
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};
	sigset_t none;

	sigemptyset(&none);
	(void)ppoll(&p, 1, &t, &none);
}

/* ---- does it fit ---- */

/* Where the other areas that will be turned off count as such: nothing can go there. */
static int look(const struct rzst_areas *areas, const struct rzsf_targets *targets,
		struct rzsf_target *t)
{
	static struct rzst_areas rest;

	rest = *areas;
	for (unsigned i = 0; i < targets->nr; i++) {
		struct rzst_area *a = rzst_area_find(&rest, targets->v[i].name);

		if (a && a->on && &targets->v[i] != t)
			a->state = RZST_AREA_SWAPOFF;
	}
	t->looked = rzst_fit_look(&rest, t->name, &t->fit) == 0;
	return t->looked ? 0 : -ENODEV;
}

static void refuse(struct rzsf_target *t, uint64_t need, uint64_t have, const char *what)
{
	struct rzst_fit fit = t->fit;
	char text[256];

	fit.need = need;
	fit.have = have;
	t->outcome = RZSF_REFUSED;
	t->code = RZSF_NO_MEMORY;
	snprintf(t->why, sizeof(t->why),
		 "refused: %s; end programs, add other swap, or use --force",
		 rzst_fit_text(&fit, what, text, sizeof(text)));
}

/* All of them together: the last must fit, too. */
static void refuse_all(const struct rzst_areas *areas, struct rzsf_targets *targets)
{
	uint64_t need = 0, have = 0;
	unsigned nr = 0;

	for (unsigned i = 0; i < targets->nr; i++) {
		struct rzsf_target *t = &targets->v[i];

		if (t->outcome != RZSF_NOT_TRIED || look(areas, targets, t) < 0)
			continue;
		need += t->fit.need;
		have = t->fit.have;
		nr++;
	}
	for (unsigned i = 0; need > have && i < targets->nr; i++)
		if (targets->v[i].outcome == RZSF_NOT_TRIED && targets->v[i].looked)
			refuse(&targets->v[i], need, have, nr > 1 ? "all of them" : "it");
}

/* Before the second and later ones: much may have happened. */
static bool still_fits(struct rzsf_targets *targets, struct rzsf_target *t)
{
	static struct rzst_areas areas;

	rzst_areas_read(&areas);
	if (look(&areas, targets, t) < 0 || t->fit.fits)
		return true;
	refuse(t, t->fit.need, t->fit.have, "it");
	return false;
}

/* ---- one ---- */

struct view {
	const struct rzsf_options *o;
	unsigned columns;
	int64_t last; /* line */
	int64_t began;
};

static void show(struct view *v, const struct rzsf_target *t, const struct rzst_swapoff_job *job)
{
	struct rzsf_progress p = {t->shown, job->used_at_start, job->used,
				  rzst_now_ms() - v->began};
	char text[512];

	if (v->o->json)
		return;
	if (v->columns) {
		rzsf_progress_draw(&p, v->columns);
	} else if (rzst_now_ms() - v->last >= LINE_MS) {
		v->last = rzst_now_ms();
		rzst_say("%s", rzsf_progress_text(&p, 0, text, sizeof(text)));
	}
}

/* Until it has ended, it is interrupted, or its time is over; true: it is still at work. */
static bool watch(struct view *v, const struct rzsf_target *t, struct rzst_swapoff_job *job)
{
	int64_t until = v->began + (int64_t)v->o->timeout * 1000;
	int64_t left = TICK_MS;
	bool more;

	while ((more = rzst_swapoff_job_look(job)) && !interrupted) {
		if (!v->o->wait)
			left = until - rzst_now_ms();
		if (left <= 0)
			break;
		/* What is done in a moment needs no bar. */
		if (rzst_now_ms() - v->began >= TICK_MS)
			show(v, t, job);
		wait_for_end(job, left < TICK_MS ? left : TICK_MS);
	}
	if (v->columns && !v->o->json)
		rzsf_progress_wipe();
	return more;
}

/* The job is at work, or may be tried again. */
static void leave(const struct rzsf_options *o, struct rzsf_target *t, struct rzst_swapoff_job *job)
{
	char why[256] = "";
	pid_t pid;

	t->outcome = RZSF_IN_BACKGROUND;
	t->code = RZSF_BACKGROUND;
	if (!job->pid) {
		if (job->killed)
			snprintf(why, sizeof(why), BUSY, KIB(job->used));
		else
			rzst_swapoff_why(job->fault, job->result, why, sizeof(why));
		t->code |= RZSF_NO_MEMORY;
	}
	pid = rzst_swapoff_job_background(job, o->give_up);
	if (pid < 0) {
		rzst_swapoff_job_cancel(job);
		t->outcome = job->result == 0 ? RZSF_OFF : RZSF_BUSY;
		t->code = job->result == 0 ? RZSF_DONE : RZSF_SYSTEM;
		snprintf(t->why, sizeof(t->why), "it cannot go on in the background: %s",
			 strerror((int)-pid));
		return;
	}
	t->background = (int)pid;
	snprintf(t->why, sizeof(t->why),
		 "%s%s in the background, for at most %u s (process %d; SIGTERM ends it, and the "
		 "area stays on); 'rzs-swapon -l' shows how far it is, and its end is logged",
		 *why ? why : "not done yet", *why ? "; it is tried again" : ": it goes on",
		 o->give_up, (int)pid);
}

static void failed(struct rzsf_target *t, const struct rzst_swapoff_job *job)
{
	bool busy = rzst_swapoff_job_may_pass(job);

	t->outcome = busy ? RZSF_BUSY : RZSF_NOT_OFF;
	t->code = RZSF_FAILED;
	rzst_swapoff_why(job->fault, job->result, t->why, sizeof(t->why));
	if (job->fault == RZST_SWAP_NOT_ROOT)
		t->code = RZSF_USAGE; /* as util-linux's */
	if (job->fault == RZST_SWAP_NO_MEMORY || (job->killed && !interrupted))
		t->code = RZSF_NO_MEMORY;
	if (job->killed && !interrupted)
		snprintf(t->why, sizeof(t->why),
			 BUSY "; end programs, or add other swap, and try again", KIB(job->used));
	else if (interrupted && job->fault == RZST_SWAP_INTERRUPTED)
		snprintf(t->why, sizeof(t->why),
			 "interrupted: it is still swapped to; %llu KiB came back, %llu KiB are "
			 "still there",
			 KIB(job->used_at_start -
			     (job->used < job->used_at_start ? job->used : job->used_at_start)),
			 KIB(job->used));
}

static void end(const struct rzsf_options *o, struct rzsf_target *t, struct rzst_swapoff_job *job)
{
	t->left = job->used;
	if (job->result == 0) {
		t->outcome = RZSF_OFF;
		t->code = RZSF_DONE;
	} else if (!interrupted && !o->wait && o->give_up && job->fault != RZST_SWAP_DRAINING &&
		   rzst_swapoff_job_may_pass(job)) {
		leave(o, t, job);
	} else {
		failed(t, job);
	}
}

static void cannot_begin(struct rzsf_target *t, int err)
{
	enum rzst_swap_fault fault = err == -EBUSY    ? RZST_SWAP_DRAINING
				     : err == -ENODEV ? RZST_SWAP_NOT_ON
						      : RZST_SWAP_OTHER;

	t->outcome = err == -EBUSY ? RZSF_BUSY : RZSF_NOT_OFF;
	t->code = fault == RZST_SWAP_OTHER ? RZSF_SYSTEM : RZSF_FAILED;
	rzst_swapoff_why(fault, err, t->why, sizeof(t->why));
	if (err == -ENOSYS)
		snprintf(t->why, sizeof(t->why),
			 "this kernel has no pidfd_open(2); Linux 5.3 or newer is needed");
}

static void turn_off(const struct rzsf_options *o, struct rzsf_target *t)
{
	struct view v = {.o = o, .columns = rzsf_progress_columns()};
	struct rzst_swapoff_job job;
	uint64_t at_start;
	int err;

	v.began = v.last = rzst_now_ms();
	err = rzst_swapoff_job_begin(&job, t->name);
	if (err < 0) {
		cannot_begin(t, err);
		return;
	}
	if (o->verbose && !o->json)
		printf("%s: swapoff, %llu KiB to bring back\n", t->shown, KIB(job.used_at_start));
	fflush(stdout);
	at_start = job.used_at_start;
	if (!watch(&v, t, &job)) {
		end(o, t, &job);
	} else if (interrupted || !o->give_up) {
		if (!o->json && interrupted)
			rzst_say("%s: interrupted, waiting for the process whose pages come back "
				 "now",
				 t->shown);
		rzst_swapoff_job_cancel(&job);
		end(o, t, &job);
	} else {
		t->left = job.used;
		leave(o, t, &job);
	}
	t->seconds = (double)(rzst_now_ms() - v.began) / 1000;
	if (!t->looked)
		t->fit.used = at_start;
	if (job.noted && t->code != RZSF_USAGE && !o->json)
		rzst_say("%s: nothing could be noted of it in /run/rzs (%s): 'rzs-swapon -l' does "
			 "not "
			 "know of it, nor do other commands at the same time",
			 t->shown, strerror(-job.noted));
}

/* ---- all ---- */

static void report(const struct rzsf_options *o, const struct rzsf_target *t)
{
	if (o->json)
		return;
	if (t->outcome == RZSF_OFF)
		printf("%s: no longer swapped to, %llu KiB brought back in %.1f s\n", t->shown,
		       KIB(t->fit.used), t->seconds);
	else if (t->outcome == RZSF_IN_BACKGROUND)
		printf("%s: %s\n", t->shown, t->why);
	else if (t->outcome == RZSF_SKIPPED && o->verbose)
		printf("%s: there is no such device or file, skipped\n", t->shown);
	else if (t->outcome == RZSF_NOT_TRIED && o->dry_run)
		printf("swapoff %s: %llu KiB to bring back, room for %llu KiB\n", t->shown,
		       KIB(t->fit.need), KIB(t->fit.have));
	else if (t->outcome == RZSF_NOT_TRIED)
		rzst_say("%s: not tried, still swapped to", t->shown);
	else if (t->outcome != RZSF_SKIPPED)
		rzst_say("%s: %s", t->shown, t->why);
	fflush(stdout);
}

void rzsf_off(const struct rzsf_options *o, const struct rzst_areas *areas,
	      struct rzsf_targets *targets)
{
	bool first = true;

	take_signals();
	if (!o->force || o->dry_run)
		refuse_all(areas, targets);
	for (unsigned i = 0; i < targets->nr; i++) {
		struct rzsf_target *t = &targets->v[i];

		if (t->outcome == RZSF_NOT_TRIED && interrupted)
			t->code = RZSF_FAILED;
		else if (t->outcome == RZSF_REFUSED && o->force) {
			t->outcome = RZSF_NOT_TRIED; /* a dry run's */
			t->code = RZSF_DONE;
			t->why[0] = '\0';
		} else if (t->outcome == RZSF_NOT_TRIED && !o->dry_run) {
			if (first || o->force || still_fits(targets, t))
				turn_off(o, t);
			first = false;
		}
		report(o, t);
	}
}

int rzsf_off_code(const struct rzsf_options *o, const struct rzsf_targets *targets)
{
	unsigned off = 0, not_off = 0;
	int code = 0;

	for (unsigned i = 0; i < targets->nr; i++) {
		const struct rzsf_target *t = &targets->v[i];

		code |= t->code;
		if (t->code)
			not_off++;
		else
			off++;
	}
	if (!o->all || o->nr_names || !not_off)
		return code;
	return (off ? RZSF_SOME_OFF : RZSF_ALL_FAILED) | (code & RZSF_BACKGROUND);
}

static void json_one(struct rzst_json *j, const struct rzsf_target *t)
{
	static const char *const outcomes[] = {
		[RZSF_NOT_TRIED] = "not-tried",
		[RZSF_OFF] = "off",
		[RZSF_IN_BACKGROUND] = "background",
		[RZSF_REFUSED] = "refused",
		[RZSF_BUSY] = "busy",
		[RZSF_NOT_OFF] = "failed",
		[RZSF_SKIPPED] = "skipped",
	};

	rzst_json_object(j, NULL);
	rzst_json_text(j, "name", *t->name ? t->name : t->given);
	rzst_json_text(j, "outcome", outcomes[t->outcome]);
	if (t->looked) {
		rzst_json_number(j, "need_bytes", t->fit.need);
		rzst_json_number(j, "have_bytes", t->fit.have);
		rzst_json_number(j, "available_bytes", t->fit.available);
		rzst_json_number(j, "floor_bytes", t->fit.floor);
		rzst_json_number(j, "elsewhere_bytes", t->fit.elsewhere);
		rzst_json_number(j, "cached_bytes", t->fit.cached);
	}
	rzst_json_number(j, "used_bytes", t->fit.used);
	rzst_json_number(j, "left_bytes", t->left);
	rzst_json_fraction(j, "seconds", t->seconds);
	if (t->background)
		rzst_json_integer(j, "background_pid", t->background);
	rzst_json_text(j, "why", *t->why ? t->why : NULL);
	rzst_json_object_end(j);
}

void rzsf_off_json(const struct rzsf_options *o, const struct rzst_areas *areas,
		   const struct rzsf_targets *targets)
{
	struct rzst_json j;

	rzst_json_begin(&j, stdout);
	rzst_json_array(&j, "areas");
	for (unsigned i = 0; i < targets->nr; i++)
		json_one(&j, &targets->v[i]);
	rzst_json_array_end(&j);
	rzst_json_text(&j, "doubt", *areas->doubt ? areas->doubt : NULL);
	rzst_json_integer(&j, "exit_status", rzsf_off_code(o, targets));
	rzst_json_end(&j);
}
