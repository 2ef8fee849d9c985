/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests: parsing and checking; see nbd.h.
 *
 * A request that passes rzs_nbd_request_check() lies within the export, is not empty if it has a
 * range, and has only flags that its command allows.  Whoever serves it need not check again.
 */
#include <errno.h>

#include "nbd.h"
#include "nbd_wire.h"

#define REQUEST_MAGIC 0x25609513u

int rzs_nbd_request_parse(const void *in, struct rzs_nbd_request *out)
{
	const uint8_t *p = in;

	out->flags = rzs_nbd_get16(p + 4);
	out->type = rzs_nbd_get16(p + 6);
	out->cookie = rzs_nbd_get64(p + 8);
	out->offset = rzs_nbd_get64(p + 16);
	out->length = rzs_nbd_get32(p + 24);
	return rzs_nbd_get32(p) == REQUEST_MAGIC ? 0 : -EPROTO;
}

size_t rzs_nbd_put_request(void *out, const struct rzs_nbd_request *r)
{
	uint8_t *p = out;

	rzs_nbd_put32(p, REQUEST_MAGIC);
	rzs_nbd_put16(p + 4, r->flags);
	rzs_nbd_put16(p + 6, r->type);
	rzs_nbd_put64(p + 8, r->cookie);
	rzs_nbd_put64(p + 16, r->offset);
	rzs_nbd_put32(p + 24, r->length);
	return RZS_NBD_REQUEST_SIZE;
}

uint32_t rzs_nbd_request_payload(const struct rzs_nbd_request *r)
{
	return r->type == RZS_NBD_WRITE ? r->length : 0;
}

/* By command. */
static const struct rule {
	uint16_t flags;	  /* RZS_NBD_CMD_* that it allows, besides FUA */
	uint16_t feature; /* the RZS_NBD_FLAG_* that offers it */
	bool range;	  /* it has offset and length */
	bool changes;
	uint8_t beyond; /* errno if the range exceeds the export */
} rules[RZS_NBD_COMMANDS] = {
	[RZS_NBD_READ] = {RZS_NBD_CMD_DF, 0, true, false, EINVAL},
	[RZS_NBD_WRITE] = {0, 0, true, true, ENOSPC},
	[RZS_NBD_FLUSH] = {0, RZS_NBD_FLAG_FLUSH, false, false, 0},
	[RZS_NBD_TRIM] = {0, RZS_NBD_FLAG_TRIM, true, true, EINVAL},
	[RZS_NBD_CACHE] = {0, RZS_NBD_FLAG_CACHE, true, false, EINVAL},
	[RZS_NBD_WRITE_ZEROES] = {RZS_NBD_CMD_NO_HOLE | RZS_NBD_CMD_FAST_ZERO,
				  RZS_NBD_FLAG_WRITE_ZEROES, true, true, ENOSPC},
	[RZS_NBD_BLOCK_STATUS] = {RZS_NBD_CMD_REQ_ONE, 0, true, false, EINVAL},
};

/* The flags that a command may have on this connection. */
static uint16_t flags_allowed(const struct rule *rule, const struct rzs_nbd_session *s)
{
	uint16_t flags = rule->flags;

	if (!(s->flags & RZS_NBD_FLAG_DF))
		flags &= (uint16_t)~RZS_NBD_CMD_DF;
	if (!(s->flags & RZS_NBD_FLAG_FAST_ZERO))
		flags &= (uint16_t)~RZS_NBD_CMD_FAST_ZERO;
	/* On any command: some clients set it on reads, too. */
	if (s->flags & RZS_NBD_FLAG_FUA)
		flags |= RZS_NBD_CMD_FUA;
	return flags;
}

/*
 * The protocol asks clients not to send a length of 0, and does not define the reply.  Refusing it
 * spares all other code the case.
 */
static int check_range(const struct rule *rule, const struct rzs_nbd_request *r, uint64_t size)
{
	if (r->length == 0)
		return -EINVAL;
	if (r->offset > size || r->length > size - r->offset)
		return -rule->beyond;
	return 0;
}

int rzs_nbd_request_check(const struct rzs_nbd_request *r, const struct rzs_nbd_session *s)
{
	const struct rule *rule;

	if (rzs_nbd_request_payload(r) > s->max_payload)
		return -EPROTO;
	if (r->type >= RZS_NBD_COMMANDS)
		return -EINVAL;
	/* It ends the connection and has no reply, so nothing else of it matters. */
	if (r->type == RZS_NBD_DISC)
		return 0;
	rule = &rules[r->type];
	if (r->flags && (r->flags & ~flags_allowed(rule, s)))
		return -EINVAL;
	if (rule->changes && (s->flags & RZS_NBD_FLAG_READ_ONLY))
		return -EPERM;
	if ((s->flags & rule->feature) != rule->feature)
		return -EINVAL;
	if (r->type == RZS_NBD_READ && r->length > s->max_payload)
		return -EINVAL;
	if (r->type == RZS_NBD_BLOCK_STATUS && !s->block_status)
		return -EINVAL;
	return rule->range ? check_range(rule, r, s->size) : 0;
}
