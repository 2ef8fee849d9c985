/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the name that the user gives to the back end that has the device.
 *
 * Unless they say otherwise, functions print what is wrong and return an enum rzs_exit.
 *
 * Threading: one thread.
 */
#ifndef RZSC_FIND_H
#define RZSC_FIND_H

#include "rzsc.h"
#include "rzsc_nbd.h"

/* A server and its devices; or the kernel module. */
struct rzsc_found_server {
	struct rzst_backend *backend;
	struct rzst_server_info info;
	struct rzst_device_infos devices;
};

struct rzsc_servers {
	struct rzsc_found_server *v;
	size_t nr;
};

/*
 * The server of --socket; or all that answer in /run/rzs, and the kernel module if it has devices.
 * RZS_EXIT_NONE: there is none.  Free also after a failure.
 */
int rzsc_servers_find(const struct rzsc_options *o, struct rzsc_servers *out);

/* All that answer in /run/rzs, maybe none, whatever --socket is.  Free also after a failure. */
int rzsc_servers_look(const struct rzsc_options *o, struct rzsc_servers *out);

void rzsc_servers_free(struct rzsc_servers *servers);

/* Ask for the devices again.  Prints nothing; 0 or a negative errno, and then there are none. */
int rzsc_server_refresh(struct rzsc_found_server *s);

/* A device and the server it belongs to, which is one of `all`. */
struct rzsc_found {
	struct rzsc_servers all;
	struct rzsc_found_server *server;
	struct rzst_device_info *device;
	char name[RZST_NAME_MAX];
};

/*
 * device is a name, a /dev/nbdN, a /dev/ramzswapN (or that block device by another path), a control
 * socket's path (which has a slash), or SOCKET:NAME; or NULL, that of --device.  Free also after a
 * failure.
 */
int rzsc_device_find(const struct rzsc_options *o, const char *device, struct rzsc_found *out);

/*
 * Ask for the device again.  Prints nothing; 0 or a negative errno, with the backend's why set and
 * found->device NULL: -ENOENT: it is no longer there.
 */
int rzsc_found_refresh(struct rzsc_found *found);
void rzsc_found_free(struct rzsc_found *found);

/*
 * The server of --socket, or the only one there is.  There is no out->device.  what: the command,
 * for messages.  Free also after a failure.
 */
int rzsc_only_server_find(const struct rzsc_options *o, const char *what, struct rzsc_found *out);

/*
 * The server for a new device NAME: that of SOCKET:NAME or --socket, or the only one there is.
 * out->name is NAME; there is no out->device yet.  Free also after a failure.
 */
int rzsc_server_find(const struct rzsc_options *o, const char *name, struct rzsc_found *out);

#endif
