/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a store holds and says it holds: stats, the limit, what discarding gives back, the reserve
 * running dry.
 */
#include "port_test.h"
#include "twin_rig.h"

#include <fcntl.h>

#define MIB   (1024u * 1024u)
#define WORLD 2560u /* bytes: what the test port allocates for itself */

T_TEST(a_new_store_holds_nothing)
{
	struct twin t = open_twin(1000);
	struct rzs_stats s = stats_of(&t);

	T_EQ(s.nr_pages, 1000);
	T_EQ(s.limit_bytes, 0);
	T_EQ(s.pages_stored, 0);
	T_EQ(s.object_bytes, 0);
	T_EQ(s.reads + s.writes + s.discards, 0);
	T_EQ(s.failed_reads + s.failed_writes + s.corrupt + s.impossible, 0);
	T_GT(s.fixed_bytes, 0);
	twin_close(&t);
}

T_TEST(pages_are_counted_by_kind)
{
	struct twin t = open_twin(1000);
	struct rzs_stats s;

	fill(&t, PAGES_ZERO, 0, 10);
	fill(&t, PAGES_SAME32, 10, 20);
	fill(&t, PAGES_RANDOM, 100, 40);
	fill(&t, PAGES_TEXT, 200, 80);
	fill(&t, PAGES_SPARSE, 300, 160);
	s = stats_of(&t);
	T_EQ(s.pages_zero, 10);
	T_EQ(s.pages_same, 30);
	T_EQ(s.pages_raw, 40);
	T_EQ(s.pages_compressed, 240);
	T_GE(s.pages_good, 160); /* sparse ones are; text is near the line */
	T_EQ(s.pages_stored, 310);
	T_EQ(s.orig_bytes, 310 * PAGE);
	T_LT(s.object_bytes, 40 * PAGE + 80 * 3072 + 160 * 512);
	twin_close(&t);
}

/* From every kind to every kind: the old one goes from the counts when the new one comes. */
T_TEST(a_rewrite_moves_a_page_from_one_count_to_another)
{
	struct twin t = open_twin(4);
	unsigned from, to;

	for (from = 0; from < PAGES_NR; from++)
		for (to = 0; to < PAGES_NR; to++) {
			fill(&t, (enum pages_kind)from, 2, 1);
			fill(&t, (enum pages_kind)to, 2, 1);
			twin_check_stats(&t);
			T_EQ(stats_of(&t).pages_stored, 1);
		}
	twin_close(&t);
}

T_TEST(calls_are_counted)
{
	struct twin t = open_twin(100);
	struct rzs_stats s;

	fill(&t, PAGES_TEXT, 0, 30);
	twin_read(&t, 3);
	twin_read(&t, 50);		/* a hole is read as well */
	twin_pread(&t, 2 * PAGE, PAGE); /* two pages */
	twin_discard(&t, 0, 3);
	twin_discard(&t, 90, 5); /* nothing there */
	s = stats_of(&t);
	T_EQ(s.writes, 30);
	T_EQ(s.reads, 4);
	T_EQ(s.discards, 3);
	twin_close(&t);
}

T_TEST(same_filled_pages_cost_no_blocks)
{
	struct twin t = open_twin(3000);
	struct rzs_stats s;

	fill(&t, PAGES_ZERO, 0, 1000);
	fill(&t, PAGES_SAME32, 1000, 2000);
	s = stats_of(&t);
	T_EQ(s.pages_same, 3000);
	T_EQ(s.object_bytes, 0);
	T_EQ(s.block_bytes, 0);
	twin_close(&t);
}

T_TEST(discarding_everything_gives_all_blocks_back)
{
	unsigned kind;

	for (kind = PAGES_TEXT; kind < PAGES_NR; kind++) {
		uint64_t before = rzs_test_live_blocks(), slot;
		struct twin t = open_twin(2000);
		struct rzs_stats s;

		fill(&t, (enum pages_kind)kind, 0, 2000);
		T_GT(stats_of(&t).block_bytes, 0);
		T_LE(rzs_test_live_bytes() - WORLD,
		     stats_of(&t).mem_bytes - stats_of(&t).reserve_bytes);
		for (slot = 0; slot < 2000; slot += 100) /* not in the order of writing */
			twin_discard(&t, 1900 - slot, 100);
		s = stats_of(&t);
		T_EQ(s.object_bytes, 0);
		T_EQ(s.object_meta_bytes, 0);
		T_EQ(s.block_bytes, 0);
		T_EQ(rzs_test_live_blocks(), before + s.table_bytes / RZS_BLOCK_SIZE);
		twin_close(&t);
	}
}

