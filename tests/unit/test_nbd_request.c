/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests: what is read from their 28 bytes, and which of them may be carried out. */
#include "t.h"

#include "nbd.h"

#define SIZE	    (1u << 20)
#define MAX_PAYLOAD (64u << 10)

/* Everything offered but READ_ONLY. */
#define OFFERED                                                                               \
	(RZS_NBD_FLAG_HAS_FLAGS | RZS_NBD_FLAG_FLUSH | RZS_NBD_FLAG_FUA | RZS_NBD_FLAG_TRIM | \
	 RZS_NBD_FLAG_WRITE_ZEROES | RZS_NBD_FLAG_DF | RZS_NBD_FLAG_CACHE |                   \
	 RZS_NBD_FLAG_FAST_ZERO)

#define ALL_CMD_FLAGS                                                                   \
	(RZS_NBD_CMD_FUA | RZS_NBD_CMD_NO_HOLE | RZS_NBD_CMD_DF | RZS_NBD_CMD_REQ_ONE | \
	 RZS_NBD_CMD_FAST_ZERO)

static struct rzs_nbd_session session = {
	.size = SIZE,
	.max_payload = MAX_PAYLOAD,
	.flags = OFFERED,
	.structured = true,
	.block_status = true,
};

static int check(unsigned type, unsigned flags, uint64_t offset, uint32_t length)
{
	struct rzs_nbd_request r = {.type = (uint16_t)type,
				    .flags = (uint16_t)flags,
				    .offset = offset,
				    .length = length};

	return rzs_nbd_request_check(&r, &session);
}

T_TEST(every_field_is_where_the_protocol_has_it)
{
	static const uint8_t wire[RZS_NBD_REQUEST_SIZE] = {
		0x25, 0x60, 0x95, 0x13, 0x01, 0x02, 0x03, 0x04, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16,
		0x17, 0x18, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x31, 0x32, 0x33, 0x34};
	uint8_t at_odd_address[1 + sizeof(wire)];
	struct rzs_nbd_request r;

	memcpy(at_odd_address + 1, wire, sizeof(wire));
	T_EQ(rzs_nbd_request_parse(at_odd_address + 1, &r), 0);
	T_EQ(r.flags, 0x0102);
	T_EQ(r.type, 0x0304);
	T_EQ(r.cookie, 0x1112131415161718u);
	T_EQ(r.offset, 0x2122232425262728u);
	T_EQ(r.length, 0x31323334);
}

