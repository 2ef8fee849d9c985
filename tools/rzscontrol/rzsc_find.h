/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From what the user calls a device to the back end that has it.
 *
 * All functions say themselves what is wrong, and give an enum rzs_exit.
 *
 * Threading: one thread.
 */
#ifndef RZSC_FIND_H
#define RZSC_FIND_H

#include "rzsc.h"
#include "rzsc_nbd.h"

/* A server, with what it has. */
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
 * That of --socket, or all that answer in /run/rzs, and the kernel module if it has devices.
 * RZS_EXIT_NONE: none.  Free also after a failure.
 */
int rzsc_servers_find(const struct rzsc_options *o, struct rzsc_servers *out);

/* All that answer in /run/rzs, maybe none, whatever --socket is.  Free also after a failure. */
int rzsc_servers_look(const struct rzsc_options *o, struct rzsc_servers *out);

void rzsc_servers_free(struct rzsc_servers *servers);

/* The devices again, as they are now. */
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

/* What is known of the device, as it is now. */
int rzsc_found_refresh(struct rzsc_found *found);
void rzsc_found_free(struct rzsc_found *found);

/*
 * The server that a new device NAME belongs to: that of SOCKET:NAME or --socket, or the only one
 * there is.
 */
int rzsc_server_find(const struct rzsc_options *o, const char *name, struct rzsc_found *out);

#endif
