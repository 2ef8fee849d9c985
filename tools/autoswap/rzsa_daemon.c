/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsa_daemon.h.  rzsa_daemon_tell.c has what it says. */
#define _GNU_SOURCE
#include "rzsa_daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rzsa_daemon_private.h"
#include "rzsa_log.h"
#include "rzsa_state.h"
#include "rzst.h"
#include "rzst_fstab.h"

#define TICK_MS	 1000
#define LEAST_MS 200 /* between two ticks, whatever calls */

enum {
	POLL_SIGNALS,
	POLL_SWAPS,
	POLL_PSI,
	POLL_ACTORS = POLL_PSI + 2,
	POLL_NR = POLL_ACTORS + RZSA_ACTORS_POLL
};

/* What the process that reads the configuration leaves. */
struct rzsa_reload {
	struct rzsa_settings settings;
	struct rzsa_collector collector; /* of which only fstab is taken */
};

/* ---- a tick ---- */

static void act(struct rzsa_daemon *d, int64_t now)
{
	struct rzsa_inputs *in = &d->board.in;
	unsigned which;
	const char *broken =
		rzsa_guard(&d->guard, &d->settings.rules, in, now, &d->actions, &which);

	for (unsigned i = 0; i < d->actions.nr; i++) {
		const struct rzsa_action *a = &d->actions.v[i];

		if (broken && i >= which) {
			d->board.broken++;
			rzsa_daemon_tell_broken(d, a, broken);
			rzsa_actors_refuse(&d->actors, a, broken, now);
		} else if (a->act == RZSA_STARVED) {
			rzsa_daemon_tell_starved(d);
		} else {
			rzsa_actors_do(&d->actors, &d->collector, a, now);
			rzsa_daemon_tell_begun(d, a);
		}
	}
}

static void tick(struct rzsa_daemon *d, int64_t now)
{
	struct rzsa_inputs *in = &d->board.in;
	const enum rzsa_mode before = d->state.mode;

	d->woken = false;
	d->ticked = now;
	d->due += TICK_MS;
	/* A machine that is too busy for a tick gets none for that second. */
	if (d->due <= now || d->due > now + TICK_MS)
		d->due = now + TICK_MS;
	rzsa_actors_tick(&d->actors, &d->collector, now);
	rzsa_collect(&d->collector, now, in);
	rzsa_actors_results(&d->actors, in);
	in->diet_asked = d->diet_asked;
	d->diet_asked = false;
	rzsa_step(&d->settings.rules, &d->state, in, now, &d->actions);
	rzsa_worth(&d->settings.rules, in, &d->board.worth);
	act(d, now);
	d->board.ticks++;
	rzsa_daemon_tell_tick(d, before, now);
}

/* ---- a new configuration ---- */

static void begin_reload(struct rzsa_daemon *d)
{
	pid_t pid;

	if (d->reader) {
		rzsa_log(RZSA_LOG_WARN, "the configuration is being read already");
		return;
	}
	pid = fork();
	if (pid == 0) {
		struct rzsa_reload *r = d->reload;

		if (d->configure(d->configure_arg, &r->settings) < 0)
			_exit(1);
		rzsa_collect_begin(&r->collector, &r->settings, false);
		_exit(0);
	}
	if (pid < 0)
		rzsa_log(RZSA_LOG_WARN, "the configuration cannot be read: %s", strerror(errno));
	else
		d->reader = pid;
}

/* What is open, or was done at the start, stays as it is. */
static void end_reload(struct rzsa_daemon *d, int status)
{
	struct rzsa_settings *from = &d->reload->settings, old = d->settings;

	d->reader = 0;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		rzsa_log(RZSA_LOG_WARN,
			 "the configuration is wrong, the old one stays; rzs-autoswap -i says why");
		return;
	}
	d->settings = *from;
	if (strcmp(from->swappath, d->swappath) != 0 || strcmp(from->pidfile, old.pidfile) != 0)
		rzsa_log(RZSA_LOG_WARN, "swappath and pidfile are taken at the next start");
	memcpy(d->settings.swappath, old.swappath, sizeof(old.swappath));
	memcpy(d->settings.pidfile, old.pidfile, sizeof(old.pidfile));
	d->settings.rules.files = old.rules.files;
	d->settings.daemon = old.daemon;
	memcpy(d->collector.fstab, d->reload->collector.fstab, sizeof(d->collector.fstab));
	d->collector.nr_fstab = d->reload->collector.nr_fstab;
	d->actors.refused[0] = '\0';
	memset(d->collector.left, 0, sizeof(d->collector.left));
	rzsa_daemon_tell_level(d);
	rzsa_log(RZSA_LOG_INFO, "the configuration was read again");
}

