/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rzsd's devices, by name: not initialised (parameters only), or initialised (a store and an
 * export).
 *
 * Threading: the table belongs to the front thread.  An I/O thread accesses the members of a device
 * to which it has a connection; such a device is neither reset nor removed.
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
	struct rzs_spiller *spiller; /* NULL: all its pages are in memory */
	struct rzs_latency *latency; /* a lane for each I/O thread; NULL if store is */
	atomic_bool limited;	     /* it has a memlimit: each extent is a HOLE */
	atomic_uint connections;     /* up in the front thread, down in rzs_devices_left() */
	struct rzs_hold hold;	     /* who may change it; unused if it is shared */
	struct rzs_device *next;     /* in order of creation */
};

struct rzs_devices;

/*
 * nr_workers: calls that may run at once on a store: the I/O threads and upkeep.  -EINVAL, -ENOMEM.
 */
int rzs_devices_open(unsigned nr_workers, struct rzs_devices **out);

/* Remove all devices.  All connections must have ended.  NULL is fine. */
void rzs_devices_close(struct rzs_devices *devices);

/*
 * Add a device with these parameters, not completed; NULL: the defaults.  Errors: target.create().
 */
int rzs_devices_add(struct rzs_devices *devices, const char *name,
		    const struct rzs_device_params *params, char why[RZS_WHY_MAX]);

/*
 * Restrict an export to what this client may do: only read, while another client holds the device.
 * structured: the client takes structured replies, which no kernel does.
 * -EAGAIN: the other client is about to leave; ask again then.  -EBUSY with *out_why set: refuse
 * it.
 */
int rzs_devices_offer(const struct rzs_peer_id *peer, bool structured,
		      struct rzs_nbd_export *export, const char **out_why);

/*
 * Count a client that agreed on session as a connection of the device, until rzs_devices_left().
 * Sets session->client.  -ENOMEM.
 */
int rzs_devices_enter(const struct rzs_peer_id *peer, struct rzs_nbd_session *session);

/* A connection has ended; its device may now be removed.  Any thread; does not wait. */
void rzs_devices_left(const struct rzs_nbd_session *session);

/* The exports for handshakes, and the target for the control socket; valid until close. */
void rzs_devices_exports(struct rzs_devices *devices, struct rzs_nbd_exports *out);
void rzs_devices_target(struct rzs_devices *devices, struct rzs_target *out);

/* From now on refuse new connections and changes: -ESHUTDOWN. */
void rzs_devices_shutdown(struct rzs_devices *devices);

/* ---- handing devices to the next process (hand.h) ---- */

struct rzs_hand_message;

/* Make the stores of devices that are initialised from now on in shared memory. */
void rzs_devices_share_memory(struct rzs_devices *devices);

/* From now on refuse changes of devices (-EBUSY), or no more. */
void rzs_devices_freeze(struct rzs_devices *devices, bool frozen);

/* Send all devices to fd.  m: scratch space.  0 or a negative errno. */
int rzs_devices_hand(struct rzs_devices *devices, int fd, struct rzs_hand_message *m);

/*
 * Add a device that a predecessor has sent, attached to the memory of its store, of which nothing
 * is changed.  Errors of rzs_devices_add() and rzs_blocks_attach(), with why set; -EINVAL: this
 * program cannot go on with this store.  What was added stays.
 */
int rzs_devices_receive(struct rzs_devices *devices, struct rzs_hand_message *m,
			char why[RZS_WHY_MAX]);

/*
 * Allocate all that rzs_devices_adopt() needs, while the predecessor uses the stores.  0, or a
 * negative errno with why set.
 */
int rzs_devices_prepare(struct rzs_devices *devices, char why[RZS_WHY_MAX]);

/*
 * Find the stores' blocks, and make page tables for them: no process gives blocks memory, or takes
 * it, from here on (RZS_HAND_STILL).  0 or a negative errno.
 */
int rzs_devices_find_blocks(struct rzs_devices *devices);

/*
 * When the predecessor does not use them any more: go on with its stores.  Allocates nothing and
 * says nothing.  0, or a negative errno with why set.
 */
int rzs_devices_adopt(struct rzs_devices *devices, char why[RZS_WHY_MAX]);

/* When clients are served: say what was found, and merge and recompress as before. */
void rzs_devices_go_on(struct rzs_devices *devices);

/* The device of this name, len bytes; NULL: there is none. */
struct rzs_device *rzs_devices_find(const struct rzs_devices *devices, const char *name,
				    size_t len);

/* Clients in transmission, over all devices. */
unsigned rzs_devices_connections(const struct rzs_devices *devices);

#endif
