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
struct rzs_found_server {
	struct rzs_backend *backend;
	struct rzs_server_info info;
	struct rzs_device_infos devices;
};

struct rzs_servers {
	struct rzs_found_server *v;
	size_t nr;
};

/*
 * That of --socket, or all that answer in /run/rzs, and the kernel module if it has devices.
 * RZS_EXIT_NONE: none.  Free also after a failure.
 */
int rzs_servers_find(const struct rzs_options *o, struct rzs_servers *out);
void rzs_servers_free(struct rzs_servers *servers);

/* The devices again, as they are now. */
int rzs_server_refresh(struct rzs_found_server *s);

/* A device and the server it belongs to, which is one of `all`. */
struct rzs_found {
	struct rzs_servers all;
	struct rzs_found_server *server;
	struct rzs_device_info *device;
	char name[RZST_NAME_MAX];
};

/*
 * device is a name, a /dev/nbdN, a /dev/ramzswapN (or that block device by another path), a control
 * socket's path (which has a slash), or SOCKET:NAME; or NULL, that of --device.  Free also after a
 * failure.
 */
int rzs_device_find(const struct rzs_options *o, const char *device, struct rzs_found *out);

/* What is known of the device, as it is now. */
int rzs_found_refresh(struct rzs_found *found);
void rzs_found_free(struct rzs_found *found);

/*
 * The server that a new device NAME belongs to: that of SOCKET:NAME or --socket, or the only one
 * there is.
 */
int rzs_server_find(const struct rzs_options *o, const char *name, struct rzs_found *out);

#endif
