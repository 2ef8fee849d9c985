/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The server's side of the NBD protocol as bytes: handshake, requests, replies.  It is specified in
 * NetworkBlockDevice/nbd, doc/proto.md.  Implemented are fixed newstyle, structured replies and
 * base:allocation, without STARTTLS, EXTENDED_HEADERS and RESIZE.
 *
 * Pure functions on the caller's memory: no sockets, no allocation, no clock, no globals.  Input
 * and output may be split at any byte.  No input makes them read or write outside the memory that
 * they were given, or wait for more than a bounded number of bytes.
 *
 * Threading: none; a struct belongs to one thread at a time.
 */
#ifndef RZS_NBD_H
#define RZS_NBD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RZS_NBD_DEFAULT_PORT 10809

/* Transmission flags (u16). */
#define RZS_NBD_FLAG_HAS_FLAGS	  (1u << 0)
#define RZS_NBD_FLAG_READ_ONLY	  (1u << 1)
#define RZS_NBD_FLAG_FLUSH	  (1u << 2)
#define RZS_NBD_FLAG_FUA	  (1u << 3)
#define RZS_NBD_FLAG_ROTATIONAL	  (1u << 4)
#define RZS_NBD_FLAG_TRIM	  (1u << 5)
#define RZS_NBD_FLAG_WRITE_ZEROES (1u << 6)
#define RZS_NBD_FLAG_DF		  (1u << 7)
#define RZS_NBD_FLAG_MULTI_CONN	  (1u << 8)
#define RZS_NBD_FLAG_CACHE	  (1u << 10)
#define RZS_NBD_FLAG_FAST_ZERO	  (1u << 11)

enum rzs_nbd_command {
	RZS_NBD_READ,
	RZS_NBD_WRITE,
	RZS_NBD_DISC,
	RZS_NBD_FLUSH,
	RZS_NBD_TRIM,
	RZS_NBD_CACHE,
	RZS_NBD_WRITE_ZEROES,
	RZS_NBD_BLOCK_STATUS,
	RZS_NBD_COMMANDS,
};

/* Command flags (u16). */
#define RZS_NBD_CMD_FUA	      (1u << 0)
#define RZS_NBD_CMD_NO_HOLE   (1u << 1)
#define RZS_NBD_CMD_DF	      (1u << 2)
#define RZS_NBD_CMD_REQ_ONE   (1u << 3)
#define RZS_NBD_CMD_FAST_ZERO (1u << 4)

/* Flags of an extent of base:allocation. */
#define RZS_NBD_STATE_HOLE (1u << 0)
#define RZS_NBD_STATE_ZERO (1u << 1)

#define RZS_NBD_STRING_MAX  4096u	/* bytes of a name or other string */
#define RZS_NBD_MAX_PAYLOAD (32u << 20) /* bytes of data in one request or reply */
#define RZS_NBD_MAX_EXTENTS (1u << 20)	/* descriptors in one reply */

/* ---- handshake ---- */

/* An export, as the server describes it.  Its strings need to be valid only during the call. */
struct rzs_nbd_export {
	const char *name;	 /* ends with a 0 */
	const char *description; /* ends with a 0; NULL: none */
	uint64_t size;		 /* bytes */
	uint16_t flags;		 /* RZS_NBD_FLAG_*; the handshake sets HAS_FLAGS and DF */
	uint32_t min_block, preferred_block, max_payload; /* bytes */
	void *tag;					  /* the caller's own */
};

/* What rzs_nbd_handshake_step() asks its server.  Must not block. */
struct rzs_nbd_exports {
	/* Find the export of this name, len bytes that are not 0; len 0: the default export.
	 * 0, -ENOENT, -ESHUTDOWN, -EACCES, -EBUSY; *out_why may be set to a constant string for
	 * the client.  -EAGAIN: not decided yet; the next step asks again.
	 */
	int (*find)(void *arg, const char *name, size_t len, struct rzs_nbd_export *out,
		    const char **out_why);
	/* The i-th export, for LIST.  -ENOENT: there are only i. */
	int (*at)(void *arg, unsigned i, struct rzs_nbd_export *out);
	void *arg;
};

/* What the handshake agreed on. */
struct rzs_nbd_session {
	void *tag;     /* of the export */
	void *client;  /* the caller's own; the handshake leaves it NULL */
	uint64_t size; /* bytes */
	uint32_t max_payload;
	uint16_t flags;	   /* as sent to the client */
	bool structured;   /* structured replies */
	bool block_status; /* base:allocation was selected */
	uint32_t context;  /* its id */
};

