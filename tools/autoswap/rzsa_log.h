/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's messages: to standard error, or to the system's log once it is in the background.
 * A log that takes nothing is not waited for, where it is a socket: the message is lost.
 *
 * Threading: one thread.  Nothing allocates.
 */
#ifndef RZSA_LOG_H
#define RZSA_LOG_H

enum rzsa_log_level {
	RZSA_LOG_WARN,	/* always */
	RZSA_LOG_INFO,	/* unless quiet */
	RZSA_LOG_DEBUG, /* if verbose */
};

/* Up to which level messages are said. */
void rzsa_log_set(enum rzsa_log_level most);

/* From now on to the system's log.  0, or a negative errno: to standard error as before. */
int rzsa_log_to_system(void);

/* One line, without its end. */
void rzsa_log(enum rzsa_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
