/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store's contract, one behaviour a function: what rzs_store.h promises of pages, ranges,
 * configurations and errors.  Limits and accounting are in test_store_limit.c, maps in
 * test_store_map.c, compaction in test_store_compact.c; what only shows in long runs, with failing
 * memory, threads or flipped bits in the other test_store_*.c.
 */
#include "codec.h"
#include "twin_rig.h"

/* Put two seeds of every kind on the pages from slot on; returns the number of pages. */
static uint64_t write_every_kind(struct twin *t, uint64_t slot, uint64_t seed)
{
	uint8_t page[PAGE];
	unsigned i;

	for (i = 0; i < 2 * PAGES_NR; i++) {
		pages_make(page, (enum pages_kind)(i % PAGES_NR), seed + i);
		T_EQ(twin_write(t, slot + i, page), 0);
	}
	return i;
}

T_TEST(a_page_never_written_reads_as_zeros)
{
	struct twin t = open_twin(10);
	uint8_t page[PAGE], zeros[PAGE] = {0};

	memset(page, 0xa5, PAGE);
	T_EQ(rzs_store_read(t.store, t.worker, 9, page), 0);
	T_MEM_EQ(page, zeros, PAGE);
	twin_close(&t);
}

T_TEST(write_then_read_gives_the_page)
{
	struct twin t = open_twin(1000);
	uint64_t seed = t_seed(), slot;
	uint8_t page[PAGE];

	for (slot = 0; slot < 1000; slot++) {
		pages_make(page, (enum pages_kind)(slot % PAGES_NR), seed + slot);
		T_EQ(twin_write(&t, slot, page), 0);
		twin_read(&t, slot);
	}
	twin_close(&t);
}

T_TEST(a_rewrite_replaces_the_page_whatever_was_there)
{
	struct twin t = open_twin(3);
	unsigned from, to;
	uint8_t page[PAGE];

	for (from = 0; from < PAGES_NR; from++)
		for (to = 0; to < PAGES_NR; to++) {
			pages_make(page, (enum pages_kind)from, 2 * to);
			T_EQ(twin_write(&t, 1, page), 0);
			pages_make(page, (enum pages_kind)to, 2 * from + 1);
			T_EQ(twin_write(&t, 1, page), 0);
			twin_check_all(&t);
		}
	twin_close(&t);
}

T_TEST(buffers_may_be_unaligned)
{
	struct twin t = open_twin(2 * PAGES_NR);
	uint8_t space[PAGE + 16], page[PAGE];
	unsigned i, shift;

	for (i = 0; i < PAGES_NR; i++)
		for (shift = 1; shift < 16; shift += 2) {
			pages_make(page, (enum pages_kind)i, shift);
			memcpy(space + shift, page, PAGE);
			T_EQ(twin_write(&t, i, space + shift), 0);
			memset(space, 0x77, sizeof(space));
			T_EQ(rzs_store_read(t.store, t.worker, i, space + 16 - shift), 0);
			T_MEM_EQ(space + 16 - shift, page, PAGE);
			T_EQ(space[15 - shift], 0x77);
		}
	twin_close(&t);
}

T_TEST(a_read_writes_one_page_and_no_more)
{
	struct twin t = open_twin(2 * PAGES_NR);
	uint64_t n = write_every_kind(&t, 0, t_seed()), slot;
	uint8_t space[PAGE + 128];
	unsigned i;

	for (slot = 0; slot < n; slot++) {
		memset(space, 0x77, sizeof(space));
		T_EQ(rzs_store_read(t.store, t.worker, slot, space + 64), 0);
		for (i = 0; i < 64; i++)
			T_OK(space[i] == 0x77 && space[PAGE + 64 + i] == 0x77);
	}
	twin_close(&t);
}

static void check_codec(const char *name, int level, uint64_t seed)
{
	struct rzs_config cfg = config(2 * PAGES_NR);
	struct rzs_stats s;
	struct twin t;

	cfg.codec = name;
	cfg.level = level;
	twin_open(&t, &cfg);
	write_every_kind(&t, 0, seed);
	twin_check_all(&t);
	rzs_store_stats(t.store, &s);
	/*
	 * Sparse pages compress with anything, text and heap too unless haste was asked for;
	 * noise with nothing.
	 */
	T_GE(s.pages_compressed, level == 0 ? 6 : 2);
	T_GE(s.pages_raw, 2);
	twin_close(&t);
}

