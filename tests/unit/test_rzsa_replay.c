/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A day of what guests have lived through: traces that rzs-autoswap --record has written
 * (tests/traces), each with a rest of 25 minutes, again and again.  What is decided is laid over
 * them, as --simulate does it.  No rule is broken at any tick, files come, and areas go.
 */
#include "t.h"

#include <stdlib.h>

#include "rzsa_guard.h"
#include "rzsa_overlay.h"
#include "rzsa_state.h"
#include "rzsa_trace.h"

#define DAY_MS	  INT64_C(86400000)
#define TICKS_MAX 2048u
#define REST_MS	  INT64_C(1500000)    /* after each: as its last tick is, and nobody waits */
#define DISK_KIB  (UINT64_C(8) << 20) /* where the recorder did not look for one */

struct tick {
	int64_t at; /* ms since the trace began */
	struct rzsa_inputs in;
};

static struct tick trace[TICKS_MAX];

/* Its ticks. */
static unsigned load(const char *name)
{
	const char *srcdir = getenv("srcdir");
	static char line[RZSA_TRACE_LINE];
	char path[512], why[256];
	int64_t first = 0, now;
	unsigned nr = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/traces/%s.trace", srcdir ? srcdir : ".", name);
	f = fopen(path, "r");
	if (!f)
		T_FAIL("%s cannot be opened", path);
	T_OK(fgets(line, sizeof(line), f) != NULL);
	T_STR_EQ(line, RZSA_TRACE_HEAD "\n");
	while (nr < TICKS_MAX && fgets(line, sizeof(line), f)) {
		int got;

		line[strcspn(line, "\n")] = '\0';
		got = rzsa_trace_read(line, &now, &trace[nr].in, why, sizeof(why));
		if (got < 0)
			T_FAIL("%s, tick %u: %s", path, nr, why);
		if (got == 0)
			continue;
		first = nr ? first : now;
		trace[nr++].at = now - first;
	}
	T_OK(feof(f));
	fclose(f);
	T_GT(nr, 60);
	return nr;
}

struct life {
	struct rzsa_config c;
	struct rzsa_state s;
	struct rzsa_guard g;
	struct rzsa_overlay o;
	struct rzsa_actions actions;
	unsigned shifts, done[RZSA_ACTS];
};

static void live(struct life *l, const struct tick *t, int64_t now)
{
	const enum rzsa_mode before = l->s.mode;
	struct rzsa_inputs in = t->in;
	const char *broken;
	unsigned which;

	if (!in.disk_free)
		in.disk_free = DISK_KIB;
	rzsa_overlay(&l->o, &l->actions, &in);
	rzsa_step(&l->c, &l->s, &in, now, &l->actions);
	broken = rzsa_guard(&l->g, &l->c, &in, now, &l->actions, &which);
	if (broken)
		T_FAIL("%lld ms: %s: %s", (long long)now, rzsa_act_name(l->actions.v[which].act),
		       broken);
	for (unsigned i = 0; i < l->actions.nr; i++)
		l->done[l->actions.v[i].act]++;
	l->shifts += before != l->s.mode;
}

static void live_a_day(const char *name)
{
	static struct life l;
	static struct tick rest;
	unsigned nr = load(name);
	int64_t from = 0, now = 0;

	rest = trace[nr - 1];
	rest.in.psi_avg60 = 0;
	memset(&l, 0, sizeof(l));
	rzsa_config_init(&l.c);
	l.c.files = true;
	rzsa_state_init(&l.s);
	while (now < DAY_MS) {
		for (unsigned i = 0; i < nr; i++) {
			now = from + trace[i].at;
			live(&l, &trace[i], now);
		}
		for (from = now + REST_MS; now < from; now += 1000)
			live(&l, &rest, now + 1000);
		from = now + 1000;
	}
	t_note("%s: %u ticks, %u shifts, %u limits raised, %u files, %u releases", name, nr,
	       l.shifts, l.done[RZSA_RAISE_LIMIT], l.done[RZSA_ADD_FILE],
	       l.done[RZSA_RETIRE] + l.done[RZSA_LOWER_LIMIT] + l.done[RZSA_DROP_FILE]);
	T_GT(l.shifts, 2);
	T_GT(l.done[RZSA_ADD_FILE], 0);
	T_GT(l.done[RZSA_RETIRE], 0);
	/* A release for each cooldown at most, whatever else is true. */
	T_LE(l.done[RZSA_RETIRE] + l.done[RZSA_LOWER_LIMIT] + l.done[RZSA_DROP_FILE],
	     (unsigned)(DAY_MS / l.c.cooldown) + 1);
}

T_TEST_TIMEOUT(a_leak_to_files, 120)
{
	live_a_day("leak-disk");
}

T_TEST_TIMEOUT(a_leak_to_the_module_and_files, 120)
{
	live_a_day("leak-kmod");
}
