/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is seen of the machine: memory, pressure, swap areas and what they hold, room on the disk.
 * Files below /proc, /sys and /run are those below RZS_SYSROOT if that is set.
 *
 * Threading: one thread.  rzsa_collect() may wait for servers, 2 s for each that does not answer,
 * and what asks them allocates; with another `look` (rzsa_inside.h) it does neither.
 */
#ifndef RZSA_COLLECT_H
#define RZSA_COLLECT_H

#include <poll.h>

#include "rzsa_settings.h"
#include "rzst_area.h"
#include "rzst_fit_other.h"

#define RZSA_LEFT_MAX 8u

/* What is remembered of an area while it is on. */
struct rzsa_seen {
	char name[256]; /* empty: none */
	uint32_t id;
	bool now;		    /* in this tick */
	uint64_t first_limit;	    /* KiB */
	uint64_t mark_stored, mark; /* KiB stored and held when the ratio was last taken */
	unsigned recent;
};

/*
 * What a compressed area holds; rzst_fit_other_look() unless the caller sets another.  *compacts:
 * its server does so when asked, as far as is known.
 */
typedef void rzsa_look_inside(void *arg, const struct rzst_area *area, struct rzst_fit_other *out,
			      bool *compacts);

struct rzsa_collector {
	const struct rzsa_settings *settings;
	rzsa_look_inside *look;
	void *look_arg;
	uint64_t spare;			 /* KiB of the file that is ready */
	char spare_device[256];		 /* of ours, attached and off; empty: none */
	const char *refused;		 /* such a one that is not to be taken; NULL: none */
	const char *retiring;		 /* an area that goes off because we want it; NULL: none */
	char left[RZSA_LEFT_MAX][64];	 /* devices that others have turned off: so they stay */
	unsigned nr_left;
	char fstab[RZSA_AREAS_MAX][256]; /* what is in fstab, and not noauto */
	unsigned nr_fstab;
	struct rzsa_seen seen[RZSA_AREAS_MAX];
	uint32_t next_id;
	bool counted; /* the following are of a tick before, at: */
	int64_t counted_at;
	uint64_t swapins, refaults, stalls;
	int trigger[2]; /* PSI's, for a shortage and an emergency; -1: there is none */
	bool fired[2];	/* since the last tick */
};

/*
 * triggers: have PSI note when a limit is crossed.  Without PSI, or the right to, it does not.
 * fstab is read here, once, and devices may be for it: only this allocates.
 */
void rzsa_collect_begin(struct rzsa_collector *c, const struct rzsa_settings *settings,
			bool triggers);
void rzsa_collect_end(struct rzsa_collector *c);

/*
 * Look at the machine.  now: milliseconds of the monotonic clock, for rates.  Cannot fail: what
 * cannot be read is 0.
 */
void rzsa_collect(struct rzsa_collector *c, int64_t now, struct rzsa_inputs *out);

/* The name of an area of the last tick; "?": none has this id. */
const char *rzsa_collect_name(const struct rzsa_collector *c, uint32_t id);

/*
 * Wait so many milliseconds, noting which triggers fire; a signal ends it early.  False: a signal
 * did.
 */
bool rzsa_collect_wait(struct rzsa_collector *c, int64_t ms);

/*
 * For those that wait for more: what to wait for, and what came of it.  True: a trigger has fired
 * that had not, since the last tick.
 */
void rzsa_collect_poll(const struct rzsa_collector *c, struct pollfd p[2]);
bool rzsa_collect_take(struct rzsa_collector *c, const struct pollfd p[2]);

#endif
