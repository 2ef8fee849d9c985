/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All statistics of a device and of the process, in one table: name, unit, kind, what it means.
 * The lines on SIGUSR1, the control socket's answers, OpenMetrics and the manual are made of it.
 *
 * Threading: any thread that may wait for memory; one struct at a time for each.
 */
#ifndef RZS_STAT_TABLE_H
#define RZS_STAT_TABLE_H

#include "target.h"

enum rzs_stat_kind {
	RZS_STAT_GAUGE,	  /* as it is now */
	RZS_STAT_COUNTER, /* since the device was initialised (of the process: since its start) */
};

struct rzs_stat {
	const char *name; /* [a-z0-9_]; bytes end in _bytes, times in _ns, everything else counts */
	enum rzs_stat_kind kind;
	const char *help; /* one phrase */
};

/* Call fn for each statistic of an initialised device, in the table's order. */
void rzs_stat_device(const struct rzs_device_view *view,
		     void (*fn)(void *arg, const struct rzs_stat *stat, uint64_t value), void *arg);

/* Likewise those of the process: reserve, ballast, threads. */
void rzs_stat_process(void (*fn)(void *arg, const struct rzs_stat *stat, uint64_t value),
		      void *arg);

/* Both tables without values, for who wants to know what there is. */
void rzs_stat_describe(void (*fn)(void *arg, bool of_device, const struct rzs_stat *stat),
		       void *arg);

/* Say them (say.h), a line "name=value" each; the process's with "protect-NAME=ok|refused|off". */
void rzs_stat_say_process(void);
void rzs_stat_say_device(const struct rzs_device_view *view);

#endif
