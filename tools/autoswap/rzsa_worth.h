/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What memory and swap are worth: a free slot of a compressed area is not a free page.  Storing a
 * page there costs what it compresses to, and the area's memory limit ends before its slots do.
 *
 * Pure functions on what rzsa_clamp() has seen, so that nothing overflows; any thread.
 */
#ifndef RZSA_WORTH_H
#define RZSA_WORTH_H

#include "rzsa.h"

struct rzsa_worth {
	uint64_t free;	  /* RAM available, free slots on disks, and what compressed areas gain */
	uint64_t total;	  /* at most: RAM, disks, and what compressed areas gain when full */
	unsigned free_bp; /* free/total in hundredths of a percent; 10000 if total is 0 */
	uint64_t disk_total, disk_free;
	/* Of managed compressed areas together: */
	uint64_t slots, slots_free, mem, limit;
};

void rzsa_worth(const struct rzsa_config *c, const struct rzsa_inputs *in, struct rzsa_worth *out);

/* How well it compresses, from 1000 to RZSA_RATIO_MOST: the worse of all and of recent pages. */
unsigned rzsa_ratio(const struct rzsa_config *c, const struct rzsa_area *a);

/* The memory that it may hold: its limit, else all RAM. */
uint64_t rzsa_limit(const struct rzsa_inputs *in, const struct rzsa_area *a);

/* What the area adds to the total; to the free memory as it is now. */
uint64_t rzsa_area_total(const struct rzsa_config *c, const struct rzsa_inputs *in,
			 const struct rzsa_area *a);
uint64_t rzsa_area_free(const struct rzsa_config *c, const struct rzsa_inputs *in,
			const struct rzsa_area *a);

/*
 * swapspace's formula: so much swap on disk is missing until freetarget percent are free.
 * Negative: so much is too many.
 */
int64_t rzsa_request(const struct rzsa_config *c, const struct rzsa_worth *w);

/* What it comes to where memory begins to be short: of swapspace's percentages a seventh. */
uint64_t rzsa_least_request(const struct rzsa_config *c, const struct rzsa_worth *w);

/*
 * Whether the limits of all compressed areas, and `more`, leave the floor of RAM to everything
 * else.  Of one without a limit what it holds counts.
 */
bool rzsa_limits_fit(const struct rzsa_config *c, const struct rzsa_inputs *in, uint64_t more);

/* So much its limit may be raised by now; 0: not at all. */
uint64_t rzsa_may_raise(const struct rzsa_config *c, const struct rzsa_inputs *in,
			const struct rzsa_area *a);

/* Whether the pool holds nearly all that it may.  One without a limit never does. */
bool rzsa_nearly_full(const struct rzsa_area *a);

/* What no pool may take, and below what it is an emergency: by RAM unless configured. */
uint64_t rzsa_ram_floor(const struct rzsa_config *c, uint64_t mem_total);
uint64_t rzsa_critical(const struct rzsa_config *c, uint64_t mem_total);

#endif
