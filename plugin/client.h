/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The clients of nbdkit, and which of them may write (hold.h).  A handle is a connection.
 *
 * Threading: rzs_client_start() on the main thread; the rest on nbdkit's threads, each for its own
 * connection.  Only rzs_client_may_change() is for the data path; it never waits.
 */
#ifndef RZS_PLUGIN_CLIENT_H
#define RZS_PLUGIN_CLIENT_H

#include "hold.h"

/*
 * Call this once, before the first client.  shared: all clients may write at the same time.
 * control: the path of the control socket, kept; NULL: none.
 */
void rzs_client_start(bool shared, const char *control);

/*
 * A handle for a new connection.  May wait for ten seconds, for another one that is about to end.
 * NULL after nbdkit_error(): there is no memory, or it is a kernel's and another client holds the
 * device.
 */
void *rzs_client_open(int readonly);
void rzs_client_close(void *handle);

/* Callbacks of nbdkit: 0 or 1. */
int rzs_client_can_write(void *handle);
int rzs_client_can_multi_conn(void *handle);

/* Call this before each change.  false: another client holds the device. */
bool rzs_client_may_change(void *handle);

/* Whether a client holds the device; see rzs_hold_holder().  Takes a lock. */
bool rzs_client_holder(pid_t *out_pid);

#endif
