/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsc_swap.h. */
#include <errno.h>
#include <string.h>
#include <sys/swap.h>
#include <unistd.h>

#include "rzsc_swap.h"
#include "rzst_swaps.h"

/* SWAP_FLAG_DISCARD_PAGES, which not every libc has: discard pages when they are freed. */
#define DISCARD_PAGES 0x40000

#define PRIORITY      100 /* rzs-nbd-swap's */
#define PRIORITY_MOST 32767
#define HEADER_KIB    4 /* the page of the swap header */

struct how {
	uint64_t priority;
	bool discard, dry, verbose;
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
			if (rzst_number_option(option, o->pass[++i], "a number", 0, PRIORITY_MOST,
					       &how->priority, why, sizeof(why)) < 0)
				return rzst_fail(SWAP_USAGE, "%s", why);
		} else if (strcmp(option, "--no-discard") == 0) {
			how->discard = false;
		} else if (strcmp(option, "--dry-run") == 0) {
			how->dry = true;
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

static int cannot_swap_to(const char *path, int error)
{
	switch (error) {
	case EBUSY:
		return rzst_fail(SWAP_REFUSED,
				 "%s: in use already: mounted, or opened exclusively; unmount or "
				 "close it first",
				 path);
	case EINVAL:
		return rzst_fail(SWAP_FAILED,
				 "%s: the kernel finds no swap header there; --reset and --init "
				 "write one, and drop what is stored",
				 path);
	case EPERM:
		return rzst_fail(SWAP_FAILED,
				 "%s: only root may swap to it; or the kernel cannot have more "
				 "swap devices, see /proc/swaps",
				 path);
	default:
		return rzst_fail(SWAP_FAILED, "swapon %s: %s", path, strerror(error));
	}
}

int rzsc_swap_attach(const struct rzsc_options *o, const struct rzsc_found *found)
{
	char path[RZST_NAME_MAX + 8];
	struct how how;
	struct rzst_swap_area area;
	int flags, code = read_options(o, &how);

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
	flags = SWAP_FLAG_PREFER | (int)(how.priority << SWAP_FLAG_PRIO_SHIFT);
	if (how.discard)
		flags |= SWAP_FLAG_DISCARD | DISCARD_PAGES;
	if (swapon(path, flags) < 0)
		return cannot_swap_to(path, errno);
	printf("%s: swapping to it, %llu KiB with priority %llu\n", path,
	       (unsigned long long)(found->device->size / 1024 - HEADER_KIB),
	       (unsigned long long)how.priority);
	return RZS_EXIT_DONE;
}

/* ---- detach ---- */

static int cannot_let_go(const char *path, int error)
{
	switch (error) {
	case EINVAL:
		return rzst_fail(SWAP_NOT_ATTACHED, "%s: not swapped to", path);
	case ENOENT:
		return rzst_fail(SWAP_NOT_ATTACHED, "%s: there is no such device", path);
	case ENOMEM:
		return rzst_fail(SWAP_NO_ROOM,
				 "%s: no room in memory for what is swapped out there; end "
				 "programs, or add other swap, and try again",
				 path);
	case EPERM:
		return rzst_fail(SWAP_FAILED, "%s: only root may swapoff it", path);
	case EINTR:
		return rzst_fail(SWAP_FAILED, "%s: interrupted, still swapped to", path);
	default:
		return rzst_fail(SWAP_FAILED, "swapoff %s: %s", path, strerror(error));
	}
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
		return cannot_let_go(path, EINVAL);
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
	if (swapoff(path) < 0)
		return cannot_let_go(path, errno);
	printf("%s: no longer attached\n", path);
	return RZS_EXIT_DONE;
}
