/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process in the background.
 *
 * Threading: the main thread.
 */
#ifndef RZS_DAEMON_H
#define RZS_DAEMON_H

/*
 * Go on in a child of its own session.  The parent stays until the child calls rzs_daemon_ready(),
 * and exits with 0; or until the child ends without, and exits with 1: so whoever started us knows
 * what became of it, and messages till then reach their standard error.  0 in the child, or a
 * negative errno in the only process there is.
 */
int rzs_daemon_fork(void);

/* Let the parent go, and standard input, output and error with it.  Nothing without a fork. */
void rzs_daemon_ready(void);

#endif