T_TEST(stats_identities_hold_through_churn)
{
	struct twin t = open_twin(2000);
	uint64_t seed = t_seed(), i;
	uint8_t page[PAGE];

	for (i = 0; i < 20000; i++) {
		uint64_t slot = pages_hash(seed, i) % 2000;

		pages_make_any(page, seed ^ i);
		if (i % 5 == 4)
			twin_discard(&t, slot, 1);
		else if (i % 7 == 6)
			T_EQ(twin_pwrite(&t, page, 100, slot * PAGE + 1000), 0);
		else
			T_EQ(twin_write(&t, slot, page), 0);
		if (i % 500 == 0)
			twin_check_stats(&t);
	}
	twin_close(&t);
}

T_TEST(mem_bytes_is_all_memory_taken_from_the_world)
{
	uint64_t before = rzs_test_live_bytes(), i;
	struct twin t = open_twin(5000);
	struct rzs_stats s;
	uint8_t page[PAGE];

	for (i = 0; i < 10000; i++) {
		pages_make_any(page, i);
		T_EQ(twin_write(&t, pages_hash(1, i) % 5000, page), 0);
		if (i % 1000)
			continue;
		s = stats_of(&t);
		T_LE(rzs_test_live_bytes() - before, s.mem_bytes - s.reserve_bytes + WORLD);
		T_GE(rzs_test_live_bytes() - before, s.mem_bytes - s.reserve_bytes);
	}
	twin_close(&t);
	T_EQ(rzs_test_live_bytes(), before);
}

/* The limit */

/* A twin whose store may hold extra bytes more than it needs to exist. */
static struct twin open_limited(uint64_t nr_pages, uint64_t extra)
{
	struct rzs_config cfg = config(nr_pages);
	struct twin t;

	T_EQ(rzs_store_min_limit(&cfg, &cfg.limit_bytes), 0);
	cfg.limit_bytes += extra;
	twin_open(&t, &cfg);
	t.may_refuse = true;
	return t;
}

/* Write pages of kind from slot on until one is refused; returns its slot. */
static uint64_t fill_until_full(struct twin *t, enum pages_kind kind, uint64_t slot)
{
	uint8_t page[PAGE];

	for (; slot < t->model.nr_pages; slot++) {
		pages_make(page, kind, slot);
		if (twin_write(t, slot, page))
			return slot;
		T_LE(stats_of(t).mem_bytes, t->limit);
	}
	T_FAIL("the limit of %llu bytes was never reached", (unsigned long long)t->limit);
}

T_TEST(a_full_store_keeps_the_old_page)
{
	struct twin t = open_limited(4096, MIB);
	uint64_t full, slot;
	struct rzs_stats s;
	uint8_t page[PAGE];

	fill(&t, PAGES_TEXT, 0, 50);
	full = fill_until_full(&t, PAGES_RANDOM, 50);
	T_GT(full, 50 + MIB / PAGE / 2);
	for (slot = 0; slot < 50; slot++) { /* text to noise needs room that is not there */
		pages_make(page, PAGES_RANDOM, 1000 + slot);
		T_EQ(twin_write(&t, slot, page), -ENOSPC);
		T_EQ(twin_pwrite(&t, page, PAGE - 1, slot * PAGE), -ENOSPC);
	}
	T_EQ(twin_write(&t, full, page), -ENOSPC);
	s = stats_of(&t);
	T_EQ(s.refused_limit, 102);
	T_EQ(s.failed_writes, 102);
	T_EQ(s.refused_reserve, 0);
	twin_close(&t);
}

T_TEST(a_full_store_can_still_discard_and_zero)
{
	struct twin t = open_limited(4096, MIB);
	uint64_t full = fill_until_full(&t, PAGES_RANDOM, 0), i;
	uint8_t page[PAGE] = {0};

	T_EQ(twin_write(&t, 1, page), 0); /* a page of zeros needs no room */
	T_EQ(twin_pzero(&t, 3 * PAGE, 2 * PAGE), 0);
	twin_ptrim(&t, 3 * PAGE, 8 * PAGE);
	twin_discard(&t, 20, full - 20);
	for (i = 0; i < full - 20; i++) { /* there is room again, as much as before */
		pages_make(page, PAGES_RANDOM, 7777 + i);
		T_EQ(twin_write(&t, 2000 + i, page), 0);
	}
	twin_close(&t);
}

