/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsa_simulate.h. */
#include "rzsa_simulate.h"

#include <errno.h>
#include <string.h>

#include "rzsa_guard.h"
#include "rzsa_overlay.h"
#include "rzsa_state.h"
#include "rzsa_trace.h"
#include "rzst.h"
#include "rzst_json.h"

struct run {
	const struct rzsa_config *c;
	struct rzsa_state state;
	struct rzsa_guard guard;
	struct rzsa_overlay overlay;
	struct rzsa_actions actions; /* of the last tick */
	FILE *out;
	struct rzst_json *json; /* NULL: lines of text */
	uint64_t ticks, transitions, acts[RZSA_ACTS];
	int64_t first, last, in_mode[RZSA_MODES]; /* ms */
};

/* ---- what is shown ---- */

static void show_action(struct run *r, const struct rzsa_action *a)
{
	char size[RZST_HUMAN_MAX];

	if (r->json) {
		rzst_json_object(r->json, NULL);
		rzst_json_text(r->json, "action", rzsa_act_name(a->act));
		if (a->area)
			rzst_json_number(r->json, "area", a->area);
		if (a->kib)
			rzst_json_number(r->json, "bytes", a->kib << 10);
		rzst_json_object_end(r->json);
		return;
	}
	fprintf(r->out, "; %s", rzsa_act_name(a->act));
	if (a->area)
		fprintf(r->out, " %u", a->area);
	if (a->kib)
		fprintf(r->out, " %s", rzst_size_text((double)a->kib * 1024, size));
}

/* A tick at which nothing changes is not shown. */
static void show(struct run *r, enum rzsa_mode before, int64_t now)
{
	if (before == r->state.mode && r->actions.nr == 0)
		return;
	if (r->json) {
		rzst_json_object(r->json, NULL);
		rzst_json_integer(r->json, "ms", now);
		rzst_json_text(r->json, "state", rzsa_mode_name(r->state.mode));
		rzst_json_array(r->json, "actions");
	} else {
		fprintf(r->out, "%lld.%03d s: ", (long long)now / 1000, (int)(now % 1000));
		if (before != r->state.mode)
			fprintf(r->out, "%s -> ", rzsa_mode_name(before));
		fputs(rzsa_mode_name(r->state.mode), r->out);
	}
	for (unsigned i = 0; i < r->actions.nr; i++)
		show_action(r, &r->actions.v[i]);
	if (r->json) {
		rzst_json_array_end(r->json);
		rzst_json_object_end(r->json);
	} else {
		fputc('\n', r->out);
	}
}

static void sum_up_json(struct run *r)
{
	rzst_json_array_end(r->json);
	rzst_json_number(r->json, "ticks", r->ticks);
	rzst_json_integer(r->json, "ms", r->last - r->first);
	rzst_json_number(r->json, "transitions", r->transitions);
	rzst_json_object(r->json, "ms_in_state");
	for (unsigned i = 0; i < RZSA_MODES; i++)
		rzst_json_integer(r->json, rzsa_mode_name(i), r->in_mode[i]);
	rzst_json_object_end(r->json);
	rzst_json_object(r->json, "actions");
	for (unsigned i = 0; i < RZSA_ACTS; i++)
		rzst_json_number(r->json, rzsa_act_name(i), r->acts[i]);
	rzst_json_object_end(r->json);
	rzst_json_end(r->json);
}

static void sum_up(struct run *r)
{
	if (r->json) {
		sum_up_json(r);
		return;
	}
	fprintf(r->out, "%llu ticks, %lld s, %llu transitions\n", (unsigned long long)r->ticks,
		(long long)(r->last - r->first) / 1000, (unsigned long long)r->transitions);
	for (unsigned i = 0; i < RZSA_MODES; i++)
		if (r->in_mode[i])
			fprintf(r->out, "  %lld s %s\n", (long long)r->in_mode[i] / 1000,
				rzsa_mode_name(i));
	for (unsigned i = 0; i < RZSA_ACTS; i++)
		if (r->acts[i])
			fprintf(r->out, "  %llu x %s\n", (unsigned long long)r->acts[i],
				rzsa_act_name(i));
}

