/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unix sockets to listen on: who may connect, and what to do about one that is there already.
 *
 * Threading: none; no state.  Makes system calls on paths, so never on a thread that serves I/O.
 */
#ifndef RZS_LISTEN_UNIX_H
#define RZS_LISTEN_UNIX_H

#include <stdbool.h>
#include <sys/types.h>

#include "device_params.h"

/*
 * Listen at path, with these permissions whatever the umask is.  Its folder is made if it is
 * missing (only that one, 0700).  A socket at which nobody answers any more is replaced; two
 * processes that start at once do not take the place from each other.
 * A file descriptor (close-on-exec, non-blocking), or a negative errno with why set: -EADDRINUSE
 * somebody answers there; -EEXIST something else than a socket is there; -ENAMETOOLONG, -EACCES
 * etc. from the system.
 */
int rzs_listen_unix(const char *path, mode_t mode, char why[RZS_WHY_MAX]);

/*
 * Whether that would be refused, as far as can be told before; for who can still tell somebody.
 * Makes nothing, but a stale socket goes.
 */
int rzs_listen_unix_check(const char *path, char why[RZS_WHY_MAX]);

/*
 * Remove the socket, after its descriptor was closed.  If another process has taken the place
 * meanwhile, it stays.
 */
void rzs_listen_unix_remove(const char *path);

/* Whether the process that connected to this unix socket is root's, or that user's. */
bool rzs_peer_allowed(int fd, uid_t uid);

#endif
