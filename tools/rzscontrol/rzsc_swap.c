/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsc_swap.h. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "rzsc_swap.h"
#include "rzst_fit.h"
#include "rzst_swapoff_job.h"
#include "rzst_swapon.h"
#include "rzst_swaps.h"

#define PRIORITY   100 /* rzs-nbd-swap's */
#define HEADER_KIB 4   /* the page of the swap header */
#define LOCK_WAIT  5u  /* seconds for the lock of what is noted of areas */

struct how {
	uint64_t priority;
	bool discard, dry, force, verbose;
};

/* Those of the options for rzs-nbd-swap that have a meaning here. */
static int read_options(const struct rzsc_options *o, struct how *how)
{
	char why[256];

	*how = (struct how){.priority = PRIORITY, .discard = true};
	for (unsigned i = 0; i < o->nr_pass; i++) {
		const char *option = o->pass[i];

		if (strcmp(option, "--priority") == 0) {
			/* Its value stands behind it. */
			if (rzst_number_option(option, o->pass[++i], "a number", 0,
					       RZST_PRIORITY_MOST, &how->priority, why,
					       sizeof(why)) < 0)
				return rzst_fail(SWAP_USAGE, "%s", why);
		} else if (strcmp(option, "--no-discard") == 0) {
			how->discard = false;
		} else if (strcmp(option, "--dry-run") == 0) {
			how->dry = true;
		} else if (strcmp(option, "--force") == 0) {
			how->force = true;
		} else if (strcmp(option, "--verbose") == 0) {
			how->verbose = true;
		} else {
			return rzst_fail(SWAP_USAGE,
					 "%s is for devices of a server; leave it out for a "
					 "device of the kernel module",
					 option);
		}
	}
	return RZS_EXIT_DONE;
}

/* ---- attach ---- */

static int cannot_swap_to(const char *path, enum rzst_swap_fault fault, int err)
{
	char why[256];

	rzst_swapon_why(fault, err, why, sizeof(why));
	if (fault == RZST_SWAP_NO_HEADER)
		return rzst_fail(SWAP_FAILED, "%s: %s; so do --reset and --init", path, why);
	return rzst_fail(err == -EBUSY ? SWAP_REFUSED : SWAP_FAILED, "%s: %s", path, why);
}

struct turned_on {
	const char *path;
	int priority;
};

static int note_on(struct rzst_areas *areas, void *arg)
{
	const struct turned_on *t = arg;
	struct rzst_area *area = rzst_area_add(areas, t->path);

	if (!area)
		return -ENOSPC;
	rzst_area_turned_on(area, t->priority);
	return 0;
}

int rzsc_swap_attach(const struct rzsc_options *o, const struct rzsc_found *found)
{
	char path[RZST_NAME_MAX + 8];
	struct how how;
	struct rzst_swapon_how on = {0};
	struct turned_on noted = {.path = path};
	struct rzst_swap_area area;
	enum rzst_swap_fault fault;
	int err, code = read_options(o, &how);

	if (code != RZS_EXIT_DONE)
		return code;
	snprintf(path, sizeof(path), "/dev/%s", found->name);
	if (o->nr_words || o->nbd_socket)
		return rzst_fail(SWAP_USAGE, "%s: a block device already, which needs no %s", path,
				 o->nr_words ? "other one" : "--nbd-socket");
	if (!found->device->ready)
		return rzst_fail(SWAP_REFUSED,
				 "%s: not initialised, there is nothing to attach; 'rzscontrol "
				 "%s --init' initialises it",
				 found->name, found->name);
	if (rzst_swaps_find(path, &area) == 0)
		return rzst_fail(SWAP_REFUSED,
				 "%s: swapped to already; 'rzscontrol detach %s' "
				 "ends that",
				 path, found->name);
	if (how.dry || how.verbose)
		printf("swapon %s--priority %llu %s\n", how.discard ? "--discard=pages " : "",
		       (unsigned long long)how.priority, path);
	if (how.dry)
		return RZS_EXIT_DONE;
	on.priority = (int)how.priority;
	on.discard = how.discard ? RZST_DISCARD_PAGES : RZST_DISCARD_NONE;
	err = rzst_swapon(path, &on, &fault);
	if (err < 0)
		return cannot_swap_to(path, fault, err);
	/* If it cannot be noted, rzs-swapon -l may take it for one that was always there. */
	noted.priority = on.priority;
	(void)rzst_areas_change(LOCK_WAIT, note_on, &noted);
	printf("%s: swapping to it, %llu KiB with priority %llu\n", path,
	       (unsigned long long)(found->device->size / 1024 - HEADER_KIB),
	       (unsigned long long)how.priority);
	return RZS_EXIT_DONE;
}

