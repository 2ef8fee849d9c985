/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Listening on unix sockets: who may connect, and what happens to a socket that exists already.
 *
 * Threading: any thread; no state.  Makes system calls on paths, so never on one that serves I/O.
 */
#ifndef RZS_LISTEN_UNIX_H
#define RZS_LISTEN_UNIX_H

#include <stdbool.h>
#include <sys/types.h>

#include "value.h"

/*
 * Listen at path, with this mode, whatever the umask is.  If only its directory is missing, it is
 * created with mode 0700.  A socket that nobody answers is replaced.  Two processes that start at
 * once do not replace each other's socket.  Returns a descriptor (close-on-exec, non-blocking), or
 * a negative errno with why set: -EADDRINUSE: another server answers there; -EEXIST: path is not a
 * socket; -ENAMETOOLONG; others from the system.  May wait for a second.
 */
int rzs_listen_unix(const char *path, mode_t mode, char why[RZS_WHY_MAX]);

/*
 * Check, as far as possible, whether rzs_listen_unix() would fail, while the user still sees the
 * error.  Creates nothing, but removes a socket that nobody answers.  0, or a negative errno with
 * why set.
 */
int rzs_listen_unix_check(const char *path, char why[RZS_WHY_MAX]);

/*
 * Remove the socket, after its descriptor was closed.  If another process listens there meanwhile,
 * its socket remains.
 */
void rzs_listen_unix_remove(const char *path);

/* Whether the process that connected to this unix socket belongs to root or to user uid. */
bool rzs_peer_allowed(int fd, uid_t uid);

#endif
