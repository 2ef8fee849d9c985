/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process in the background.
 *
 * Threading: the main thread.
 */
#ifndef RZS_DAEMON_H
#define RZS_DAEMON_H

/*
 * Go on in a child with its own session.  The parent exits with 0 when the child calls
 * rzs_daemon_ready(), or with 1 if the child ends before that.  So whoever starts the process
 * learns whether it works, and sees its messages until then.  0 in the child; a negative errno if
 * there is no child.
 */
int rzs_daemon_fork(void);

/* Let the parent exit, and close standard input, output and error.  Without a fork: nothing. */
void rzs_daemon_ready(void);

#endif
