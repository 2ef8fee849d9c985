/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages of a running server, a line each, after "rzs: ".  They go to standard error; if that is
 * /dev/null (in a daemon), to the system's log.  If it is the journal, its priority comes first.
 *
 * Threading: any thread that may wait for memory.  Never a thread that serves I/O: formatting and
 * syslog() allocate.
 */
#ifndef RZS_SAY_H
#define RZS_SAY_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum rzs_say_level { /* the numbers of syslog(3) */
		     RZS_SAY_ERROR = 3,
		     RZS_SAY_WARNING = 4,
		     RZS_SAY_NOTICE = 5,
		     RZS_SAY_INFO = 6,
		     RZS_SAY_DEBUG = 7,
};

/* Leave out messages above this level.  The default is RZS_SAY_NOTICE. */
void rzs_say_set_level(enum rzs_say_level level);

/*
 * Connect to the system's log now, if messages go there.  Connecting takes kernel memory, so do it
 * before memory is short.
 */
void rzs_say_open(void);

/* Send messages to the system's log, or to standard error, instead of choosing as above. */
void rzs_say_set_target(bool to_syslog);

/* Print a message as printf() does.  A line of more than 511 bytes is cut. */
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
