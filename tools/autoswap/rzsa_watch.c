/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the running daemon shows; see rzsa_live.h. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "rzsa_board.h"
#include "rzsa_live.h"
#include "rzst.h"
#include "rzst_json.h"

#define TICK_MS	  1000
#define HEAD_EACH 20u /* lines */

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

static const char *size(uint64_t kib, char text[RZST_HUMAN_MAX])
{
	return rzst_human_bytes(kib << 10, text);
}

static int64_t seconds(int64_t ms)
{
	return ms > 0 ? ms / 1000 : 0;
}

/* ---- --watch ---- */

static void print_line(const struct rzsa_board *b, int64_t since)
{
	uint64_t pools = 0, limits = 0, used = 0;
	char n[5][RZST_HUMAN_MAX];

	for (unsigned i = 0; i < b->in.nr_areas; i++) {
		const struct rzsa_area *a = &b->in.area[i];

		used += a->used;
		pools += a->kind == RZSA_COMPRESSED ? a->mem : 0;
		limits += a->kind == RZSA_COMPRESSED ? a->limit : 0;
	}
	printf("%-7s %3u.%02u %8s %8s %5u %8s %8s %8s", rzsa_mode_name(b->state.mode),
	       b->worth.free_bp / 100, b->worth.free_bp % 100, size(b->in.mem_available, n[0]),
	       size(b->worth.total, n[1]), b->in.nr_areas, size(used, n[2]), size(pools, n[3]),
	       limits ? size(limits, n[4]) : "-");
	for (unsigned i = 0; i < RZSA_ACTS; i++)
		if (b->deed[i].under_way)
			printf(" %s...", rzsa_act_name(i));
		else if ((b->done[i] || b->failed[i]) && b->deed[i].at >= since)
			printf(" %s:%s", rzsa_act_name(i), rzsa_outcome_name(b->deed[i].outcome));
	puts(b->state.starved ? " starved" : "");
	fflush(stdout);
}

static int cannot_read(int err)
{
	return rzst_fail(err == -ENOENT ? RZS_EXIT_NONE : RZS_EXIT_FAILED, "%s",
			 err == -ENOENT ? "no rzs-autoswap runs; start it first"
					: "another build of rzs-autoswap runs; restart it");
}

int rzsa_watch(uint64_t ticks)
{
	static struct rzsa_board b;
	struct sigaction act;
	int64_t since = 0;
	pid_t pid;

	memset(&act, 0, sizeof(act));
	act.sa_handler = on_signal;
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	for (uint64_t i = 0; !stopped && !ferror(stdout); i++) {
		int err = rzsa_board_read(&b, &pid);

		if (err < 0)
			return cannot_read(err);
		if (i % HEAD_EACH == 0)
			puts("state    free%    avail    worth areas     used    pools   limits "
			     "actions");
		print_line(&b, i ? since : b.now);
		since = b.now;
		if (i + 1 == ticks)
			break;
		(void)poll(NULL, 0, TICK_MS);
	}
	return RZS_EXIT_DONE;
}

/* ---- --status ---- */

static void print_deed(const struct rzsa_board *b, unsigned act)
{
	const struct rzsa_deed *d = &b->deed[act];
	char name[RZSA_AREA_NAME_MAX], n[RZST_HUMAN_MAX];

	snprintf(name, sizeof(name), "%s", d->name);
	rzst_tame(name);
	printf("%s: %llu done, %llu failed; last %lld s ago%s%s%s%s: %s%s%s\n", rzsa_act_name(act),
	       (unsigned long long)b->done[act], (unsigned long long)b->failed[act],
	       (long long)seconds(b->now - d->at), *name ? ", " : "", name, d->kib ? ", " : "",
	       d->kib ? size(d->kib, n) : "",
	       d->under_way ? "under way" : rzsa_outcome_name(d->outcome), *d->why ? ": " : "",
	       d->why);
}

static bool is_known(const struct rzsa_board *b, unsigned act)
{
	return b->done[act] || b->failed[act] || b->deed[act].under_way;
}

static void print_text(const struct rzsa_board *b, pid_t pid)
{
	printf("daemon: process %d, for %lld s; %s", (int)pid,
	       (long long)seconds(b->now - b->started), rzsa_mode_name(b->state.mode));
	if (b->state.mode != RZSA_STEADY)
		printf(", for %lld s more", (long long)seconds(b->state.until - b->now));
	printf("%s\n", b->state.starved ? ", starved" : "");
	if (b->broken)
		printf("%llu actions were not done because they would break a rule\n",
		       (unsigned long long)b->broken);
	for (unsigned i = 0; i < RZSA_ACTS; i++)
		if (is_known(b, i))
			print_deed(b, i);
}

static void print_json(struct rzst_json *j, const struct rzsa_board *b, pid_t pid)
{
	rzst_json_object(j, "daemon");
	rzst_json_integer(j, "pid", pid);
	rzst_json_integer(j, "ms", b->now - b->started);
	rzst_json_text(j, "state", rzsa_mode_name(b->state.mode));
	rzst_json_integer(j, "state_ms", b->state.until > b->now ? b->state.until - b->now : 0);
	rzst_json_bool(j, "starved", b->state.starved);
	rzst_json_number(j, "ticks", b->ticks);
	rzst_json_number(j, "rules_broken", b->broken);
	rzst_json_number(j, "spare_bytes", b->in.spare << 10);
	rzst_json_array(j, "actions");
	for (unsigned i = 0; i < RZSA_ACTS; i++) {
		const struct rzsa_deed *d = &b->deed[i];

		if (!is_known(b, i))
			continue;
		rzst_json_object(j, NULL);
		rzst_json_text(j, "action", rzsa_act_name(i));
		rzst_json_number(j, "done", b->done[i]);
		rzst_json_number(j, "failed", b->failed[i]);
		rzst_json_text(j, "name", *d->name ? d->name : NULL);
		rzst_json_number(j, "bytes", d->kib << 10);
		rzst_json_text(j, "outcome", d->under_way ? NULL : rzsa_outcome_name(d->outcome));
		rzst_json_integer(j, "ms_ago", b->now - d->at);
		rzst_json_text(j, "why", *d->why ? d->why : NULL);
		rzst_json_object_end(j);
	}
	rzst_json_array_end(j);
	rzst_json_object_end(j);
}

void rzsa_watch_status(struct rzst_json *j)
{
	static struct rzsa_board b;
	pid_t pid;
	int err = rzsa_board_read(&b, &pid);

	if (err == 0 && j)
		print_json(j, &b, pid);
	else if (err == 0)
		print_text(&b, pid);
	else if (j)
		rzst_json_null(j, "daemon");
	else
		puts(err == -ENOENT ? "daemon: none runs" : "daemon: of another build");
}
