/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of rzs-autoswap begin with: machines to look at, and actions as text. */
#ifndef RZS_AUTOSWAP_RIG_H
#define RZS_AUTOSWAP_RIG_H

#include "t.h"

#include "rzsa_guard.h"
#include "rzsa_state.h"
#include "rzsa_worth.h"

#define MIB(n) ((uint64_t)(n) << 10) /* in KiB */
#define GIB(n) ((uint64_t)(n) << 20)

/* A compressed device of ours: 8 GiB, with a limit of 2 GiB that may become 3. */
static inline struct rzsa_area cram(uint32_t id, uint64_t used, uint64_t mem)
{
	return (struct rzsa_area){
		.id = id,
		.kind = RZSA_COMPRESSED,
		.managed = true,
		.size = GIB(8),
		.used = used,
		.stored = used,
		.mem = mem,
		.limit = GIB(2),
		.limit_min = GIB(1),
		.limit_max = GIB(3),
	};
}

/* A swap file of ours. */
static inline struct rzsa_area file(uint32_t id, uint64_t size, uint64_t used)
{
	return (struct rzsa_area){.id = id, .managed = true, .size = size, .used = used};
}

/* "raise-limit 1 2359296, add-device": area and KiB where they are not 0. */
static inline const char *actions_text(const struct rzsa_actions *a)
{
	static char text[512];
	size_t len = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < a->nr; i++) {
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i ? ", " : "",
					rzsa_act_name(a->v[i].act));
		if (a->v[i].area)
			len += (size_t)snprintf(text + len, sizeof(text) - len, " %u",
						a->v[i].area);
		if (a->v[i].kib)
			len += (size_t)snprintf(text + len, sizeof(text) - len, " %llu",
						(unsigned long long)a->v[i].kib);
	}
	return text;
}

#endif
