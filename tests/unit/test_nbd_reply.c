/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Replies, byte by byte as the protocol has them. */
#include "t.h"

#include "nbd.h"

#define COOKIE 0x0102030405060708u

/* Put at an odd address, with what lies around it watched. */
static uint8_t room[64];
#define OUT (room + 1)

static void expect(size_t put, const uint8_t *want, size_t len)
{
	size_t i;

	T_EQ(put, len);
	T_MEM_EQ(OUT, want, len);
	T_EQ(room[0], 0xee);
	for (i = 1 + len; i < sizeof(room); i++)
		T_EQ(room[i], 0xee);
	memset(room, 0xee, sizeof(room));
}
#define EXPECT(put, ...)                                      \
	do {                                                  \
		static const uint8_t want_[] = {__VA_ARGS__}; \
		memset(room, 0xee, sizeof(room));             \
		expect((put), want_, sizeof(want_));          \
	} while (0)

#define COOKIE_BYTES 1, 2, 3, 4, 5, 6, 7, 8
#define SIMPLE	     0x67, 0x44, 0x66, 0x98
#define CHUNK	     0x66, 0x8e, 0x33, 0xef

T_TEST(simple)
{
	EXPECT(rzs_nbd_put_simple(OUT, COOKIE, 0), SIMPLE, 0, 0, 0, 0, COOKIE_BYTES);
	EXPECT(rzs_nbd_put_simple(OUT, COOKIE, -ENOSPC), SIMPLE, 0, 0, 0, 28, COOKIE_BYTES);
	EXPECT(rzs_nbd_put_simple(OUT, COOKIE, -ESHUTDOWN), SIMPLE, 0, 0, 0, 108, COOKIE_BYTES);
}

T_TEST(none)
{
	EXPECT(rzs_nbd_put_none(OUT, COOKIE), CHUNK, 0, 1, 0, 0, COOKIE_BYTES, 0, 0, 0, 0);
}

T_TEST(offset_data)
{
	EXPECT(rzs_nbd_put_offset_data(OUT, COOKIE, true, 0xa1a2a3a4a5a6a7a8u, 4096), CHUNK, 0, 1,
	       0, 1, COOKIE_BYTES, 0, 0, 0x10, 0x08, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7,
	       0xa8);
	EXPECT(rzs_nbd_put_offset_data(OUT, COOKIE, false, 0, RZS_NBD_MAX_PAYLOAD), CHUNK, 0, 0, 0,
	       1, COOKIE_BYTES, 2, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0);
}

T_TEST(offset_hole)
{
	EXPECT(rzs_nbd_put_offset_hole(OUT, COOKIE, true, 0xa1a2a3a4a5a6a7a8u, 0xb1b2b3b4), CHUNK,
	       0, 1, 0, 2, COOKIE_BYTES, 0, 0, 0, 12, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7,
	       0xa8, 0xb1, 0xb2, 0xb3, 0xb4);
	EXPECT(rzs_nbd_put_offset_hole(OUT, COOKIE, false, 1, 2), CHUNK, 0, 0, 0, 2, COOKIE_BYTES,
	       0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2);
}

T_TEST(error)
{
	EXPECT(rzs_nbd_put_error(OUT, COOKIE, -EIO), CHUNK, 0, 1, 0x80, 1, COOKIE_BYTES, 0, 0, 0, 6,
	       0, 0, 0, 5, 0, 0);
}

T_TEST(error_with_offset)
{
	EXPECT(rzs_nbd_put_error_offset(OUT, COOKIE, -EIO, 0xa1a2a3a4a5a6a7a8u), CHUNK, 0, 1, 0x80,
	       2, COOKIE_BYTES, 0, 0, 0, 14, 0, 0, 0, 5, 0, 0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6,
	       0xa7, 0xa8);
}

T_TEST(status)
{
	EXPECT(rzs_nbd_put_status(OUT, COOKIE, 0xc1c2c3c4, 1), CHUNK, 0, 1, 0, 5, COOKIE_BYTES, 0,
	       0, 0, 12, 0xc1, 0xc2, 0xc3, 0xc4);
	EXPECT(rzs_nbd_put_status(OUT, COOKIE, 1, RZS_NBD_MAX_EXTENTS), CHUNK, 0, 1, 0, 5,
	       COOKIE_BYTES, 0, 0x80, 0, 4, 0, 0, 0, 1);
	EXPECT(rzs_nbd_put_extent(OUT, 0xb1b2b3b4, RZS_NBD_STATE_HOLE | RZS_NBD_STATE_ZERO), 0xb1,
	       0xb2, 0xb3, 0xb4, 0, 0, 0, 3);
}

T_TEST(the_sizes_promised_are_those_put)
{
	T_EQ(rzs_nbd_put_simple(OUT, 0, 0), RZS_NBD_SIMPLE_SIZE);
	T_EQ(rzs_nbd_put_none(OUT, 0), RZS_NBD_CHUNK_SIZE);
	T_EQ(rzs_nbd_put_offset_data(OUT, 0, true, 0, 1), RZS_NBD_OFFSET_DATA_SIZE);
	T_EQ(rzs_nbd_put_offset_hole(OUT, 0, true, 0, 1), RZS_NBD_OFFSET_HOLE_SIZE);
	T_EQ(rzs_nbd_put_error(OUT, 0, -EIO), RZS_NBD_ERROR_SIZE);
	T_EQ(rzs_nbd_put_error_offset(OUT, 0, -EIO, 0), RZS_NBD_ERROR_OFFSET_SIZE);
	T_EQ(rzs_nbd_put_status(OUT, 0, 1, 1), RZS_NBD_STATUS_SIZE);
	T_EQ(rzs_nbd_put_extent(OUT, 1, 0), RZS_NBD_EXTENT_SIZE);
}

T_TEST(errors_have_the_protocols_numbers)
{
	T_EQ(rzs_nbd_error(0), 0);
	T_EQ(rzs_nbd_error(-EPERM), 1);
	T_EQ(rzs_nbd_error(-EIO), 5);
	T_EQ(rzs_nbd_error(-ENOMEM), 12);
	T_EQ(rzs_nbd_error(-EINVAL), 22);
	T_EQ(rzs_nbd_error(-ENOSPC), 28);
	T_EQ(rzs_nbd_error(-EDQUOT), 28);
	T_EQ(rzs_nbd_error(-EFBIG), 28);
	T_EQ(rzs_nbd_error(-EOVERFLOW), 75);
	T_EQ(rzs_nbd_error(-ENOTSUP), 95);
	T_EQ(rzs_nbd_error(-ESHUTDOWN), 108);
}

/* In particular, nothing but success is success. */
T_TEST(every_other_error_is_invalid_to_clients)
{
	static const int known[] = {0,	    EPERM,     ENOMEM,	EIO,   ENOSPC,
				    EDQUOT, EOVERFLOW, ENOTSUP, EFBIG, ESHUTDOWN};
	int err;

	for (err = 0; err < 5000; err++) {
		bool other = true;
		size_t i;

		for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			other = other && err != known[i];
		if (other)
			T_EQ(rzs_nbd_error(-err), 22);
		if (err)
			T_EQ(rzs_nbd_error(err), 22);
	}
	T_EQ(rzs_nbd_error(INT32_MIN), 22);
	T_EQ(rzs_nbd_error(INT32_MAX), 22);
}
