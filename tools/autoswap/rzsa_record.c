/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Recording traces; see rzsa_live.h. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "rzsa_collect.h"
#include "rzsa_live.h"
#include "rzsa_trace.h"
#include "rzst.h"

#define TICK_MS 1000

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

static void take_signals(void)
{
	struct sigaction act;

	memset(&act, 0, sizeof(act));
	act.sa_handler = on_signal;
	sigemptyset(&act.sa_mask);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
}

static void write_tick(FILE *f, int64_t at, const struct rzsa_inputs *in)
{
	static char line[RZSA_TRACE_LINE];

	if (rzsa_trace_write(line, sizeof(line), at, in) > 0)
		fprintf(f, "%s\n", line);
	fflush(f);
}

static void record(FILE *f, const struct rzsa_settings *s, uint64_t ticks)
{
	static struct rzsa_collector c;
	const int64_t begin = rzst_now_ms();
	struct rzsa_inputs in;
	int64_t due = begin;

	rzsa_collect_begin(&c, s, true);
	fprintf(f, "%s\n", RZSA_TRACE_HEAD);
	for (uint64_t i = 0; !ferror(f) && !stopped; i++) {
		int64_t now = rzst_now_ms();

		rzsa_collect(&c, now, &in);
		write_tick(f, now - begin, &in);
		if (i + 1 == ticks)
			break;
		/* A machine that is too busy for a tick gets none for that second. */
		due += TICK_MS;
		if (due <= rzst_now_ms())
			due = rzst_now_ms() + 1;
		(void)rzsa_collect_wait(&c, due - rzst_now_ms());
	}
	rzsa_collect_end(&c);
}

int rzsa_record(const struct rzsa_settings *s, const char *file, uint64_t ticks)
{
	bool standard = strcmp(file, "-") == 0;
	FILE *f = standard ? stdout : fopen(file, "wxe");
	int err;

	if (!f)
		return rzst_fail(RZS_EXIT_FAILED, "%s: cannot be made: %s", file, strerror(errno));
	take_signals();
	record(f, s, ticks);
	if (standard)
		return RZS_EXIT_DONE;
	err = ferror(f);
	if (fclose(f) != 0 || err)
		return rzst_fail(RZS_EXIT_FAILED, "%s: cannot be written: %s", file,
				 strerror(errno));
	return RZS_EXIT_DONE;
}
