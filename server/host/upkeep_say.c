/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See upkeep_say.h. */
#include "upkeep_say.h"

#include <stddef.h>

void rzs_upkeep_say(struct rzs_upkeep_said *said, const char *name, const struct rzs_stats *s,
		    bool spills)
{
	const char *colon = name ? ": " : "";

	name = name ? name : "";
	if (rzs_say_due(&said->limit, s->refused_limit))
		rzs_say("%s%smemlimit of %llu bytes reached%s: %llu writes refused with ENOSPC so "
			"far; stored pages are unchanged; trim unused pages, or raise memlimit "
			"(rzscontrol set; without a control socket, restart with more)",
			name, colon, (unsigned long long)s->limit_bytes,
			spills ? ", and the spill target takes no more" : "",
			(unsigned long long)s->refused_limit);
	if (rzs_say_due(&said->reserve, s->refused_reserve))
		rzs_say("%s%sthe reserve was empty for %llu writes so far; they waited or were "
			"refused with ENOMEM; a larger reserve= helps",
			name, colon, (unsigned long long)s->refused_reserve);
	if (rzs_say_due(&said->corrupt, s->corrupt))
		rzs_say("%s%s%llu reads failed with EIO so far, because the stored bytes of a page "
			"had changed; check this machine's memory",
			name, colon, (unsigned long long)s->corrupt);
	if (rzs_say_due(&said->impossible, s->impossible))
		rzs_say("%s%s%llu internal errors so far, each of which failed a request; please "
			"report this",
			name, colon, (unsigned long long)s->impossible);
}
