/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What front.c and handshake.c share.
 *
 * Threading: the front thread.
 */
#ifndef RZS_FRONT_PRIVATE_H
#define RZS_FRONT_PRIVATE_H

#include "front.h"

/* Something to speak of now and then: how often it happened, when it was last spoken of. */
struct rzs_front_trouble {
	uint64_t count;
	uint64_t when; /* ms of the loop */
	bool told;
};

struct rzs_handshake;

struct rzs_front_door {
	struct rzs_front *front;
	struct rzs_listener *listener;
	struct rzs_loop_fd watched;
};

struct rzs_front {
	struct rzs_loop *loop;
	struct rzs_front_options options;
	struct rzs_nbd_exports devices; /* what the devices answer, */
	struct rzs_nbd_exports exports; /* and what the front makes of it */
	struct rzs_io *io;

	struct rzs_front_door doors[RZS_FRONT_LISTENERS];
	unsigned nr_doors;
	bool paused;
	struct rzs_loop_timer pause; /* runs while accept() is not tried */
	struct rzs_loop_call closed; /* an I/O thread had a client leave */

	struct rzs_handshake *oldest, *newest; /* in the order of their beginning */
	unsigned nr_handshakes;
	struct rzs_loop_timer deadline; /* the oldest's */

	struct rzs_front_trouble strangers, shortages, crowds;
	uint8_t out[RZS_NBD_HANDSHAKE_OUT_MIN]; /* of the step that is being done */
};

/* front.c */
void rzs_front_start_deadline(struct rzs_front *f, uint64_t ms);

/* There is room for one more. */
void rzs_front_resume(struct rzs_front *f);

/* handshake.c */

/* In how many ms there may be another one. */
uint64_t rzs_handshake_wait_ms(const struct rzs_front *f);

/*
 * Greet a client that has just connected, for which the oldest may go; fd is taken in any case.  A
 * negative errno: there was no memory to serve it, and it is hung up on.
 */
int rzs_handshake_begin(struct rzs_front *f, int fd, const struct rzs_peer *peer);

/* A client has left: answer those that wait for that. */
void rzs_handshake_again(struct rzs_front *f);

/* Hang up on those whose time is over. */
void rzs_handshake_expire(struct rzs_front *f);

/* Bytes kept until the client reads. */
size_t rzs_handshake_unsent(const struct rzs_handshake *h);

void rzs_handshake_shutdown_all(struct rzs_front *f);
void rzs_handshake_drop_all(struct rzs_front *f);

#endif
