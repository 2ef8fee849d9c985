/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command spill: where a device's pages go that memory has no room for, and how much is there.
 * To the back ends the target and its limits are parameters, and the rest are statistics.
 *
 * Threading: one thread.
 */
#include <errno.h>
#include <string.h>

#include "rzsc_find.h"
#include "rzsc_show.h"

#define UNIT 32768u /* bytes of a place, and of a block that is written or read */

static const char *const keys[] = {"spill-after", "spill-rate", "spill-daily"};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

static const char *const stats[] = {
	"pages_spilled",  "spilled_bytes", "spill_places",	   "spill_writes",  "spill_reads",
	"spill_refaults", "spill_failed",  "spill_gathered_bytes", "refused_limit",
};

#define STATS (sizeof(stats) / sizeof(stats[0]))

/* What there is of a device: its parameters, and, if it is initialised, its statistics. */
struct state {
	struct rzst_texts params;
	struct rzst_values stats;
	const char *target; /* of params; NULL: none */
	bool ready;
};

static uint64_t stat_of(const struct state *s, const char *name)
{
	return rzst_value_of(&s->stats, name, NULL);
}

/* NULL: the server does not know it. */
static const char *param_of(const struct state *s, const char *key)
{
	for (size_t i = 0; i < s->params.nr; i++)
		if (strcmp(s->params.v[i].name, key) == 0)
			return s->params.v[i].text;
	return NULL;
}

/* False: it is no number, or the server does not know it; *out is 0. */
static bool number_of(const struct state *s, const char *key, uint64_t *out)
{
	const char *text = param_of(s, key);

	*out = 0;
	return text && rzst_number_parse(text, out) == 0;
}

/*
 * Bytes written for each that left memory.  False: none has left it.  Pages that are written again,
 * to make places free, are why it is more than 1; gaps at the ends of blocks too.
 */
static bool amplification(const struct state *s, double *out)
{
	uint64_t gathered = stat_of(s, "spill_gathered_bytes");

	*out = gathered ? (double)stat_of(s, "spill_writes") * UNIT / (double)gathered : 0;
	return gathered != 0;
}

/* ---- in words ---- */

static void say_flow(const struct state *s)
{
	unsigned long long places = stat_of(s, "spill_places"), out = stat_of(s, "spill_writes");
	unsigned long long in = stat_of(s, "spill_reads");
	char human[RZST_HUMAN_MAX];
	double times;

	printf("  there     %llu pages, %s after compression",
	       (unsigned long long)stat_of(s, "pages_spilled"),
	       rzst_human_bytes(stat_of(s, "spilled_bytes"), human));
	printf(", in %llu places of 32K: %s\n", places, rzst_human_bytes(places * UNIT, human));
	printf("  written   %llu blocks: %s", out, rzst_human_bytes(out * UNIT, human));
	if (amplification(s, &times))
		printf(", %.2f bytes for each that left memory", times);
	printf("\n  read      %llu blocks: %s, for %llu reads of pages\n", in,
	       rzst_human_bytes(in * UNIT, human),
	       (unsigned long long)stat_of(s, "spill_refaults"));
}

static void say_limit(const struct state *s, const char *key, const char *unit)
{
	char human[RZST_HUMAN_MAX];
	uint64_t bytes;

	if (number_of(s, key, &bytes) && bytes)
		printf("%s a %s", rzst_human_bytes(bytes, human), unit);
	else
		printf("any amount a %s", unit);
}

static void say_policy(const struct state *s)
{
	uint64_t after;

	printf("  limits    ");
	say_limit(s, "spill-rate", "second");
	printf(", ");
	say_limit(s, "spill-daily", "day");
	printf("\n  idle      ");
	if (number_of(s, "spill-after", &after) && after)
		printf("pages go after %llu s\n", (unsigned long long)after);
	else
		printf("pages go only when memory is short\n");
}

static void say_trouble(const struct state *s)
{
	unsigned long long failed = stat_of(s, "spill_failed");
	unsigned long long refused = stat_of(s, "refused_limit");

	if (failed)
		printf("  trouble   %llu blocks could not be written or read; the server's log "
		       "says "
		       "why\n",
		       failed);
	if (refused)
		printf("  trouble   %llu writes were refused: memlimit was reached, and the target "
		       "took no more\n",
		       refused);
	if (!failed && !refused)
		printf("  trouble   none\n");
}

static void show_text(const char *name, const struct state *s)
{
	if (!s->target) {
		printf("%s: spill=off, all pages stay in memory\n", name);
		return;
	}
	printf("%s: spills to %s\n", name, s->target);
	if (s->ready)
		say_flow(s);
	else
		printf("  there     nothing, the device is not initialised\n");
	say_policy(s);
	if (s->ready)
		say_trouble(s);
}

/* ---- as JSON ---- */

static void show_json(const struct rzsc_found *found, const struct state *s)
{
	struct rzst_json j;
	uint64_t number;
	double times;

	rzst_json_begin(&j, stdout);
	rzst_json_text(&j, "device", found->name);
	rzst_json_text(&j, "socket", found->server->backend->where);
	rzst_json_object(&j, "params");
	rzst_json_text(&j, "spill", s->target);
	for (size_t i = 0; i < KEYS; i++) {
		bool known = number_of(s, keys[i], &number);

		rzsc_show_number(&j, keys[i], known, number);
	}
	rzst_json_object_end(&j);
	if (s->ready) {
		rzst_json_object(&j, "stats");
		for (size_t i = 0; i < STATS; i++)
			rzst_json_number(&j, stats[i], stat_of(s, stats[i]));
		rzst_json_object_end(&j);
	} else {
		rzst_json_null(&j, "stats");
	}
	if (amplification(s, &times))
		rzst_json_fraction(&j, "amplification", times);
	else
		rzst_json_null(&j, "amplification");
	rzst_json_end(&j);
}

/* ---- both ---- */

static int look(const struct rzsc_found *found, struct state *s)
{
	struct rzst_backend *b = found->server->backend;
	const char *target;
	int err;

	if (b->of_kernel)
		return rzst_fail(RZS_EXIT_UNSUPPORTED,
				 "%s: a device of the kernel module does not spill; what it writes "
				 "to its backing swap, --stats shows",
				 found->name);
	err = b->ops->params(b, found->name, &s->params);
	if (err < 0)
		return rzst_fail(rzst_exit(err), "%s", b->why);
	target = param_of(s, "spill");
	if (!target)
		return rzst_fail(RZS_EXIT_UNSUPPORTED, "%s: its server is too old to spill pages",
				 found->name);
	s->target = *target && strcmp(target, "off") != 0 ? target : NULL;
	err = b->ops->stats(b, found->name, &s->stats);
	s->ready = err == 0;
	return err < 0 && err != -ENODEV ? rzst_fail(rzst_exit(err), "%s", b->why) : RZS_EXIT_DONE;
}

int rzsc_cmd_spill(const struct rzsc_options *o)
{
	struct rzsc_found found;
	struct state s;
	int code = rzsc_device_find(o, o->device, &found);

	memset(&s, 0, sizeof(s));
	if (code == RZS_EXIT_DONE)
		code = look(&found, &s);
	if (code == RZS_EXIT_DONE && o->json)
		show_json(&found, &s);
	else if (code == RZS_EXIT_DONE)
		show_text(found.name, &s);
	rzst_texts_free(&s.params);
	rzst_values_free(&s.stats);
	rzsc_found_free(&found);
	return code;
}
