/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * swapon(2) and swapoff(2): this file's two functions are their only callers in the tree, and its
 * two tables of errors the only ones.  Any thread; both calls may sleep long.  Nothing is
 * allocated.
 *
 * The kernel makes the caller of swapoff(2) the first victim of the OOM killer, whatever its
 * oom_score_adj: never call rzst_swapoff() in a daemon, see rzst_swapoff_job.h.
 */
#ifndef RZST_SWAPON_H
#define RZST_SWAPON_H

#include <stdbool.h>
#include <stddef.h>

#define RZST_PRIORITY_NONE (-1) /* the kernel chooses: below all that were chosen */
#define RZST_PRIORITY_MOST 32767

enum rzst_discard {
	RZST_DISCARD_NONE,
	RZST_DISCARD_BOTH,  /* once and pages */
	RZST_DISCARD_ONCE,  /* all of it, at swapon */
	RZST_DISCARD_PAGES, /* those that are freed */
};

struct rzst_swapon_how {
	int priority; /* 0 to RZST_PRIORITY_MOST, or RZST_PRIORITY_NONE */
	enum rzst_discard discard;
};

/* Why a call failed: what errno alone does not tell apart.  Each has its sentence and remedy. */
enum rzst_swap_fault {
	RZST_SWAP_FINE,
	RZST_SWAP_NOT_ROOT,	/* EPERM: no CAP_SYS_ADMIN of the machine */
	RZST_SWAP_TOO_MANY,	/* EPERM with it: the kernel takes no more areas */
	RZST_SWAP_ON_ALREADY,	/* EBUSY: swapped to already, or still: a swapoff is at work */
	RZST_SWAP_IN_USE,	/* EBUSY: mounted, or opened exclusively */
	RZST_SWAP_NO_AREA,	/* EINVAL, EISDIR: neither a block device nor a file */
	RZST_SWAP_EMPTY,	/* EINVAL, EIO: of size 0: not attached, not initialised */
	RZST_SWAP_NO_HEADER,	/* EINVAL: no swap header, or one that the kernel refuses */
	RZST_SWAP_HOLES,	/* EINVAL: holes, or a file system without bmap */
	RZST_SWAP_NOT_ON,	/* EINVAL of swapoff: not swapped to */
	RZST_SWAP_DRAINING,	/* EINVAL of swapoff: another swapoff is at work there */
	RZST_SWAP_BAD_PRIORITY, /* EINVAL: not asked, out of range */
	RZST_SWAP_NO_FILE,	/* ENOENT, ENXIO, ENODEV, ENOTDIR, ELOOP, ENAMETOOLONG */
	RZST_SWAP_NOT_ALLOWED,	/* EACCES, EROFS, ETXTBSY */
	RZST_SWAP_NO_MEMORY,	/* ENOMEM: of swapoff: what is swapped out does not fit */
	RZST_SWAP_INTERRUPTED,	/* EINTR: the area is on, or off, as before */
	RZST_SWAP_NO_KERNEL,	/* ENOSYS */
	RZST_SWAP_IO,		/* EIO */
	RZST_SWAP_OTHER,
};

/*
 * Swap to `path`, a block device or a file with a swap header.  0, or the negative errno of
 * swapon(2), with *fault set on every path; -EINVAL also for a priority out of range.
 */
int rzst_swapon(const char *path, const struct rzst_swapon_how *how, enum rzst_swap_fault *fault);

/* Swap to it no longer: may take minutes; a signal ends it with -EINTR.  Else as rzst_swapon(). */
int rzst_swapoff(const char *path, enum rzst_swap_fault *fault);

/* Whether this process has CAP_SYS_ADMIN, without which the kernel refuses both calls. */
bool rzst_swap_allowed(void);

/*
 * The sentence for a fault, with the way out and without a full stop: "cannot swap to NAME: ..." is
 * the caller's to put before it.  `error` is the negative errno.  Returns buf.
 */
const char *rzst_swapon_why(enum rzst_swap_fault fault, int error, char *buf, size_t size);
const char *rzst_swapoff_why(enum rzst_swap_fault fault, int error, char *buf, size_t size);

#endif
