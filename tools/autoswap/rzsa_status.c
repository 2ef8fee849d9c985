/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What memory and swap are worth now; see rzsa_live.h. */
#include <stdio.h>
#include <string.h>

#include "rzsa_collect.h"
#include "rzsa_live.h"
#include "rzsa_state.h"
#include "rzsa_worth.h"
#include "rzst.h"
#include "rzst_json.h"

struct status {
	const struct rzsa_settings *s;
	struct rzsa_collector collector;
	struct rzsa_inputs in;
	struct rzsa_worth worth;
	struct rzsa_actions actions;
	int64_t request;
};

static const char *size(uint64_t kib, char text[RZST_HUMAN_MAX])
{
	return rzst_size_text((double)kib * 1024, text);
}

static const char *kind_of(const struct rzsa_area *a)
{
	return a->kind == RZSA_DISK ? "disk" : "compressed";
}

/* ---- text ---- */

static void print_area(const struct status *st, const struct rzsa_area *a)
{
	const struct rzsa_config *c = &st->s->rules;
	char name[256], n[5][RZST_HUMAN_MAX];
	unsigned ratio = rzsa_ratio(c, a);

	snprintf(name, sizeof(name), "%s", rzsa_collect_name(&st->collector, a->id));
	rzst_tame(name);
	printf("%s: %s%s%s%s, %s of %s used; worth %s", name, kind_of(a),
	       a->managed ? ", managed" : "", a->permanent ? ", permanent" : "",
	       a->draining ? ", swapoff" : "", size(a->used, n[0]), size(a->size, n[1]),
	       size(rzsa_area_free(c, &st->in, a), n[2]));
	if (a->kind == RZSA_COMPRESSED)
		printf("; holds %s%s%s, ratio %u.%02u", size(a->mem, n[3]), a->limit ? " of " : "",
		       a->limit ? size(a->limit, n[4]) : "", ratio / 1000, ratio % 1000 / 10);
	putchar('\n');
}

static void print(const struct status *st)
{
	char n[4][RZST_HUMAN_MAX];

	printf("free %u.%02u %%: %s of %s that memory and swap are worth; %s available of %s\n",
	       st->worth.free_bp / 100, st->worth.free_bp % 100, size(st->worth.free, n[0]),
	       size(st->worth.total, n[1]), size(st->in.mem_available, n[2]),
	       size(st->in.mem_total, n[3]));
	printf("%s to %u %% free: %s\n", st->request > 0 ? "missing" : "more than needed",
	       st->s->rules.freetarget,
	       size((uint64_t)(st->request > 0 ? st->request : -st->request), n[0]));
	if (st->in.psi)
		printf("pressure: tasks waited %u.%02u %% of the last minute\n",
		       st->in.psi_avg60 / 100, st->in.psi_avg60 % 100);
	else
		puts("pressure: not known, the kernel has no PSI");
	for (unsigned i = 0; i < st->in.nr_areas; i++)
		print_area(st, &st->in.area[i]);
	rzsa_watch_status(NULL);
	for (unsigned i = 0; i < st->actions.nr; i++)
		printf("would: %s %s\n", rzsa_act_name(st->actions.v[i].act),
		       st->actions.v[i].kib ? size(st->actions.v[i].kib, n[0]) : "");
}

/* ---- JSON ---- */

static void json_area(const struct status *st, struct rzst_json *j, const struct rzsa_area *a)
{
	const struct rzsa_config *c = &st->s->rules;

	rzst_json_object(j, NULL);
	rzst_json_text(j, "name", rzsa_collect_name(&st->collector, a->id));
	rzst_json_number(j, "id", a->id);
	rzst_json_text(j, "kind", kind_of(a));
	rzst_json_bool(j, "managed", a->managed);
	rzst_json_bool(j, "permanent", a->permanent);
	rzst_json_bool(j, "swapoff", a->draining);
	rzst_json_number(j, "size_bytes", a->size << 10);
	rzst_json_number(j, "used_bytes", a->used << 10);
	rzst_json_number(j, "worth_bytes", rzsa_area_free(c, &st->in, a) << 10);
	if (a->kind == RZSA_COMPRESSED) {
		rzst_json_number(j, "stored_bytes", a->stored << 10);
		rzst_json_number(j, "mem_bytes", a->mem << 10);
		rzst_json_number(j, "limit_bytes", a->limit << 10);
		rzst_json_number(j, "ratio_milli", rzsa_ratio(c, a));
	}
	rzst_json_object_end(j);
}

static void print_json(const struct status *st)
{
	struct rzst_json j;

	rzst_json_begin(&j, stdout);
	rzst_json_number(&j, "free_bytes", st->worth.free << 10);
	rzst_json_number(&j, "total_bytes", st->worth.total << 10);
	rzst_json_number(&j, "free_basis_points", st->worth.free_bp);
	rzst_json_integer(&j, "request_bytes", st->request * 1024);
	rzst_json_number(&j, "mem_total_bytes", st->in.mem_total << 10);
	rzst_json_number(&j, "mem_available_bytes", st->in.mem_available << 10);
	rzst_json_bool(&j, "psi", st->in.psi);
	rzst_json_number(&j, "psi_avg60_basis_points", st->in.psi_avg60);
	rzst_json_number(&j, "disk_free_bytes", st->in.disk_free << 10);
	rzst_json_array(&j, "areas");
	for (unsigned i = 0; i < st->in.nr_areas; i++)
		json_area(st, &j, &st->in.area[i]);
	rzst_json_array_end(&j);
	rzsa_watch_status(&j);
	rzst_json_array(&j, "would");
	for (unsigned i = 0; i < st->actions.nr; i++) {
		rzst_json_object(&j, NULL);
		rzst_json_text(&j, "action", rzsa_act_name(st->actions.v[i].act));
		rzst_json_number(&j, "area", st->actions.v[i].area);
		rzst_json_number(&j, "bytes", st->actions.v[i].kib << 10);
		rzst_json_object_end(&j);
	}
	rzst_json_array_end(&j);
	rzst_json_end(&j);
}

void rzsa_status(const struct rzsa_settings *s, bool json)
{
	static struct status st;
	struct rzsa_state state;
	struct rzsa_inputs seen;

	st.s = s;
	rzsa_collect_begin(&st.collector, s, false);
	rzsa_collect(&st.collector, 0, &seen);
	rzsa_clamp(&seen, &st.in);
	rzsa_worth(&s->rules, &st.in, &st.worth);
	st.request = rzsa_request(&s->rules, &st.worth);
	rzsa_state_init(&state);
	rzsa_step(&s->rules, &state, &st.in, 0, &st.actions);
	if (json)
		print_json(&st);
	else
		print(&st);
	rzsa_collect_end(&st.collector);
}
