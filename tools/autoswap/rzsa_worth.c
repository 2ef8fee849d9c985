/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsa_worth.h. */
#include "rzsa_worth.h"

#define STORED_LEAST 1024u /* KiB: fewer pages tell nothing about the next ones */
#define FLOOR_MOST   65536u
#define POOL_HIGH    90u /* percent of its limit that a pool holds before the limit is raised */
#define FLOOR_PART   16u /* of RAM: on machines below 1 GiB, 64 MiB would be most of it */

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t over(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

unsigned rzsa_ratio(const struct rzsa_config *c, const struct rzsa_area *a)
{
	uint64_t ratio = c->assumed_ratio;

	/* A pool that is all tables and reserve says nothing. */
	if (a->stored >= STORED_LEAST && a->mem)
		ratio = a->stored * 1000 / a->mem;
	if (a->recent)
		ratio = least(ratio, a->recent);
	ratio = least(ratio, RZSA_RATIO_MOST);
	return ratio < 1000 ? 1000 : (unsigned)ratio;
}

uint64_t rzsa_limit(const struct rzsa_inputs *in, const struct rzsa_area *a)
{
	return a->limit ? a->limit : in->mem_total;
}

/* Of so many bytes stored: what is not needed to store them. */
static uint64_t gain(uint64_t stored, unsigned ratio)
{
	return stored - stored * 1000 / ratio;
}

uint64_t rzsa_area_total(const struct rzsa_config *c, const struct rzsa_inputs *in,
			 const struct rzsa_area *a)
{
	unsigned ratio = rzsa_ratio(c, a);

	if (a->kind == RZSA_DISK)
		return a->size;
	return gain(least(a->size, rzsa_limit(in, a) * ratio / 1000), ratio);
}

uint64_t rzsa_area_free(const struct rzsa_config *c, const struct rzsa_inputs *in,
			const struct rzsa_area *a)
{
	uint64_t slots = over(a->size, a->used), room;
	unsigned ratio = rzsa_ratio(c, a);

	if (a->draining)
		return 0;
	if (a->kind == RZSA_DISK)
		return slots;
	room = over(rzsa_limit(in, a), a->mem);
	return gain(least(slots, room * ratio / 1000), ratio);
}

void rzsa_worth(const struct rzsa_config *c, const struct rzsa_inputs *in, struct rzsa_worth *out)
{
	struct rzsa_worth w = {.total = in->mem_total};

	w.free = least(w.total, in->mem_available);
	for (unsigned i = 0; i < in->nr_areas && i < RZSA_AREAS_MAX; i++) {
		const struct rzsa_area *a = &in->area[i];
		uint64_t total = rzsa_area_total(c, in, a);
		uint64_t spare = least(rzsa_area_free(c, in, a), total);

		w.total += total;
		w.free += spare;
		if (a->kind == RZSA_DISK) {
			w.disk_total += total;
			w.disk_free += spare;
		} else if (a->managed) {
			w.slots += a->size;
			w.slots_free += over(a->size, a->used);
			w.mem += a->mem;
			w.limit += rzsa_limit(in, a);
		}
	}
	w.free_bp = w.total ? (unsigned)(w.free * 10000 / w.total) : 10000;
	*out = w;
}

int64_t rzsa_request(const struct rzsa_config *c, const struct rzsa_worth *w)
{
	int64_t target = c->freetarget < 99 ? (int64_t)c->freetarget : 99;

	return (target * (int64_t)w->total - 100 * (int64_t)w->free) / (100 - target);
}

uint64_t rzsa_least_request(const struct rzsa_config *c, const struct rzsa_worth *w)
{
	unsigned lower = c->lower_freelimit, target = c->freetarget < 99 ? c->freetarget : 99;

	return target > lower ? w->total * (target - lower) / (100 - target) : 0;
}

/* That many hundredths of RAM, at least 64 MiB, but of a small machine no more than a sixteenth. */
static uint64_t share(uint64_t mem_total, unsigned percent)
{
	uint64_t part = mem_total * percent / 100;
	uint64_t floor = least(FLOOR_MOST, mem_total / FLOOR_PART);

	return part > floor ? part : floor;
}

uint64_t rzsa_ram_floor(const struct rzsa_config *c, uint64_t mem_total)
{
	return c->ram_floor ? c->ram_floor : share(mem_total, 5);
}

bool rzsa_limits_fit(const struct rzsa_config *c, const struct rzsa_inputs *in, uint64_t more)
{
	uint64_t sum = more + rzsa_ram_floor(c, in->mem_total);

	for (unsigned i = 0; i < in->nr_areas && i < RZSA_AREAS_MAX; i++) {
		const struct rzsa_area *a = &in->area[i];

		if (a->kind == RZSA_COMPRESSED)
			sum += a->limit ? a->limit : a->mem;
	}
	return sum <= in->mem_total;
}

uint64_t rzsa_may_raise(const struct rzsa_config *c, const struct rzsa_inputs *in,
			const struct rzsa_area *a)
{
	uint64_t step = c->limit_step ? c->limit_step : in->mem_total / 16;
	uint64_t worth_it = least(step, in->mem_total / 64);

	if (a->kind != RZSA_COMPRESSED || !a->managed || a->draining || !a->limit ||
	    rzsa_ratio(c, a) < c->least_ratio)
		return 0;
	step = least(step, over(a->limit_max, a->limit));
	return step >= worth_it && rzsa_limits_fit(c, in, step) ? step : 0;
}

bool rzsa_nearly_full(const struct rzsa_area *a)
{
	return a->kind == RZSA_COMPRESSED && a->limit && a->mem > a->limit / 100 * POOL_HIGH;
}

uint64_t rzsa_critical(const struct rzsa_config *c, uint64_t mem_total)
{
	return c->critical ? c->critical : share(mem_total, 3);
}
