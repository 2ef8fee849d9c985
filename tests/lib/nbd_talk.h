/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The client's side of an NBD handshake, from the protocol's text and with nothing of proto/ but
 * its public header: makes what a client sends, and judges what a server sends back.
 *
 * Threading: no state but the caller's.  Out of memory ends the process with 99.
 */
#ifndef RZS_TEST_NBD_TALK_H
#define RZS_TEST_NBD_TALK_H

#include "nbd.h"
#include "pages.h"

#define TALK_FIXED	1u
#define TALK_NO_ZEROES	2u
#define TALK_GREETING	18u /* bytes */
#define TALK_SKIP_MAX	65536u
#define TALK_OPTION_MAX 16384u /* of data that is looked at */

enum talk_option {
	TALK_EXPORT_NAME = 1,
	TALK_ABORT = 2,
	TALK_LIST = 3,
	TALK_PEEK_EXPORT = 4,
	TALK_STARTTLS = 5,
	TALK_INFO = 6,
	TALK_GO = 7,
	TALK_STRUCTURED_REPLY = 8,
	TALK_LIST_META = 9,
	TALK_SET_META = 10,
	TALK_EXTENDED_HEADERS = 11,
};

enum talk_reply {
	TALK_ACK = 1,
	TALK_SERVER = 2,
	TALK_REP_INFO = 3,
	TALK_META_CONTEXT = 4,
};
#define TALK_ERR_UNSUP	  0x80000001u
#define TALK_ERR_POLICY	  0x80000002u
#define TALK_ERR_INVALID  0x80000003u
#define TALK_ERR_UNKNOWN  0x80000006u
#define TALK_ERR_SHUTDOWN 0x80000007u
#define TALK_ERR_TOO_BIG  0x80000009u

/* Bytes that grow. */
struct talk {
	uint8_t *bytes;
	size_t len, room;
};

void talk_put(struct talk *t, const void *bytes, size_t len);
void talk_put16(struct talk *t, uint16_t v);
void talk_put32(struct talk *t, uint32_t v);
void talk_put64(struct talk *t, uint64_t v);
void talk_put_string(struct talk *t, const char *s); /* length, bytes */
void talk_free(struct talk *t);

uint16_t talk_get16(const uint8_t *p);
uint32_t talk_get32(const uint8_t *p);
uint64_t talk_get64(const uint8_t *p);

/* An option; data may be NULL when len is 0. */
void talk_option(struct talk *t, uint32_t option, const void *data, size_t len);

/* The data of INFO and GO, and of LIST_META and SET_META. */
void talk_info_data(struct talk *data, const char *name, const uint16_t *infos, uint16_t nr);
void talk_meta_data(struct talk *data, const char *name, const char *const *queries, uint32_t nr);

/* A reply as the server should have sent it. */
void talk_reply(struct talk *t, uint32_t option, uint32_t type, const void *data, size_t len);

/* What a client knows after a handshake. */
struct talk_result {
	bool structured, block_status;
	uint16_t flags;
	uint64_t size;
	uint32_t max_payload; /* 0: the server did not say */
	uint32_t context;
	unsigned options; /* complete ones */
};

/*
 * Whether out is all that a server may send to the `used` bytes of in that it took, and `end` how
 * it may then stand.  NULL, or what is wrong.  `shutdown`: it may answer with ERR_SHUTDOWN.
 */
const char *talk_judge(const uint8_t *in, size_t used, const uint8_t *out, size_t out_len,
		       enum rzs_nbd_progress end, bool shutdown, struct talk_result *result);

/*
 * A session of that many options and then one that ends it, most of them good, about exports rzs0
 * and rzs1 (there), b, a and s (to be refused) and others.
 */
void talk_random(struct talk *t, unsigned options, struct pages_rng *rng);

#endif
