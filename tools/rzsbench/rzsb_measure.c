/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsb_measure.h. */
#define _GNU_SOURCE
#include "rzsb_measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "rzsb_cmd.h"
#include "rzsb_process.h"
#include "rzsb_sample.h"

#define PROBE 32u /* units by which a method's speed is estimated */

/* Memory that all methods use in turn.  It is touched before anything is measured. */
struct room {
	size_t units, bytes; /* the largest need of a method */
	uint8_t **object;
	uint32_t *size;
	uint8_t *arena;
};

/* One method at work. */
struct work {
	const struct rzsb_corpus *c;
	struct rzsb_method *m;
	struct rzsb_result *r;
	uint32_t *unit;	 /* first pages, r->used of them, in a random order */
	uint32_t *order; /* of decompression */
	uint8_t *buffer; /* one unit or object */
	size_t buffer_size;
	struct room *room;
	double compress[RZSB_MAX_ROUNDS], decompress[RZSB_MAX_ROUNDS];
};

/* First pages of all units in address order, those of one repeated word left out; how many. */
static size_t list_units(const struct rzsb_corpus *c, unsigned bytes, uint32_t *out)
{
	size_t pages = bytes / RZSB_PAGE, nr = 0;

	for (unsigned p = 0; p < c->nr_parts; p++)
		for (size_t i = 0; i + pages <= c->parts[p].nr; i += pages) {
			uint32_t page = (uint32_t)(c->parts[p].first + i);

			if (!rzsb_one_word(rzsb_page(c, page), bytes))
				out[nr++] = page;
		}
	return nr;
}

static const void *unit_at(const struct work *w, size_t i)
{
	return rzsb_page(w->c, w->unit[i]);
}

/* The size of an object; one that does not shrink is kept as it is. */
static uint32_t kept(const struct work *w, size_t size)
{
	return size == 0 || size >= w->m->unit ? w->m->unit : (uint32_t)size;
}

static uint64_t probe(struct work *w, size_t units)
{
	size_t n = units < PROBE ? units : PROBE;
	uint64_t start = rzsb_cpu_thread();

	for (size_t i = 0; i < n; i++)
		rzsb_method_compress(w->m, unit_at(w, i), w->buffer);
	return n ? (rzsb_cpu_thread() - start) / n : 0;
}

static void set_up(struct work *w, unsigned rounds, uint64_t patience_ns, uint64_t *seed)
{
	struct rzsb_result *r = w->r;
	uint64_t each;

	w->unit = rzsb_alloc((w->c->nr + 1) * sizeof(*w->unit));
	r->method = w->m;
	r->units = list_units(w->c, w->m->unit, w->unit);
	rzsb_shuffle(w->unit, r->units, seed);
	w->buffer_size = rzsb_method_bound(w->m);
	w->buffer = rzsb_alloc(w->buffer_size);
	each = probe(w, r->units) * rounds * 3 / 2 + 1;
	r->used = patience_ns / each < r->units ? patience_ns / each : r->units;
	if (r->used < PROBE)
		r->used = r->units < PROBE ? r->units : PROBE;
	w->order = rzsb_alloc((r->used + 1) * sizeof(*w->order));
	if (w->room->units < r->used)
		w->room->units = r->used;
	/* The library may write more than is kept. */
	if (w->room->bytes < r->used * (w->m->unit + 16u) + w->buffer_size)
		w->room->bytes = r->used * (w->m->unit + 16u) + w->buffer_size;
	for (size_t i = 0; i < r->used; i++)
		w->order[i] = (uint32_t)i;
	rzsb_shuffle(w->order, r->used, seed);
	r->count = calloc(w->m->unit + 1, sizeof(*r->count));
	if (!r->count)
		rzst_die(RZSB_FAILED, "no memory");
}

static void tear_down(struct work *w)
{
	munmap(w->order, (w->r->used + 1) * sizeof(*w->order));
	munmap(w->buffer, w->buffer_size);
	munmap(w->unit, (w->c->nr + 1) * sizeof(*w->unit));
}

/* This and the next are not inlined, so that a profiler can attribute their instructions. */
static __attribute__((noinline)) void compress_all(struct work *w, unsigned round)
{
	uint64_t start = rzsb_cpu_thread();
	uint8_t *at = w->room->arena;

	for (size_t i = 0; i < w->r->used; i++) {
		uint32_t n = kept(w, rzsb_method_compress(w->m, unit_at(w, i), at));

		if (n == w->m->unit)
			memcpy(at, unit_at(w, i), n);
		w->room->object[i] = at;
		w->room->size[i] = n;
		at += (n + 15) / 16 * 16;
	}
	w->compress[round] = (double)(rzsb_cpu_thread() - start);
}

static __attribute__((noinline)) void decompress_all(struct work *w, unsigned round)
{
	uint64_t start = rzsb_cpu_thread();
	bool right = true;

	for (size_t k = 0; k < w->r->used; k++) {
		uint32_t i = w->order[k];

		if (w->room->size[i] == w->m->unit)
			memcpy(w->buffer, w->room->object[i], w->m->unit);
		else
			right &= rzsb_method_decompress(w->m, w->room->object[i], w->room->size[i],
							w->buffer);
	}
	w->decompress[round] = (double)(rzsb_cpu_thread() - start);
	if (!right)
		rzst_die(RZSB_WRONG, "%s: cannot be decompressed", w->m->text);
}