enum rzs_nbd_progress {
	RZS_NBD_MORE,	      /* it needs input, space for output, or the answer about an export */
	RZS_NBD_TRANSMISSION, /* agreed: send all output; requests follow in the input */
	RZS_NBD_CLOSE,	      /* send all output, then close */
};

/* With less space for output, a step may make no progress. */
#define RZS_NBD_HANDSHAKE_OUT_MIN 8448u

/* The most options of a connection; one more ends it. */
#define RZS_NBD_MAX_OPTIONS 64u

/* The handshake of a connection, of fixed size.  It keeps the data of one option. */
struct rzs_nbd_handshake;
size_t rzs_nbd_handshake_size(void);

/* Begin one in memory of that size, aligned as by malloc().  Keeps exports. */
void rzs_nbd_handshake_init(struct rzs_nbd_handshake *h, const struct rzs_nbd_exports *exports);

/*
 * Use bytes of in, and write bytes for the client to out.  *in_used and *out_used are always set.
 * Call it again with the input that was not used, when more has arrived or output was sent.  The
 * first call writes the greeting, and needs no input.  After TRANSMISSION or CLOSE nothing is used
 * or written any more.
 */
enum rzs_nbd_progress rzs_nbd_handshake_step(struct rzs_nbd_handshake *h, const void *in,
					     size_t in_len, size_t *in_used, void *out,
					     size_t out_len, size_t *out_used);

/* What was agreed on; before TRANSMISSION only `structured` is valid. */
const struct rzs_nbd_session *rzs_nbd_handshake_session(const struct rzs_nbd_handshake *h);

/* The server is shutting down: from now on refuse each option but ABORT with ERR_SHUTDOWN. */
void rzs_nbd_handshake_shutdown(struct rzs_nbd_handshake *h);

/* ---- requests ---- */

#define RZS_NBD_REQUEST_SIZE 28u

struct rzs_nbd_request {
	uint64_t cookie; /* as on the wire; only sent back */
	uint64_t offset;
	uint32_t length;
	uint16_t flags; /* RZS_NBD_CMD_* */
	uint16_t type;	/* enum rzs_nbd_command, or anything else */
};

/* Parse the header at in, RZS_NBD_REQUEST_SIZE bytes.  0; -EPROTO: not a request, close. */
int rzs_nbd_request_parse(const void *in, struct rzs_nbd_request *out);

/* Write the header of a request, of which the next server takes the rest.  Returns its size. */
size_t rzs_nbd_put_request(void *out, const struct rzs_nbd_request *r);

/* Bytes of data that follow the header. */
uint32_t rzs_nbd_request_payload(const struct rzs_nbd_request *r);

/*
 * Check a request by the rules of the protocol.  0; or the error to reply: -EINVAL, -ENOSPC, -EPERM
 * (the data of a refused request must be received all the same); -EPROTO: too much data, close.
 */
int rzs_nbd_request_check(const struct rzs_nbd_request *r, const struct rzs_nbd_session *s);

/* ---- replies ---- */

/* Each function returns the number of bytes that it wrote. */
#define RZS_NBD_SIMPLE_SIZE	  16u
#define RZS_NBD_CHUNK_SIZE	  20u
#define RZS_NBD_OFFSET_DATA_SIZE  28u /* without the data */
#define RZS_NBD_OFFSET_HOLE_SIZE  32u
#define RZS_NBD_ERROR_SIZE	  26u /* without the message */
#define RZS_NBD_ERROR_OFFSET_SIZE 34u
#define RZS_NBD_STATUS_SIZE	  24u /* without the extents */
#define RZS_NBD_EXTENT_SIZE	  8u

/* NBD's number for 0 or a negative errno; EINVAL for an error that NBD has no number for. */
uint32_t rzs_nbd_error(int err);

size_t rzs_nbd_put_simple(void *out, uint64_t cookie, int err);

/* End a structured reply without more data: chunk NONE with DONE. */
size_t rzs_nbd_put_none(void *out, uint64_t cookie);

/* length bytes of data follow. */
size_t rzs_nbd_put_offset_data(void *out, uint64_t cookie, bool done, uint64_t offset,
			       uint32_t length);
size_t rzs_nbd_put_offset_hole(void *out, uint64_t cookie, bool done, uint64_t offset,
			       uint32_t length);

/* An error of the whole request, or from offset on.  Ends the reply.  No message. */
size_t rzs_nbd_put_error(void *out, uint64_t cookie, int err);
size_t rzs_nbd_put_error_offset(void *out, uint64_t cookie, int err, uint64_t offset);

/* The status of a context, which ends the reply.  nr extents follow. */
size_t rzs_nbd_put_status(void *out, uint64_t cookie, uint32_t context, uint32_t nr);
size_t rzs_nbd_put_extent(void *out, uint32_t length, uint32_t flags);

#endif