/* Large stores keep the workers' blocks apart; what is left in one's is there for the others. */
T_TEST(a_full_store_uses_the_room_in_the_blocks_of_any_worker)
{
	struct rzs_config cfg = {.nr_pages = 8 * 16384, .nr_workers = 8};
	uint8_t page[PAGE], got[PAGE];
	struct rzs_store *store;
	struct rzs_worker *w;
	uint64_t slot = 0;
	unsigned i;

	T_EQ(rzs_store_min_limit(&cfg, &cfg.limit_bytes), 0);
	T_EQ(rzs_store_create(&cfg, &store), 0);
	w = rzs_worker_get(store, 0);
	do
		pages_make(page, PAGES_RANDOM, slot);
	while (rzs_store_write(store, w, slot++, page) == 0);
	T_EQ(rzs_store_discard(store, w, 0, 8), 0);
	rzs_worker_put(store, w);
	for (i = 1; i < 8; i++) {
		w = rzs_worker_get(store, i);
		pages_make(page, PAGES_RANDOM, slot + i);
		T_EQ(rzs_store_write(store, w, slot + i, page), 0);
		T_EQ(rzs_store_read(store, w, slot + i, got), 0);
		T_MEM_EQ(got, page, PAGE);
		rzs_worker_put(store, w);
	}
	rzs_store_destroy(store);
}

T_TEST(a_range_that_does_not_fit_is_written_up_to_the_page_that_does_not)
{
	struct twin t = open_limited(4096, MIB);
	static uint8_t buf[64 * PAGE];
	uint64_t full, i;

	fill(&t, PAGES_TEXT, 3000, 200);
	full = fill_until_full(&t, PAGES_RANDOM, 0);
	twin_discard(&t, full - 20, 20);
	for (i = 0; i < 64; i++)
		pages_make(buf + i * PAGE, PAGES_RANDOM, 5000 + i);
	T_EQ(twin_pwrite(&t, buf, sizeof(buf) - 500, 3000 * PAGE + 250), -ENOSPC);
	twin_close(&t);
}

T_TEST(the_limit_counts_everything)
{
	struct twin t = open_limited(20000, 3 * MIB);
	uint64_t seed = t_seed(), i;
	struct rzs_stats s;
	uint8_t page[PAGE];

	for (i = 0; i < 20000; i++) {
		pages_make_any(page, seed + i);
		(void)twin_write(&t, pages_hash(seed, i) % 20000, page);
		s = stats_of(&t);
		T_LE(s.mem_bytes, t.limit);
		T_LE(rzs_test_live_bytes(), t.limit + WORLD);
	}
	T_LE(s.mem_peak_bytes, t.limit);
	T_GT(t.refused, 0);
	twin_close(&t);
}

T_TEST(the_least_limit_is_enough_and_a_byte_less_is_not)
{
	static const uint64_t sizes[] = {1, 10, 4096, 100000, 1ull << 28, RZS_MAX_PAGES};
	static const unsigned workers[] = {1, 2, 16, RZS_MAX_WORKERS};
	struct rzs_config cfg;
	unsigned i, j, k;

	for (i = 0; (cfg = config(1), cfg.codec = rzs_codec_name(i)) != NULL; i++)
		for (j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++)
			for (k = 0; k < sizeof(workers) / sizeof(workers[0]); k++) {
				struct rzs_store *store;
				struct rzs_stats s;
				uint64_t least;

				cfg.nr_pages = sizes[j];
				cfg.nr_workers = workers[k];
				cfg.limit_bytes = 0;
				T_EQ(rzs_store_min_limit(&cfg, &least), 0);
				cfg.limit_bytes = least - 1;
				T_EQ(rzs_store_create(&cfg, &store), -ENOSPC);
				T_OK(store == NULL);
				cfg.limit_bytes = least;
				T_EQ(rzs_store_create(&cfg, &store), 0);
				rzs_store_stats(store, &s);
				T_LE(s.mem_bytes, least);
				rzs_store_destroy(store);
			}
}

