/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Replies; see nbd.h. */
#include <errno.h>

#include "nbd.h"
#include "nbd_wire.h"

#define SIMPLE_MAGIC	 0x67446698u
#define STRUCTURED_MAGIC 0x668e33efu

#define CHUNK_DONE (1u << 0)

#define CHUNK_NONE	   0u
#define CHUNK_OFFSET_DATA  1u
#define CHUNK_OFFSET_HOLE  2u
#define CHUNK_BLOCK_STATUS 5u
#define CHUNK_ERROR	   (1u << 15 | 1u)
#define CHUNK_ERROR_OFFSET (1u << 15 | 2u)

uint32_t rzs_nbd_error(int err)
{
	switch (err) {
	case 0:
		return 0;
	case -EPERM:
		return 1;
	case -EIO:
		return 5;
	case -ENOMEM:
		return 12;
	case -ENOSPC:
	case -EDQUOT:
	case -EFBIG:
		return 28;
	case -EOVERFLOW:
		return 75;
	case -EOPNOTSUPP:
		return 95;
	case -ESHUTDOWN:
		return 108;
	default:
		return 22;
	}
}

size_t rzs_nbd_put_simple(void *out, uint64_t cookie, int err)
{
	uint8_t *p = rzs_nbd_put32(out, SIMPLE_MAGIC);

	p = rzs_nbd_put32(p, err ? rzs_nbd_error(err) : 0);
	rzs_nbd_put64(p, cookie);
	return RZS_NBD_SIMPLE_SIZE;
}

/* length: bytes that follow the chunk's header. */
static inline uint8_t *put_chunk(void *out, uint16_t flags, uint16_t type, uint64_t cookie,
				 uint32_t length)
{
	uint8_t *p = rzs_nbd_put32(out, STRUCTURED_MAGIC);

	p = rzs_nbd_put16(p, flags);
	p = rzs_nbd_put16(p, type);
	p = rzs_nbd_put64(p, cookie);
	return rzs_nbd_put32(p, length);
}

size_t rzs_nbd_put_none(void *out, uint64_t cookie)
{
	put_chunk(out, CHUNK_DONE, CHUNK_NONE, cookie, 0);
	return RZS_NBD_CHUNK_SIZE;
}

size_t rzs_nbd_put_offset_data(void *out, uint64_t cookie, bool done, uint64_t offset,
			       uint32_t length)
{
	uint8_t *p = put_chunk(out, done ? CHUNK_DONE : 0, CHUNK_OFFSET_DATA, cookie, 8 + length);

	rzs_nbd_put64(p, offset);
	return RZS_NBD_OFFSET_DATA_SIZE;
}

size_t rzs_nbd_put_offset_hole(void *out, uint64_t cookie, bool done, uint64_t offset,
			       uint32_t length)
{
	uint8_t *p = put_chunk(out, done ? CHUNK_DONE : 0, CHUNK_OFFSET_HOLE, cookie, 8 + 4);

	p = rzs_nbd_put64(p, offset);
	rzs_nbd_put32(p, length);
	return RZS_NBD_OFFSET_HOLE_SIZE;
}

/* An error number without a message. */
static uint8_t *put_error(void *out, uint16_t type, uint64_t cookie, int err, uint32_t more)
{
	uint8_t *p = put_chunk(out, CHUNK_DONE, type, cookie, 4 + 2 + more);

	p = rzs_nbd_put32(p, rzs_nbd_error(err));
	return rzs_nbd_put16(p, 0);
}

size_t rzs_nbd_put_error(void *out, uint64_t cookie, int err)
{
	put_error(out, CHUNK_ERROR, cookie, err, 0);
	return RZS_NBD_ERROR_SIZE;
}

size_t rzs_nbd_put_error_offset(void *out, uint64_t cookie, int err, uint64_t offset)
{
	rzs_nbd_put64(put_error(out, CHUNK_ERROR_OFFSET, cookie, err, 8), offset);
	return RZS_NBD_ERROR_OFFSET_SIZE;
}

size_t rzs_nbd_put_status(void *out, uint64_t cookie, uint32_t context, uint32_t nr)
{
	uint8_t *p = put_chunk(out, CHUNK_DONE, CHUNK_BLOCK_STATUS, cookie,
			       4 + RZS_NBD_EXTENT_SIZE * nr);

	rzs_nbd_put32(p, context);
	return RZS_NBD_STATUS_SIZE;
}

size_t rzs_nbd_put_extent(void *out, uint32_t length, uint32_t flags)
{
	rzs_nbd_put32(rzs_nbd_put32(out, length), flags);
	return RZS_NBD_EXTENT_SIZE;
}
