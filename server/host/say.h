/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a server says while it runs: one line each, after "rzs: ", to standard error; to the
 * system's log when standard error is /dev/null (a daemon); with the journal's priority in front
 * when standard error is the journal.  Never called by a thread that serves I/O: formatting and
 * syslog() allocate.
 *
 * Threading: any thread that may wait for memory.
 */
#ifndef RZS_SAY_H
#define RZS_SAY_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum rzs_say_level { /* numbers as syslog(3)'s */
		     RZS_SAY_ERROR = 3,
		     RZS_SAY_WARNING = 4,
		     RZS_SAY_NOTICE = 5,
		     RZS_SAY_INFO = 6,
		     RZS_SAY_DEBUG = 7,
};

/* Leave out what is above level; at first that is NOTICE. */
void rzs_say_set_level(enum rzs_say_level level);

/*
 * Before memory is short: a way to the system's log takes kernel memory when it is made, so it is
 * made now, if that is where lines go.
 */
void rzs_say_open(void);

/* To the system's log, or to standard error, whatever that is.  Without this: as above. */
void rzs_say_set_target(bool to_syslog);

void rzs_say_at(enum rzs_say_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define rzs_say(...) rzs_say_at(RZS_SAY_NOTICE, __VA_ARGS__)

/* For a message that may come again and again.  Zeroed at first; one thread at a time. */
struct rzs_say_limit {
	uint64_t said; /* the count that the last message reported */
	time_t when;
};

/*
 * Whether to report a trouble that has happened count times by now: once a minute, and only if it
 * has happened again since.
 */
bool rzs_say_due(struct rzs_say_limit *limit, uint64_t count);

#endif
