/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What people will say about spilling, as text: read into the knobs, and written again.  Pure.
 * Reading returns 0, or -EINVAL with why set, and then the knobs have not changed.
 */
#ifndef RZS_SPILL_KEYS_H
#define RZS_SPILL_KEYS_H

#include "value.h"

#define RZS_SPILL_AFTER_MAX (30 * 86400) /* s */

struct rzs_spill_knobs {
	char path[RZS_VALUE_SIZE_MAX]; /* of the target; empty: none */
	uint64_t rate, daily; /* bytes that may be written in a second, and in a day; 0: any */
	int after;	      /* s that a page is idle before it is spilled; 0: never for that */
};

/* A path that begins with "/", or "off". */
int rzs_spill_set_path(struct rzs_spill_knobs *k, const char *key, const char *value, char *why);
/* Sizes, of one write (RZS_SPILL_UNIT) at least; 0: no limit. */
int rzs_spill_set_rate(struct rzs_spill_knobs *k, const char *key, const char *value, char *why);
int rzs_spill_set_daily(struct rzs_spill_knobs *k, const char *key, const char *value, char *why);
/* Seconds. */
int rzs_spill_set_after(struct rzs_spill_knobs *k, const char *key, const char *value, char *why);

/* As the functions above take them.  text: RZS_VALUE_SIZE_MAX bytes. */
void rzs_spill_show_path(const struct rzs_spill_knobs *k, char *text);
void rzs_spill_show_rate(const struct rzs_spill_knobs *k, char *text);
void rzs_spill_show_daily(const struct rzs_spill_knobs *k, char *text);
void rzs_spill_show_after(const struct rzs_spill_knobs *k, char *text);

#endif