T_TEST(every_codec_at_every_level_gives_back_every_kind)
{
	uint64_t seed = t_seed();
	const char *name;
	unsigned i;

	for (i = 0; (name = rzs_codec_name(i)) != NULL; i++) {
		const struct rzs_codec *codec = rzs_codec_lookup(name);
		int level;

		T_OK(codec != NULL);
		T_STR_EQ(codec->name, name);
		check_codec(name, 0, seed);
		for (level = codec->level_min; level <= codec->level_max; level++)
			check_codec(name, level, seed + (uint64_t)level);
	}
	T_GE(i, 1);
}

T_TEST(the_default_codec_is_the_first_and_is_lzo)
{
	T_STR_EQ(rzs_codec_name(0), "lzo");
	T_OK(rzs_codec_lookup(NULL) == rzs_codec_lookup("lzo"));
	T_OK(rzs_codec_lookup("") == NULL);
	T_OK(rzs_codec_lookup("lzo ") == NULL);
}

/* create must refuse cfg with err, and so must min_limit unless it is about the limit. */
static void expect_refused(struct rzs_config cfg, int err)
{
	struct rzs_store *store = (struct rzs_store *)&cfg;
	uint64_t least = 1;

	T_EQ(rzs_store_create(&cfg, &store), err);
	T_OK(store == NULL);
	if (err == -EINVAL) {
		T_EQ(rzs_store_min_limit(&cfg, &least), err);
		T_EQ(least, 0);
	}
}

T_TEST(sizes_out_of_range_are_refused)
{
	expect_refused(config(0), -EINVAL);
	expect_refused(config(RZS_MAX_PAGES + 1), -EINVAL);
	expect_refused(config(1ull << 32), -EINVAL);
	expect_refused(config(1ull << 52), -EINVAL);
	expect_refused(config(UINT64_MAX), -EINVAL);
}

T_TEST(worker_counts_out_of_range_are_refused)
{
	struct rzs_config cfg = config(10);

	cfg.nr_workers = 0;
	expect_refused(cfg, -EINVAL);
	cfg.nr_workers = RZS_MAX_WORKERS + 1;
	expect_refused(cfg, -EINVAL);
	cfg.nr_workers = UINT32_MAX;
	expect_refused(cfg, -EINVAL);
}

T_TEST(unknown_codecs_are_refused)
{
	static const char *const names[] = {"", "zip", "LZO", "lzo2", "lz", "none"};
	struct rzs_config cfg = config(10);
	unsigned i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cfg.codec = names[i];
		expect_refused(cfg, -EINVAL);
	}
}

T_TEST(levels_out_of_range_are_refused)
{
	struct rzs_config cfg = config(10);
	unsigned i;

	for (i = 0; (cfg.codec = rzs_codec_name(i)) != NULL; i++) {
		const struct rzs_codec *codec = rzs_codec_lookup(cfg.codec);

		cfg.level = codec->level_max + 1;
		expect_refused(cfg, -EINVAL);
		cfg.level = codec->level_min - 1;
		if (cfg.level != 0)
			expect_refused(cfg, -EINVAL);
		cfg.level = INT32_MAX;
		expect_refused(cfg, -EINVAL);
		cfg.level = INT32_MIN;
		expect_refused(cfg, -EINVAL);
	}
}

T_TEST(destroying_nothing_is_fine)
{
	rzs_store_destroy(NULL);
}

T_TEST(a_store_of_one_page_works)
{
	struct twin t = open_twin(1);
	unsigned kind;
	uint8_t page[PAGE];

	for (kind = 0; kind < PAGES_NR; kind++) {
		pages_make(page, (enum pages_kind)kind, 5);
		T_EQ(twin_write(&t, 0, page), 0);
		twin_check_all(&t);
		twin_discard(&t, 0, 1);
		twin_check_all(&t);
	}
	twin_close(&t);
}

T_TEST(a_store_of_ten_pages_works)
{
	struct twin t = open_twin(10);
	uint64_t seed = t_seed(), i;
	uint8_t page[PAGE];

	for (i = 0; i < 200; i++) {
		pages_make_any(page, seed + i);
		T_EQ(twin_write(&t, i % 10, page), 0);
		twin_read(&t, i * 7 % 10);
	}
	twin_close(&t);
}

