/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may change a device.  Two kernels that swap to one device, or one that swaps to it twice,
 * would overwrite each other's pages, and none of them could tell: so a device that is not shared
 * has one client that may write.
 *
 * A client is a process with all its connections (nbd-client -C), told by the pid that the system
 * has of who connected, and for as long as that process lives; the kernel may have the connections
 * when it is gone.  Where the system tells no pid, as over TCP, each connection is a client of its
 * own.
 *
 * A client holds the device from its first change on; or earlier: from the moment somebody looks
 * while its process is gone and its connections are not, for then the kernel has them, or as soon
 * as who serves it knows that (rzs_hold_take()).  Whoever only looks never holds it.  It is held
 * until the last of its connections has ended.  Meanwhile others are to be told that they may only
 * read; and who was told otherwise before that is refused.
 *
 * Threading: rzs_hold_take() and rzs_hold_leave() on any thread that has the connection; they do
 * not wait.  The others take a lock, look at the system, and may wait for memory.
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

/* The other end of a connection. */
struct rzs_peer_id {
	pid_t pid;	/* of who connected; 0: not known */
	uint64_t start; /* when that process was started, clock ticks; 0: not known, and then each
			 * connection is a client of its own */
	uint8_t address[RZS_PEER_ADDRESS_MAX]; /* without a pid: what getpeername() says, */
	socklen_t address_len;		       /* or 0 */
};

struct rzs_holder;

/* A device's. */
struct rzs_hold {
	pthread_mutex_t lock;
	_Atomic(struct rzs_holder *) owner; /* NULL: nobody */
	struct rzs_holder *first;	    /* of the clients that were told they may write */
};

enum rzs_hold_answer {
	RZS_HOLD_WRITE, /* nobody else has it: it may be told so */
	RZS_HOLD_READ,	/* somebody has: it may only read */
	RZS_HOLD_WAIT,	/* who had it has hung up, and will have left soon: ask again then */
};

void rzs_hold_init(struct rzs_hold *hold);

/* Nobody is connected. */
void rzs_hold_destroy(struct rzs_hold *hold);

/* What a client may be told now.  Nothing is promised by it. */
enum rzs_hold_answer rzs_hold_ask(struct rzs_hold *hold, const struct rzs_peer_id *id);

/* A connection that was told it may write.  -ENOMEM, and *out is NULL. */
int rzs_hold_enter(struct rzs_hold *hold, const struct rzs_peer_id *id, struct rzs_holder **out);

/* It has ended.  holder may be NULL. */
void rzs_hold_leave(struct rzs_hold *hold, struct rzs_holder *holder);

/* Whether anybody holds it.  *out_pid: the process that connected, 0 when that is not known. */
bool rzs_hold_holder(struct rzs_hold *hold, pid_t *out_pid);

/* The path of the control socket, whose clients are not the device's.  Kept; NULL: none. */
void rzs_hold_set_control(const char *path);

/* A peer of which the system tells the pid (0: not even that), while it is likely to live. */
void rzs_peer_set_pid(struct rzs_peer_id *out, pid_t pid);

/* One of which it tells the address only. */
void rzs_peer_set_address(struct rzs_peer_id *out, const void *address, socklen_t len);

/* Whether other connections can be told to be the same client's. */
static inline bool rzs_peer_is_known(const struct rzs_peer_id *id)
{
	return id->start != 0;
}

/*
 * Before each change: whether this client holds the device from here on.  A shared device has no
 * holders: NULL is good there.
 */
static inline bool rzs_hold_take(struct rzs_hold *hold, struct rzs_holder *holder)
{
	struct rzs_holder *owner = atomic_load_explicit(&hold->owner, memory_order_acquire);

	if (__builtin_expect(owner == holder, 1))
		return true;
	return owner == NULL && atomic_compare_exchange_strong(&hold->owner, &owner, holder);
}

#endif
