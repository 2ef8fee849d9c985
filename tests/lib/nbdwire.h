/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client's side of NBD's transmission phase, byte by byte and without proto/: what is tested must
 * not be its own judge.
 *
 * Threading: none.
 */
#ifndef RZS_TEST_NBDWIRE_H
#define RZS_TEST_NBDWIRE_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define WIRE_REQUEST 28u

enum {
	WIRE_READ,
	WIRE_WRITE,
	WIRE_DISC,
	WIRE_FLUSH,
	WIRE_TRIM,
	WIRE_CACHE,
	WIRE_ZEROES,
	WIRE_STATUS
};

#define WIRE_DF	     (1u << 2)
#define WIRE_REQ_ONE (1u << 3)

static inline void wire_put(uint8_t *p, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
}

static inline uint64_t wire_get(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes; i++)
		v = v << 8 | p[i];
	return v;
}

/* A request's header; returns its size. */
static inline size_t wire_request(uint8_t *p, unsigned type, unsigned flags, uint64_t cookie,
				  uint64_t offset, uint64_t length)
{
	wire_put(p, 0x25609513, 4);
	wire_put(p + 4, flags, 2);
	wire_put(p + 6, type, 2);
	wire_put(p + 8, cookie, 8);
	wire_put(p + 16, offset, 8);
	wire_put(p + 24, length, 4);
	return WIRE_REQUEST;
}

#define WIRE_SIMPLE	0x67446698u
#define WIRE_STRUCTURED 0x668e33efu

/* Types of chunks. */
#define WIRE_NONE	  0u
#define WIRE_DATA	  1u
#define WIRE_HOLE	  2u
#define WIRE_BLOCK_STATUS 5u
#define WIRE_ERROR	  0x8001u
#define WIRE_ERROR_OFFSET 0x8002u

/* The head of a reply, simple (16 bytes) or of a chunk (20 bytes). */
struct wire_reply {
	uint64_t cookie;
	uint32_t error;	      /* of a simple one */
	unsigned flags, type; /* of a chunk */
	uint32_t length;      /* of what follows the head of a chunk */
	size_t size;	      /* of the head */
	int structured;
};

/* 0: more bytes are needed.  -1: not a reply. */
static inline int wire_head(const uint8_t *p, size_t n, struct wire_reply *r)
{
	memset(r, 0, sizeof(*r));
	if (n < 16)
		return 0;
	r->structured = wire_get(p, 4) == WIRE_STRUCTURED;
	if (!r->structured && wire_get(p, 4) != WIRE_SIMPLE)
		return -1;
	r->cookie = wire_get(p + 8, 8);
	r->size = r->structured ? 20 : 16;
	if (n < r->size)
		return 0;
	if (!r->structured) {
		r->error = (uint32_t)wire_get(p + 4, 4);
		return 1;
	}
	r->flags = (unsigned)wire_get(p + 4, 2);
	r->type = (unsigned)wire_get(p + 6, 2);
	r->length = (uint32_t)wire_get(p + 16, 4);
	return 1;
}

#endif