T_TEST(a_store_at_its_least_limit_takes_some_pages_of_each_kind)
{
	static const uint64_t sizes[] = {1, 10, 10000};
	unsigned i, kind;

	for (i = 0; i < 3; i++)
		for (kind = 0; kind < PAGES_NR; kind++) {
			struct twin t = open_limited(sizes[i], 0);

			fill(&t, (enum pages_kind)kind, 0, sizes[i] < 4 ? sizes[i] : 4);
			fill(&t, (enum pages_kind)kind, sizes[i] - 1, 1);
			twin_close(&t);
		}
}

T_TEST(the_limit_can_be_raised_lowered_and_lifted)
{
	struct twin t = open_limited(8192, MIB);
	uint64_t full = fill_until_full(&t, PAGES_RANDOM, 0), first = t.limit;
	uint64_t held = stats_of(&t).mem_bytes - stats_of(&t).reserve_bytes;

	T_EQ(twin_set_limit(&t, held / 2), -ENOSPC);
	T_EQ(twin_set_limit(&t, 1), -ENOSPC);
	T_EQ(stats_of(&t).limit_bytes, first);
	T_EQ(twin_set_limit(&t, first + MIB), 0);
	T_GT(fill_until_full(&t, PAGES_RANDOM, full), full + MIB / PAGE / 2);
	twin_discard(&t, 0, full);
	T_EQ(twin_set_limit(&t, first), 0);
	T_LE(stats_of(&t).mem_bytes, first);
	(void)fill_until_full(&t, PAGES_RANDOM, 0);
	T_EQ(twin_set_limit(&t, 0), 0);
	t.may_refuse = false;
	fill(&t, PAGES_RANDOM, 0, 8192);
	twin_close(&t);
}

/* The reserve */

T_TEST(an_empty_reserve_refuses_writes_and_changes_nothing)
{
	struct twin t = open_twin(4000);
	unsigned refused = 0;
	struct rzs_stats s;
	uint8_t page[PAGE];
	uint64_t i;

	fill(&t, PAGES_TEXT, 0, 1000);
	t.may_refuse = true;
	rzs_test_fail(RZS_TEST_TAKE, 1, UINT64_MAX);
	for (i = 0; i < 100; i++) {
		int err;

		pages_make(page, PAGES_RANDOM, 5000 + i);
		err = twin_write(&t, 10 * i, page);
		T_OK(err == 0 || err == -ENOMEM);
		refused += err != 0;
	}
	T_GE(refused, 90); /* what room there was in open blocks is soon gone */
	s = stats_of(&t);
	T_EQ(s.refused_reserve, refused);
	T_EQ(s.failed_writes, refused);
	T_EQ(s.refused_limit, 0);
	rzs_test_fail(RZS_TEST_TAKE, 0, 0);
	t.may_refuse = false;
	fill(&t, PAGES_RANDOM, 0, 2000);
	twin_close(&t);
}

/* A write that is refused half way must give back what it has got so far, not only memory. */
T_TEST(any_number_of_refused_writes_leaves_room_for_the_next)
{
	struct twin t = open_twin(10);
	uint8_t page[PAGE];
	unsigned i;

	t.may_refuse = true;
	for (i = 0; i < 2000; i++) {
		rzs_test_fail(RZS_TEST_TAKE, 1 + i % 3, 1);
		pages_make(page, i % 2 ? PAGES_RANDOM : PAGES_TEXT, i);
		(void)twin_write(&t, i % 10, page);
		rzs_test_fail(RZS_TEST_TAKE, 0, 0);
		if (i % 7 == 0)
			twin_discard(&t, 0, 10); /* or there is room without taking a block */
	}
	T_GT(t.refused, 100);
	t.may_refuse = false;
	twin_discard(&t, 0, 10);
	fill(&t, PAGES_RANDOM, 0, 10);
	fill(&t, PAGES_TEXT, 0, 10);
	twin_close(&t);
}

/* Wiping */

#define NEEDLE 64u /* bytes of noise: two cannot be alike by chance */

static bool region_has(int mem, uint64_t from, uint64_t to, const uint8_t *masked)
{
	static uint8_t buf[65536 + NEEDLE];
	uint64_t at;

	for (at = from; at < to; at += 65536) {
		ssize_t got = pread(mem, buf, sizeof(buf), (off_t)at);
		const uint8_t *p = buf, *end = buf + (got > (ssize_t)NEEDLE ? got - NEEDLE : 0);

		while (p < end && (p = memchr(p, masked[0] ^ 0x5a, (size_t)(end - p)))) {
			unsigned k = 0;

			while (k < NEEDLE && p[k] == (masked[k] ^ 0x5a))
				k++;
			if (k == NEEDLE)
				return true;
			p++;
		}
	}
	return false;
}

