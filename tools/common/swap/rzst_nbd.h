/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which server's device is behind a /dev/nbdN: by the state file that rzs-nbd-swap keeps in
 * /run/rzs, else by the UUID of the swap header.
 *
 * Threading: any thread.
 */
#ifndef RZST_NBD_H
#define RZST_NBD_H

#include "rzst_backend.h"
#include "rzst_swaps.h"

#define RZST_RUN_DIR "/run/rzs" /* control sockets, and what rzs-nbd-swap notes */

struct rzst_nbd {
	bool noted;		    /* there is a state file, which these come from: */
	char socket[RZST_PATH_MAX]; /* of NBD; empty: not noted */
	char name[256];		    /* of the export; empty: not noted, or the server's choice */
	uint64_t server_pid;	    /* 0: not noted */

	char uuid[RZST_UUID_TEXT]; /* of its swap header; only read when not noted, else empty */
};

/* The name below /dev of a block device, as in /sys/class/block; NULL: it is not such a path. */
const char *rzst_block_name(const char *path);

/* "/dev/nbdN", and nothing behind N.  *number is 0 if it is not. */
bool rzst_nbd_is(const char *path, unsigned *number);

/*
 * What is known of the device of this path.  Cannot fail: what is not known is empty.  may_read: if
 * nothing is noted of it the device is read from, which waits for its server as long as that takes.
 * Without may_read nothing is allocated.
 */
void rzst_nbd_read(const char *path, bool may_read, struct rzst_nbd *out);

/* Whether rzs-nbd-swap attached it to this server.  False: no, or not known. */
bool rzst_nbd_is_of(const struct rzst_nbd *nbd, const struct rzst_server_info *server);

/* Whether it is attached to device d of a server that has nr_devices.  False: no, or not known. */
bool rzst_nbd_has(const struct rzst_nbd *nbd, const struct rzst_server_info *server,
		  const struct rzst_device_info *d, size_t nr_devices);

#endif
