/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzst_fit.h. */
#include "rzst_fit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rzst.h"

#define MIB	    (UINT64_C(1) << 20)
#define FLOOR_LEAST (16 * MIB)
#define FLOOR_MOST  (512 * MIB)
#define KNOWN_LEAST MIB /* of stored pages, for a ratio */
#define RATIO_ONE   1024u
#define RATIO_MOST  (10 * RATIO_ONE)
#define SATURATED   UINT64_MAX

#define KIB(bytes) ((unsigned long long)(bytes) / 1024)

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t sub_or_zero(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static uint64_t add(uint64_t a, uint64_t b)
{
	return a > SATURATED - b ? SATURATED : a + b;
}

void rzst_fit_judge(struct rzst_fit *fit)
{
	fit->need = sub_or_zero(fit->used, fit->cached);
	fit->have = add(sub_or_zero(fit->available, fit->floor), fit->elsewhere);
	fit->fits = fit->need <= fit->have;
}

const char *rzst_fit_text(const struct rzst_fit *fit, const char *what, char *buf, size_t size)
{
	snprintf(buf, size,
		 "%llu KiB to bring back to memory for %s, and room for %llu KiB (%llu KiB "
		 "available less a floor of %llu KiB, %llu KiB in other swap)",
		 KIB(fit->need), what, KIB(fit->have), KIB(fit->available), KIB(fit->floor),
		 KIB(fit->elsewhere));
	return buf;
}

uint64_t rzst_fit_floor(uint64_t total)
{
	uint64_t floor = least(total / 32, FLOOR_MOST);

	if (floor < FLOOR_LEAST)
		floor = FLOOR_LEAST;
	return least(floor, total / 8);
}

/* Stored by packed, in RATIO_ONE; RATIO_ONE: nothing is won, or nothing is known. */
static uint64_t ratio_of(const struct rzst_fit_other *other)
{
	uint64_t packed = other->packed / RATIO_ONE, ratio;

	if (other->stored < KNOWN_LEAST)
		return RATIO_ONE;
	ratio = packed ? other->stored / packed : RATIO_MOST;
	if (ratio < RATIO_ONE)
		return RATIO_ONE;
	return least(ratio, RATIO_MOST);
}

static uint64_t times(uint64_t bytes, uint64_t ratio)
{
	return bytes > SATURATED / RATIO_MOST ? SATURATED : bytes * ratio / RATIO_ONE;
}

uint64_t rzst_fit_gain(const struct rzst_fit_other *other, uint64_t *spare)
{
	uint64_t ratio, takes, cost;

	if (!other->in_memory)
		return other->room;
	ratio = ratio_of(other);
	takes = least(other->room, times(*spare, ratio));
	if (other->limit)
		takes = least(takes, times(sub_or_zero(other->limit, other->held), ratio));
	cost = least(takes / ratio * RATIO_ONE + takes % ratio * RATIO_ONE / ratio, *spare);
	*spare -= cost;
	return takes - cost;
}

static uint64_t meminfo(const char *key)
{
	char path[RZST_PATH_MAX];

	if (rzst_path(path, sizeof(path), "/proc/meminfo") < 0)
		return 0;
	return rzst_number_in(path, key) * 1024;
}

/* Which pages of the swap cache are whose nobody says: at least what the others cannot have. */
static uint64_t cached_of(const struct rzst_areas *areas, const struct rzst_area *area)
{
	uint64_t others = 0;

	for (unsigned i = 0; i < areas->nr; i++)
		if (areas->v[i].on && &areas->v[i] != area)
			others = add(others, areas->v[i].used);
	return least(sub_or_zero(meminfo("SwapCached:"), others), area->used);
}

static const struct rzst_area *find(const struct rzst_areas *areas, const char *name)
{
	for (unsigned i = 0; i < areas->nr; i++)
		if (areas->v[i].on && strcmp(areas->v[i].name, name) == 0)
			return &areas->v[i];
	return NULL;
}

int rzst_fit_look(const struct rzst_areas *areas, const char *name, struct rzst_fit *out)
{
	const struct rzst_area *area = find(areas, name);
	struct rzst_fit_other other;
	uint64_t spare;

	memset(out, 0, sizeof(*out));
	if (!area)
		return -ENODEV;
	out->used = area->used;
	out->cached = cached_of(areas, area);
	out->available = meminfo("MemAvailable:");
	out->floor = rzst_fit_floor(meminfo("MemTotal:"));
	spare = sub_or_zero(out->available, out->floor);
	for (unsigned i = 0; i < areas->nr; i++) {
		const struct rzst_area *a = &areas->v[i];

		/* The kernel gives no page to an area that a swapoff empties. */
		if (!a->on || a == area || a->state == RZST_AREA_SWAPOFF)
			continue;
		rzst_fit_other_look(a, &other);
		out->elsewhere = add(out->elsewhere, rzst_fit_gain(&other, &spare));
	}
	rzst_fit_judge(out);
	return 0;
}
