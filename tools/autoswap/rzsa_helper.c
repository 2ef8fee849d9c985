/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsa_helper.h. */
#define _GNU_SOURCE
#include "rzsa_helper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rzst.h"
#include "rzst_area.h"
#include "rzst_swapoff_job.h"
#include "rzst_swapoff_keep.h"
#include "rzst_swapon.h"

#define NOTE_WAIT	5u /* seconds for the lock of what is noted */
#define DEVICE_PRIORITY 100
#define FILE_PRIORITY	32 /* at most: below what is compressed, and each below the one before */

/* ---- in the process: swapon ---- */

static enum rzsa_outcome outcome_of_swapon(enum rzst_swap_fault fault, int err)
{
	switch (fault) {
	case RZST_SWAP_FINE:
		return RZSA_DONE;
	case RZST_SWAP_TOO_MANY:
		return RZSA_NO_SLOT;
	case RZST_SWAP_NO_MEMORY:
		return RZSA_NO_MEMORY;
	case RZST_SWAP_INTERRUPTED:
		return RZSA_INTERRUPTED;
	case RZST_SWAP_IO:
		return RZSA_NO_SPACE;
	default:
		return err == -ENOSPC || err == -EDQUOT ? RZSA_NO_SPACE : RZSA_REFUSED;
	}
}

static bool is_in(const char *dir, const char *name)
{
	const char *slash = strrchr(name, '/');

	return *dir && slash && (size_t)(slash - name) == strlen(dir) &&
	       memcmp(name, dir, strlen(dir)) == 0;
}

static bool is_device(const struct rzst_swap_area *a, const char *kind)
{
	return !a->is_file && strncmp(a->name, kind, strlen(kind)) == 0;
}

static bool is_ours(const struct rzst_swap_area *a)
{
	return is_device(a, "/dev/nbd") || is_device(a, "/dev/ramzswap");
}

/* As the first of our devices that are on. */
static int priority_for_device(void)
{
	struct rzst_swap_area v[RZST_SWAPS_MAX];
	unsigned nr = rzst_swaps_read(v);
	int priority = RZST_PRIORITY_NONE;

	for (unsigned i = 0; i < nr; i++)
		if (is_ours(&v[i]) && v[i].priority > priority)
			priority = v[i].priority;
	return priority >= 0 ? priority : DEVICE_PRIORITY;
}

/*
 * Below all that is compressed, whoever turned it on, and below all files of ours: pages go to the
 * disk last.  Below priority 0 there is the kernel's choice, which is below all that is on.
 */
static int priority_for_file(const struct rzsa_dir *dir)
{
	struct rzst_swap_area v[RZST_SWAPS_MAX];
	unsigned nr = rzst_swaps_read(v);
	int priority = FILE_PRIORITY;

	for (unsigned i = 0; i < nr; i++)
		if ((is_ours(&v[i]) || is_device(&v[i], "/dev/zram") ||
		     is_in(dir->path, v[i].name)) &&
		    v[i].priority <= priority)
			priority = v[i].priority - 1;
	return priority >= 0 ? priority : RZST_PRIORITY_NONE;
}

/*
 * Above all that is compressed: what is written there is refused, or does not get smaller.  Of one
 * priority the kernel fills files in turn; it is not to end.
 */
static int priority_before(void)
{
	struct rzst_swap_area v[RZST_SWAPS_MAX];
	unsigned nr = rzst_swaps_read(v);
	int priority = FILE_PRIORITY;

	for (unsigned i = 0; i < nr; i++)
		if ((is_ours(&v[i]) || is_device(&v[i], "/dev/zram")) && v[i].priority >= priority)
			priority = v[i].priority + 1;
	return priority <= RZST_PRIORITY_MOST ? priority : RZST_PRIORITY_MOST;
}

struct turned_on {
	const char *name;
	int priority;
};

static int note_on(struct rzst_areas *areas, void *arg)
{
	const struct turned_on *t = arg;
	struct rzst_area *area = rzst_area_add(areas, t->name);

	if (!area)
		return -ENOSPC;
	rzst_area_turned_on(area, t->priority);
	return 0;
}