/* ---- waiting ---- */

static void reap(struct rzsa_daemon *d)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == d->reader)
			end_reload(d, status);
}

static void take_signals(struct rzsa_daemon *d)
{
	struct signalfd_siginfo info;

	while (read(d->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGTERM:
		case SIGINT:
			d->hurry = d->stop;
			d->stop = true;
			break;
		case SIGHUP:
			begin_reload(d);
			break;
		case SIGUSR1:
			rzsa_daemon_tell_all(d, rzst_now_ms());
			break;
		case SIGUSR2:
			rzsa_log(RZSA_LOG_INFO, "a diet is asked for");
			d->diet_asked = d->woken = true;
			break;
		default:
			reap(d);
			break;
		}
	}
}

static void wait_for(struct rzsa_daemon *d, int64_t ms)
{
	struct pollfd p[POLL_NR];
	int64_t now;

	p[POLL_SIGNALS] = (struct pollfd){d->signals, POLLIN, 0};
	p[POLL_SWAPS] = (struct pollfd){d->swaps, POLLPRI, 0};
	rzsa_collect_poll(&d->collector, p + POLL_PSI);
	rzsa_actors_poll(&d->actors, p + POLL_ACTORS);
	if (poll(p, POLL_NR, ms > 0 ? (int)ms : 0) < 0)
		return;
	now = rzst_now_ms();
	d->woken |=
		rzsa_collect_take(&d->collector, p + POLL_PSI) || (p[POLL_SWAPS].revents & POLLPRI);
	rzsa_actors_take(&d->actors, p + POLL_ACTORS, now);
	if (p[POLL_SIGNALS].revents)
		take_signals(d);
}

void rzsa_daemon_round(struct rzsa_daemon *d)
{
	int64_t now = rzst_now_ms(), due = d->due;

	if (d->woken && d->ticked + LEAST_MS < due)
		due = d->ticked + LEAST_MS;
	if (now >= due) {
		tick(d, now);
		due = d->due;
	}
	wait_for(d, due - rzst_now_ms());
}

void rzsa_daemon_run(struct rzsa_daemon *d)
{
	rzsa_daemon_tell_ready(d);
	while (!d->stop)
		rzsa_daemon_round(d);
	rzsa_daemon_tell_end(d);
	if (d->settings.paranoid)
		(void)rzsa_daemon_erase(d);
}

/* ---- giving all back ---- */

/* An action of ours alone; false: it was not done. */
static bool finish(struct rzsa_daemon *d, enum rzsa_act what, uint32_t area)
{
	const struct rzsa_action action = {what, area, 0};
	const struct rzsa_deed *deed = &d->actors.deed[what];

	if (!deed->under_way)
		rzsa_actors_do(&d->actors, &d->collector, &action, rzst_now_ms());
	while (deed->under_way && !d->hurry) {
		wait_for(d, TICK_MS);
		rzsa_daemon_tell_alive(d);
	}
	d->actors.nr_results = 0;
	return !deed->under_way && deed->outcome == RZSA_DONE;
}

unsigned rzsa_daemon_erase(struct rzsa_daemon *d)
{
	struct rzsa_inputs *in = &d->board.in;
	uint32_t tried[RZSA_AREAS_MAX];
	unsigned nr = 0, left = 0;

	for (bool more = true; more && !d->hurry;) {
		more = false;
		rzsa_actors_tick(&d->actors, &d->collector, rzst_now_ms());
		rzsa_collect(&d->collector, rzst_now_ms(), in);
		for (unsigned i = 0; !more && i < in->nr_areas && nr < RZSA_AREAS_MAX; i++) {
			const struct rzsa_area *a = &in->area[i];

			more = a->kind == RZSA_DISK && a->managed && !a->permanent;
			for (unsigned k = 0; more && k < nr; k++)
				more = tried[k] != a->id;
			if (!more)
				continue;
			tried[nr++] = a->id;
			left += !finish(d, RZSA_RETIRE, a->id);
		}
	}
	if (*d->actors.spare)
		left += !finish(d, RZSA_DROP_FILE, 0);
	return left;
}