/* ---- the replay ---- */

static const char *tick(struct run *r, struct rzsa_inputs *in, int64_t now)
{
	const enum rzsa_mode before = r->state.mode;
	const char *broken;
	unsigned which;

	if (r->ticks)
		r->in_mode[before] += now - r->last;
	else
		r->first = now;
	r->last = now;
	rzsa_overlay(&r->overlay, &r->actions, in);
	rzsa_step(r->c, &r->state, in, now, &r->actions);
	broken = rzsa_guard(&r->guard, r->c, in, now, &r->actions, &which);
	r->ticks++;
	r->transitions += before != r->state.mode;
	for (unsigned i = 0; i < r->actions.nr; i++)
		r->acts[r->actions.v[i].act]++;
	show(r, before, now);
	return broken;
}

/* A line without its end.  false: the end of the file. */
static bool next_line(FILE *f, char line[RZSA_TRACE_LINE], bool *too_long)
{
	size_t len;

	*too_long = false;
	if (!fgets(line, RZSA_TRACE_LINE, f))
		return false;
	len = strlen(line);
	if (len && line[len - 1] == '\n')
		line[len - 1] = '\0';
	else
		*too_long = !feof(f);
	return true;
}

static int take_line(struct run *r, char *line, char *why, size_t why_size)
{
	struct rzsa_inputs in;
	const char *broken;
	int64_t now;
	int err = rzsa_trace_read(line, &now, &in, why, why_size);

	if (err <= 0)
		return err;
	if (r->ticks && now <= r->last) {
		snprintf(why, why_size, "t=%lld: not later than the tick before", (long long)now);
		return -EINVAL;
	}
	broken = tick(r, &in, now);
	if (broken)
		snprintf(why, why_size, "a decision breaks a rule: %s", broken);
	return broken ? -EPROTO : 0;
}

static int replay(struct run *r, FILE *trace, const char *name, char *why, size_t why_size)
{
	static char line[RZSA_TRACE_LINE];
	unsigned long number = 0;
	char text[200] = "";
	bool too_long;
	int err = 0;

	while (err == 0 && next_line(trace, line, &too_long)) {
		if (number++ == 0 && strcmp(line, RZSA_TRACE_HEAD) != 0) {
			snprintf(text, sizeof(text), "not a trace: expected \"%s\"",
				 RZSA_TRACE_HEAD);
			err = -EINVAL;
		} else if (too_long) {
			snprintf(text, sizeof(text), "longer than %u bytes", RZSA_TRACE_LINE - 2);
			err = -EINVAL;
		} else if (number > 1) {
			err = take_line(r, line, text, sizeof(text));
		}
	}
	if (err == 0 && ferror(trace)) {
		err = errno ? -errno : -EIO;
		snprintf(text, sizeof(text), "cannot be read: %s", strerror(-err));
	} else if (err == 0 && number == 0) {
		err = -EINVAL;
		snprintf(text, sizeof(text), "not a trace: it is empty");
	}
	snprintf(why, why_size, "%.256s:%lu: %s", name, number ? number : 1, text);
	return err;
}

int rzsa_simulate(const struct rzsa_config *c, FILE *trace, const char *name, bool json, FILE *out,
		  char *why, size_t why_size)
{
	static struct run r;
	struct rzst_json j;
	int err;

	memset(&r, 0, sizeof(r));
	r.c = c;
	r.out = out;
	rzsa_state_init(&r.state);
	if (json) {
		r.json = &j;
		rzst_json_begin(&j, out);
		rzst_json_array(&j, "events");
	}
	err = replay(&r, trace, name, why, why_size);
	if (err == 0 || json)
		sum_up(&r);
	return err;
}
