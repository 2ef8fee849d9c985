/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: eight bytes of configuration, then a trace for rzs-autoswap, whose decisions change
 * what the next line shows.
 *
 * Checked: a line that is refused has a reason, and leaves nothing; one that is taken is written
 * and read again as it was; and no line, in whatever order, makes a decision that the guard
 * forbids.
 *
 * Threading: none.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "pages.h"
#include "rzsa_guard.h"
#include "rzsa_overlay.h"
#include "rzsa_state.h"
#include "rzsa_trace.h"

#define LINES_MAX 200u

struct run {
	struct rzsa_config c;
	struct rzsa_state state;
	struct rzsa_guard guard;
	struct rzsa_overlay overlay;
	struct rzsa_actions actions;
	bool lay;
	int64_t now;
};

static void write_and_read_again(int64_t now, const struct rzsa_inputs *in)
{
	static char line[RZSA_TRACE_LINE];
	struct rzsa_inputs again;
	int64_t then;
	char why[256];

	if (rzsa_trace_write(line, sizeof(line), now, in) < 0 ||
	    rzsa_trace_read(line, &then, &again, why, sizeof(why)) != 1 || then != now)
		abort();
	for (unsigned i = 0; i < in->nr_areas; i++) {
		struct rzsa_area a = in->area[i];

		/* A disk's area has no more numbers. */
		if (a.kind == RZSA_DISK) {
			a.stored = a.mem = a.limit = a.limit_min = a.limit_max = 0;
			a.recent = 0;
		}
		if (memcmp(&a, &again.area[i], sizeof(a)) != 0)
			abort();
	}
	if (again.nr_areas != in->nr_areas || again.nr_results != in->nr_results ||
	    memcmp(again.result, in->result, sizeof(in->result)) != 0 ||
	    again.mem_total != in->mem_total || again.psi_avg60 != in->psi_avg60)
		abort();
}

static void decide(struct run *r, int64_t now, struct rzsa_inputs *in)
{
	const char *broken;
	unsigned which;

	if (now > r->now)
		r->now = now;
	if (r->lay)
		rzsa_overlay(&r->overlay, &r->actions, in);
	rzsa_step(&r->c, &r->state, in, r->now, &r->actions);
	broken = rzsa_guard(&r->guard, &r->c, in, r->now, &r->actions, &which);
	if (broken) {
		fprintf(stderr, "%s: %s\n", rzsa_act_name(r->actions.v[which].act), broken);
		abort();
	}
	if (r->state.mode >= RZSA_MODES)
		abort();
}

static void take_line(struct run *r, char *line)
{
	struct rzsa_inputs in, none = {0};
	char why[64] = "";
	int64_t now;
	int got = rzsa_trace_read(line, &now, &in, why, sizeof(why));

	if (got != 1) {
		if (memcmp(&in, &none, sizeof(in)) != 0 || (got == -EINVAL) != (*why != '\0'))
			abort();
		return;
	}
	write_and_read_again(now, &in);
	decide(r, now, &in);
}

/* Rules as an administrator could give them. */
static void configure(struct rzsa_config *c, const uint8_t b[8])
{
	rzsa_config_init(c);
	c->lower_freelimit = b[0] % 100;
	c->upper_freelimit = b[1] % 101;
	c->freetarget = b[2] % 100;
	c->cooldown = (int64_t)(b[3] % 8) * 100000;
	c->files = b[4] & 1;
	c->max_areas = 1 + b[5] % 32;
	c->limit_step = (uint64_t)b[6] << (b[7] % 48);
	c->ram_floor = b[4] & 2 ? (uint64_t)b[7] << 10 : 0;
	c->critical = b[4] & 4 ? (uint64_t)b[7] << 12 : 0;
	c->min_file = b[4] & 8 ? 8 : 4096;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char line[RZSA_TRACE_LINE];
	struct run r = {0};
	size_t at = 8;

	if (size < at)
		return 0;
	configure(&r.c, data);
	r.lay = data[4] & 16;
	rzsa_state_init(&r.state);
	for (unsigned i = 0; i < LINES_MAX && at < size; i++) {
		const uint8_t *end = memchr(data + at, '\n', size - at);
		size_t len = end ? (size_t)(end - data) - at : size - at;
		size_t take = len < sizeof(line) - 1 ? len : sizeof(line) - 1;

		memcpy(line, data + at, take);
		line[take] = '\0';
		take_line(&r, line);
		at += len + 1;
	}
	return 0;
}

