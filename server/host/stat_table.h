/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One table of all statistics of a device and of the process: name, kind, meaning.  The lines on
 * SIGUSR1, the answers of the control socket, OpenMetrics and the manual are made from it.
 *
 * Threading: any thread that may wait for memory.
 */
#ifndef RZS_STAT_TABLE_H
#define RZS_STAT_TABLE_H

#include "target.h"

enum rzs_stat_kind {
	RZS_STAT_GAUGE,	  /* a value now */
	RZS_STAT_COUNTER, /* since the device was initialised (of the process: since its start) */
};

struct rzs_stat {
	const char *name; /* of [a-z0-9_]; ends in _bytes or _ns, or else it counts something */
	enum rzs_stat_kind kind;
	const char *help; /* one phrase */
};

/* Call fn for each statistic of an initialised device, in the order of the table. */
void rzs_stat_device(const struct rzs_device_view *view,
		     void (*fn)(void *arg, const struct rzs_stat *stat, uint64_t value), void *arg);

/* Call fn for each statistic of the process (reserve, ballast, threads), in the same way. */
void rzs_stat_process(void (*fn)(void *arg, const struct rzs_stat *stat, uint64_t value),
		      void *arg);

/* Call fn for each statistic there is, without a value.  of_device: not of the process. */
void rzs_stat_describe(void (*fn)(void *arg, bool of_device, const struct rzs_stat *stat),
		       void *arg);

/*
 * Print the statistics (say.h), a line "name=value" each.  For the process also a line
 * "protect-NAME=ok|refused|off" for each protection.
 */
void rzs_stat_say_process(void);
void rzs_stat_say_device(const struct rzs_device_view *view);

#endif
