/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See rzsb_swaps.h.  Any thread.
 */
#define _GNU_SOURCE
#include "rzsb_swaps.h"

#include <stdlib.h>
#include <string.h>

unsigned rzsb_swaps_parse(FILE *f, struct rzsb_swap_area v[RZSB_MAX_SWAPS])
{
	unsigned long long size, used;
	char line[512];
	unsigned nr = 0;

	/* The heading has no numbers. */
	while (nr < RZSB_MAX_SWAPS && fgets(line, sizeof(line), f))
		if (sscanf(line, "%255s %*s %llu %llu %d", v[nr].name, &size, &used,
			   &v[nr].priority) == 4) {
			v[nr].size = size * 1024;
			v[nr++].used = used * 1024;
		}
	return nr;
}

unsigned rzsb_swaps_read(struct rzsb_swap_area v[RZSB_MAX_SWAPS])
{
	FILE *f = fopen("/proc/swaps", "re");
	unsigned nr;

	if (!f)
		return 0;
	nr = rzsb_swaps_parse(f, v);
	fclose(f);
	return nr;
}

uint64_t rzsb_number_in(const char *path, const char *key)
{
	size_t n = strlen(key);
	uint64_t value = 0;
	char line[512];
	FILE *f = fopen(path, "re");

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, key, n) == 0) {
			value = strtoull(line + n, NULL, 10);
			break;
		}
	fclose(f);
	return value;
}
