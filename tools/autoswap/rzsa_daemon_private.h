/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the daemon says: to the log, to its manager, and on its board.
 *
 * Threading: one thread.  Nothing allocates.
 */
#ifndef RZSA_DAEMON_PRIVATE_H
#define RZSA_DAEMON_PRIVATE_H

#include "rzsa_daemon.h"

/* By quiet and verbose. */
void rzsa_daemon_tell_level(const struct rzsa_daemon *d);

void rzsa_daemon_tell_ready(struct rzsa_daemon *d);
void rzsa_daemon_tell_tick(struct rzsa_daemon *d, enum rzsa_mode before, int64_t now);
void rzsa_daemon_tell_alive(struct rzsa_daemon *d);
void rzsa_daemon_tell_end(struct rzsa_daemon *d);

void rzsa_daemon_tell_begun(struct rzsa_daemon *d, const struct rzsa_action *a);
void rzsa_daemon_tell_broken(struct rzsa_daemon *d, const struct rzsa_action *a, const char *rule);
void rzsa_daemon_tell_starved(struct rzsa_daemon *d);

/* For struct rzsa_actors; arg is the daemon. */
void rzsa_daemon_tell_deed(void *arg, const struct rzsa_deed *deed);

/* All that it knows: SIGUSR1. */
void rzsa_daemon_tell_all(struct rzsa_daemon *d, int64_t now);

#endif
