/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An NBD client that keeps a number of requests in flight on one or more connections.
 * Threading: one thread; all functions may sleep.
 */
#ifndef RZSB_NBD_H
#define RZSB_NBD_H

#include "rzsb.h"

#define CLIENT_MAX_CONNS 16u
#define CLIENT_MAX_DEPTH 256u /* on each connection */

struct client;

enum client_op { CLIENT_READ, CLIENT_WRITE, CLIENT_TRIM };

/* One request, filled in by the caller's next(). */
struct client_request {
	uint64_t offset;
	uint32_t bytes;
	enum client_op op;
	const void *data; /* of a write; valid until done() */
	void *into;	  /* of a read: the client's buffer, of max_bytes */
	uint64_t tag;	  /* the caller's */
};

struct client_load {
	unsigned conns, depth;
	uint32_t max_bytes;
	/* The next request; false: no more. */
	bool (*next)(void *user, struct client_request *r);
	/* A request has succeeded, after ns. */
	void (*done)(void *user, const struct client_request *r, uint64_t ns);
	void *user;
};

/*
 * Connect to the export of this name, trying again for patience_ns until a server listens.
 * 0 or a negative errno, with a message; *out is NULL then.
 */
int rzsb_client_connect(struct client **out, const char *socket, const char *name, unsigned conns,
			uint64_t patience_ns);
/* The same with an NBD URI, without trying again. */
int rzsb_client_connect_uri(struct client **out, const char *uri, unsigned conns);
void rzsb_client_close(struct client *c);
uint64_t rzsb_client_size(struct client *c);
/* Whether the server takes trims; whether it refuses writes. */
bool rzsb_client_can_trim(struct client *c);
bool rzsb_client_is_read_only(struct client *c);
/* Run until next() has no more and all are done, or one fails.  0 or a negative errno. */
int rzsb_client_run(struct client *c, const struct client_load *load);

#endif