/* ---- inputs to begin with ---- */

static uint64_t some(struct pages_rng *rng, uint64_t of)
{
	return pages_below(rng, 8) == 0 ? pages_next(rng) >> pages_below(rng, 64)
					: pages_below(rng, of + 1);
}

static size_t make_areas(struct pages_rng *rng, struct rzsa_inputs *in, uint64_t ram)
{
	in->nr_areas = (unsigned)pages_below(rng, pages_below(rng, 4) ? 5 : 33);
	for (unsigned i = 0; i < in->nr_areas; i++) {
		struct rzsa_area *a = &in->area[i];

		memset(a, 0, sizeof(*a));
		a->id = i + 1;
		a->kind = pages_below(rng, 2) ? RZSA_COMPRESSED : RZSA_DISK;
		a->managed = pages_below(rng, 4);
		a->permanent = pages_below(rng, 4) == 0;
		a->draining = pages_below(rng, 16) == 0;
		a->reclaims = pages_below(rng, 2);
		a->size = some(rng, ram * 2);
		a->used = some(rng, a->size / (1 + pages_below(rng, 8)));
		if (a->kind == RZSA_DISK)
			continue;
		a->limit = some(rng, ram / 2);
		a->mem = some(rng, a->limit);
		a->stored = a->used;
		a->limit_min = some(rng, a->limit);
		a->limit_max = a->limit + some(rng, ram / 2);
		a->recent = (unsigned)pages_below(rng, 5000);
	}
	return in->nr_areas;
}

static void make_tick(struct pages_rng *rng, struct rzsa_inputs *in, uint64_t ram)
{
	memset(in, 0, sizeof(*in));
	in->mem_total = ram;
	in->mem_available = some(rng, ram / (1 + pages_below(rng, 10)));
	in->psi = pages_below(rng, 2);
	in->psi_short = in->psi && pages_below(rng, 3) == 0;
	in->psi_critical = in->psi && pages_below(rng, 8) == 0;
	in->stalls = in->psi ? 0 : some(rng, 300);
	in->disk_free = some(rng, ram * 4);
	in->spare = pages_below(rng, 2) ? some(rng, ram / 4) : 0;
	in->can_add_device = pages_below(rng, 2);
	in->diet_asked = pages_below(rng, 40) == 0;
	make_areas(rng, in, ram);
	in->nr_results = (unsigned)pages_below(rng, 4);
	for (unsigned i = 0; i < in->nr_results; i++)
		in->result[i] = (struct rzsa_result){
			(enum rzsa_act)pages_below(rng, RZSA_ACTS),
			pages_below(rng, 3) ? RZSA_DONE
					    : (enum rzsa_outcome)pages_below(rng, RZSA_OUTCOMES),
			some(rng, ram)};
}

/* Traces of one machine; now and then a byte is changed. */
size_t fuzz_seed(uint64_t seed, uint8_t *buf, size_t size)
{
	struct pages_rng rng = {seed};
	uint64_t ram = 1 + (pages_next(&rng) >> (24 + pages_below(&rng, 30)));
	unsigned ticks = 1 + (unsigned)pages_below(&rng, 40);
	struct rzsa_inputs in;
	int64_t now = 0;
	size_t len = 8;

	if (size < len)
		return 0;
	for (unsigned i = 0; i < 8; i++)
		buf[i] = (uint8_t)pages_next(&rng);
	for (unsigned i = 0; i < ticks; i++) {
		int n;

		/* The machine stays as it is for a while, so that decisions follow one another. */
		if (i == 0 || pages_below(&rng, 4) == 0)
			make_tick(&rng, &in, ram);
		now += (int64_t)(pages_below(&rng, 3) ? 1000 : pages_below(&rng, 700000));
		n = rzsa_trace_write((char *)buf + len, size - len, now, &in);
		if (n < 0 || len + (size_t)n + 1 >= size)
			break;
		len += (size_t)n;
		buf[len++] = '\n';
	}
	if (seed % 4 == 0)
		buf[pages_below(&rng, len)] = (uint8_t)pages_next(&rng);
	return len;
}
