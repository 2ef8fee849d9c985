/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of a running server; see say.h. */
#include "say.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <syslog.h>

#define REPEAT_SECONDS 60

static atomic_int most = RZS_SAY_NOTICE;
static atomic_int target; /* 0: choose, 1: the system's log, 2: standard error */

void rzs_say_set_level(enum rzs_say_level level)
{
	atomic_store(&most, level);
}

void rzs_say_set_target(bool to_syslog)
{
	atomic_store(&target, to_syslog ? 1 : 2);
}

/* A daemon's standard error is /dev/null. */
static bool stderr_is_null(void)
{
	struct stat st;

	return fstat(2, &st) < 0 || (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
}

/* Whether standard error is the stream to the journal that systemd made: systemd.exec(5). */
static bool stderr_is_journal(void)
{
	const char *text = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return text && sscanf(text, "%llu:%llu", &dev, &ino) == 2 && fstat(2, &st) == 0 &&
	       st.st_dev == dev && st.st_ino == ino;
}

static bool to_syslog_now(void)
{
	int to = atomic_load(&target);

	return to == 1 || (to == 0 && stderr_is_null());
}

void rzs_say_open(void)
{
	if (to_syslog_now())
		openlog(NULL, LOG_NDELAY, LOG_DAEMON);
}

void rzs_say_at(enum rzs_say_level level, const char *fmt, ...)
{
	const char *sort = level == RZS_SAY_WARNING ? "warning: "
			   : level == RZS_SAY_ERROR ? "error: "
						    : "";
	char line[512];
	va_list ap;

	if ((int)level > atomic_load(&most))
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (to_syslog_now())
		syslog(LOG_DAEMON | (int)level, "rzs: %s%s", sort, line);
	else if (stderr_is_journal())
		fprintf(stderr, "<%d>rzs: %s%s\n", (int)level, sort, line);
	else
		fprintf(stderr, "rzs: %s%s\n", sort, line);
}

bool rzs_say_due(struct rzs_say_limit *limit, uint64_t count)
{
	struct timespec now;

	if (count == limit->said)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (limit->said && now.tv_sec - limit->when < REPEAT_SECONDS)
		return false;
	limit->said = count;
	limit->when = now.tv_sec;
	return true;
}
