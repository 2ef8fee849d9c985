/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A store that wipes: what pages leave in its memory, looked for in each place of it.  (That none
 * is forgotten test_store_limit.c sees, which searches all memory of the process.)
 */
#include "port_test.h"
#include "pool_internal.h"
#include "store.h"
#include "twin_rig.h"

#define NR 300u

static struct rzs_config wiping(const char *codec)
{
	struct rzs_config cfg = config(NR);

	cfg.wipe = true;
	cfg.codec = codec;
	return cfg;
}

static bool all_zero(const void *p, size_t n)
{
	const uint8_t *b = p;

	return n == 0 || (b[0] == 0 && memcmp(b, b + 1, n - 1) == 0);
}

/* ---- blocks */

/* What is in no object is zero, or as the block came; entries that were named no slot at last. */
static void check_byte(const uint8_t *mem, uint32_t at)
{
	if (mem[at] != 0 && mem[at] != RZS_TEST_FRESH && mem[at] != 0xff)
		T_FAIL("byte %u of a block is in no object, and 0x%02x", at, mem[at]);
}

/* A free entry has a place, that of a hole. */
static void check_packed(const struct rzs_block *b, uint8_t *mem)
{
	static uint8_t known[RZS_BLOCK_SIZE];
	uint32_t i, at = RZS_BLOCK_SIZE;

	memset(known, 0, sizeof(known));
	for (i = 0; i < b->packed.ndir; i++) {
		struct rzs_entry *e = rzs_packed_entry(mem, i);

		at -= sizeof(*e);
		memset(known + at, 1, sizeof(*e));
		if (e->slot == RZS_SLOT_NONE)
			T_EQ(e->sum, 0);
		else
			memset(known + rzs_entry_offset(e), 1, rzs_entry_size(e));
	}
	for (at = 0; at < RZS_BLOCK_SIZE; at++)
		if (!known[at])
			check_byte(mem, at);
}

static void check_pages(const struct rzs_block *b, const uint8_t *mem)
{
	for (uint32_t at = 0; at < RZS_BLOCK_SIZE; at++)
		if (b->page_slot[at / PAGE] == RZS_SLOT_NONE)
			check_byte(mem, at);
}

static void check_blocks(struct rzs_store *store)
{
	for (uint32_t id = 1; id < store->pool.next_id; id++) {
		struct rzs_block *b = rzs_pool_block(&store->pool, id);

		if (b->type == RZS_BLOCK_PACKED)
			check_packed(b, rzs_block_mem(&store->pool, b));
		else if (b->type == RZS_BLOCK_PAGES)
			check_pages(b, rzs_block_mem(&store->pool, b));
	}
}

static void change(struct twin *t, struct pages_rng *rng)
{
	uint64_t r = pages_next(rng), slot = r % NR;
	uint8_t page[PAGE];

	pages_make_any(page, r);
	switch (r >> 60) {
	case 0:
	case 1:
		twin_discard(t, slot, 1);
		break;
	case 2:
		(void)twin_pwrite(t, page, 700, slot * PAGE + 100);
		break;
	case 3:
		(void)twin_compact(t, 20);
		break;
	default:
		(void)twin_write(t, slot, page);
	}
}

static void churn(struct rzs_config cfg, bool full)
{
	struct pages_rng rng = {t_seed()};
	unsigned n = (unsigned)(2000 / t_scale()) + 1;
	struct twin t;

	if (full)
		T_EQ(rzs_store_min_limit(&cfg, &cfg.limit_bytes), 0);
	twin_open(&t, &cfg);
	t.may_refuse = full;
	for (unsigned i = 0; i < n; i++) {
		change(&t, &rng);
		if (i % 5 == 0)
			check_blocks(t.store);
	}
	if (n > 1000) {
		T_GT(stats_of(&t).slides, 0);
		T_GT(stats_of(&t).moved_objects, 0);
	}
	twin_close(&t);
}

/*
 * Red when an object that goes, is moved or is replaced leaves bytes or its sum, also where blocks
 * are tidied and, in a full store, where pages are rewritten in their places.
 */
T_TEST(what_is_in_no_object_is_wiped)
{
	churn(wiping(NULL), false);
	churn(wiping(NULL), true);
}

/* ---- what comes back to the port */

struct returned {
	unsigned blocks, workers;
	size_t worker_bytes;
};

static void check_returned(void *arg, const void *p, size_t n)
{
	struct returned *r = arg;

	if (n == RZS_BLOCK_SIZE)
		r->blocks++;
	else if (n == r->worker_bytes)
		r->workers++;
	else
		return; /* tables of addresses */
	if (!all_zero(p, n))
		T_FAIL("%zu bytes come back that are not wiped", n);
}

