// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The self-test of a build with DEBUG=1.  At module load, before any device exists, it uses a small
 * store of each codec in every way that the driver does, and decodes known streams with our LZO
 * decoder.  If it fails, the module does not load.
 *
 * So a fault that a store has only in this kernel, with this compiler or on this processor is found
 * here, and not in swapped out pages.  All data comes from a constant seed, so a failure repeats at
 * the next load.
 *
 * Context: module init only; may sleep.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/init.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "lzo_decode.h"
#include "ramzswap.h"

#define NR_PAGES 512u
#define ROUNDS	 3u
#define SEED	 0x72616d7a73776170ull
#define WORDS	 32u /* different 8-byte words in a page of text */
#define NON_ZERO 40u /* bytes in a sparse page that are not zero */
#define MAX_OUT	 64u /* bytes that a known stream decodes to */

/* For a test of the self-test: a byte is changed between reading and comparing it. */
static bool selftest_break;
module_param(selftest_break, bool, 0444);
MODULE_PARM_DESC(selftest_break, "Make the self-test fail");

enum { SAME, ZERO, TEXT, SPARSE, RANDOM, NR_KINDS };

struct selftest {
	const char *codec;
	struct rzs_store *store;
	u64 random;
	u64 seed[NR_PAGES]; /* of the contents of each slot; 0: empty */
	u8 want[RZS_PAGE_SIZE];
	u8 got[RZS_PAGE_SIZE];
};

static int __init fail_test(const struct selftest *t, const char *what, u64 slot, int err)
{
	pr_err("self-test failed: %s: %s (page %llu, error %d)\n", t->codec, what, slot, err);
	return err ?: -EIO;
}