/* Time enough for what goes by the contents, not for what goes by the size of 16 TiB. */
T_TEST_TIMEOUT(the_largest_store_costs_little_until_it_is_used, 20)
{
	static const uint64_t slots[] = {0, 1, 4095, 4096, 1ull << 31, RZS_MAX_PAGES - 1};
	struct rzs_config cfg = config(RZS_MAX_PAGES);
	struct rzs_store *store;
	struct rzs_worker *w;
	struct rzs_stats s;
	uint8_t page[PAGE], got[PAGE];
	const char *what;
	unsigned i;

	T_EQ(rzs_store_create(&cfg, &store), 0);
	w = rzs_worker_get(store, 0);
	rzs_store_stats(store, &s);
	/* 16 TiB: 32 GiB of slots if they were all there, 8 MiB of pointers to chunks of them. */
	T_LE(s.fixed_bytes + s.table_bytes, 16u << 20);
	for (i = 0; i < 6; i++) {
		pages_make(page, PAGES_TEXT, i);
		T_EQ(rzs_store_write(store, w, slots[i], page), 0);
	}
	for (i = 0; i < 6; i++) {
		pages_make(page, PAGES_TEXT, i);
		T_EQ(rzs_store_read(store, w, slots[i], got), 0);
		T_MEM_EQ(got, page, PAGE);
	}
	T_EQ(rzs_store_verify(store, w, true, &what), 0);
	T_EQ(rzs_store_discard(store, w, 0, RZS_MAX_PAGES), 0);
	T_EQ(rzs_store_ptrim(store, w, RZS_MAX_PAGES * PAGE, 0), 0);
	T_EQ(rzs_store_pzero(store, w, RZS_MAX_PAGES * PAGE - 1, 0), 0);
	rzs_store_stats(store, &s);
	T_EQ(s.discards, 6);
	T_LE(s.pages_stored, 1); /* the last page was zeroed in part, it may be stored now */
	T_EQ(twin_stats_broken(&s), NULL);
	rzs_worker_put(store, w);
	rzs_store_destroy(store);
}

T_TEST(pages_beyond_the_end_are_refused)
{
	static const uint64_t slots[] = {10, 11, 4096, 1ull << 32, 1ull << 52, UINT64_MAX};
	struct twin t = open_twin(10);
	uint8_t page[PAGE] = {1};
	unsigned i;

	for (i = 0; i < sizeof(slots) / sizeof(slots[0]); i++) {
		T_EQ(rzs_store_write(t.store, t.worker, slots[i], page), -EINVAL);
		T_EQ(rzs_store_read(t.store, t.worker, slots[i], page), -EINVAL);
		T_EQ(rzs_store_discard(t.store, t.worker, slots[i], 1), -EINVAL);
	}
	T_EQ(rzs_store_discard(t.store, t.worker, 0, 11), -EINVAL);
	T_EQ(rzs_store_discard(t.store, t.worker, 9, 2), -EINVAL);
	T_EQ(rzs_store_discard(t.store, t.worker, 9, UINT64_MAX), -EINVAL);
	T_EQ(rzs_store_discard(t.store, t.worker, 9, UINT64_MAX - 8), -EINVAL);
	twin_close(&t);
}

T_TEST(ranges_beyond_the_end_are_refused_and_change_nothing)
{
	static const struct {
		uint64_t len, offset;
	} ranges[] = {
		{1, 10 * PAGE},
		{10 * PAGE + 1, 0},
		{PAGE + 1, 9 * PAGE},
		{2, 10 * PAGE - 1},
		{UINT64_MAX, 0},
		{UINT64_MAX, 1},
		{UINT64_MAX - PAGE + 1, PAGE},
		{1, UINT64_MAX},
		{PAGE, UINT64_MAX - PAGE + 1},
		{1ull << 63, 1ull << 63},
	};
	struct twin t = open_twin(10);
	uint8_t buf[2 * PAGE];
	unsigned i;

	pages_make(buf, PAGES_TEXT, 1);
	for (i = 0; i < 10; i++)
		T_EQ(twin_write(&t, i, buf), 0);
	for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		uint64_t len = ranges[i].len, offset = ranges[i].offset;

		T_EQ(rzs_store_pread(t.store, t.worker, buf, len, offset), -EINVAL);
		T_EQ(rzs_store_pwrite(t.store, t.worker, buf, len, offset), -EINVAL);
		T_EQ(rzs_store_pzero(t.store, t.worker, len, offset), -EINVAL);
		T_EQ(rzs_store_ptrim(t.store, t.worker, len, offset), -EINVAL);
	}
	twin_close(&t);
}