static void turn_on(const char *path, bool file, int priority, struct rzsa_report *out)
{
	const struct rzst_swapon_how how = {
		.priority = priority,
		.discard = file ? RZST_DISCARD_NONE : RZST_DISCARD_BOTH,
	};
	struct turned_on t = {path, how.priority};
	enum rzst_swap_fault fault;
	int err = rzst_swapon(path, &how, &fault);

	out->outcome = outcome_of_swapon(fault, err);
	if (err < 0)
		(void)rzst_swapon_why(fault, err, out->why, sizeof(out->why));
	else
		(void)rzst_areas_change(NOTE_WAIT, note_on, &t);
}

/* ---- in the process: orders ---- */

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

static void make_file(struct rzsa_dir *dir, const struct rzsa_order *order, struct rzsa_report *out)
{
	char name[RZSA_NAME_MAX];

	out->outcome = rzsa_file_make(dir, order->kib, name, &out->kib, &stopped, out->why);
	strcpy(out->name, name);
}

static void add_file(struct rzsa_dir *dir, const struct rzsa_order *order, struct rzsa_report *out)
{
	char path[PATH_MAX];

	out->kib = order->kib;
	out->outcome = RZSA_REFUSED;
	if (rzsa_file_path(dir, order->name, path, sizeof(path)) < 0)
		snprintf(out->why, sizeof(out->why), "its path is too long");
	else
		turn_on(path, true, order->first ? priority_before() : priority_for_file(dir), out);
}

void rzsa_helper_obey(struct rzsa_dir *dir, const struct rzsa_order *order, struct rzsa_report *out)
{
	memset(out, 0, sizeof(*out));
	out->act = order->act;
	out->outcome = RZSA_REFUSED;
	strcpy(out->name, order->name);
	dir->paranoid = order->paranoid;
	if (order->act == RZSA_ADD_DEVICE)
		turn_on(order->name, false, priority_for_device(), out);
	else if (dir->fd < 0)
		snprintf(out->why, sizeof(out->why), "there is no directory for swap files");
	else if (order->act == RZSA_PREPARE_FILE)
		make_file(dir, order, out);
	else if (order->act == RZSA_ADD_FILE)
		add_file(dir, order, out);
	else if (order->act == RZSA_DROP_FILE)
		out->outcome = rzsa_file_drop(dir, order->name, out->why);
}

/* ---- in the process: swapoff ---- */

static void report_swapoff(struct rzsa_dir *dir, const struct rzst_swapoff_job *job,
			   struct rzsa_report *out)
{
	memset(out, 0, sizeof(*out));
	out->act = RZSA_RETIRE;
	strcpy(out->name, job->name);
	if (job->result == 0) {
		out->outcome = RZSA_DONE;
		/* The area is off in any case; a file that stays is found at the next start. */
		if (dir->fd >= 0 && is_in(dir->path, job->name))
			(void)rzsa_file_drop(dir, strrchr(job->name, '/') + 1, out->why);
		return;
	}
	out->outcome = job->killed || job->fault == RZST_SWAP_NO_MEMORY ? RZSA_NO_MEMORY
		       : job->result == -EINTR				? RZSA_INTERRUPTED
									: RZSA_REFUSED;
	if (job->killed)
		snprintf(out->why, sizeof(out->why),
			 "its helper was killed, as the kernel does when memory ends");
	else
		(void)rzst_swapoff_why(job->fault, job->result, out->why, sizeof(out->why));
}

static bool say(int fd, const struct rzsa_report *report)
{
	return send(fd, report, sizeof(*report), MSG_NOSIGNAL) == (ssize_t)sizeof(*report);
}

/* False: nobody listens any more. */
static bool begin_swapoff(int fd, const struct rzsa_order *order, struct rzst_swapoff_job *job)
{
	struct rzsa_report report = {.act = RZSA_RETIRE, .outcome = RZSA_REFUSED};
	int err = job->pid ? -EBUSY : rzst_swapoff_job_begin(job, order->name);

	if (err == 0)
		return true;
	strcpy(report.name, order->name);
	if (err == -ENOMEM || err == -EAGAIN)
		report.outcome = RZSA_NO_MEMORY;
	snprintf(report.why, sizeof(report.why), "swapoff was not begun: %s", strerror(-err));
	return say(fd, &report);
}

