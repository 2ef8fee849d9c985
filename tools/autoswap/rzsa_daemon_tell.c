/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsa_daemon_private.h. */
#include <stdio.h>
#include <string.h>

#include "notify.h"
#include "rzsa_daemon_private.h"
#include "rzsa_log.h"
#include "rzst.h"

static const char *size(uint64_t kib, char text[RZST_HUMAN_MAX])
{
	return rzst_size_text((double)kib * 1024, text);
}

void rzsa_daemon_tell_level(const struct rzsa_daemon *d)
{
	rzsa_log_set(d->settings.quiet	   ? RZSA_LOG_WARN
		     : d->settings.verbose ? RZSA_LOG_DEBUG
					   : RZSA_LOG_INFO);
}

/* ---- the manager ---- */

/* One line: the state, and the figures it depends on. */
static void status_line(const struct rzsa_daemon *d, char *out, size_t out_size)
{
	const struct rzsa_board *b = &d->board;
	char n[3][RZST_HUMAN_MAX];
	uint64_t pools = 0;

	for (unsigned i = 0; i < b->in.nr_areas; i++)
		if (b->in.area[i].kind == RZSA_COMPRESSED)
			pools += b->in.area[i].mem;
	snprintf(out, out_size, "%s%s; %u.%u %% of %s free, %u areas, %s in compressed ones",
		 rzsa_mode_name(d->state.mode), d->state.starved ? ", starved" : "",
		 b->worth.free_bp / 100, b->worth.free_bp % 100 / 10, size(b->worth.total, n[0]),
		 b->in.nr_areas, size(pools, n[1]));
}

void rzsa_daemon_tell_ready(struct rzsa_daemon *d)
{
	char line[sizeof(d->status)];

	status_line(d, line, sizeof(line));
	(void)rzs_notify("READY=1\nSTATUS=%s", line);
}

void rzsa_daemon_tell_alive(struct rzsa_daemon *d)
{
	(void)d;
	(void)rzs_notify("WATCHDOG=1\nEXTEND_TIMEOUT_USEC=30000000");
}

void rzsa_daemon_tell_end(struct rzsa_daemon *d)
{
	(void)rzs_notify("STOPPING=1\nSTATUS=%s",
			 d->settings.paranoid ? "retiring swap files" : "ending");
	rzsa_log(RZSA_LOG_INFO, "ends; %s",
		 d->settings.paranoid ? "swap files are retired" : "swap areas stay on");
}

/* ---- a tick ---- */

void rzsa_daemon_tell_tick(struct rzsa_daemon *d, enum rzsa_mode before, int64_t now)
{
	char line[sizeof(d->status)];

	d->board.now = now;
	d->board.rules = d->settings.rules;
	d->board.state = d->state;
	memcpy(d->board.deed, d->actors.deed, sizeof(d->board.deed));
	rzsa_board_show(d->shown, &d->board);
	status_line(d, line, sizeof(line));
	if (before != d->state.mode)
		rzsa_log(RZSA_LOG_INFO, "%s -> %s", rzsa_mode_name(before), line);
	else
		rzsa_log(RZSA_LOG_DEBUG, "%s", line);
	if (strcmp(line, d->status) != 0)
		(void)rzs_notify("WATCHDOG=1\nSTATUS=%s", line);
	else
		(void)rzs_notify("WATCHDOG=1");
	strcpy(d->status, line);
}

/* ---- actions ---- */

static void describe(const struct rzsa_deed *deed, char *out, size_t out_size)
{
	char n[RZST_HUMAN_MAX];

	snprintf(out, out_size, "%s%s%.200s%s%s", rzsa_act_name(deed->act), *deed->name ? " " : "",
		 deed->name, deed->kib ? " " : "", deed->kib ? size(deed->kib, n) : "");
}

void rzsa_daemon_tell_begun(struct rzsa_daemon *d, const struct rzsa_action *a)
{
	const struct rzsa_deed *deed = &d->actors.deed[a->act];
	char what[300];

	describe(deed, what, sizeof(what));
	if (deed->under_way)
		rzsa_log(RZSA_LOG_INFO, "%s", what);
}

