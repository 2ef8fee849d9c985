/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which client may write to a device.  Two kernels that swap to one device, or one kernel that
 * swaps to it twice, would overwrite each other's pages, and could not notice.  So a device that is
 * not shared has one client that may write.
 *
 * A client is a process with all its connections (nbd-client -C).  The system says which process
 * connected.  The kernel may have the connections after that process has ended.  Where the system
 * does not identify the process, as over TCP, each connection is a client of its own.
 *
 * A client holds the device from its first change on, or earlier: as soon as somebody asks and
 * finds that its process has ended and its connections have not, because the kernel has them then;
 * or when the server knows that it is a kernel's (rzs_hold_take()).  A client that only reads never
 * holds it.  The device is held until the last connection of its holder has ended.  Meanwhile other
 * clients get it read-only, and changes by clients that were not told so fail.  A kernel must be
 * refused altogether: it swaps to a read-only device as well, and then fails to write each page.
 *
 * Threading: rzs_hold_take() and rzs_hold_leave() are for the thread that serves the connection,
 * and never wait.  The other functions take a lock, make system calls and may wait for memory.
 */
#ifndef RZS_HOLD_H
#define RZS_HOLD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#define RZS_PEER_ADDRESS_MAX 32u

/* The identity of a connection's client. */
struct rzs_peer_id {
	pid_t pid;	/* the process that connected; 0: not known */
	uint64_t start; /* when it was started, in clock ticks; 0: not known, so each connection
			 * is a client of its own */
	bool attaches; /* it is nbd-client, which connects for a kernel */
	uint8_t address[RZS_PEER_ADDRESS_MAX]; /* without a pid: getpeername()'s, */
	socklen_t address_len;		       /* or 0 */
};

struct rzs_holder;

/* One in each device. */
struct rzs_hold {
	pthread_mutex_t lock;
	_Atomic(struct rzs_holder *) owner; /* NULL: nobody */
	struct rzs_holder *first;	    /* of the clients that were told that they may write */
};

/* The message for a kernel that is refused. */
#define RZS_HOLD_REFUSAL "another client has the device; 'rzscontrol list' tells which process"

enum rzs_hold_answer {
	RZS_HOLD_WRITE, /* nobody else holds it: offer it for writing */
	RZS_HOLD_READ,	/* another client does: offer it read-only */
	RZS_HOLD_WAIT,	/* the holder has disconnected: ask again when that is complete */
};

/* Nobody holds the device. */
void rzs_hold_init(struct rzs_hold *hold);

/* Free what is left, after the last rzs_hold_leave(). */
void rzs_hold_destroy(struct rzs_hold *hold);

/* How to offer the device to a client now.  This changes nothing: another client may be faster. */
enum rzs_hold_answer rzs_hold_ask(struct rzs_hold *hold, const struct rzs_peer_id *id);

/*
 * Add a connection that is offered the device for writing.  *out: its client, for rzs_hold_take()
 * and rzs_hold_leave().  0; -ENOMEM, and NULL in *out.
 */
int rzs_hold_enter(struct rzs_hold *hold, const struct rzs_peer_id *id, struct rzs_holder **out);

/* The connection has ended.  holder may be NULL. */
void rzs_hold_leave(struct rzs_hold *hold, struct rzs_holder *holder);

/* Who a client is.  It has a connection. */
const struct rzs_peer_id *rzs_hold_peer(const struct rzs_holder *holder);

/* Whether a client holds the device.  *out_pid: its process; 0: not known, or no holder. */
bool rzs_hold_holder(struct rzs_hold *hold, pid_t *out_pid);

/* The path of the control socket, whose clients are not of any device.  Kept; NULL: none. */
void rzs_hold_set_control(const char *path);

/*
 * Identify a client by its process; 0: not known.  Call this soon after it has connected, while the
 * process is likely to exist.
 */
void rzs_peer_set_pid(struct rzs_peer_id *out, pid_t pid);

/* Identify a client by its address alone, of len bytes. */
void rzs_peer_set_address(struct rzs_peer_id *out, const void *address, socklen_t len);

/* Whether other connections of this client can be recognised. */
static inline bool rzs_peer_is_known(const struct rzs_peer_id *id)
{
	return id->start != 0;
}

/*
 * Before each change: whether this client holds the device from now on.  holder: NULL on a shared
 * device, which nobody holds.  On the data path: one atomic load, or one compare-and-swap.
 */
static inline bool rzs_hold_take(struct rzs_hold *hold, struct rzs_holder *holder)
{
	struct rzs_holder *owner = atomic_load_explicit(&hold->owner, memory_order_acquire);

	if (__builtin_expect(owner == holder, 1))
		return true;
	return owner == NULL && atomic_compare_exchange_strong(&hold->owner, &owner, holder);
}

#endif
