/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What upkeep says of a store: writes that were refused, and pages that were damaged.  Each kind is
 * said at most once a minute, because formatting and syslog() allocate memory, and a full store
 * refuses millions of writes.
 *
 * Threading: upkeep's thread, under its lock.
 */
#ifndef RZS_UPKEEP_SAY_H
#define RZS_UPKEEP_SAY_H

#include <stdbool.h>

#include "rzs_store.h"
#include "say.h"

/* For each kind, when it was said last; zeroes: never. */
struct rzs_upkeep_said {
	struct rzs_say_limit limit, reserve, corrupt, impossible;
};

/*
 * Say what is new in the statistics s.  name: of the store; NULL: it is the only one.  spills: it
 * has a spill target, so a write is refused only if that takes no more.
 */
void rzs_upkeep_say(struct rzs_upkeep_said *said, const char *name, const struct rzs_stats *s,
		    bool spills);

#endif