/* False: there are no more orders. */
static bool take_order(int fd, struct rzsa_dir *dir, struct rzst_swapoff_job *job)
{
	struct rzsa_report report;
	struct rzsa_order order;

	if (recv(fd, &order, sizeof(order), 0) != (ssize_t)sizeof(order))
		return false;
	order.name[sizeof(order.name) - 1] = '\0';
	if (order.act == RZSA_RETIRE) {
		dir->paranoid = order.paranoid;
		return begin_swapoff(fd, &order, job);
	}
	rzsa_helper_obey(dir, &order, &report);
	return say(fd, &report);
}

static void __attribute__((noreturn)) serve(int fd, struct rzsa_dir dir, pid_t parent)
{
	struct rzst_swapoff_job job = {.pidfd = -1, .said = -1};
	struct rzsa_report report;
	bool more = true;

	/* Who is not asked any more need not stay. */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
		_exit(1);
	while (more && !stopped) {
		struct pollfd p[2] = {{fd, POLLIN, 0}, {job.pidfd, POLLIN, 0}};

		if (poll(p, 2, -1) < 0)
			continue;
		if (p[1].revents && !rzst_swapoff_job_look(&job)) {
			report_swapoff(&dir, &job, &report);
			more = say(fd, &report);
		}
		if (p[0].revents && more)
			more = take_order(fd, &dir, &job);
	}
	_exit(0);
}

/* ---- in the daemon ---- */

int rzsa_helper_start(struct rzsa_helper *h, const struct rzsa_dir *dir, void (*settle)(void))
{
	const pid_t parent = getpid();
	int fds[2];

	*h = (struct rzsa_helper){.fd = -1};
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	h->pid = rzst_swapoff_fork();
	if (h->pid == 0) {
		rzst_swapoff_detach(on_signal, fds[1], dir->fd);
		if (settle)
			settle();
		serve(fds[1], *dir, parent);
	}
	close(fds[1]);
	if (h->pid > 0) {
		h->fd = fds[0];
		return 0;
	}
	close(fds[0]);
	fds[0] = (int)h->pid;
	h->pid = 0;
	return fds[0];
}

int rzsa_helper_ask(struct rzsa_helper *h, const struct rzsa_order *order)
{
	if (h->fd < 0)
		return -EPIPE;
	if (h->asked & (1u << order->act))
		return -EBUSY;
	if (send(h->fd, order, sizeof(*order), MSG_NOSIGNAL | MSG_DONTWAIT) !=
	    (ssize_t)sizeof(*order))
		return -EIO;
	h->asked |= 1u << order->act;
	return 0;
}

/* The process has ended, or is of no use any more: it is ended, too. */
static void bury(struct rzsa_helper *h)
{
	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
	if (h->pid > 0) {
		(void)kill(h->pid, SIGKILL);
		/* It may be in the kernel for long: the daemon reaps it when SIGCHLD comes. */
		(void)waitpid(h->pid, NULL, WNOHANG);
	}
	h->pid = 0;
}

bool rzsa_helper_take(struct rzsa_helper *h, struct rzsa_report *out)
{
	ssize_t n = h->fd < 0 ? 0 : recv(h->fd, out, sizeof(*out), MSG_DONTWAIT);

	if (n == (ssize_t)sizeof(*out) && out->act < RZSA_ACTS) {
		h->asked &= ~(1u << out->act);
		return true;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	bury(h);
	for (unsigned act = 0; act < RZSA_ACTS; act++) {
		if (!(h->asked & (1u << act)))
			continue;
		h->asked &= ~(1u << act);
		memset(out, 0, sizeof(*out));
		out->act = act;
		out->outcome = RZSA_INTERRUPTED;
		snprintf(out->why, sizeof(out->why), "its helper process has ended");
		return true;
	}
	return false;
}

void rzsa_helper_end(struct rzsa_helper *h)
{
	if (h->pid > 0)
		(void)kill(h->pid, SIGTERM);
	if (h->fd >= 0)
		close(h->fd);
	*h = (struct rzsa_helper){.fd = -1};
}
