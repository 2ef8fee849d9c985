/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The NBD protocol as bytes: the server's side of the handshake, requests, replies.  Source:
 * NetworkBlockDevice/nbd, doc/proto.md (fixed newstyle, structured replies, base:allocation;
 * without STARTTLS, EXTENDED_HEADERS and RESIZE).
 *
 * Pure functions over the caller's memory: no sockets, no allocation, no clock, no globals.  Bytes
 * may come and go in pieces of any size.  No byte string makes them read or write beyond what they
 * were given, or wait for more than a bounded number of bytes.
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

/* An export as its server describes it.  Strings need to be good during the call only. */
struct rzs_nbd_export {
	const char *name;	 /* with a 0 at the end */
	const char *description; /* likewise; NULL: none */
	uint64_t size;		 /* bytes */
	uint16_t flags;		 /* RZS_NBD_FLAG_*; HAS_FLAGS and DF are the handshake's business */
	uint32_t min_block, preferred_block, max_payload; /* bytes */
	void *tag;					  /* the caller's own */
};

/* What the handshake asks its server, from rzs_nbd_handshake_step() only.  Must not block. */
struct rzs_nbd_exports {
	/*
	 * The export of this name (len bytes, any but 0; len 0: the default one).  0, -ENOENT, or
	 * -ESHUTDOWN, -EACCES, -EBUSY (*out_why may be set to a constant string for the client).
	 * -EAGAIN: that is not certain yet; the next step asks again.
	 */
	int (*find)(void *arg, const char *name, size_t len, struct rzs_nbd_export *out,
		    const char **out_why);
	/* The i-th, for LIST.  -ENOENT: there are only i. */
	int (*at)(void *arg, unsigned i, struct rzs_nbd_export *out);
	void *arg;
};

/* What has been agreed on. */
struct rzs_nbd_session {
	void *tag;     /* of the export */
	void *client;  /* likewise the caller's own; NULL here */
	uint64_t size; /* bytes */
	uint32_t max_payload;
	uint16_t flags;	   /* as sent to the client */
	bool structured;   /* structured replies */
	bool block_status; /* base:allocation was agreed on */
	uint32_t context;  /* its id */
};

enum rzs_nbd_progress {
	RZS_NBD_MORE,	      /* more input, room for output, or an export's answer is needed */
	RZS_NBD_TRANSMISSION, /* agreed; after all output is sent, requests follow in the input */
	RZS_NBD_CLOSE,	      /* send what is in the output, then close */
};

/* Room for output without which a step may make no progress. */
#define RZS_NBD_HANDSHAKE_OUT_MIN 8448u

/* Options of one connection; more of them end it. */
#define RZS_NBD_MAX_OPTIONS 64u

/*
 * A connection's handshake.  Its size is fixed (the payload of one option is kept in it); how it is
 * laid out is nbd_handshake.c's business.
 */
struct rzs_nbd_handshake;
size_t rzs_nbd_handshake_size(void);

/* Begin one in memory of that size, aligned as malloc() aligns.  exports is kept. */
void rzs_nbd_handshake_init(struct rzs_nbd_handshake *h, const struct rzs_nbd_exports *exports);

/*
 * Go on: take bytes from in, put bytes for the client to out.  *in_used and *out_used are always
 * set.  Call again with what was not used, when more has come or when output was sent.  After
 * TRANSMISSION or CLOSE nothing more is taken or put.  The greeting is put by the first call, which
 * may come with no input at all.
 */
enum rzs_nbd_progress rzs_nbd_handshake_step(struct rzs_nbd_handshake *h, const void *in,
					     size_t in_len, size_t *in_used, void *out,
					     size_t out_len, size_t *out_used);

/* What was agreed on; before TRANSMISSION only `structured` is good. */
const struct rzs_nbd_session *rzs_nbd_handshake_session(const struct rzs_nbd_handshake *h);

/* The server is about to end: from here on every option but ABORT is answered with ERR_SHUTDOWN. */
void rzs_nbd_handshake_shutdown(struct rzs_nbd_handshake *h);

/* ---- requests ---- */

#define RZS_NBD_REQUEST_SIZE 28u

struct rzs_nbd_request {
	uint64_t cookie; /* as on the wire; only ever sent back */
	uint64_t offset;
	uint32_t length;
	uint16_t flags; /* RZS_NBD_CMD_* */
	uint16_t type;	/* enum rzs_nbd_command, or anything else */
};

/*
 * Read the header at in, RZS_NBD_REQUEST_SIZE bytes.  -EPROTO: not a request; the connection is to
 * be closed.
 */
int rzs_nbd_request_parse(const void *in, struct rzs_nbd_request *out);

/* Bytes of data that follow the header. */
uint32_t rzs_nbd_request_payload(const struct rzs_nbd_request *r);

/*
 * Whether a request may be carried out, by all the rules of the protocol.  0, or what to answer:
 * -EINVAL, -ENOSPC, -EPERM.  -EPROTO: more data follows than is ever taken, close the connection.
 * (Data of a request that is refused must be read all the same.)
 */
int rzs_nbd_request_check(const struct rzs_nbd_request *r, const struct rzs_nbd_session *s);

/* ---- replies ---- */

/* Each returns the bytes it put. */
#define RZS_NBD_SIMPLE_SIZE	  16u
#define RZS_NBD_CHUNK_SIZE	  20u
#define RZS_NBD_OFFSET_DATA_SIZE  28u /* without the data */
#define RZS_NBD_OFFSET_HOLE_SIZE  32u
#define RZS_NBD_ERROR_SIZE	  26u /* without the message */
#define RZS_NBD_ERROR_OFFSET_SIZE 34u
#define RZS_NBD_STATUS_SIZE	  24u /* without the extents */
#define RZS_NBD_EXTENT_SIZE	  8u

/* The wire's number for 0 or a negative errno; what NBD has no number for is EINVAL there. */
uint32_t rzs_nbd_error(int err);

size_t rzs_nbd_put_simple(void *out, uint64_t cookie, int err);

/* The end of a structured reply that has nothing (more) to say: chunk NONE with DONE. */
size_t rzs_nbd_put_none(void *out, uint64_t cookie);

/* length bytes of data follow. */
size_t rzs_nbd_put_offset_data(void *out, uint64_t cookie, bool done, uint64_t offset,
			       uint32_t length);
size_t rzs_nbd_put_offset_hole(void *out, uint64_t cookie, bool done, uint64_t offset,
			       uint32_t length);

/* An error that concerns the whole request, or from offset on; both end the reply, no message. */
size_t rzs_nbd_put_error(void *out, uint64_t cookie, int err);
size_t rzs_nbd_put_error_offset(void *out, uint64_t cookie, int err, uint64_t offset);

/* One context's status, which ends the reply: nr extents follow (nr may be filled in later). */
size_t rzs_nbd_put_status(void *out, uint64_t cookie, uint32_t context, uint32_t nr);
size_t rzs_nbd_put_extent(void *out, uint32_t length, uint32_t flags);

#endif
