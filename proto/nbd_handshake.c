/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The framing of the handshake: the greeting, the client's flags, and options that arrive in
 * pieces; see nbd.h.  nbd_options.c answers the options.
 *
 * A client can cost no more than one struct of fixed size, RZS_NBD_MAX_OPTIONS answers, and for
 * each the reading of RZS_NBD_OPTION_SKIP_MAX bytes.  An answer is begun only if the longest one
 * would fit, so each is written completely.
 */
#include "nbd_options.h"
#include "nbd_wire.h"

#define GREETING_MAGIC 0x4e42444d41474943u /* NBDMAGIC */
#define OPTION_MAGIC   0x49484156454f5054u /* IHAVEOPT */

#define FLAG_FIXED_NEWSTYLE (1u << 0)
#define FLAG_NO_ZEROES	    (1u << 1)

#define CLIENT_FLAGS_SIZE  4u
#define OPTION_HEADER_SIZE 16u

size_t rzs_nbd_handshake_size(void)
{
	return sizeof(struct rzs_nbd_handshake);
}

void rzs_nbd_handshake_init(struct rzs_nbd_handshake *h, const struct rzs_nbd_exports *exports)
{
	memset(h, 0, sizeof(*h));
	h->exports = exports;
	h->phase = RZS_NBD_PHASE_GREETING;
}

const struct rzs_nbd_session *rzs_nbd_handshake_session(const struct rzs_nbd_handshake *h)
{
	return &h->session;
}

void rzs_nbd_handshake_shutdown(struct rzs_nbd_handshake *h)
{
	h->shutdown = true;
}

static void expect(struct rzs_nbd_handshake *h, enum rzs_nbd_phase phase, uint32_t bytes)
{
	h->phase = phase;
	h->wanted = bytes;
	h->got = 0;
}

static void hang_up(struct rzs_nbd_handshake *h)
{
	h->phase = RZS_NBD_PHASE_OVER;
	h->outcome = RZS_NBD_CLOSE;
}

/* FIXED_NEWSTYLE is not required: a client that sends newer options knows their replies. */
static void take_client_flags(struct rzs_nbd_handshake *h)
{
	uint32_t flags = rzs_nbd_get32(h->data);

	if (flags & ~(FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES)) {
		hang_up(h);
		return;
	}
	h->no_zeroes = flags & FLAG_NO_ZEROES;
	expect(h, RZS_NBD_PHASE_OPTION, OPTION_HEADER_SIZE);
}

static void take_option_header(struct rzs_nbd_handshake *h)
{
	h->option = rzs_nbd_get32(h->data + 8);
	h->length = rzs_nbd_get32(h->data + 12);
	if (rzs_nbd_get64(h->data) != OPTION_MAGIC || ++h->nr_options > RZS_NBD_MAX_OPTIONS ||
	    h->length > RZS_NBD_OPTION_SKIP_MAX)
		hang_up(h);
	else
		expect(h, RZS_NBD_PHASE_DATA, h->length);
}

/* Take wanted bytes from in + *used on.  Returns whether all wanted bytes are there. */
static bool gather(struct rzs_nbd_handshake *h, const uint8_t *in, size_t in_len, size_t *used)
{
	size_t n = h->wanted - h->got, left = in_len - *used;

	if (n > left)
		n = left;
	if (n && h->got < sizeof(h->data)) {
		size_t room = sizeof(h->data) - h->got;

		memcpy(h->data + h->got, in + *used, n < room ? n : room);
	}
	h->got += (uint32_t)n;
	*used += n;
	return h->got == h->wanted;
}

static void take(struct rzs_nbd_handshake *h)
{
	switch (h->phase) {
	case RZS_NBD_PHASE_CLIENT_FLAGS:
		take_client_flags(h);
		break;
	case RZS_NBD_PHASE_OPTION:
		take_option_header(h);
		break;
	default:
		h->phase = RZS_NBD_PHASE_ANSWER;
		break;
	}
}

static uint8_t *put_greeting(struct rzs_nbd_handshake *h, uint8_t *out)
{
	expect(h, RZS_NBD_PHASE_CLIENT_FLAGS, CLIENT_FLAGS_SIZE);
	out = rzs_nbd_put64(out, GREETING_MAGIC);
	out = rzs_nbd_put64(out, OPTION_MAGIC);
	return rzs_nbd_put16(out, FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES);
}

static uint8_t *put(struct rzs_nbd_handshake *h, uint8_t *out)
{
	switch (h->phase) {
	case RZS_NBD_PHASE_GREETING:
		return put_greeting(h, out);
	case RZS_NBD_PHASE_LIST:
		out = rzs_nbd_option_list_next(h, out);
		break;
	default:
		out = rzs_nbd_option_answer(h, out);
		break;
	}
	if (h->phase == RZS_NBD_PHASE_OPTION)
		expect(h, RZS_NBD_PHASE_OPTION, OPTION_HEADER_SIZE);
	return out;
}

static bool wants_input(const struct rzs_nbd_handshake *h)
{
	return h->phase == RZS_NBD_PHASE_CLIENT_FLAGS || h->phase == RZS_NBD_PHASE_OPTION ||
	       h->phase == RZS_NBD_PHASE_DATA;
}

enum rzs_nbd_progress rzs_nbd_handshake_step(struct rzs_nbd_handshake *h, const void *in,
					     size_t in_len, size_t *in_used, void *out,
					     size_t out_len, size_t *out_used)
{
	uint8_t *to = out;

	*in_used = 0;
	*out_used = 0;
	while (h->phase != RZS_NBD_PHASE_OVER) {
		if (wants_input(h)) {
			if (!gather(h, in, in_len, in_used))
				break;
			take(h);
		} else {
			if (out_len - *out_used < RZS_NBD_HANDSHAKE_OUT_MIN)
				break;
			*out_used = (size_t)(put(h, to + *out_used) - to);
			if (h->phase == RZS_NBD_PHASE_ANSWER)
				break;
		}
	}
	return h->phase == RZS_NBD_PHASE_OVER ? h->outcome : RZS_NBD_MORE;
}
