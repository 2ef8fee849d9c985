/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: bytes become calls on a small store, which a plain array checks (twin.h).
 *
 * The first bytes choose the store; then each call is an operation byte and its arguments, as
 * long as there are bytes. A page's contents are a kind and a seed, or the input's own bytes.
 *
 * Threading: none.  Every input begins with a new store.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "pages.h"
#include "port_test.h"
#include "twin.h"

#define PAGE	  RZS_PAGE_SIZE
#define MAX_PAGES 200u
#define MAX_RANGE 12u /* pages in a range that is written */

struct input {
	const uint8_t *data;
	size_t left;
};

static uint8_t next8(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->data++;
}

static uint32_t next16(struct input *in)
{
	uint32_t low = next8(in);

	return low | (uint32_t)next8(in) << 8;
}

static uint32_t next24(struct input *in)
{
	uint32_t low = next16(in);

	return low | (uint32_t)next8(in) << 16;
}

/* A page: of a kind and seed, or up to 64 bytes of input over and over. */
static void next_page(struct input *in, uint8_t *page)
{
	uint8_t what = next8(in);
	size_t n, at;

	if (what % 16 < PAGES_NR) {
		pages_make(page, (enum pages_kind)(what % 16), next16(in));
		return;
	}
	n = 1 + next8(in) % 64;
	if (n > in->left)
		n = in->left ? in->left : 1;
	memset(page, what, PAGE);
	for (at = 0; in->left >= n && at + n <= PAGE; at += n)
		memcpy(page + at, in->data, n);
	in->data += in->left >= n ? n : 0;
	in->left -= in->left >= n ? n : 0;
}

static struct rzs_config next_config(struct input *in)
{
	struct rzs_config cfg = {.nr_workers = 1};
	uint8_t flags = next8(in);
	uint64_t least;

	cfg.nr_pages = 1 + next8(in) % MAX_PAGES;
	cfg.codec = rzs_codec_name(flags & 3);
	cfg.no_checksum = flags & 4;
	cfg.wipe = flags & 8;
	if (flags & 16 && rzs_store_min_limit(&cfg, &least) == 0)
		cfg.limit_bytes = least + next16(in) * 16;
	return cfg;
}

/* An offset and a length within the store; lengths up to most bytes. */
static void next_range(struct input *in, const struct twin *t, uint64_t most, uint64_t *len,
		       uint64_t *offset)
{
	uint64_t size = t->model.nr_pages * PAGE;

	*offset = next24(in) % (size + 1);
	*len = next24(in);
	if (*len & 1) /* half of the ranges are of whole pages */
		*offset -= *offset % PAGE;
	if (*len & 2)
		*len -= *len % PAGE;
	*len %= most + 1;
	if (*len > size - *offset)
		*len = size - *offset;
}

static void do_pwrite(struct input *in, struct twin *t)
{
	static uint8_t buf[MAX_RANGE * PAGE];
	uint64_t len, offset, at;

	next_range(in, t, sizeof(buf), &len, &offset);
	next_page(in, buf);
	for (at = PAGE; at < len; at += PAGE) {
		memcpy(buf + at, buf, PAGE);
		buf[at + at / PAGE] ^= 0x55;
	}
	(void)twin_pwrite(t, buf, len, offset);
}

static void do_one(struct input *in, struct twin *t)
{
	uint8_t op = next8(in), page[PAGE];
	uint64_t slot = next8(in) % t->model.nr_pages, left = t->model.nr_pages - slot, len, offset;

	switch (op % 16) {
	case 0:
	case 1:
	case 2:
		next_page(in, page);
		(void)twin_write(t, slot, page);
		break;
	case 3:
		twin_read(t, slot);
		break;
	case 4:
	case 5:
		do_pwrite(in, t);
		break;
	case 6:
		next_range(in, t, UINT32_MAX, &len, &offset);
		twin_pread(t, len, offset);
		break;
	case 7:
		next_range(in, t, UINT32_MAX, &len, &offset);
		(void)twin_pzero(t, len, offset);
		break;
	case 8:
		next_range(in, t, UINT32_MAX, &len, &offset);
		twin_ptrim(t, len, offset);
		break;
	case 9:
		twin_discard(t, slot, next8(in) % (left + 1));
		break;
	case 10:
		twin_map(t, slot, 1 + next8(in) % left);
		break;
	case 11:
		(void)twin_compact(t, next16(in));
		break;
	case 12:
		if (t->limit)
			(void)twin_set_limit(t, t->limit - (1u << 20) + next16(in) * 32);
		break;
	case 13:
		rzs_test_fail(RZS_TEST_TAKE, next8(in) % 4, next8(in) % 4);
		break;
	case 14:
		twin_verify(t, true);
		break;
	default:
		twin_check_stats(t);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct rzs_config cfg = next_config(&in);
	struct twin t;

	rzs_test_reset();
	twin_open(&t, &cfg);
	t.may_refuse = true;
	while (in.left > 0)
		do_one(&in, &t);
	rzs_test_fail(RZS_TEST_TAKE, 0, 0);
	twin_close(&t);
	if (rzs_test_live_bytes() != 0 || rzs_test_damage() != 0)
		abort();
	return 0;
}

size_t fuzz_seed(uint64_t seed, uint8_t *buf, size_t size)
{
	struct pages_rng rng = {seed};
	size_t n = 64 + pages_below(&rng, 3000), i;

	if (n > size)
		n = size;
	for (i = 0; i < n; i++)
		buf[i] = (uint8_t)pages_next(&rng);
	return n;
}