T_TEST(empty_ranges_do_nothing)
{
	static const uint64_t offsets[] = {0, 1, PAGE - 1, PAGE, 10 * PAGE - 1, 10 * PAGE};
	struct twin t = open_twin(10);
	uint8_t page[PAGE];
	unsigned i;

	pages_make(page, PAGES_RANDOM, 1);
	for (i = 0; i < 10; i++)
		T_EQ(twin_write(&t, i, page), 0);
	for (i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		twin_pread(&t, 0, offsets[i]);
		T_EQ(twin_pwrite(&t, page, 0, offsets[i]), 0);
		T_EQ(twin_pzero(&t, 0, offsets[i]), 0);
		twin_ptrim(&t, 0, offsets[i]);
	}
	twin_discard(&t, 5, 0);
	twin_close(&t);
}

/* Of pages that hold something or never did, in the slot table or beyond. */
T_TEST(expecting_changes_nothing)
{
	struct twin t = open_twin(10000);
	uint64_t nr = write_every_kind(&t, 0, 1), slot;

	for (slot = 0; slot < nr + 2; slot++)
		for (unsigned step = 0; step < 3; step++)
			rzs_store_prefetch(t.store, slot, step);
	rzs_store_prefetch(t.store, 9999, 1);
	rzs_store_prefetch(t.store, 10000, 1);
	rzs_store_prefetch(t.store, UINT64_MAX, 0);
	for (slot = 0; slot < nr + 2; slot++)
		twin_read(&t, slot);
	twin_close(&t);
}

T_TEST(the_worker_of_another_store_is_refused)
{
	struct twin a = open_twin(10), b = open_twin(10);
	uint8_t page[PAGE] = {0};
	const char *what = "";
	uint64_t blocks = 1;
	bool more = true;

	T_EQ(rzs_store_write(a.store, b.worker, 0, page), -EINVAL);
	T_EQ(rzs_store_read(a.store, b.worker, 0, page), -EINVAL);
	T_EQ(rzs_store_discard(a.store, b.worker, 0, 1), -EINVAL);
	T_EQ(rzs_store_pread(a.store, b.worker, page, 1, 0), -EINVAL);
	T_EQ(rzs_store_pwrite(a.store, b.worker, page, 1, 0), -EINVAL);
	T_EQ(rzs_store_pzero(a.store, b.worker, 1, 0), -EINVAL);
	T_EQ(rzs_store_ptrim(a.store, b.worker, PAGE, 0), -EINVAL);
	T_EQ(rzs_store_compact(a.store, b.worker, 1, &blocks, &more), -EINVAL);
	T_EQ(blocks, 0);
	T_OK(!more);
	T_EQ(rzs_store_verify(a.store, b.worker, true, &what), -EINVAL);
	twin_close(&a);
	twin_close(&b);
}

T_TEST(workers_in_use_are_not_given_twice)
{
	struct rzs_config cfg = config(10);
	struct rzs_worker *w[8], *again;
	struct rzs_store *store;
	unsigned i, j;

	cfg.nr_workers = 8;
	T_EQ(rzs_store_create(&cfg, &store), 0);
	for (i = 0; i < 8; i++) {
		w[i] = rzs_worker_get(store, 3); /* all want the same one */
		T_OK(w[i] != NULL);
		for (j = 0; j < i; j++)
			T_OK(w[j] != w[i]);
	}
	rzs_worker_put(store, w[5]);
	again = rzs_worker_get(store, 1000003); /* a hint is any number; one is free */
	T_OK(again == w[5]);
	for (i = 0; i < 8; i++)
		rzs_worker_put(store, w[i]);
	rzs_store_destroy(store);
}

T_TEST(threads_with_different_hints_do_not_meet)
{
	struct rzs_config cfg = config(10);
	struct rzs_worker *w[RZS_MAX_WORKERS];
	struct rzs_store *store;
	unsigned i;

	cfg.nr_workers = RZS_MAX_WORKERS;
	T_EQ(rzs_store_create(&cfg, &store), 0);
	for (i = 0; i < RZS_MAX_WORKERS; i++)
		w[i] = rzs_worker_get(store, i);
	for (i = 0; i < RZS_MAX_WORKERS; i++)
		rzs_worker_put(store, w[i]);
	for (i = 0; i < RZS_MAX_WORKERS; i++) { /* the same hint, the same worker */
		T_OK(rzs_worker_get(store, i) == w[i]);
		rzs_worker_put(store, w[i]);
	}
	rzs_store_destroy(store);
}

T_TEST(a_discarded_page_reads_as_zeros)
{
	struct twin t = open_twin(100);
	uint64_t n = write_every_kind(&t, 40, t_seed());

	twin_discard(&t, 43, 5);
	twin_check_all(&t);
	twin_discard(&t, 43, 5); /* and again: nothing is there */
	twin_discard(&t, 0, 40 + n);
	twin_check_all(&t);
	twin_close(&t);
}

