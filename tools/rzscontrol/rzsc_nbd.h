/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's side of an attached device: which /dev/nbdN is whose, and what the kernel keeps in
 * it.
 *
 * Threading: one thread.
 */
#ifndef RZSC_NBD_H
#define RZSC_NBD_H

#include "rzst_backend.h"

#define RZS_UUID_TEXT 37u /* bytes of a UUID as text, with its 0 */

/* A /dev/nbdN that rzs-nbd-swap has noted, or that is swapped to. */
struct rzsc_nbd {
	unsigned number;
	char device[24]; /* /dev/nbdN */

	bool noted;		    /* there is a state file, from which these are: */
	char socket[RZST_PATH_MAX]; /* of NBD; empty: not noted */
	char name[256];		    /* of the export; empty: not noted, or the server's choice */
	uint64_t server_pid;	    /* 0: not noted */

	bool swapped_to;
	uint64_t used;		  /* bytes the kernel has swapped out there */
	char uuid[RZS_UUID_TEXT]; /* of its swap header; only read when not noted, else empty */
};

struct rzsc_nbds {
	struct rzsc_nbd *v;
	size_t nr;

	struct rzsc_nbd *kernel; /* /dev/ramzswapN that are swapped to, in no order */
	size_t nr_kernel;
};

/* "/dev/nbdN", and nothing behind N. */
bool rzsc_nbd_is(const char *text, unsigned *out_number);

/*
 * All of them, in order of number; what cannot be read is left out.  A device without a state file
 * is read from, so this waits for its server.
 */
void rzsc_nbds_read(struct rzsc_nbds *out);

/* Those with a state file only, in no order, from these files alone: no device is read from. */
void rzsc_nbds_read_noted(struct rzsc_nbds *out);

void rzsc_nbds_free(struct rzsc_nbds *nbds);

/* The one of this path.  NULL: it is not among them. */
const struct rzsc_nbd *rzsc_nbds_find(const struct rzsc_nbds *nbds, const char *device);

/*
 * The one through which the kernel uses device d of a server, which has nr_devices: for one of the
 * kernel module's itself, while it is swapped to.  NULL: none that is known.
 */
const struct rzsc_nbd *rzsc_nbds_of(const struct rzsc_nbds *nbds,
				    const struct rzst_server_info *server,
				    const struct rzst_device_info *d, size_t nr_devices);

/* Whether the kernel has it attached to a server, or swaps to it. */
bool rzsc_nbd_is_connected(const struct rzsc_nbds *nbds, const char *device);

/* The one that process pid, which may have ended, has attached.  -ENODEV: none; out is empty. */
int rzsc_nbd_of_client(uint64_t pid, char *out, size_t size);

/* Whether rzs-nbd-swap attached it to this server. */
bool rzsc_nbd_is_of(const struct rzsc_nbd *nbd, const struct rzst_server_info *server);

/* UUID in the swap header of a block device.  -ENODATA: there is none; uuid is empty on failure. */
int rzsc_nbd_uuid(const char *device, char uuid[RZS_UUID_TEXT]);

/* One that nobody uses, as far as can be seen.  -ENODEV: there is none. */
int rzsc_nbd_unused(const struct rzsc_nbds *nbds, char *out, size_t size);

/*
 * Bytes stored that the kernel has no use for: stored, without the page of the swap header, less
 * what it has swapped out there.
 */
uint64_t rzsc_nbd_stale(const struct rzsc_nbd *nbd, uint64_t stored);

#endif