T_TEST(what_begins_otherwise_is_no_request)
{
	uint8_t wire[RZS_NBD_REQUEST_SIZE] = {0x25, 0x60, 0x95, 0x13};
	struct rzs_nbd_request r;
	unsigned bit;

	for (bit = 0; bit < 32; bit++) {
		wire[bit / 8] ^= (uint8_t)(1u << bit % 8);
		T_EQ(rzs_nbd_request_parse(wire, &r), -EPROTO);
		wire[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	T_EQ(rzs_nbd_request_parse(wire, &r), 0);
}

T_TEST(only_a_write_has_data_behind_it)
{
	struct rzs_nbd_request r = {.length = 4096};
	unsigned type;

	for (type = 0; type <= UINT16_MAX; type++) {
		r.type = (uint16_t)type;
		T_EQ(rzs_nbd_request_payload(&r), type == RZS_NBD_WRITE ? 4096 : 0);
	}
}

T_TEST(every_command_that_is_offered_is_good)
{
	T_EQ(check(RZS_NBD_READ, 0, 0, 4096), 0);
	T_EQ(check(RZS_NBD_WRITE, 0, 0, 4096), 0);
	T_EQ(check(RZS_NBD_DISC, 0, 0, 0), 0);
	T_EQ(check(RZS_NBD_FLUSH, 0, 0, 0), 0);
	T_EQ(check(RZS_NBD_TRIM, 0, 0, 4096), 0);
	T_EQ(check(RZS_NBD_CACHE, 0, 0, 4096), 0);
	T_EQ(check(RZS_NBD_WRITE_ZEROES, 0, 0, 4096), 0);
	T_EQ(check(RZS_NBD_BLOCK_STATUS, 0, 0, 4096), 0);
}

T_TEST(unknown_commands_are_invalid)
{
	unsigned type;

	for (type = RZS_NBD_COMMANDS; type <= UINT16_MAX; type++)
		T_EQ(check(type, 0, 0, 1), -EINVAL);
}

T_TEST(commands_not_offered_are_invalid)
{
	session.flags = RZS_NBD_FLAG_HAS_FLAGS;
	session.block_status = false;
	T_EQ(check(RZS_NBD_FLUSH, 0, 0, 0), -EINVAL);
	T_EQ(check(RZS_NBD_TRIM, 0, 0, 1), -EINVAL);
	T_EQ(check(RZS_NBD_CACHE, 0, 0, 1), -EINVAL);
	T_EQ(check(RZS_NBD_WRITE_ZEROES, 0, 0, 1), -EINVAL);
	T_EQ(check(RZS_NBD_BLOCK_STATUS, 0, 0, 1), -EINVAL);
	T_EQ(check(RZS_NBD_READ, 0, 0, 1), 0);
	T_EQ(check(RZS_NBD_WRITE, 0, 0, 1), 0);
	session.flags |= RZS_NBD_FLAG_TRIM;
	T_EQ(check(RZS_NBD_TRIM, 0, 0, 1), 0);
	T_EQ(check(RZS_NBD_WRITE_ZEROES, 0, 0, 1), -EINVAL);
}

T_TEST(block_status_needs_a_context)
{
	session.block_status = false;
	T_EQ(check(RZS_NBD_BLOCK_STATUS, 0, 0, 4096), -EINVAL);
	session.block_status = true;
	T_EQ(check(RZS_NBD_BLOCK_STATUS, 0, 0, 4096), 0);
}

/* Each flag on each command: good where the protocol documents it, and nowhere else. */
T_TEST(a_flag_is_good_only_where_it_means_something)
{
	static const unsigned documented[RZS_NBD_COMMANDS] = {
		[RZS_NBD_READ] = RZS_NBD_CMD_FUA | RZS_NBD_CMD_DF,
		[RZS_NBD_WRITE] = RZS_NBD_CMD_FUA,
		[RZS_NBD_FLUSH] = RZS_NBD_CMD_FUA,
		[RZS_NBD_TRIM] = RZS_NBD_CMD_FUA,
		[RZS_NBD_CACHE] = RZS_NBD_CMD_FUA,
		[RZS_NBD_WRITE_ZEROES] =
			RZS_NBD_CMD_FUA | RZS_NBD_CMD_NO_HOLE | RZS_NBD_CMD_FAST_ZERO,
		[RZS_NBD_BLOCK_STATUS] = RZS_NBD_CMD_FUA | RZS_NBD_CMD_REQ_ONE,
	};
	unsigned type, flags;

	for (type = 0; type < RZS_NBD_COMMANDS; type++) {
		if (type == RZS_NBD_DISC)
			continue;
		for (flags = 0; flags <= UINT16_MAX; flags++)
			T_EQ(check(type, flags, 0, 1), flags & ~documented[type] ? -EINVAL : 0);
	}
}

T_TEST(flags_not_offered_are_invalid)
{
	session.flags = OFFERED & ~RZS_NBD_FLAG_FUA;
	T_EQ(check(RZS_NBD_WRITE, RZS_NBD_CMD_FUA, 0, 1), -EINVAL);
	T_EQ(check(RZS_NBD_READ, RZS_NBD_CMD_FUA, 0, 1), -EINVAL);
	session.flags = OFFERED & ~RZS_NBD_FLAG_DF;
	T_EQ(check(RZS_NBD_READ, RZS_NBD_CMD_DF, 0, 1), -EINVAL);
	T_EQ(check(RZS_NBD_READ, RZS_NBD_CMD_FUA, 0, 1), 0);
	session.flags = OFFERED & ~RZS_NBD_FLAG_FAST_ZERO;
	T_EQ(check(RZS_NBD_WRITE_ZEROES, RZS_NBD_CMD_FAST_ZERO, 0, 1), -EINVAL);
	T_EQ(check(RZS_NBD_WRITE_ZEROES, RZS_NBD_CMD_NO_HOLE, 0, 1), 0);
}

/* There is no reply that could refuse it. */
T_TEST(disconnecting_is_always_good)
{
	session.flags = RZS_NBD_FLAG_HAS_FLAGS | RZS_NBD_FLAG_READ_ONLY;
	T_EQ(check(RZS_NBD_DISC, UINT16_MAX, UINT64_MAX, UINT32_MAX), 0);
}

T_TEST(a_flush_has_no_range)
{
	T_EQ(check(RZS_NBD_FLUSH, RZS_NBD_CMD_FUA, UINT64_MAX, UINT32_MAX), 0);
}

T_TEST(a_read_only_export_is_not_changed)
{
	session.flags = OFFERED | RZS_NBD_FLAG_READ_ONLY;
	T_EQ(check(RZS_NBD_WRITE, 0, 0, 1), -EPERM);
	T_EQ(check(RZS_NBD_TRIM, 0, 0, 1), -EPERM);
	T_EQ(check(RZS_NBD_WRITE_ZEROES, 0, 0, 1), -EPERM);
	T_EQ(check(RZS_NBD_READ, 0, 0, 1), 0);
	T_EQ(check(RZS_NBD_FLUSH, 0, 0, 0), 0);
	T_EQ(check(RZS_NBD_CACHE, 0, 0, 1), 0);
	T_EQ(check(RZS_NBD_BLOCK_STATUS, 0, 0, 1), 0);
	session.flags &= (uint16_t)~RZS_NBD_FLAG_TRIM;
	T_EQ(check(RZS_NBD_TRIM, 0, 0, 1), -EPERM);
}

static const unsigned ranged[] = {RZS_NBD_READ,	 RZS_NBD_WRITE,	       RZS_NBD_TRIM,
				  RZS_NBD_CACHE, RZS_NBD_WRITE_ZEROES, RZS_NBD_BLOCK_STATUS};
#define NR_RANGED (sizeof(ranged) / sizeof(ranged[0]))

static int beyond(unsigned type)
{
	return type == RZS_NBD_WRITE || type == RZS_NBD_WRITE_ZEROES ? -ENOSPC : -EINVAL;
}

T_TEST(the_last_byte_is_within_and_the_next_is_not)
{
	unsigned i;

	for (i = 0; i < NR_RANGED; i++) {
		T_EQ(check(ranged[i], 0, SIZE - 1, 1), 0);
		T_EQ(check(ranged[i], 0, SIZE - MAX_PAYLOAD, MAX_PAYLOAD), 0);
		T_EQ(check(ranged[i], 0, SIZE, 1), beyond(ranged[i]));
		T_EQ(check(ranged[i], 0, SIZE - 1, 2), beyond(ranged[i]));
		T_EQ(check(ranged[i], 0, SIZE - MAX_PAYLOAD + 1, MAX_PAYLOAD), beyond(ranged[i]));
	}
}

T_TEST(an_end_beyond_64_bits_is_not_within)
{
	unsigned i;

	for (i = 0; i < NR_RANGED; i++) {
		T_EQ(check(ranged[i], 0, UINT64_MAX, 1), beyond(ranged[i]));
		T_EQ(check(ranged[i], 0, UINT64_MAX - 4095, 4096), beyond(ranged[i]));
		T_EQ(check(ranged[i], 0, UINT64_MAX - 4094, 4096), beyond(ranged[i]));
	}
	session.size = UINT64_MAX;
	for (i = 0; i < NR_RANGED; i++) {
		T_EQ(check(ranged[i], 0, UINT64_MAX - 4096, 4096), 0);
		T_EQ(check(ranged[i], 0, UINT64_MAX - 4095, 4096), beyond(ranged[i]));
	}
}

T_TEST(nothing_is_within_an_empty_export)
{
	unsigned i;

	session.size = 0;
	for (i = 0; i < NR_RANGED; i++)
		T_EQ(check(ranged[i], 0, 0, 1), beyond(ranged[i]));
}

T_TEST(a_length_of_0_is_invalid)
{
	unsigned i;

	for (i = 0; i < NR_RANGED; i++) {
		T_EQ(check(ranged[i], 0, 0, 0), -EINVAL);
		T_EQ(check(ranged[i], 0, SIZE, 0), -EINVAL);
		T_EQ(check(ranged[i], 0, UINT64_MAX, 0), -EINVAL);
	}
}

/* Nobody reads that many bytes: the end of the connection, whatever else is wrong with it. */
T_TEST(more_data_than_is_ever_taken_is_the_end)
{
	T_EQ(check(RZS_NBD_WRITE, 0, 0, MAX_PAYLOAD), 0);
	T_EQ(check(RZS_NBD_WRITE, 0, 0, MAX_PAYLOAD + 1), -EPROTO);
	T_EQ(check(RZS_NBD_WRITE, 0, SIZE, MAX_PAYLOAD + 1), -EPROTO);
	T_EQ(check(RZS_NBD_WRITE, UINT16_MAX, 0, UINT32_MAX), -EPROTO);
	session.flags |= RZS_NBD_FLAG_READ_ONLY;
	T_EQ(check(RZS_NBD_WRITE, 0, 0, UINT32_MAX), -EPROTO);
}

T_TEST(more_data_than_is_ever_sent_is_invalid)
{
	T_EQ(check(RZS_NBD_READ, 0, 0, MAX_PAYLOAD), 0);
	T_EQ(check(RZS_NBD_READ, 0, 0, MAX_PAYLOAD + 1), -EINVAL);
	T_EQ(check(RZS_NBD_READ, 0, 0, UINT32_MAX), -EINVAL);
}

T_TEST(what_carries_no_data_may_be_as_long_as_the_export)
{
	session.size = 1ull << 40;
	T_EQ(check(RZS_NBD_TRIM, 0, 0, UINT32_MAX), 0);
	T_EQ(check(RZS_NBD_WRITE_ZEROES, 0, 0, UINT32_MAX), 0);
	T_EQ(check(RZS_NBD_CACHE, 0, 0, UINT32_MAX), 0);
	T_EQ(check(RZS_NBD_BLOCK_STATUS, 0, 0, UINT32_MAX), 0);
}

/* A number that is often next to one of the limits. */
static uint64_t any_number(uint64_t *seed)
{
	static const uint64_t limits[] = {0, MAX_PAYLOAD, SIZE, 1ull << 32, 1ull << 63};
	uint64_t choice = t_rand(seed);

	if (choice % 4 == 0)
		return t_rand(seed);
	return limits[choice / 4 % 5] + t_rand(seed) % 9 - 4;
}

/* With numbers wide enough that nothing can overflow. */
T_TEST(what_is_let_through_lies_within)
{
	uint64_t seed = t_seed();
	unsigned i, good = 0;

	for (i = 0; i < 1000000; i++) {
		unsigned type = (unsigned)(t_rand(&seed) % (RZS_NBD_COMMANDS + 1u));
		unsigned flags = (unsigned)(t_rand(&seed) & t_rand(&seed) & ALL_CMD_FLAGS);
		uint64_t offset = any_number(&seed);
		uint32_t length = (uint32_t)any_number(&seed);

		session.size = any_number(&seed);
		session.flags = (uint16_t)t_rand(&seed);
		session.block_status = t_rand(&seed) & 1;
		if (check(type, flags, offset, length) || type == RZS_NBD_DISC ||
		    type == RZS_NBD_FLUSH)
			continue;
		good++;
		T_LE(offset, session.size);
		T_LE(length, session.size - offset);
		T_GT(length, 0);
		if (type == RZS_NBD_READ || type == RZS_NBD_WRITE)
			T_LE(length, MAX_PAYLOAD);
	}
	T_GT(good, 10000);
}
