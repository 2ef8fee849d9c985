/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command report, which rzs-nbd-swap runs for its status and check: the device, its queue and
 * the machine's settings; rzsc_report_server.c has the server.  What is found is gathered first,
 * and printed at the end.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "rzsc_nbd.h"
#include "rzsc_report.h"
#include "rzsc_show.h"

/* As in rzs-nbd-swap(8). */
enum { REPORT_FAILED = 1, REPORT_NOT_ATTACHED = 5, REPORT_NOT_WELL = 6 };

/* ---- findings ---- */

static void add_finding(struct rzsc_report *r, enum rzsc_level level, const char *check,
			const char *text, const char *remedy)
{
	struct rzsc_finding *f;

	r->findings = rzst_grow(r->findings, r->nr_findings, sizeof(*r->findings));
	f = &r->findings[r->nr_findings++];
	f->level = level;
	snprintf(f->check, sizeof(f->check), "%s", check);
	f->text = rzst_copy(text);
	f->remedy = rzst_copy(remedy && level != RZSC_OK ? remedy : "");
	r->bad |= level == RZSC_BAD;
}

void rzsc_find_that(struct rzsc_report *r, enum rzsc_level level, const char *check,
		    const char *remedy, const char *fmt, ...)
{
	char text[RZST_PATH_MAX + 128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	add_finding(r, level, check, text, remedy);
}

static const char *const levels[] = {"ok", "note", "bad"};

/* "LEVEL CHECK TEXT", and on a second line what to do: a finding of rzs-nbd-swap's own. */
static int take_finding(struct rzsc_report *r, char *words)
{
	char *save, *level = strtok_r(words, " ", &save), *check = strtok_r(NULL, " ", &save);
	char *text = strtok_r(NULL, "\n", &save), *remedy = strtok_r(NULL, "", &save);

	for (int i = 0; text && i < 3; i++)
		if (strcmp(level, levels[i]) == 0) {
			add_finding(r, (enum rzsc_level)i, check, text, remedy);
			return 0;
		}
	return -EINVAL;
}

/* ---- the device ---- */

static void judge_swap(struct rzsc_report *r)
{
	static const char stored[] = "what is no longer needed stays stored";
	char path[64], most[32];

	if (r->swapped_to)
		rzsc_find_that(r, RZSC_OK, "swap", NULL, "%llu of %llu KiB in use, priority %d",
			       (unsigned long long)r->area.used / 1024,
			       (unsigned long long)r->area.size / 1024, r->area.priority);
	else
		rzsc_find_that(r, RZSC_BAD, "swap", "rzs-nbd-swap detach, then attach",
			       "%s is attached and not swapped to", r->device);
	snprintf(path, sizeof(path), "/sys/block/%s/queue/discard_max_bytes", r->block);
	if (rzst_first_line(path, most, sizeof(most)) == 0 && strcmp(most, "0") == 0)
		rzsc_find_that(r, RZSC_NOTE, "swap", stored, "the server does not support TRIM");
	if (!r->discard)
		rzsc_find_that(r, RZSC_NOTE, "swap", stored, "attached with --no-discard");
}

/* wanted: the value, at_most or not; NULL or "kernel": any. */
static void judge_queue_file(struct rzsc_report *r, const char *name, const char *wanted,
			     bool at_most)
{
	char path[80], line[128], remedy[160];
	uint64_t is, most;
	const char *value;
	bool fits;

	snprintf(path, sizeof(path), "/sys/block/%s/queue/%s", r->block, name);
	if (rzst_first_line(path, line, sizeof(line)) < 0)
		return;
	value = rzst_chosen(line);
	rzst_texts_add(&r->queue, name, value);
	if (strcmp(wanted, "kernel") == 0)
		return;
	fits = at_most ? rzst_number_parse(value, &is) == 0 &&
				 rzst_number_parse(wanted, &most) == 0 && is <= most
		       : strcmp(value, wanted) == 0;
	snprintf(remedy, sizeof(remedy), "echo %.40s >%s", wanted, path);
	rzsc_find_that(r, fits ? RZSC_OK : RZSC_BAD, "queue", remedy, "%s %s", name, value);
}

static void judge_device(struct rzsc_report *r)
{
	char path[64], sectors[32];

	snprintf(path, sizeof(path), "/sys/block/%s/size", r->block);
	(void)rzst_first_line(path, sectors, sizeof(sectors));
	(void)rzst_number_parse(sectors, &r->size_kib);
	r->size_kib /= 2;
	judge_swap(r);
	judge_queue_file(r, "scheduler", "none", false);
	judge_queue_file(r, "nr_requests", r->nr_requests, true);
	judge_queue_file(r, "max_sectors_kb", r->max_sectors_kb, true);
}

/* ---- the machine ---- */

/* "NAME least|is VALUE": a setting in /proc/sys/vm; an older kernel may not have it. */
static int judge_setting(struct rzsc_report *r, char *words)
{
	char *save, *name = strtok_r(words, " ", &save), *how = strtok_r(NULL, " ", &save);
	char *wanted = strtok_r(NULL, " ", &save), path[128], value[64], remedy[128];
	uint64_t is, want;
	bool fits;

	if (!wanted || rzst_number_parse(wanted, &want) < 0)
		return -EINVAL;
	snprintf(path, sizeof(path), "/proc/sys/vm/%.60s", name);
	if (rzst_first_line(path, value, sizeof(value)) < 0 || rzst_number_parse(value, &is) < 0)
		return 0;
	rzst_values_add(&r->vm, name, is);
	fits = is == want || (strcmp(how, "least") == 0 && is > want);
	snprintf(remedy, sizeof(remedy), "sysctl vm.%.60s=%.20s", name, wanted);
	if (!fits && !r->attached)
		rzsc_find_that(r, RZSC_NOTE, "vm", remedy, "vm.%s %s, attach will set it to %s",
			       name, value, wanted);
	else
		rzsc_find_that(r, fits ? RZSC_OK : RZSC_BAD, "vm", remedy, "vm.%s %s", name, value);
	return 0;
}

static void judge_modules(struct rzsc_report *r)
{
	char value[64];

	if (rzst_first_line("/sys/module/zswap/parameters/enabled", value, sizeof(value)) == 0)
		rzsc_find_that(r, strcmp(value, "Y") ? RZSC_OK : RZSC_BAD, "vm",
			       "echo N >/sys/module/zswap/parameters/enabled", "zswap %s", value);
	if (rzst_first_line("/sys/module/nbd/parameters/max_part", value, sizeof(value)) == 0 &&
	    strcmp(value, "0") != 0)
		rzsc_find_that(r, RZSC_NOTE, "nbd", "detach, modprobe -r nbd, attach",
			       "nbd has max_part=%s", value);
}

/* ---- printing ---- */

static void put_server(struct rzst_json *j, const struct rzsc_report *r)
{
	rzst_json_object(j, "server");
	rzsc_show_number(j, "pid", r->server, r->server);
	rzsc_show_number(j, "locked_kib", r->server, r->locked_kib);
	if (*r->score)
		rzst_json_integer(j, "oom_score_adj", strtol(r->score, NULL, 10));
	else
		rzst_json_null(j, "oom_score_adj");
	rzst_json_array(j, "threads");
	for (size_t i = 0; i < r->nr_threads; i++) {
		rzst_json_object(j, NULL);
		rzst_json_number(j, "tid", r->threads[i].tid);
		rzst_json_text(j, "comm", r->threads[i].comm);
		rzst_json_bool(j, "io_flusher", r->threads[i].io_flusher);
		rzst_json_number(j, "policy", r->threads[i].policy);
		rzst_json_number(j, "priority", r->threads[i].priority);
		rzst_json_object_end(j);
	}
	rzst_json_array_end(j);
	rzst_json_object_end(j);
}

static void put_findings(struct rzst_json *j, const struct rzsc_report *r)
{
	rzst_json_array(j, "findings");
	for (size_t i = 0; i < r->nr_findings; i++) {
		rzst_json_object(j, NULL);
		rzst_json_text(j, "level", levels[r->findings[i].level]);
		rzst_json_text(j, "check", r->findings[i].check);
		rzst_json_text(j, "text", r->findings[i].text);
		rzst_json_text(j, "remedy", r->findings[i].remedy);
		rzst_json_object_end(j);
	}
	rzst_json_array_end(j);
}

static void put_json(const struct rzsc_report *r, bool well)
{
	struct rzst_json j;

	rzst_json_begin(&j, stdout);
	rzst_json_text(&j, "version", VERSION);
	rzst_json_text(&j, "device", r->device);
	rzst_json_bool(&j, "attached", r->attached);
	rzst_json_bool(&j, "well", well);
	rzst_json_text(&j, "socket", r->socket);
	rzst_json_text(&j, "name", r->name);
	rzst_json_number(&j, "size_kib", r->size_kib);
	rzst_json_object(&j, "swap");
	rzst_json_bool(&j, "on", r->swapped_to);
	rzst_json_number(&j, "kib", r->area.size / 1024);
	rzst_json_number(&j, "used_kib", r->area.used / 1024);
	rzst_json_integer(&j, "priority", r->area.priority);
	rzst_json_object_end(&j);
	rzsc_show_texts(&j, "queue", &r->queue);
	rzsc_show_values(&j, "vm", &r->vm);
	put_server(&j, r);
	put_findings(&j, r);
	rzst_json_end(&j);
}

static void put_text(const struct rzsc_report *r)
{
	if (r->attached)
		printf("%s: %llu KiB, attached to %s%s%s\n", r->device,
		       (unsigned long long)r->size_kib, r->name, *r->name ? " at " : "", r->socket);
	else
		printf("%s: not attached\n", r->device);
	for (size_t i = 0; i < r->nr_findings; i++) {
		const struct rzsc_finding *f = &r->findings[i];

		rzst_tame(f->text);
		printf("%-4s  %-8s  %s%s%s\n", levels[f->level], f->check, f->text,
		       *f->remedy ? "; " : "", f->remedy);
	}
}

/* ---- the command ---- */

/* What is handed over as it is.  -ENOENT: another key. */
static int take_fact(struct rzsc_report *r, const char *key, size_t len, const char *value)
{
	const struct {
		const char *key;
		const char **text;
		uint64_t *number;
		bool *yes;
	} all[] = {
		{"socket", &r->socket, NULL, NULL},
		{"name", &r->name, NULL, NULL},
		{"nr_requests", &r->nr_requests, NULL, NULL},
		{"max_sectors_kb", &r->max_sectors_kb, NULL, NULL},
		{"control", &r->control, NULL, NULL},
		{"server", NULL, &r->server, NULL},
		{"gone", NULL, &r->gone, NULL},
		{"check", NULL, NULL, &r->check},
		{"attached", NULL, NULL, &r->attached},
		{"discard", NULL, NULL, &r->discard},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (strlen(all[i].key) != len || memcmp(all[i].key, key, len) != 0)
			continue;
		if (all[i].text)
			*all[i].text = value;
		else if (all[i].yes)
			*all[i].yes = strcmp(value, "yes") == 0;
		else if (*value)
			return rzst_number_parse(value, all[i].number);
		return 0;
	}
	return -ENOENT;
}

/* Calls fn with the value of each word of that key, until one fails. */
static int each_word(const struct rzsc_options *o, struct rzsc_report *r, const char *key,
		     int (*fn)(struct rzsc_report *r, char *value))
{
	size_t len = strlen(key);
	int err = 0;

	for (unsigned i = 0; err == 0 && i < o->nr_words; i++)
		if (strncmp(o->words[i], key, len) == 0 && o->words[i][len] == '=') {
			char *value = rzst_copy(o->words[i] + len + 1);

			err = fn(r, value);
			free(value);
		}
	return err;
}

static int take_facts(const struct rzsc_options *o, struct rzsc_report *r)
{
	unsigned number;

	r->socket = r->name = "";
	r->nr_requests = r->max_sectors_kb = "kernel";
	r->discard = true;
	r->device = o->device;
	if (!rzst_nbd_is(o->device, &number))
		return -EINVAL;
	r->block = o->device + strlen("/dev/");
	for (unsigned i = 0; i < o->nr_words; i++) {
		const char *word = o->words[i], *equals = strchr(word, '=');
		int err =
			equals ? take_fact(r, word, (size_t)(equals - word), equals + 1) : -EINVAL;

		if (err == -ENOENT &&
		    (strncmp(word, "vm=", 3) == 0 || strncmp(word, "finding=", 8) == 0))
			err = 0;
		if (err < 0)
			return err;
	}
	return 0;
}

static int judge(const struct rzsc_options *o, struct rzsc_report *r)
{
	int err;

	if (!r->attached && !r->check)
		return 0;
	r->swapped_to = rzst_swaps_find(r->device, &r->area) == 0;
	if (r->attached)
		judge_device(r);
	err = each_word(o, r, "finding", take_finding);
	if (err == 0)
		err = each_word(o, r, "vm", judge_setting);
	if (err < 0)
		return err;
	judge_modules(r);
	rzsc_report_server(r);
	return 0;
}

static void report_free(struct rzsc_report *r)
{
	for (size_t i = 0; i < r->nr_findings; i++) {
		free(r->findings[i].text);
		free(r->findings[i].remedy);
	}
	free(r->findings);
	free(r->threads);
	rzst_texts_free(&r->queue);
	rzst_values_free(&r->vm);
}

int rzsc_cmd_report(const struct rzsc_options *o)
{
	struct rzsc_report r;
	int code = RZS_EXIT_DONE, err;

	/* It speaks for the script, whose user has not called rzscontrol. */
	program_invocation_short_name = (char *)"rzs-nbd-swap";
	memset(&r, 0, sizeof(r));
	err = take_facts(o, &r);
	if (err == 0)
		err = judge(o, &r);
	if (err < 0) {
		code = rzst_fail(RZS_EXIT_USAGE,
				 "unexpected arguments of 'rzscontrol report'; are both programs "
				 "of the same version?");
	} else {
		if (!r.attached && !r.check)
			code = REPORT_NOT_ATTACHED;
		else if (r.bad)
			code = REPORT_NOT_WELL;
		if (o->json)
			put_json(&r, code == RZS_EXIT_DONE);
		else
			put_text(&r);
		if (fflush(stdout) != 0 || ferror(stdout))
			code = rzst_fail(REPORT_FAILED, "cannot write to standard output");
	}
	report_free(&r);
	return code;
}
