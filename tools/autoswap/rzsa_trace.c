/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsa_trace.h. */
#include "rzsa_trace.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "rzst.h"

#define BLANKS	" \t\r"
#define NUMBERS 8u /* of an area, after its letters */

struct reader {
	struct rzsa_inputs *in;
	int64_t *now;
	bool timed;
	char *why;
	size_t why_size;
};

__attribute__((format(printf, 2, 3))) static int bad(struct reader *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->why, r->why_size, fmt, ap);
	va_end(ap);
	rzst_tame(r->why);
	return -EINVAL;
}

static int number(struct reader *r, const char *key, const char *text, uint64_t most, uint64_t *out)
{
	if (rzst_number_parse(text, out) < 0 || *out > most)
		return bad(r, "%s=%.40s: expected a number from 0 to %llu", key, text,
			   (unsigned long long)most);
	return 0;
}

/* ---- words with several values ---- */

/* psi=AVG60[:LETTERS] */
static int read_psi(struct reader *r, char *text)
{
	char *rest, *avg = strtok_r(text, ":", &rest);
	const char *letters = strtok_r(NULL, ":", &rest);
	uint64_t n;

	if (number(r, "psi", avg ? avg : "", 10000, &n) < 0)
		return -EINVAL;
	r->in->psi = true;
	r->in->psi_avg60 = (unsigned)n;
	for (; letters && *letters; letters++) {
		if (*letters == 's')
			r->in->psi_short = true;
		else if (*letters == 'c')
			r->in->psi_critical = true;
		else
			return bad(r, "psi: %.1s: expected s or c", letters);
	}
	return 0;
}

static int area_letters(struct reader *r, const char *text, struct rzsa_area *a)
{
	if (*text != 'd' && *text != 'z')
		return bad(r, "area: %.40s: expected d or z, then letters of m p s r f", text);
	a->kind = *text == 'd' ? RZSA_DISK : RZSA_COMPRESSED;
	while (*++text) {
		if (*text == 'm')
			a->managed = true;
		else if (*text == 'p')
			a->permanent = true;
		else if (*text == 's')
			a->draining = true;
		else if (*text == 'r')
			a->reclaims = true;
		else if (*text == 'f')
			a->first = true;
		else
			return bad(r, "area: %.1s: expected m, p, s, r or f", text);
	}
	return 0;
}

/* area=ID:LETTERS:SIZE:USED[:STORED:MEM:LIMIT:LEAST:MOST:RECENT] */
static int read_area(struct reader *r, char *text)
{
	char *rest, *id = strtok_r(text, ":", &rest), *letters = strtok_r(NULL, ":", &rest), *word;
	struct rzsa_area a = {0};
	uint64_t n[NUMBERS] = {0};
	unsigned nr = 0;

	if (r->in->nr_areas == RZSA_AREAS_MAX)
		return bad(r, "more than %u areas", RZSA_AREAS_MAX);
	if (!id || !letters)
		return bad(r, "area: expected ID:LETTERS:SIZE:USED");
	if (number(r, "area", id, UINT32_MAX, &n[0]) < 0 || area_letters(r, letters, &a) < 0)
		return -EINVAL;
	a.id = (uint32_t)n[0];
	for (unsigned i = 0; i < r->in->nr_areas; i++)
		if (r->in->area[i].id == a.id)
			return bad(r, "area %u is there twice", a.id);
	while ((word = strtok_r(NULL, ":", &rest))) {
		if (nr == NUMBERS)
			return bad(r, "area %u: more than %u numbers", a.id, NUMBERS);
		if (number(r, "area", word, nr == NUMBERS - 1 ? UINT32_MAX : UINT64_MAX, &n[nr]) <
		    0)
			return -EINVAL;
		nr++;
	}
	if (nr < 2)
		return bad(r, "area %u: expected SIZE:USED", a.id);
	a.size = n[0];
	a.used = n[1];
	a.stored = n[2];
	a.mem = n[3];
	a.limit = n[4];
	a.limit_min = n[5];
	a.limit_max = n[6];
	a.recent = (unsigned)n[7];
	r->in->area[r->in->nr_areas++] = a;
	return 0;
}

/* result=ACT:OUTCOME[:KIB] */
static int read_result(struct reader *r, char *text)
{
	char *rest, *act = strtok_r(text, ":", &rest), *outcome = strtok_r(NULL, ":", &rest);
	const char *kib = strtok_r(NULL, ":", &rest);
	struct rzsa_result result = {0};

	if (r->in->nr_results == RZSA_RESULTS_MAX)
		return bad(r, "more than %u results", RZSA_RESULTS_MAX);
	while (act && result.act < RZSA_ACTS && strcmp(act, rzsa_act_name(result.act)) != 0)
		result.act++;
	while (outcome && result.outcome < RZSA_OUTCOMES &&
	       strcmp(outcome, rzsa_outcome_name(result.outcome)) != 0)
		result.outcome++;
	if (!act || !outcome || result.act == RZSA_ACTS || result.outcome == RZSA_OUTCOMES)
		return bad(r, "result: expected ACTION:OUTCOME");
	if (kib && number(r, "result", kib, UINT64_MAX, &result.kib) < 0)
		return -EINVAL;
	r->in->result[r->in->nr_results++] = result;
	return 0;
}