T_TEST(a_write_within_a_page_keeps_the_rest_of_it)
{
	struct twin t = open_twin(2 * PAGES_NR);
	uint64_t n = write_every_kind(&t, 0, 1), slot;
	uint8_t bytes[PAGE];
	unsigned i;

	memset(bytes, 'x', PAGE);
	for (slot = 0; slot < n; slot++) {
		static const struct {
			unsigned len, at;
		} parts[] = {{1, 0}, {1, PAGE - 1}, {512, 512}, {PAGE - 1, 0}, {PAGE - 1, 1}};

		for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
			T_EQ(twin_pwrite(&t, bytes, parts[i].len, slot * PAGE + parts[i].at), 0);
			twin_read(&t, slot);
		}
	}
	twin_close(&t);
}

T_TEST(a_write_across_pages_reaches_all_of_them)
{
	struct twin t = open_twin(4 * PAGES_NR);
	uint8_t buf[5 * PAGE];
	struct pages_rng rng = {t_seed()};
	unsigned i;

	write_every_kind(&t, 0, 1);
	for (i = 0; i < 500; i++) {
		uint64_t len = 1 + pages_below(&rng, sizeof(buf));
		uint64_t offset = pages_below(&rng, t.model.nr_pages * PAGE - len + 1);
		unsigned k;

		for (k = 0; k < 5; k++)
			pages_make_any(buf + k * PAGE, pages_next(&rng));
		T_EQ(twin_pwrite(&t, buf, len, offset), 0);
		len = pages_below(&rng, sizeof(buf));
		twin_pread(&t, len, pages_below(&rng, t.model.nr_pages * PAGE - len + 1));
	}
	twin_close(&t);
}

T_TEST(zeroing_drops_whole_pages_and_rewrites_parts)
{
	struct twin t = open_twin(2 * PAGES_NR);
	struct rzs_stats s;
	uint8_t page[PAGE];
	uint64_t slot;

	pages_make(page, PAGES_RANDOM, 1);
	for (slot = 0; slot < 10; slot++)
		T_EQ(twin_write(&t, slot, page), 0);
	/* A part of 2, all of 3 and 4, a part of 5. */
	T_EQ(twin_pzero(&t, 3 * PAGE + 100, 2 * PAGE + 50), 0);
	rzs_store_stats(t.store, &s);
	T_EQ(s.pages_stored, 8);
	T_EQ(s.discards, 2);
	twin_check_all(&t);
	T_EQ(twin_pzero(&t, 1, 7 * PAGE + 9), 0);
	T_EQ(twin_pzero(&t, 2 * PAGES_NR * PAGE, 0), 0);
	rzs_store_stats(t.store, &s);
	T_EQ(s.pages_stored, 0);
	twin_close(&t);
}

T_TEST(trimming_drops_whole_pages_and_leaves_parts)
{
	struct twin t = open_twin(20);
	struct rzs_stats s;
	uint8_t page[PAGE];
	uint64_t slot;

	for (slot = 0; slot < 20; slot++) {
		pages_make(page, PAGES_TEXT, slot);
		T_EQ(twin_write(&t, slot, page), 0);
	}
	twin_ptrim(&t, PAGE - 1, 3 * PAGE);	       /* a part */
	twin_ptrim(&t, PAGE, 3 * PAGE + 1);	       /* two parts */
	twin_ptrim(&t, 3 * PAGE + 100, 4 * PAGE + 50); /* parts of 4 and 7 stay, 5 and 6 go */
	rzs_store_stats(t.store, &s);
	T_EQ(s.pages_stored, 18);
	T_EQ(s.discards, 2);
	twin_check_all(&t);
	twin_ptrim(&t, 20 * PAGE, 0);
	rzs_store_stats(t.store, &s);
	T_EQ(s.pages_stored, 0);
	twin_close(&t);
}

T_TEST(checksums_may_be_off)
{
	struct rzs_config cfg = config(1000);
	struct twin t;
	uint64_t seed = t_seed(), i;
	uint8_t page[PAGE];

	cfg.no_checksum = true;
	twin_open(&t, &cfg);
	for (i = 0; i < 3000; i++) {
		pages_make_any(page, seed + i);
		T_EQ(twin_write(&t, pages_hash(seed, i) % 1000, page), 0);
	}
	twin_close(&t);
}
