/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rzsd's devices: by name, uninitialised (parameters only) or initialised (a store, an NBD export).
 *
 * Threading: the table belongs to the front thread.  I/O threads touch a device's members below
 * while they have a connection to it, during which it is neither reset nor removed.
 */
#ifndef RZS_DEVICES_H
#define RZS_DEVICES_H

#include <stdatomic.h>

#include "hold.h"
#include "nbd.h"
#include "target.h"

#define RZS_DEVICES_MAX 64u /* in one process */

struct rzs_device {
	char name[RZS_DEVICE_NAME_MAX + 1];
	struct rzs_device_params params;
	struct rzs_store *store;     /* NULL: not initialised */
	struct rzs_latency *latency; /* one lane for each I/O thread; NULL likewise */
	atomic_bool limited;	     /* a memlimit is in force: no extent is without HOLE */
	atomic_uint connections;     /* in transmission: up on the front thread, down by closed() */
	struct rzs_hold hold;	     /* who may change it; nobody's if it is shared */
	struct rzs_device *next;     /* in order of creation */
};

struct rzs_devices;

/* nr_workers: calls that may run at once on a store: I/O threads, and one for upkeep. */
int rzs_devices_open(unsigned nr_workers, struct rzs_devices **out);

/* All connections have ended. */
void rzs_devices_close(struct rzs_devices *devices);

/*
 * Another device, which is to be as params (not completed) say; params may be NULL.  As
 * target.create() otherwise.
 */
int rzs_devices_add(struct rzs_devices *devices, const char *name,
		    const struct rzs_device_params *params, char why[RZS_WHY_MAX]);

/*
 * Make of an export that was found what this client may be told of it: that it may only read, while
 * another one holds the device.  -EAGAIN: that one is about to leave; ask again when it has.
 */
int rzs_devices_offer(const struct rzs_peer_id *peer, struct rzs_nbd_export *export);

/*
 * A client has agreed on the export, with session: it is one of the device's connections until
 * rzs_devices_left(), with session->client set.  -ENOMEM.
 */
int rzs_devices_enter(const struct rzs_peer_id *peer, struct rzs_nbd_session *session);

/* A connection is over; from here on its device may go.  Any thread, waits for nobody. */
void rzs_devices_left(const struct rzs_nbd_session *session);

/* Exports for the handshake, and the target for the control socket; good until close. */
void rzs_devices_exports(struct rzs_devices *devices, struct rzs_nbd_exports *out);
void rzs_devices_target(struct rzs_devices *devices, struct rzs_target *out);

/* No new connections, no changes: -ESHUTDOWN from now on. */
void rzs_devices_shutdown(struct rzs_devices *devices);

/* Clients in transmission, over all devices. */
unsigned rzs_devices_connections(const struct rzs_devices *devices);

#endif
