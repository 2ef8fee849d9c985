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

/* Operations: the first byte of a call, modulo OPS. */
enum {
	OP_WRITE, /* and 1, 2 */
	OP_READ = 3,
	OP_PWRITE, /* and 5 */
	OP_PREAD = 6,
	OP_PZERO,
	OP_PTRIM,
	OP_DISCARD,
	OP_MAP,
	OP_COMPACT,
	OP_SET_LIMIT,
	OP_TAKE_FAILS,
	OP_VERIFY,
	OP_STATS,
	OP_MERGE_OPEN,
	OP_MERGE_CLOSE,
	OP_MERGE, /* and 19, 20 */
	OP_UNMERGE = 21,
	OP_MERGE_WRITES,
	OP_RECOMPRESS_OPEN,
	OP_RECOMPRESS, /* and 25 */
	OPS = 26
};

struct input {
	const uint8_t *data;
	size_t left;
	bool merging;	    /* is open */
	bool recompressing; /* is open */
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

static void do_merge_open(struct input *in, struct twin *t)
{
	uint64_t bytes = next16(in);
	int err;

	rzs_test_fail(RZS_TEST_ALLOC, next8(in) % 4, 1);
	err = rzs_store_merge_open(t->store, bytes);
	rzs_test_fail(RZS_TEST_ALLOC, 0, 0);
	if ((err == -EINVAL) != (in->merging || bytes < RZS_MERGE_INDEX_MIN))
		twin_fail(t, "opening an index of %llu bytes: %d", (unsigned long long)bytes, err);
	in->merging = in->merging || !err;
}

static void do_merge(struct input *in, struct twin *t)
{
	uint8_t how = next8(in);
	struct rzs_merge_params params = {2 + (how & 7), how & 8};
	uint64_t nr = next8(in), merged, passes;

	if (how & 16)
		params.max_sharing = RZS_MERGE_SHARING_DEFAULT;
	if (in->merging)
		(void)twin_merge(t, &params, nr);
	else if (rzs_store_merge(t->store, t->worker, &params, nr, &merged, &passes) != -EINVAL)
		twin_fail(t, "it merges without an index");
}

static void do_merge_writes(struct input *in, struct twin *t)
{
	uint32_t max = next8(in);

	if ((rzs_store_merge_writes(t->store, max) == 0) != (!max || (in->merging && max > 1)))
		twin_fail(t, "letting writes merge, %u pages an object", max);
}

/* The worker is put back meanwhile: it is given the second codec, too. */
static void do_recompress_open(struct input *in, struct twin *t)
{
	int level = next8(in) % 4, err;

	rzs_worker_put(t->store, t->worker);
	rzs_test_fail(RZS_TEST_ALLOC, next8(in) % 8, 1);
	err = rzs_store_idle_open(t->store);
	if (!err)
		err = rzs_store_recompress_open(t->store, "zstd", level);
	rzs_test_fail(RZS_TEST_ALLOC, 0, 0);
	t->worker = rzs_worker_get(t->store, 0);
	in->recompressing = in->recompressing || !err;
}

/* All pages become a step older, or old, and a few are recompressed, together if there are some. */
static void do_recompress(struct input *in, struct twin *t)
{
	struct rzs_recompress_params params = {.min_age = next8(in) % 4};
	unsigned how = next8(in);
	bool done;
	int err;

	params.unit = how % 16;
	if (!in->recompressing)
		return;
	err = how & 16 ? rzs_store_idle_mark(t->store, MAX_PAGES, &done)
		       : rzs_store_idle_pass(t->store, MAX_PAGES, &done);
	if (!err)
		err = rzs_store_recompress(t->store, t->worker, &params, MAX_PAGES, how / 32 + 1,
					   &done);
	if (err)
		twin_fail(t, "recompressing: %d", err);
}

/* The calls of merging, and those that are not of a page or a range. */
static void do_rest(struct input *in, struct twin *t, unsigned op)
{
	switch (op) {
	case OP_COMPACT:
		(void)twin_compact(t, next16(in));
		break;
	case OP_SET_LIMIT:
		if (t->limit)
			(void)twin_set_limit(t, t->limit - (1u << 20) + next16(in) * 32);
		break;
	case OP_TAKE_FAILS:
		rzs_test_fail(RZS_TEST_TAKE, next8(in) % 4, next8(in) % 4);
		break;
	case OP_VERIFY:
		twin_verify(t, true);
		break;
	case OP_STATS:
		twin_check_stats(t);
		break;
	case OP_MERGE_OPEN:
		do_merge_open(in, t);
		break;
	case OP_MERGE_CLOSE:
		rzs_store_merge_close(t->store, t->worker);
		in->merging = false;
		break;
	case OP_UNMERGE:
		(void)twin_unmerge(t, next8(in));
		break;
	case OP_MERGE_WRITES:
		do_merge_writes(in, t);
		break;
	case OP_RECOMPRESS_OPEN:
		do_recompress_open(in, t);
		break;
	case OP_RECOMPRESS:
	case OP_RECOMPRESS + 1:
		do_recompress(in, t);
		break;
	default:
		do_merge(in, t);
		break;
	}
}

static void do_one(struct input *in, struct twin *t)
{
	uint8_t op = next8(in) % OPS, page[PAGE];
	uint64_t slot = next8(in) % t->model.nr_pages, left = t->model.nr_pages - slot, len, offset;

	switch (op) {
	case OP_WRITE:
	case OP_WRITE + 1:
	case OP_WRITE + 2:
		next_page(in, page);
		(void)twin_write(t, slot, page);
		break;
	case OP_READ:
		twin_read(t, slot);
		break;
	case OP_PWRITE:
	case OP_PWRITE + 1:
		do_pwrite(in, t);
		break;
	case OP_PREAD:
		next_range(in, t, UINT32_MAX, &len, &offset);
		twin_pread(t, len, offset);
		break;
	case OP_PZERO:
		next_range(in, t, UINT32_MAX, &len, &offset);
		(void)twin_pzero(t, len, offset);
		break;
	case OP_PTRIM:
		next_range(in, t, UINT32_MAX, &len, &offset);
		twin_ptrim(t, len, offset);
		break;
	case OP_DISCARD:
		twin_discard(t, slot, next8(in) % (left + 1));
		break;
	case OP_MAP:
		twin_map(t, slot, 1 + next8(in) % left);
		break;
	default:
		do_rest(in, t, op);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size, false, false};
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

/* Calls on a few different pages, so that there is something to merge. */
static void seed_alike(struct pages_rng *rng, uint8_t *buf, size_t n)
{
	/* With so many arguments after the page's number. */
	static const uint8_t calls[][2] = {
		{OP_WRITE, 3},	      {OP_WRITE, 3},	  {OP_WRITE, 3},	  {OP_WRITE, 3},
		{OP_MERGE, 2},	      {OP_MERGE, 2},	  {OP_READ, 0},		  {OP_DISCARD, 1},
		{OP_COMPACT, 2},      {OP_UNMERGE, 1},	  {OP_MERGE_OPEN, 3},	  {OP_VERIFY, 0},
		{OP_MERGE_WRITES, 1}, {OP_RECOMPRESS, 2}, {OP_RECOMPRESS_OPEN, 2}};
	const uint8_t *call = calls[10];
	size_t at;

	buf[0] &= (uint8_t)~16; /* no limit, which would have two bytes here */
	for (at = 2; at + 5 <= n; at += 2u + call[1]) {
		buf[at] = call[0];
		if (call[0] == OP_WRITE) {
			buf[at + 2] = pages_below(rng, 2) ? PAGES_TEXT : PAGES_RANDOM;
			buf[at + 3] = (uint8_t)pages_below(rng, 3);
			buf[at + 4] = 0;
		}
		call = calls[pages_below(rng, sizeof(calls) / sizeof(calls[0]))];
	}
}

size_t fuzz_seed(uint64_t seed, uint8_t *buf, size_t size)
{
	struct pages_rng rng = {seed};
	size_t n = 64 + pages_below(&rng, 3000), i;

	if (n > size)
		n = size;
	for (i = 0; i < n; i++)
		buf[i] = (uint8_t)pages_next(&rng);
	if (seed % 2)
		seed_alike(&rng, buf, n);
	return n;
}
