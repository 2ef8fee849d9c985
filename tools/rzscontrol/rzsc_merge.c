/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command merge: the knobs and counters of merging of one device, by the names that they have
 * in /sys/kernel/mm/ksm.  To the back ends a knob is a parameter: run is merge-run.
 */
#include <errno.h>
#include <string.h>

#include "rzsc_find.h"
#include "rzsc_show.h"
#include "rzsc_stats.h"
#include "rzst_json.h"
#include "rzst_kernel_merge.h"

#define SETTING_MAX  128u
#define SETTINGS_MAX 16u

static const char *const counters[] = {
	"pages_shared",	 "pages_sharing", "pages_unshared", "pages_volatile",	 "full_scans",
	"pages_scanned", "pages_skipped", "merge_bytes",    "merge_saved_bytes",
};

#define COUNTERS (sizeof(counters) / sizeof(counters[0]))

static int failed(const struct rzsc_found *found, int err)
{
	return rzst_fail(rzst_exit(err), "%s", found->server->backend->why);
}

/* ---- setting ---- */

/* "run=1" as the back ends' "merge-run=1". */
static int translate(const char *word, char out[SETTING_MAX])
{
	size_t len = strcspn(word, "=");

	for (size_t i = 0; word[len] && i < RZST_MERGE_KNOBS; i++)
		if (strlen(rzst_merge_knobs[i].name) == len &&
		    memcmp(rzst_merge_knobs[i].name, word, len) == 0) {
			if (snprintf(out, SETTING_MAX, "%s%s", rzst_merge_knobs[i].key,
				     word + len) < (int)SETTING_MAX)
				return RZS_EXIT_DONE;
			break;
		}
	return rzst_fail(RZS_EXIT_USAGE,
			 "merge: %.80s: expected KNOB=VALUE, where KNOB is run, pages_to_scan, "
			 "sleep_millisecs, max_page_sharing, smart_scan or inline",
			 word);
}

static int set(const struct rzsc_options *o, struct rzsc_found *found)
{
	struct rzst_backend *b = found->server->backend;
	char text[SETTINGS_MAX][SETTING_MAX];
	const char *settings[SETTINGS_MAX];
	int err;

	if (o->nr_words > SETTINGS_MAX)
		return rzst_fail(RZS_EXIT_USAGE, "merge: at most %u settings", SETTINGS_MAX);
	for (unsigned i = 0; i < o->nr_words; i++) {
		int code = translate(o->words[i], text[i]);

		if (code != RZS_EXIT_DONE)
			return code;
		settings[i] = text[i];
	}
	err = b->ops->set(b, found->name, settings, o->nr_words);
	if (err < 0)
		return failed(found, err);
	if (o->verbose)
		rzst_say("%s: %s: set", b->where, found->name);
	return RZS_EXIT_DONE;
}

/* ---- showing ---- */

/* A knob's value as KSM's file has it.  NULL: the server does not know it. */
static const char *value_of(const struct rzst_texts *params, const char *key)
{
	for (size_t i = 0; i < params->nr; i++) {
		const char *text = params->v[i].text;

		if (strcmp(params->v[i].name, key) != 0)
			continue;
		return strcmp(text, "true") == 0 ? "1" : strcmp(text, "false") == 0 ? "0" : text;
	}
	return NULL;
}

/* What there is of a device: its parameters, and, if it is initialised, its statistics. */
struct state {
	struct rzst_texts params;
	struct rzst_values stats;
	bool ready;
};

static void show_text(const struct state *s)
{
	int64_t profit;

	for (size_t i = 0; i < RZST_MERGE_KNOBS; i++) {
		const char *value = value_of(&s->params, rzst_merge_knobs[i].key);

		if (value)
			printf("%s=%s\n", rzst_merge_knobs[i].name, value);
	}
	if (!s->ready)
		return;
	for (size_t i = 0; i < COUNTERS; i++)
		printf("%s=%llu\n", counters[i],
		       (unsigned long long)rzst_value_of(&s->stats, counters[i], NULL));
	if (rzsc_stats_profit(&s->stats, &profit))
		printf("general_profit=%lld\n", (long long)profit);
}

static void show_json(const struct rzsc_found *found, const struct state *s)
{
	struct rzst_backend *b = found->server->backend;
	struct rzst_json j;
	uint64_t number;
	int64_t profit;

	rzst_json_begin(&j, stdout);
	rzst_json_text(&j, "device", found->name);
	rzst_json_text(&j, "socket", b->of_kernel ? NULL : b->where);
	rzst_json_object(&j, "knobs");
	for (size_t i = 0; i < RZST_MERGE_KNOBS; i++) {
		const char *value = value_of(&s->params, rzst_merge_knobs[i].key);
		bool known = value && rzst_number_parse(value, &number) == 0;

		rzsc_show_number(&j, rzst_merge_knobs[i].name, known, number);
	}
	rzst_json_object_end(&j);
	if (!s->ready) {
		rzst_json_null(&j, "stats");
		rzst_json_null(&j, "general_profit");
		rzst_json_end(&j);
		return;
	}
	rzst_json_object(&j, "stats");
	for (size_t i = 0; i < COUNTERS; i++)
		rzst_json_number(&j, counters[i], rzst_value_of(&s->stats, counters[i], NULL));
	rzst_json_object_end(&j);
	if (rzsc_stats_profit(&s->stats, &profit))
		rzst_json_integer(&j, "general_profit", profit);
	else
		rzst_json_null(&j, "general_profit");
	rzst_json_end(&j);
}

static int look(struct rzsc_found *found, struct state *s)
{
	struct rzst_backend *b = found->server->backend;
	int err = b->ops->params(b, found->name, &s->params);

	if (err < 0)
		return failed(found, err);
	/* An older server that merges may lack some of the others. */
	if (!value_of(&s->params, rzst_merge_knobs[0].key))
		return rzst_fail(RZS_EXIT_UNSUPPORTED, "%s: its server is too old to merge pages",
				 found->name);
	err = b->ops->stats(b, found->name, &s->stats);
	s->ready = err == 0;
	return err < 0 && err != -ENODEV ? failed(found, err) : RZS_EXIT_DONE;
}

static int show(const struct rzsc_options *o, struct rzsc_found *found)
{
	struct state s;
	int code;

	memset(&s, 0, sizeof(s));
	code = look(found, &s);
	if (code == RZS_EXIT_DONE && o->json)
		show_json(found, &s);
	else if (code == RZS_EXIT_DONE)
		show_text(&s);
	rzst_texts_free(&s.params);
	rzst_values_free(&s.stats);
	return code;
}

int rzsc_cmd_merge(const struct rzsc_options *o)
{
	struct rzsc_found found;
	int code = rzsc_device_find(o, o->device, &found);

	if (code == RZS_EXIT_DONE && o->nr_words)
		code = set(o, &found);
	if (code == RZS_EXIT_DONE && (!o->nr_words || o->json))
		code = show(o, &found);
	rzsc_found_free(&found);
	return code;
}