/* splitmix64 */
static u64 __init next(u64 *state)
{
	u64 z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* True for about `percent` of 100 calls. */
static bool __init chance(struct selftest *t, u32 percent)
{
	return (u32)next(&t->random) % 100 < percent;
}

/* Each kind of page equally often.  Seed 0 gives what an empty slot reads as. */
static void __init make_page(u8 *page, u64 seed)
{
	u64 *word = (u64 *)page, state = seed, first = next(&state);
	unsigned int i, kind = seed ? (u32)first % NR_KINDS : ZERO;

	memset(page, 0, RZS_PAGE_SIZE);
	for (i = 0; i < RZS_PAGE_SIZE / sizeof(*word); i++) {
		if (kind == SAME)
			word[i] = first;
		else if (kind == RANDOM)
			word[i] = next(&state);
		else if (kind == TEXT)
			word[i] = (first ^ (u32)next(&state) % WORDS) * SEED;
	}
	for (i = 0; kind == SPARSE && i < NON_ZERO; i++)
		page[(u32)next(&state) % RZS_PAGE_SIZE] = i + 1;
}

static int __init open_store(struct selftest *t)
{
	struct rzs_config cfg = {
		.nr_pages = NR_PAGES,
		.codec = t->codec,
		.nr_workers = 1,
	};
	int err = rzs_store_create(&cfg, &t->store);

	return err ? fail_test(t, "cannot create a store", 0, err) : 0;
}

/* Overwrite about `percent` of the slots. */
static int __init write_pages(struct selftest *t, u32 percent)
{
	struct rzs_worker *w;
	u64 slot;
	int err;

	for (slot = 0; slot < NR_PAGES; slot++) {
		if (!chance(t, percent))
			continue;
		t->seed[slot] = next(&t->random) | 1;
		make_page(t->want, t->seed[slot]);
		rzs_blocks_refill(rzs_store_blocks(t->store), false);
		w = rzs_worker_get(t->store, 0);
		err = rzs_store_write(t->store, w, slot, t->want);
		rzs_worker_put(t->store, w);
		if (err)
			return fail_test(t, "write failed", slot, err);
		cond_resched();
	}
	return 0;
}

static int __init discard_pages(struct selftest *t, u32 percent)
{
	struct rzs_worker *w;
	u64 slot;
	int err;

	for (slot = 0; slot < NR_PAGES; slot++) {
		if (!chance(t, percent))
			continue;
		t->seed[slot] = 0;
		w = rzs_worker_get(t->store, 0);
		err = rzs_store_discard(t->store, w, slot, 1);
		rzs_worker_put(t->store, w);
		if (err)
			return fail_test(t, "discard failed", slot, err);
	}
	return 0;
}

static int __init compact(struct selftest *t)
{
	struct rzs_worker *w = rzs_worker_get(t->store, 0);
	u64 blocks;
	bool more = true;
	int err = 0;

	while (more && !err)
		err = rzs_store_compact(t->store, w, NR_PAGES, &blocks, &more);
	rzs_worker_put(t->store, w);
	return err ? fail_test(t, "compaction failed", 0, err) : 0;
}

static int __init check_page(struct selftest *t, u64 slot)
{
	struct rzs_worker *w = rzs_worker_get(t->store, 0);
	int err = rzs_store_read(t->store, w, slot, t->got);

	rzs_worker_put(t->store, w);
	if (err)
		return fail_test(t, "read failed", slot, err);
	if (selftest_break && slot == NR_PAGES / 2)
		t->got[RZS_PAGE_SIZE / 2] ^= 1;
	make_page(t->want, t->seed[slot]);
	if (memcmp(t->got, t->want, RZS_PAGE_SIZE))
		return fail_test(t, "read wrong data", slot, 0);
	return 0;
}

/* Check every page, every invariant and some statistics. */
static int __init check_store(struct selftest *t)
{
	struct rzs_worker *w;
	struct rzs_stats s;
	u64 slot, stored = 0;
	const char *what;
	int err = 0;

	for (slot = 0; slot < NR_PAGES && !err; slot++) {
		stored += !!t->seed[slot];
		err = check_page(t, slot);
		cond_resched();
	}
	if (err)
		return err;
	w = rzs_worker_get(t->store, 0);
	err = rzs_store_verify(t->store, w, true, &what);
	rzs_worker_put(t->store, w);
	if (err)
		return fail_test(t, what ?: "verify failed", 0, err);
	rzs_store_stats(t->store, &s);
	if (s.pages_stored != stored)
		return fail_test(t, "wrong number of stored pages", s.pages_stored, 0);
	if (s.failed_reads || s.failed_writes || s.corrupt || s.impossible)
		return fail_test(t, "statistics show failures", 0, 0);
	return 0;
}

static int __init check_empty(struct selftest *t)
{
	struct rzs_stats s;

	rzs_store_stats(t->store, &s);
	if (s.pages_stored || s.object_bytes || s.block_bytes)
		return fail_test(t, "store not empty after discard", s.pages_stored, 0);
	if (!s.compacted_blocks)
		return fail_test(t, "compaction freed nothing", 0, 0);
	return 0;
}

/* Overwrite half, discard half, compact, check. */
static int __init age_store(struct selftest *t)
{
	int err = write_pages(t, 50);

	if (!err)
		err = discard_pages(t, 50);
	if (!err)
		err = compact(t);
	return err ?: check_store(t);
}

static int __init test_codec(struct selftest *t)
{
	unsigned int round;
	int err = open_store(t);

	if (err)
		return err;
	memset(t->seed, 0, sizeof(t->seed));
	err = check_store(t);
	if (!err)
		err = write_pages(t, 100);
	if (!err)
		err = check_store(t);
	for (round = 0; round < ROUNDS && !err; round++)
		err = age_store(t);
	if (!err)
		err = discard_pages(t, 100);
	if (!err)
		err = check_empty(t);
	rzs_store_destroy(t->store);
	return err;
}

#define ONE_TO_35 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define END	  "\x11\0\0"

struct stream {
	const char *in, *out; /* out is NULL: decoding must fail */
	u8 in_n, cap;
	bool rle;
};

/* docs/LZO has the format. */
static const struct stream streams[] __initconst = {
#define GOOD(in, out, rle) {in, out, sizeof(in) - 1, sizeof(out) - 1, rle}
#define BAD(in, cap)	   {in, NULL, sizeof(in) - 1, cap, false}
	GOOD(END, "", false),
	GOOD("\x01" "abcd" END, "abcd", false),
	GOOD("\x13" "ab\x04\0" END, "abab", false),
	GOOD("\x01" "abcd\x4c\0" END, "abcdabc", false),
	GOOD("\x12" "a\x20\x01\x01\0x" END, ONE_TO_35 "x", false),
	GOOD("\x11\x01\x12" "a\x18\xfc\xff\0" END, "a\0\0\0\0", true),
	BAD("\x12" "a\x20\x01\x01\0x" END, 35),	   /* more than fits */
	BAD("\x12" "a\x20\x01\x01\0x", MAX_OUT),  /* no end mark */
	BAD("\x12" "a\x44\0" END, MAX_OUT),	   /* distance too large */
	BAD("\x01" "abcd" END "\0", MAX_OUT),	   /* data after the end mark */
};

static int __init test_decoder(struct selftest *t)
{
	const struct stream *s;
	size_t i, n;
	int err;

	t->codec = "LZO decoder";
	for (i = 0; i < ARRAY_SIZE(streams); i++) {
		s = &streams[i];
		memset(t->got, 0x5a, sizeof(t->got));
		if (s->rle)
			err = rzs_lzo1x_rle_decode(s->in, s->in_n, t->got, s->cap, &n);
		else
			err = rzs_lzo1x_decode(s->in, s->in_n, t->got, s->cap, &n);
		if (!s->out != (err == -EIO))
			return fail_test(t, "known stream: wrong result", i, err);
		if (s->out && (n != s->cap || memcmp(t->got, s->out, n)))
			return fail_test(t, "known stream: wrong data", i, 0);
		if (memchr_inv(t->got + s->cap, 0x5a, sizeof(t->got) - s->cap))
			return fail_test(t, "known stream: write beyond the buffer", i, 0);
	}
	return 0;
}

int __init rzs_selftest(void)
{
	struct selftest *t = kvzalloc(sizeof(*t), GFP_KERNEL);
	ktime_t start = ktime_get();
	unsigned int i;
	int err;

	if (!t)
		return -ENOMEM;
	t->random = SEED;
	err = test_decoder(t);
	for (i = 0; !err && (t->codec = rzs_codec_name(i)); i++)
		err = test_codec(t);
	if (!err)
		pr_info("self-test passed: %u codecs, %u pages, %lld ms\n", i, NR_PAGES,
			ktime_ms_delta(ktime_get(), start));
	kvfree(t);
	return err;
}
