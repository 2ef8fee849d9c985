/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: an NBD handshake with any client.
 *
 * The first bytes say which exports there are, whether and when the server shuts down, and how the
 * session is cut; the rest is what the client sends.  It is played at once and in pieces: both must
 * keep the contract of nbd.h, come out the same, and be what a client may expect (nbd_talk.h).
 *
 * Threading: none.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "nbd_drive.h"
#include "pages.h"

#define HEAD 8u /* bytes before the client's: see below */
#define SHUT 0x80u

static char long_text[RZS_NBD_STRING_MAX + 1];

static struct drive_export list[] = {
	{.e = {.name = "rzs0",
	       .description = "a swap area",
	       .size = 1ull << 40,
	       .flags = RZS_NBD_FLAG_FLUSH,
	       .min_block = 1,
	       .preferred_block = 4096,
	       .max_payload = RZS_NBD_MAX_PAYLOAD,
	       .tag = list}},
	{.e = {.name = "rzs1", .description = long_text, .size = 1, .flags = RZS_NBD_FLAG_DF}},
	{.e = {.name = "b"}, .err = -EBUSY, .why = "a client is attached already"},
	{.e = {.name = "a"}, .err = -EACCES},
	{.e = {.name = "s"}, .err = -ESHUTDOWN},
};
#define NR_LIST (sizeof(list) / sizeof(list[0]))

static void fail(const char *what)
{
	fprintf(stderr, "fuzz_nbd_handshake: %s\n", what);
	abort();
}

static void must(const char *wrong)
{
	if (wrong)
		fail(wrong);
}

static void judge(const uint8_t *in, const struct drive_result *r, bool shut)
{
	const struct rzs_nbd_session *s = &r->session;
	struct talk_result client;

	must(talk_judge(in, r->used, r->out.bytes, r->out.len, r->end, shut, &client));
	if (r->end != RZS_NBD_TRANSMISSION)
		return;
	if (s->structured != client.structured || s->block_status != client.block_status ||
	    s->size != client.size || s->flags != client.flags ||
	    (client.max_payload && s->max_payload != client.max_payload) ||
	    (s->block_status && s->context != client.context))
		fail("client and server agreed on different things");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct drive_exports exports = {.list = list};
	struct drive_pace whole = {0}, pieces = {0};
	struct rzs_nbd_exports callbacks;
	struct drive_result a, b;

	if (size < HEAD)
		return 0;
	memset(long_text, 't', RZS_NBD_STRING_MAX);
	exports.nr = data[0] % (NR_LIST + 1);
	exports.list_err = data[1] % 8 ? 0 : -EACCES;
	drive_exports(&exports, &callbacks);
	pieces.split = data[2] % 2 ? (size_t)data[4] << 8 | data[5] : 0;
	pieces.piece = data[2] % 4 == 2 ? data[3] : 0;
	pieces.seed = (uint64_t)data[3] << 16 | (uint64_t)data[4] << 8 | data[5] | 1u << 24;
	pieces.shut = data[2] & SHUT;
	pieces.shut_after = (size_t)data[6] << 8 | data[7];
	data += HEAD;
	size -= HEAD;

	/* When it shuts down in the middle, what it says depends on the pieces. */
	must(drive(&callbacks, data, size, &whole, &a));
	must(drive(&callbacks, data, size, &pieces, &b));
	judge(data, &a, false);
	judge(data, &b, pieces.shut);
	if (!pieces.shut)
		must(drive_compare(&a, &b));
	talk_free(&a.out);
	talk_free(&b.out);
	return 0;
}

/* Every eighth shuts down at some time. */
size_t fuzz_seed(uint64_t seed, uint8_t *buf, size_t size)
{
	struct pages_rng rng = {seed};
	struct talk t = {0};
	unsigned i;
	size_t len;

	for (i = 0; i < HEAD; i++)
		talk_put(&t, &(uint8_t){(uint8_t)pages_next(&rng)}, 1);
	t.bytes[0] |= 2; /* both exports that are there */
	t.bytes[2] &= (uint8_t)(seed % 8 ? ~SHUT : 0xff);
	talk_random(&t, (unsigned)pages_below(&rng, 12), &rng);
	len = t.len < size ? t.len : size;
	memcpy(buf, t.bytes, len);
	talk_free(&t);
	return len;
}
