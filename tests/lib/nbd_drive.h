/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A handshake driven as a server would drive it, with its bytes coming and going in pieces of
 * choice, and the exports it is driven with.
 *
 * Threading: no state but the caller's.  Out of memory ends the process with 99.
 */
#ifndef RZS_TEST_NBD_DRIVE_H
#define RZS_TEST_NBD_DRIVE_H

#include "nbd_talk.h"

/* An export, or what find() has to say of it. */
struct drive_export {
	struct rzs_nbd_export e;
	int err;	 /* 0 or negative */
	const char *why; /* when err */
};

/* The first is the default one. */
struct drive_exports {
	const struct drive_export *list;
	unsigned nr;
	int list_err; /* what at() says after the last, when not -ENOENT */
};

/* find() and at() for these; arg is e. */
void drive_exports(const struct drive_exports *e, struct rzs_nbd_exports *out);

/*
 * How bytes come and go.  All 0: input at once, and just enough room each time.  Otherwise every
 * call is made with too little room first.
 */
struct drive_pace {
	size_t split;	   /* input in two pieces, the first of this many bytes */
	size_t piece;	   /* input in pieces of this many bytes */
	uint64_t seed;	   /* pieces and rooms by chance */
	size_t shut_after; /* rzs_nbd_handshake_shutdown() after this many bytes were taken; */
	bool shut;	   /* only if set */
};

struct drive_result {
	struct talk out;
	size_t used;
	enum rzs_nbd_progress end;
	struct rzs_nbd_session session; /* zeroes unless end is TRANSMISSION */
};

/* NULL, or how the handshake broke its contract.  talk_free(&result->out) in any case. */
const char *drive(const struct rzs_nbd_exports *exports, const uint8_t *in, size_t len,
		  const struct drive_pace *pace, struct drive_result *result);

/* NULL, or what differs. */
const char *drive_compare(const struct drive_result *a, const struct drive_result *b);

#endif
