/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What front.c and handshake.c share.
 *
 * Threading: the front thread.
 */
#ifndef RZS_FRONT_PRIVATE_H
#define RZS_FRONT_PRIVATE_H

#include "front.h"
#include "say.h"

struct rzs_handshake;

struct rzs_front_door {
	struct rzs_front *front;
	struct rzs_listener *listener;
	struct rzs_loop_fd watched;
};

struct rzs_front {
	struct rzs_loop *loop;
	struct rzs_front_options options;
	struct rzs_nbd_exports devices; /* what the devices answer */
	struct rzs_io *io;

	struct rzs_front_door doors[RZS_FRONT_LISTENERS];
	unsigned nr_doors;
	bool paused, held;
	struct rzs_loop_timer pause; /* ends the pause */
	struct rzs_loop_call closed_call;

	/* What handshake.c calls. */
	int (*find)(struct rzs_front *f, const char *name, size_t len, struct rzs_nbd_export *out,
		    const char **out_why);   /* devices.find(), unless there are too many clients */
	void (*resume)(struct rzs_front *f); /* a client has left its handshake */
	void (*closed)(void *front, const struct rzs_nbd_session *session);

	struct rzs_handshake *oldest, *newest; /* in order of arrival */
	unsigned nr_handshakes;
	struct rzs_loop_timer deadline; /* the oldest's */

	/* Clients that were turned away, and reports of them. */
	uint64_t nr_strangers, nr_shortages, nr_crowds;
	struct rzs_say_limit strangers, shortages, crowds;
	uint8_t out[RZS_NBD_HANDSHAKE_OUT_MIN]; /* of the current step */
};

/* ms until another handshake may begin; 0: now. */
uint64_t rzs_handshake_wait_ms(const struct rzs_front *f);

/*
 * Begin the handshake of a client that has just connected.  If there are too many, the oldest is
 * dropped.  fd is this function's in any case.  A negative errno: no memory; fd is closed.
 */
int rzs_handshake_begin(struct rzs_front *f, int fd, const struct rzs_peer *peer);

/* A client has left: try to answer those that wait for that. */
void rzs_handshake_retry(struct rzs_front *f);

/* Bytes kept until the client reads; for tests. */
size_t rzs_handshake_unsent(const struct rzs_handshake *h);

void rzs_handshake_shutdown_all(struct rzs_front *f);
void rzs_handshake_drop_all(struct rzs_front *f);

#endif