/* ---- detach ---- */

static int cannot_let_go(const char *path, enum rzst_swap_fault fault, int err)
{
	int code = fault == RZST_SWAP_NOT_ON || fault == RZST_SWAP_NO_FILE ? SWAP_NOT_ATTACHED
		   : fault == RZST_SWAP_NO_MEMORY			   ? SWAP_NO_ROOM
									   : SWAP_FAILED;
	char why[256];

	return rzst_fail(code, "%s: %s", path, rzst_swapoff_why(fault, err, why, sizeof(why)));
}

/* The kernel itself looks at nothing, and has the OOM killer find out. */
static int check_room(const char *path, const struct how *how)
{
	static struct rzst_areas areas;
	struct rzst_fit fit;
	char text[256];

	rzst_areas_read(&areas);
	if (rzst_fit_look(&areas, path, &fit) < 0 || fit.fits)
		return RZS_EXIT_DONE;
	rzst_fit_text(&fit, "it", text, sizeof(text));
	if (!how->force && !how->dry)
		return rzst_fail(SWAP_NO_ROOM,
				 "%s: %s; it stays attached and continues to work.  End programs, "
				 "or add other swap, then detach again; --force tries it without "
				 "asking",
				 path, text);
	rzst_say("warning: %s: %s", path, text);
	return RZS_EXIT_DONE;
}

/* swapoff(2) in a helper: what the kernel kills when memory ends is that, and not us. */
static int turn_off(const char *path)
{
	struct rzst_swapoff_job job;
	bool interrupted;
	int err = rzst_swapoff_job_run(&job, path, &interrupted);

	if (err == -EBUSY)
		return cannot_let_go(path, RZST_SWAP_DRAINING, err);
	if (err == -ENODEV)
		return cannot_let_go(path, RZST_SWAP_NOT_ON, err);
	if (err < 0)
		return rzst_fail(SWAP_FAILED, "%s: cannot start a process for swapoff(2): %s", path,
				 strerror(-err));
	if (job.result == 0)
		return RZS_EXIT_DONE;
	if (job.killed && !interrupted)
		return rzst_fail(SWAP_NO_ROOM,
				 "%s: the process in swapoff(2) was killed, as the kernel does "
				 "when memory ends; it is still swapped to, with %llu KiB; end "
				 "programs, or add other swap, and try again",
				 path, (unsigned long long)job.used / 1024);
	return cannot_let_go(path, job.fault, job.result);
}

int rzsc_swap_detach(const struct rzsc_options *o, const char *name)
{
	char path[RZST_NAME_MAX + 8];
	struct how how;
	struct rzst_swap_area area;
	int code = read_options(o, &how);

	if (code != RZS_EXIT_DONE)
		return code;
	snprintf(path, sizeof(path), "/dev/%s", name);
	if (rzst_swaps_find(path, &area) < 0)
		return cannot_let_go(path, RZST_SWAP_NOT_ON, -EINVAL);
	code = check_room(path, &how);
	if (code != RZS_EXIT_DONE)
		return code;
	if (how.dry) {
		printf("swapoff %s\n", path);
		return RZS_EXIT_DONE;
	}
	/* It may take long, and reports no progress. */
	if (how.verbose || isatty(STDOUT_FILENO)) {
		printf("swapoff %s: %llu KiB to bring back\n", path,
		       (unsigned long long)area.used / 1024);
		fflush(stdout);
	}
	code = turn_off(path);
	if (code == RZS_EXIT_DONE)
		printf("%s: no longer attached\n", path);
	return code;
}