/* Whether any memory of this process holds the needle. */
static bool memory_has(const uint8_t *masked)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	int mem = open("/proc/self/mem", O_RDONLY);
	unsigned long long from, to;
	bool found = false;
	char line[512], mode[8];

	if (maps == NULL || mem < 0)
		T_SKIP("no /proc/self/mem");
	while (!found && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%llx-%llx %7s", &from, &to, mode) == 3 && mode[0] == 'r' &&
		    mode[1] == 'w' && to - from < 1ull << 30) /* not a sanitizer's shadow */
			found = region_has(mem, from, to, masked);
	fclose(maps);
	close(mem);
	return found;
}

/* What is done with the secret last; each leaves it in other places on the way. */
enum use {
	USE_WRITE,
	USE_READ,
	USE_READ_PART,
	USE_WRITE_PART,
	USE_REPLACE,
	USE_END,
};

static void use_secret(struct rzs_store *store, struct rzs_worker *w, enum use use, uint8_t *page)
{
	switch (use) {
	case USE_READ:
		T_EQ(rzs_store_read(store, w, 0, page), 0);
		break;
	case USE_READ_PART:
		T_EQ(rzs_store_pread(store, w, page, 10, 500), 0);
		break;
	case USE_WRITE_PART:
		T_EQ(rzs_store_pwrite(store, w, page, 10, 10), 0);
		break;
	case USE_REPLACE:
		memset(page, 1, PAGE);
		T_EQ(rzs_store_write(store, w, 0, page), 0);
		break;
	default:
		break;
	}
}

/*
 * Store the secret in slot 0, use it, drop it, and look for traces: in its block (which stays when
 * keep_block, as another page is in it), in the worker, anywhere.
 */
static bool secret_is_left(bool wipe, bool compressible, bool keep_block, enum use use)
{
	struct rzs_config cfg = config(100);
	uint8_t page[PAGE], masked[NEEDLE];
	struct rzs_store *store;
	struct rzs_worker *w;
	bool left;
	unsigned i;

	cfg.wipe = wipe;
	T_EQ(rzs_store_create(&cfg, &store), 0);
	w = rzs_worker_get(store, 0);
	pages_make(page, compressible ? PAGES_TEXT : PAGES_RANDOM, 1);
	T_EQ(rzs_store_write(store, w, 1, page), 0);
	pages_make(page, PAGES_RANDOM, 0x5ec4e7);
	if (compressible)
		memset(page, 0, 900);
	for (i = 0; i < NEEDLE; i++)
		masked[i] = page[1000 + i] ^ 0x5a;
	T_EQ(rzs_store_write(store, w, 0, page), 0);
	use_secret(store, w, use, page);
	T_EQ(rzs_store_discard(store, w, 0, keep_block ? 1 : 2), 0);
	memset(page, 0, PAGE);
	left = memory_has(masked);
	rzs_worker_put(store, w);
	rzs_store_destroy(store);
	return left;
}

T_TEST(wiping_leaves_no_trace_of_a_dropped_page)
{
	unsigned compressible, keep_block;
	int use;

	for (compressible = 0; compressible < 2; compressible++)
		for (keep_block = 0; keep_block < 2; keep_block++)
			for (use = 0; use < USE_END; use++)
				if (secret_is_left(true, compressible, keep_block, (enum use)use))
					T_FAIL("found after use %d, %u %u", use, compressible,
					       keep_block);
	/* The search does find what is not wiped. */
	T_OK(secret_is_left(false, false, false, USE_WRITE));
	T_OK(secret_is_left(false, true, true, USE_READ));
}

T_TEST(a_wiping_store_stores_like_any_other)
{
	struct rzs_config cfg = config(1000);
	uint64_t seed = t_seed(), i;
	uint8_t page[PAGE];
	struct twin t;

	cfg.wipe = true;
	rzs_test_guard(true);
	twin_open(&t, &cfg);
	for (i = 0; i < 5000; i++) {
		pages_make_any(page, seed + i);
		T_EQ(twin_write(&t, pages_hash(seed, i) % 1000, page), 0);
		if (i % 3 == 0)
			twin_discard(&t, pages_hash(seed, i + 1) % 998, 3);
		if (i % 500 == 0)
			twin_compact(&t, UINT64_MAX);
	}
	twin_close(&t);
	T_EQ(rzs_test_damage(), 0);
}