static void compare_all(struct work *w)
{
	for (size_t i = 0; i < w->r->used; i++) {
		if (w->room->size[i] == w->m->unit)
			continue;
		if (!rzsb_method_decompress(w->m, w->room->object[i], w->room->size[i],
					    w->buffer) ||
		    memcmp(w->buffer, unit_at(w, i), w->m->unit) != 0)
			rzst_die(RZSB_WRONG, "%s: wrong bytes after decompression", w->m->text);
	}
}

/* The run of the sample that each page is in; how many runs there are. */
static size_t number_runs(const struct rzsb_corpus *c, uint32_t *run)
{
	size_t nr = 0;

	for (unsigned p = 0; p < c->nr_parts; p++) {
		const struct rzsb_part *part = &c->parts[p];

		for (size_t i = 0; i < part->nr; i++)
			run[part->first + i] = (uint32_t)(nr + i / RZSB_RUN);
		nr += (part->nr + RZSB_RUN - 1) / RZSB_RUN;
	}
	return nr;
}

static double sampling_error(const struct work *w)
{
	const struct rzsb_corpus *c = w->c;
	struct rzsb_cluster *v = calloc(c->nr / RZSB_RUN + c->nr_parts, sizeof(*v));
	uint32_t *run = calloc(c->nr, sizeof(*run));
	double error = NAN;

	if (v && run) {
		size_t nr = number_runs(c, run);

		for (size_t i = 0; i < w->r->used; i++) {
			struct rzsb_cluster *k = &v[run[w->unit[i]]];
			double bytes = w->room->size[i];

			k->units++;
			k->bytes += bytes;
			k->squares += bytes * bytes;
		}
		error = rzsb_sample_error(v, nr, (double)c->nr / (double)c->whole,
					  (double)w->r->used / (double)w->r->units);
	}
	free(run);
	free(v);
	return error;
}

static void count_sizes(struct work *w)
{
	struct rzsb_result *r = w->r;

	for (size_t i = 0; i < r->used; i++) {
		r->count[w->room->size[i]]++;
		r->bytes += w->room->size[i];
		r->raw += w->room->size[i] == w->m->unit;
		r->good += w->room->size[i] <= w->m->unit / 2;
	}
	r->error = sampling_error(w);
}

/* Median for 4 KiB, and the spread. */
static double summarise(const double *ns, unsigned rounds, const struct work *w, double *out_spread)
{
	double pages = (double)w->r->used * (w->m->unit / RZSB_PAGE);
	double median = rzsb_over_rounds(ns, sizeof(*ns), rounds, out_spread);

	if (pages > 0)
		return median / pages;
	*out_spread = NAN;
	return NAN;
}

/* How far the time that a page takes out and in again is known. */
static void sum_rounds(const struct work *w, unsigned rounds)
{
	double pages = (double)w->r->used * (w->m->unit / RZSB_PAGE), ns[RZSB_MAX_ROUNDS];

	for (unsigned i = 0; i < rounds; i++)
		ns[i] = (w->compress[i] + w->decompress[i]) / pages;
	rzsb_median_range(ns, rounds, &w->r->least_ns, &w->r->most_ns);
}

void rzsb_measure(const struct rzsb_corpus *c, struct rzsb_method *methods, unsigned nr,
		  unsigned rounds, uint64_t patience_ns, uint64_t seed,
		  void (*progress)(double done), struct rzsb_result *result)
{
	struct work *w = calloc(nr, sizeof(*w));
	struct room room = {0};

	if (!w)
		rzst_die(RZSB_FAILED, "no memory");
	for (unsigned i = 0; i < nr; i++) {
		result[i] = (struct rzsb_result){0};
		w[i] = (struct work){.c = c, .m = &methods[i], .r = &result[i], .room = &room};
		set_up(&w[i], rounds, patience_ns, &seed);
	}
	room.object = rzsb_alloc((room.units + 1) * sizeof(*room.object));
	room.size = rzsb_alloc((room.units + 1) * sizeof(*room.size));
	room.arena = rzsb_alloc(room.bytes);
	for (unsigned round = 0; round < rounds; round++)
		for (unsigned i = 0; i < nr; i++) {
			compress_all(&w[i], round);
			decompress_all(&w[i], round);
			if (round == 0) {
				compare_all(&w[i]);
				count_sizes(&w[i]);
			}
			if (progress)
				progress((double)(round * nr + i + 1) / (rounds * nr));
		}
	for (unsigned i = 0; i < nr; i++) {
		struct rzsb_result *r = &result[i];

		sum_rounds(&w[i], rounds);
		r->compress_ns = summarise(w[i].compress, rounds, &w[i], &r->compress_spread);
		r->decompress_ns = summarise(w[i].decompress, rounds, &w[i], &r->decompress_spread);
		tear_down(&w[i]);
	}
	munmap(room.arena, room.bytes);
	munmap(room.size, (room.units + 1) * sizeof(*room.size));
	munmap(room.object, (room.units + 1) * sizeof(*room.object));
	free(w);
}

uint8_t *rzsb_samples(const struct rzsb_corpus *c, unsigned unit, size_t bytes, uint64_t seed,
		      size_t *out_nr)
{
	uint32_t *units = rzsb_alloc((c->nr + 1) * sizeof(*units));
	size_t nr = list_units(c, unit, units), most = bytes / unit;
	uint8_t *out = malloc(bytes);

	if (!out)
		rzst_die(RZSB_FAILED, "no memory");
	rzsb_shuffle(units, nr, &seed);
	nr = nr < most ? nr : most;
	for (size_t i = 0; i < nr; i++)
		memcpy(out + i * unit, rzsb_page(c, units[i]), unit);
	munmap(units, (c->nr + 1) * sizeof(*units));
	*out_nr = nr;
	return out;
}
