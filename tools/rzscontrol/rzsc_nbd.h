/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's side of an attached device: which /dev/nbdN belongs to which device of a server, and
 * how much is swapped out to it.
 *
 * Threading: one thread.
 */
#ifndef RZSC_NBD_H
#define RZSC_NBD_H

#include "rzst_nbd.h"

/* A /dev/nbdN that has a state file of rzs-nbd-swap, or that is swapped to. */
struct rzsc_nbd {
	unsigned number;
	char device[24]; /* /dev/nbdN */
	struct rzst_nbd known;

	bool swapped_to;
	uint64_t used; /* bytes the kernel has swapped out there */
};

struct rzsc_nbds {
	struct rzsc_nbd *v;
	size_t nr;

	struct rzsc_nbd *kernel; /* /dev/ramzswapN that are swapped to, in no order */
	size_t nr_kernel;
};

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
 * The block device through which the kernel uses device d of a server that has nr_devices.  For a
 * device of the kernel module that is the device itself while it is swapped to.  NULL: none is
 * known.
 */
const struct rzsc_nbd *rzsc_nbds_of(const struct rzsc_nbds *nbds,
				    const struct rzst_server_info *server,
				    const struct rzst_device_info *d, size_t nr_devices);

/* Whether the block device is connected to a server, or swapped to.  Cannot fail. */
bool rzsc_nbd_is_connected(const struct rzsc_nbds *nbds, const char *device);

/* The /dev/nbdN that process pid attached; it may have ended.  -ENODEV: none, and out is empty. */
int rzsc_nbd_of_client(uint64_t pid, char *out, size_t size);

/* A /dev/nbdN that is not in use, as far as known.  -ENODEV: there is none, and out is empty. */
int rzsc_nbd_unused(const struct rzsc_nbds *nbds, char *out, size_t size);

/*
 * Bytes that are stored but no longer needed: stored, less the page of the swap header and what the
 * kernel has swapped out there.  Cannot fail.
 */
uint64_t rzsc_nbd_stale(const struct rzsc_nbd *nbd, uint64_t stored);

#endif
