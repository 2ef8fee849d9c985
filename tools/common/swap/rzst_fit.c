/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzst_fit.h. */
#include "rzst_fit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "rzst.h"

#define MIB (1024ull * 1024)

/* What must stay available: a share of the machine's memory, within bounds. */
#define FLOOR_SHARE 20u
#define FLOOR_LEAST (8 * MIB)
#define FLOOR_MOST  (256 * MIB)

#define RATIO_MOST   4.0
#define RATIO_UNSURE 2.0
#define TELLING	     (4 * MIB) /* stored bytes from which on the ratio is believed */

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void rzst_fit_judge(struct rzst_fit *fit)
{
	uint64_t memory = less(fit->available, fit->floor);

	fit->need = less(fit->used, fit->cached);
	fit->have = fit->elsewhere > UINT64_MAX - memory ? UINT64_MAX : memory + fit->elsewhere;
	fit->fits = fit->need <= fit->have;
}

static double ratio_of(const struct rzst_store *s)
{
	double ratio;

	if (s->stored < TELLING || s->mem == 0)
		return RATIO_UNSURE;
	ratio = (double)s->stored / (double)s->mem;
	return ratio < RATIO_MOST ? ratio : RATIO_MOST;
}

uint64_t rzst_fit_store_adds(const struct rzst_store *store, uint64_t *memory)
{
	double ratio = ratio_of(store);
	uint64_t room = *memory, takes, costs;

	if (store->limit)
		room = least(room, less(store->limit, store->mem));
	/* No overflow: at most UINT64_MAX, of which a double has fewer digits. */
	takes = (double)room * ratio >= (double)store->free ? store->free
							    : (uint64_t)((double)room * ratio);
	if (ratio <= 1)
		return 0;
	costs = least((uint64_t)((double)takes / ratio), *memory);
	*memory -= costs;
	return less(takes, costs);
}

/* A line of /proc/meminfo, bytes. */
static uint64_t memory_line(const char *key)
{
	char path[RZST_PATH_MAX];

	if (rzst_path(path, sizeof(path), "/proc/meminfo") < 0)
		return 0;
	return rzst_number_in(path, key) * 1024;
}

static uint64_t floor_of(uint64_t total)
{
	uint64_t floor = total / FLOOR_SHARE;

	return floor < FLOOR_LEAST ? FLOOR_LEAST : least(floor, FLOOR_MOST);
}

int rzst_fit_look(const struct rzst_areas *areas, const char *name, struct rzst_fit *out)
{
	const struct rzst_area *area = NULL;
	uint64_t others = 0, memory;

	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < areas->nr; i++)
		if (areas->v[i].on && strcmp(areas->v[i].name, name) == 0)
			area = &areas->v[i];
		else if (areas->v[i].on)
			others += areas->v[i].used;
	if (!area)
		return -ENODEV;
	out->used = area->used;
	/* Of all areas; that of the others cannot be more than they hold. */
	out->cached = least(less(memory_line("SwapCached:"), others), area->used);
	out->available = memory_line("MemAvailable:");
	out->floor = floor_of(memory_line("MemTotal:"));
	memory = less(out->available, out->floor);
	for (unsigned i = 0; i < areas->nr; i++) {
		const struct rzst_area *a = &areas->v[i];
		struct rzst_store store;

		if (a == area || !a->on || a->state == RZST_AREA_SWAPOFF)
			continue;
		if (rzst_store_of(a, &store) == 0)
			out->elsewhere += rzst_fit_store_adds(&store, &memory);
		else
			out->elsewhere += less(a->size, a->used);
	}
	rzst_fit_judge(out);
	return 0;
}
