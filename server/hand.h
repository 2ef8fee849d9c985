/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a server says to the one that replaces it, and its answers: messages on a stream socket,
 * some with a descriptor.
 *
 *     predecessor                              successor
 *     HELLO, DEVICE..., LISTENER..., CONTROL
 *     PREPARE                                  READY, or REFUSED with why
 *     STILL                                    FOUND, or REFUSED
 *     (holds clients) CONNECTION...
 *     BYE                                      TAKEN, or REFUSED
 *     GO, and ends                             (adopts the stores, serves)
 *
 * From STILL on the memory of stores is what it is: what is stored changes, but no block gets
 * memory or loses it.  So the successor asks the system for all that concerns it, page tables above
 * all, while the predecessor serves.  Between TAKEN and the first request that it serves it
 * allocates nothing: if the machine swaps to it, only it can free memory then.
 *
 * Until GO the predecessor can go on, whatever becomes of the other.  GO says that none of its
 * threads uses the stores any more, and that it ends.  The end of the stream without GO says that
 * the predecessor goes on.  The two may be of different versions: whoever changes a message changes
 * RZS_HAND_PROTOCOL.  Parameters are text, as in a configuration file.
 *
 * Threading: the front thread of either process.  Calls wait, for at most 10 s.
 */
#ifndef RZS_HAND_H
#define RZS_HAND_H

#include <stdint.h>

#include "io_loop.h"
#include "listen.h"

#define RZS_HAND_PROTOCOL 3u

enum rzs_hand_kind {
	RZS_HAND_HELLO = 1,
	RZS_HAND_DEVICE,
	RZS_HAND_LISTENER,
	RZS_HAND_CONTROL,
	RZS_HAND_PREPARE,
	RZS_HAND_READY,
	RZS_HAND_REFUSED, /* followed by a text */
	RZS_HAND_STILL,
	RZS_HAND_FOUND,
	RZS_HAND_CONNECTION,
	RZS_HAND_BYE,
	RZS_HAND_TAKEN,
	RZS_HAND_GO,
};

struct rzs_hand_hello {
	uint32_t protocol;
	uint32_t connections; /* there may be more or fewer when they are handed over */
};

/* Followed by lines of parameters: "c KEY=VALUE" as configured, "p KEY=VALUE" as in use. */
struct rzs_hand_device {
	char name[RZS_DEVICE_NAME_MAX + 1];
	int32_t segment; /* that has the store's memory; -1: not initialised */
};

struct rzs_hand_listener {
	char name[RZS_LISTEN_NAME_MAX];
	uint8_t local, remove;
};

struct rzs_hand_control {
	char path[RZS_LISTEN_NAME_MAX];
	uint8_t remove;
};

/* Followed by what was received and not served. */
struct rzs_hand_connection {
	char device[RZS_DEVICE_NAME_MAX + 1];
	uint64_t size;
	uint32_t max_payload, context;
	uint16_t flags;
	uint8_t structured, block_status;
	uint8_t owner; /* it holds the device */
	uint8_t attaches;
	uint8_t address_len;
	int64_t pid;
	uint64_t start;
	uint8_t address[RZS_PEER_ADDRESS_MAX];
};

struct rzs_hand_go {
	uint64_t held_ns; /* when clients were held, by rzs_clock_ns() */
	uint32_t takeovers;
	uint64_t worst_ns; /* of these */
};

/* Bytes behind any message. */
#define RZS_HAND_REST_MAX RZS_IO_EARLY_MAX

struct rzs_hand_message {
	uint32_t kind;
	uint32_t len; /* of the rest */
	int fd;	      /* -1: none came with it; else the receiver's to close */
	union {
		struct rzs_hand_hello hello;
		struct rzs_hand_device device;
		struct rzs_hand_listener listener;
		struct rzs_hand_control control;
		struct rzs_hand_connection connection;
		struct rzs_hand_go go;
	};
	uint8_t rest[RZS_HAND_REST_MAX + 1]; /* ends with a 0 */
};

/* Let no call wait for longer than 10 s.  0 or a negative errno. */
int rzs_hand_init(int fd);

/*
 * Send a message with its rest, m->len bytes, and with m->fd unless that is negative.  0 or a
 * negative errno; -EAGAIN: the other does not take it.
 */
int rzs_hand_send(int fd, const struct rzs_hand_message *m);

/* The same, of a message that has nothing but its kind and, unless it is NULL, a text. */
int rzs_hand_say(int fd, enum rzs_hand_kind kind, const char *text);

/*
 * Receive one.  0; -EPIPE: the stream has ended; -EPROTO: it is not a message; -EAGAIN: none came.
 * After an error m->fd is -1.
 */
int rzs_hand_receive(int fd, struct rzs_hand_message *m);

#endif
