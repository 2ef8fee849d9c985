/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A server that is the child of a keeper (keeper.h): asks it for a successor, and hands everything
 * to that when the keeper says so (predecessor.h).
 *
 * Threading: the front thread, in its loop.
 */
#ifndef RZS_KEPT_H
#define RZS_KEPT_H

#include "keeper.h"
#include "predecessor.h"

/*
 * Listen to the keeper at the other end of fd, and to SIGUSR2.  options: `done` is set here.  0 or
 * a negative errno; rzs_kept_close() in both cases.
 */
int rzs_kept_open(struct rzs_loop *loop, int fd, const struct rzs_predecessor_options *options);

/* Tell the keeper that clients are served.  0 or a negative errno. */
int rzs_kept_serves(void);

/* Ask the keeper to replace this server: of rzs_target.upgrade.  0 or a negative errno. */
int rzs_kept_ask(void *unused, char why[RZS_WHY_MAX]);

/* Of rzs_target.not_replaced. */
const char *rzs_kept_not_replaced(void *unused, unsigned *nr);

/* Before the loop is closed.  It need not have been opened. */
void rzs_kept_close(void);

#endif
