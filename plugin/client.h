/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nbdkit's clients, and which of them may write (hold.h).  A handle stands for a connection.
 *
 * Threading: nbdkit's threads, each for its connection; rzs_client_may_change() does not wait.
 */
#ifndef RZS_PLUGIN_CLIENT_H
#define RZS_PLUGIN_CLIENT_H

#include "hold.h"

/*
 * Once, before the first client.  shared: all may write at once.  control: the control socket's
 * path, kept; NULL: none.
 */
void rzs_client_start(bool shared, const char *control);

/*
 * Another connection.  May wait for one that is about to end.  NULL after nbdkit_error() when there
 * is no memory.
 */
void *rzs_client_open(int readonly);
void rzs_client_close(void *handle);

/* nbdkit's callbacks. */
int rzs_client_can_write(void *handle);
int rzs_client_can_multi_conn(void *handle);

/* Before each change: false means that another client holds the device. */
bool rzs_client_may_change(void *handle);

/* As rzs_hold_holder(). */
bool rzs_client_holder(pid_t *out_pid);

#endif