/* ---- a line ---- */

static int read_time(struct reader *r, char *text)
{
	uint64_t n;

	if (number(r, "t", text, RZSA_TIME_MAX, &n) < 0)
		return -EINVAL;
	*r->now = (int64_t)n;
	r->timed = true;
	return 0;
}

static int read_word(struct reader *r, char *word)
{
	struct rzsa_inputs *in = r->in;
	const struct {
		const char *key;
		uint64_t *value;
	} numbers[] = {
		{"mem", &in->mem_total},   {"avail", &in->mem_available},
		{"swapins", &in->swapins}, {"refaults", &in->refaults},
		{"stalls", &in->stalls},   {"disk", &in->disk_free},
		{"spare", &in->spare},
	};
	static const struct {
		const char *key;
		int (*read)(struct reader *r, char *text);
	} others[] = {
		{"t", read_time}, {"psi", read_psi}, {"area", read_area}, {"result", read_result}};
	char *value = strchr(word, '=');

	if (strcmp(word, "device") == 0)
		in->can_add_device = true;
	else if (strcmp(word, "diet") == 0)
		in->diet_asked = true;
	else if (!value)
		return bad(r, "%.40s: expected KEY=VALUE, device or diet", word);
	if (!value)
		return 0;
	*value++ = '\0';
	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcmp(word, numbers[i].key) == 0)
			return number(r, word, value, UINT64_MAX, numbers[i].value);
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(word, others[i].key) == 0)
			return others[i].read(r, value);
	return bad(r, "%.40s: no such key", word);
}

int rzsa_trace_read(char *line, int64_t *now, struct rzsa_inputs *out, char *why, size_t why_size)
{
	struct reader r = {.in = out, .now = now, .why = why, .why_size = why_size};
	char *rest, *word = strtok_r(line, BLANKS, &rest);
	int err = 0;

	memset(out, 0, sizeof(*out));
	*now = 0;
	if (!word || *word == '#')
		return 0;
	for (; word && err == 0; word = strtok_r(NULL, BLANKS, &rest))
		err = read_word(&r, word);
	if (err == 0 && !r.timed)
		err = bad(&r, "no time: t= is missing");
	if (err == 0 && out->mem_total == 0)
		err = bad(&r, "no memory: mem= is missing");
	if (err < 0)
		memset(out, 0, sizeof(*out));
	return err < 0 ? err : 1;
}

/* ---- writing ---- */

struct writer {
	char *out;
	size_t size, len;
};

__attribute__((format(printf, 2, 3))) static void put(struct writer *w, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (w->len >= w->size)
		return;
	va_start(ap, fmt);
	n = vsnprintf(w->out + w->len, w->size - w->len, fmt, ap);
	va_end(ap);
	w->len += n > 0 ? (size_t)n : 0;
}

static void put_number(struct writer *w, const char *key, uint64_t value)
{
	if (value)
		put(w, " %s=%llu", key, (unsigned long long)value);
}

static void put_area(struct writer *w, const struct rzsa_area *a)
{
	put(w, " area=%u:%c%s%s%s%s%s:%llu:%llu", a->id, a->kind == RZSA_DISK ? 'd' : 'z',
	    a->managed ? "m" : "", a->permanent ? "p" : "", a->draining ? "s" : "",
	    a->reclaims ? "r" : "", a->first ? "f" : "", (unsigned long long)a->size,
	    (unsigned long long)a->used);
	if (a->kind == RZSA_COMPRESSED)
		put(w, ":%llu:%llu:%llu:%llu:%llu:%u", (unsigned long long)a->stored,
		    (unsigned long long)a->mem, (unsigned long long)a->limit,
		    (unsigned long long)a->limit_min, (unsigned long long)a->limit_max, a->recent);
}

int rzsa_trace_write(char *out, size_t size, int64_t now, const struct rzsa_inputs *in)
{
	struct writer w = {out, size, 0};

	put(&w, "t=%lld mem=%llu avail=%llu", (long long)now, (unsigned long long)in->mem_total,
	    (unsigned long long)in->mem_available);
	if (in->psi)
		put(&w, " psi=%u%s%s%s", in->psi_avg60,
		    in->psi_short || in->psi_critical ? ":" : "", in->psi_short ? "s" : "",
		    in->psi_critical ? "c" : "");
	put_number(&w, "swapins", in->swapins);
	put_number(&w, "refaults", in->refaults);
	put_number(&w, "stalls", in->stalls);
	put_number(&w, "disk", in->disk_free);
	put_number(&w, "spare", in->spare);
	if (in->can_add_device)
		put(&w, " device");
	if (in->diet_asked)
		put(&w, " diet");
	for (unsigned i = 0; i < in->nr_areas && i < RZSA_AREAS_MAX; i++)
		put_area(&w, &in->area[i]);
	for (unsigned i = 0; i < in->nr_results && i < RZSA_RESULTS_MAX; i++)
		put(&w, " result=%s:%s:%llu", rzsa_act_name(in->result[i].act),
		    rzsa_outcome_name(in->result[i].outcome),
		    (unsigned long long)in->result[i].kib);
	return w.len < size ? (int)w.len : -ENOSPC;
}