/* ---- begin and end ---- */

static int open_signals(void)
{
	static const int taken[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD};
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		sigaddset(&set, taken[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int open_swaps(void)
{
	char path[RZST_PATH_MAX];

	return rzst_path(path, sizeof(path), "/proc/swaps") < 0 ? -1
								: open(path, O_RDONLY | O_CLOEXEC);
}

/* Without a directory that is fit for them there are no files; the rest works all the same. */
static int open_files(struct rzsa_daemon *d, char why[RZS_WHY_MAX])
{
	struct rzsa_actors *a = &d->actors;
	char path[RZST_PATH_MAX], name[RZST_PATH_MAX];
	int err;

	a->dir.fd = -1;
	strcpy(d->swappath, d->settings.swappath);
	if (!d->settings.rules.files)
		return 0;
	if (rzst_path(path, sizeof(path), d->settings.swappath) < 0)
		return -ENAMETOOLONG;
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		rzsa_log(RZSA_LOG_WARN, "%s: cannot be made: %s", path, strerror(errno));
	/* As the kernel will name the files: by this they are known as ours. */
	if (rzst_device_name(d->settings.swappath, name, sizeof(name)) == 0 &&
	    rzst_path(path, sizeof(path), name) == 0)
		strcpy(d->settings.swappath, name);
	err = rzsa_dir_open(&a->dir, path, d->settings.paranoid, why);
	if (err == -EBUSY)
		return err;
	if (err < 0) {
		rzsa_log(RZSA_LOG_WARN, "%s; no swap files are made", why);
		d->settings.rules.files = false;
		a->dir.fd = -1;
		return 0;
	}
	if (rzsa_dir_reuse(&a->dir, a->spare, &a->spare_kib, why) < 0)
		rzsa_log(RZSA_LOG_WARN, "%s", why);
	return 0;
}

int rzsa_daemon_begin(struct rzsa_daemon *d, pid_t *other, char why[RZS_WHY_MAX])
{
	int err = rzsa_board_open(&d->shown, other);

	why[0] = '\0';
	d->signals = d->swaps = d->actors.dir.fd = -1;
	if (err < 0)
		return rzs_value_fail(why, err, "/run/rzs/autoswap: %s",
				      err == -EBUSY ? "another rzs-autoswap runs" : strerror(-err));
	err = open_files(d, why);
	if (err < 0)
		return err;
	d->reload = mmap(NULL, sizeof(*d->reload), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (d->reload == MAP_FAILED)
		return rzs_value_fail(why, -errno, "no memory");
	d->signals = open_signals();
	if (d->signals < 0)
		return rzs_value_fail(why, d->signals, "signalfd: %s", strerror(-d->signals));
	d->swaps = open_swaps();
	d->actors.settings = &d->settings;
	d->actors.tell = rzsa_daemon_tell_deed;
	d->actors.tell_arg = d;
	err = rzsa_actors_begin(&d->actors);
	if (err < 0)
		return rzs_value_fail(why, err, "no helper process: %s", strerror(-err));
	rzsa_state_init(&d->state);
	rzsa_collect_begin(&d->collector, &d->settings, true);
	d->board.started = d->due = rzst_now_ms();
	rzsa_daemon_tell_level(d);
	return 0;
}

void rzsa_daemon_end(struct rzsa_daemon *d)
{
	rzsa_actors_end(&d->actors);
	rzsa_collect_end(&d->collector);
	if (d->actors.dir.fd >= 0)
		rzsa_dir_close(&d->actors.dir);
	if (d->signals >= 0)
		close(d->signals);
	if (d->swaps >= 0)
		close(d->swaps);
	rzsa_board_close(d->shown);
}
