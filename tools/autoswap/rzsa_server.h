/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The servers behind nbd devices, asked by their control sockets without ever waiting for one: what
 * their devices hold, each second, and now and then for a new limit or to compact.  A server that
 * hangs costs nothing but that its figures become old; it is asked anew on another connection.
 *
 * Threading: one thread.  Nothing allocates or waits.
 */
#ifndef RZSA_SERVER_H
#define RZSA_SERVER_H

#include <poll.h>

#include "ctl.h"
#include "rzsa.h"
#include "rzst.h"
#include "rzst_nbd.h"

#define RZSA_SERVERS_MAX 4u
#define RZSA_DEVICES_MAX 16u /* of a server */
#define RZSA_ASKED_MAX	 4u
#define RZSA_WHY_MAX	 256u

struct rzsa_device {
	char name[RZST_NAME_MAX];
	uint64_t stored, mem, limit; /* bytes */
};

struct rzsa_server {
	char path[108]; /* empty: none */
	int fd;		/* -1: not connected */
	int64_t again;	/* ms: not connected before */
	int64_t since;	/* ms: the first of what was asked is waited for since */
	int64_t heard;	/* ms: the devices are of then; -1: never */
	uint64_t pid;
	struct rzsa_device device[RZSA_DEVICES_MAX], next[RZSA_DEVICES_MAX];
	unsigned nr, nr_next;
	unsigned char asked[RZSA_ASKED_MAX]; /* in the order of the answers */
	unsigned nr_asked;
	struct rzs_ctl_reply reply;
	bool cannot_compact; /* it does not know the verb */
};

/* What a server may be asked to do, each once at a time. */
enum rzsa_wish { RZSA_WISH_LIMIT, RZSA_WISH_COMPACT, RZSA_WISHES };

struct rzsa_wished {
	bool asked, told; /* the answer is waited for; or has come */
	enum rzsa_outcome outcome;
	char why[RZSA_WHY_MAX];
};

struct rzsa_servers {
	struct rzsa_server v[RZSA_SERVERS_MAX];
	int64_t scanned; /* ms; -1: never */
	struct rzsa_wished wished[RZSA_WISHES];
};

void rzsa_servers_init(struct rzsa_servers *s);
void rzsa_servers_close(struct rzsa_servers *s);

/*
 * Once a tick: look for sockets in /run/rzs, connect, give up on those that do not answer, and ask
 * the others what they hold.
 */
void rzsa_servers_tick(struct rzsa_servers *s, int64_t now);

/* What to wait for, and what came of it; both of all RZSA_SERVERS_MAX. */
void rzsa_servers_poll(const struct rzsa_servers *s, struct pollfd p[RZSA_SERVERS_MAX]);
void rzsa_servers_take(struct rzsa_servers *s, const struct pollfd p[RZSA_SERVERS_MAX],
		       int64_t now);

/*
 * The device behind an nbd, if a server has answered for it lately; else NULL.  *compacts: that
 * server can be asked to compact, as far as is known.
 */
const struct rzsa_device *rzsa_servers_device(const struct rzsa_servers *s,
					      const struct rzst_nbd *nbd, int64_t now,
					      bool *compacts);

/*
 * Ask for another limit, in bytes.  0: rzsa_servers_outcome() will tell.  -EBUSY: one is asked for
 * already; -ENODEV: no server answers for it; -EIO: it could not be sent.
 */
int rzsa_servers_set_limit(struct rzsa_servers *s, const struct rzst_nbd *nbd,
			   uint64_t bytes, int64_t now);

/* Ask it to compact the device.  As rzsa_servers_set_limit(). */
int rzsa_servers_compact(struct rzsa_servers *s, const struct rzst_nbd *nbd, int64_t now);

/* True, once, when that has an outcome; why is empty if it was done. */
bool rzsa_servers_outcome(struct rzsa_servers *s, enum rzsa_wish wish, enum rzsa_outcome *out,
			  char why[RZSA_WHY_MAX]);

#endif