void rzsa_daemon_tell_deed(void *arg, const struct rzsa_deed *deed)
{
	struct rzsa_daemon *d = arg;
	char what[300];

	if (deed->outcome == RZSA_DONE)
		d->board.done[deed->act]++;
	else
		d->board.failed[deed->act]++;
	describe(deed, what, sizeof(what));
	rzsa_log(deed->outcome == RZSA_DONE ? RZSA_LOG_INFO : RZSA_LOG_WARN, "%s: %s%s%s", what,
		 rzsa_outcome_name(deed->outcome), *deed->why ? ": " : "", deed->why);
}

void rzsa_daemon_tell_broken(struct rzsa_daemon *d, const struct rzsa_action *a, const char *rule)
{
	rzsa_log(RZSA_LOG_WARN,
		 "NOT DONE: %s of %s to %llu KiB breaks a rule (%s); this is a bug, please report "
		 "it",
		 rzsa_act_name(a->act), rzsa_collect_name(&d->collector, a->area),
		 (unsigned long long)a->kib, rule);
}

void rzsa_daemon_tell_starved(struct rzsa_daemon *d)
{
	char line[sizeof(d->status)];

	status_line(d, line, sizeof(line));
	rzsa_log(RZSA_LOG_WARN, "starved: memory is short, and nothing is left to be done; %s",
		 line);
}

/* ---- all ---- */

static long long seconds(int64_t ms)
{
	return ms > 0 ? (long long)ms / 1000 : 0;
}

static void tell_area(const struct rzsa_daemon *d, const struct rzsa_area *a)
{
	unsigned ratio = rzsa_ratio(&d->settings.rules, a);
	char n[4][RZST_HUMAN_MAX];

	rzsa_log(RZSA_LOG_WARN, "%s: %s%s%s%s, %s of %s used, holds %s of %s, ratio %u.%02u",
		 rzsa_collect_name(&d->collector, a->id),
		 a->kind == RZSA_DISK ? "disk" : "compressed", a->managed ? ", managed" : "",
		 a->permanent ? ", permanent" : "", a->draining ? ", swapoff" : "",
		 size(a->used, n[0]), size(a->size, n[1]), size(a->mem, n[2]),
		 a->limit ? size(a->limit, n[3]) : "no limit", ratio / 1000, ratio % 1000 / 10);
}

void rzsa_daemon_tell_all(struct rzsa_daemon *d, int64_t now)
{
	const struct rzsa_board *b = &d->board;
	char line[sizeof(d->status)], n[2][RZST_HUMAN_MAX];

	status_line(d, line, sizeof(line));
	rzsa_log(RZSA_LOG_WARN, "%s; %s available, %s ready as a file, since %lld s, %llu ticks",
		 line, size(b->in.mem_available, n[0]), size(d->actors.spare_kib, n[1]),
		 seconds(now - b->started), (unsigned long long)b->ticks);
	rzsa_log(RZSA_LOG_WARN,
		 "timer %lld s; diet: disk %lld s, memory %lld s, areas %lld s; %llu rules broken",
		 seconds(d->state.until - now), seconds(d->state.diet_until[RZSA_FOR_DISK] - now),
		 seconds(d->state.diet_until[RZSA_FOR_RAM] - now),
		 seconds(d->state.diet_until[RZSA_FOR_SLOTS] - now), (unsigned long long)b->broken);
	for (unsigned i = 0; i < b->in.nr_areas; i++)
		tell_area(d, &b->in.area[i]);
	for (unsigned i = 0; i < RZSA_ACTS; i++) {
		const struct rzsa_deed *deed = &d->actors.deed[i];

		if (b->done[i] || b->failed[i] || deed->under_way)
			rzsa_log(RZSA_LOG_WARN, "%s: %llu done, %llu failed%s%s%s",
				 rzsa_act_name(i), (unsigned long long)b->done[i],
				 (unsigned long long)b->failed[i],
				 deed->under_way ? ", one under way" : "", *deed->why ? "; " : "",
				 deed->why);
	}
}