static void return_all(const char *codec)
{
	struct rzs_config cfg = wiping(codec);
	struct returned r = {0};
	unsigned before;
	struct twin t;

	rzs_test_reset();
	twin_open(&t, &cfg);
	r.worker_bytes = t.worker->bytes;
	fill(&t, PAGES_TEXT, 0, NR / 3);
	fill(&t, PAGES_RANDOM, NR / 3, NR / 3);
	fill(&t, PAGES_SAME64, NR - NR / 3, NR / 3);
	rzs_test_call_at(RZS_TEST_AT_RETURN, check_returned, &r);
	twin_discard(&t, 0, NR / 6);
	twin_discard(&t, NR / 3, NR / 6);
	T_GT(r.blocks, 3);
	before = r.blocks;
	twin_close(&t); /* a device is reset, or the server ends */
	T_GT(r.blocks, before + 5);
	T_EQ(r.workers, 2);
	rzs_test_reset();
}

/*
 * Red when a block is given back with its directory, or at the end objects, slots (the words of
 * same-filled pages), descriptors or a worker are left.
 */
T_TEST(all_memory_that_had_pages_comes_back_wiped)
{
	const char *codec;

	for (unsigned i = 0; (codec = rzs_codec_name(i)) != NULL; i++)
		return_all(codec);
}

/* Red when a store that could not be made wholly is taken apart as if it had been. */
T_TEST(a_store_that_cannot_be_made_is_taken_apart)
{
	struct rzs_config cfg = wiping(NULL);
	struct rzs_store *store;
	uint64_t n = 0;

	do {
		rzs_test_fail(RZS_TEST_ALLOC, ++n, 1);
		if (rzs_store_create(&cfg, &store) == 0)
			rzs_store_destroy(store);
		T_EQ(rzs_test_live_bytes(), 0);
	} while (rzs_test_failed(RZS_TEST_ALLOC));
	T_GT(n, 5);
}

/* ---- workers */

/* A library's context has bytes that nobody has set, and valgrind complains of a look at them. */
#if defined(__has_include)
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#define MAKE_DEFINED(p, n) ((void)VALGRIND_MAKE_MEM_DEFINED(p, n))
#endif
#endif
#ifndef MAKE_DEFINED
#define MAKE_DEFINED(p, n) ((void)0)
#endif

#define RUN 24u /* bytes of a page that are not anywhere by chance */

/* A page that compresses to half and whose bytes say where they come from. */
static void make_secret(uint8_t *page, bool compressible)
{
	pages_make(page, PAGES_RANDOM, 0x5ec4e7);
	if (compressible)
		memset(page + PAGE / 2, 'x', PAGE / 2);
}

static void check_worker(const struct rzs_worker *w, const uint8_t *page, const char *after)
{
	MAKE_DEFINED(w, w->bytes);
	if (!all_zero(w->out, sizeof(w->out)) || !all_zero(w->in, sizeof(w->in)) ||
	    !all_zero(w->page, sizeof(w->page)))
		T_FAIL("%s leaves something in the worker's buffers", after);
	for (unsigned at = 0; at < PAGE / 2; at += RUN)
		if (memmem(w, w->bytes, page + at, RUN))
			T_FAIL("%s leaves a part of the page in the context of %s", after,
			       w->codec->name);
}

static void use_worker(const char *codec, bool compressible)
{
	struct rzs_config cfg = wiping(codec);
	uint8_t page[PAGE], got[PAGE];
	const char *what;
	struct twin t;

	twin_open(&t, &cfg);
	make_secret(page, compressible);
	T_EQ(twin_write(&t, 0, page), 0);
	check_worker(t.worker, page, "a write");
	twin_read(&t, 0);
	check_worker(t.worker, page, "a read");
	T_EQ(rzs_store_pread(t.store, t.worker, got, 100, 50), 0);
	check_worker(t.worker, page, "a read of a part");
	T_EQ(twin_pwrite(&t, page, PAGE, 2 * PAGE - 1), 0);
	check_worker(t.worker, page, "a write of parts");
	T_EQ(twin_pzero(&t, 10, PAGE), 0);
	check_worker(t.worker, page, "zeroing a part");
	T_EQ(rzs_store_verify(t.store, t.worker, true, &what), 0);
	check_worker(t.worker, page, "verify");
	for (uint64_t slot = 3; slot < NR; slot++)
		T_EQ(twin_write(&t, slot, page), 0);
	for (uint64_t slot = 3; slot < NR; slot += 2)
		twin_discard(&t, slot, 1);
	T_GT(twin_compact(&t, UINT64_MAX), 0);
	check_worker(t.worker, page, "compaction");
	twin_close(&t);
}

/* Red when a call leaves what went through, in buffers or in what the codec keeps. */
T_TEST(no_call_leaves_anything_in_its_worker)
{
	const char *codec;

	for (unsigned i = 0; (codec = rzs_codec_name(i)) != NULL; i++) {
		use_worker(codec, true);
		use_worker(codec, false);
	}
}
