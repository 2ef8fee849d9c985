/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Long runs of random calls against a plain array.  Every call's result is compared at once, all
 * of it now and then.
 *
 * Environment: RZS_OPS is the number of calls of each test (default: what fits in a second or
 * two); T_SEED or --seed the seed.  With RZS_OPS a test's deadline is far away, so that a run of
 * 10^8 is one command:
 *	RZS_OPS=100000000 ./test_store_model --run mixed_pages_lzo
 */
#include "pages.h"
#include "port_test.h"
#include "rzs_store.h"
#include "t.h"
#include "twin.h"

#define PAGE	  RZS_PAGE_SIZE
#define DEADLINE  7200	/* seconds: for the long runs */
#define STOCK	  1024u /* pages made beforehand: making one costs more than storing it */
#define MAX_RANGE 40u	/* pages in a long range */

/* One test: what the store is like and what goes into it. */
struct run {
	struct rzs_config cfg;
	uint64_t extra; /* with limited: what it may hold beyond its least limit */
	bool limited;
	unsigned kinds;	     /* bit set of enum pages_kind */
	uint64_t ops;	     /* when RZS_OPS does not say */
	unsigned take_fails; /* one in so many block takes fails; 0: none */
	bool merging;
	unsigned alike; /* pages are made of so many; 0: STOCK */
};

struct state {
	const struct run *run;
	bool merging; /* now */
	uint64_t merged;
	struct twin t;
	struct pages_rng rng;
	uint64_t base_limit;
	uint8_t (*stock)[PAGE];
	uint8_t *buf; /* MAX_RANGE pages */
};

static uint64_t ops_wanted(const struct run *run)
{
	const char *ops = getenv("RZS_OPS");
	uint64_t n = ops ? strtoull(ops, NULL, 0) : (uint64_t)((double)run->ops / t_scale());

	return n ? n : 1;
}

static void make_stock(struct state *s)
{
	unsigned i = 0, kind;

	s->stock = malloc(STOCK * sizeof(*s->stock));
	s->buf = malloc(MAX_RANGE * PAGE);
	if (s->stock == NULL || s->buf == NULL)
		exit(T_EXIT_ERROR);
	while (i < STOCK) {
		kind = (unsigned)pages_below(&s->rng, PAGES_NR);
		if (s->run->kinds & 1u << kind)
			pages_make(s->stock[i++], (enum pages_kind)kind, pages_next(&s->rng));
	}
}

/*
 * A page to write.  Most get a stamp, so that two are never the same and one page cannot pass for
 * another.
 */
static void next_page(struct state *s, uint8_t *page)
{
	uint64_t r = pages_next(&s->rng);

	memcpy(page, s->stock[r % (s->run->alike ? s->run->alike : STOCK)], PAGE);
	if (r >> 62) {
		uint64_t stamp = pages_next(&s->rng);

		memcpy(page + (r >> 20) % (PAGE - 8), &stamp, 8);
	}
}

static uint64_t pick_slot(struct state *s)
{
	uint64_t nr = s->t.model.nr_pages, r = pages_next(&s->rng);

	/* A quarter of the calls go to a sixteenth of the pages: what is hot is rewritten often. */
	return r >> 62 == 0 ? pages_below(&s->rng, (nr + 15) / 16) : pages_below(&s->rng, nr);
}

/* A range within the store: short ones mostly, half of them beginning and ending within pages. */
static void pick_range(struct state *s, uint64_t *len, uint64_t *offset)
{
	uint64_t size = s->t.model.nr_pages * PAGE, r = pages_next(&s->rng);
	uint64_t most = r % 64 == 0 ? MAX_RANGE * PAGE : r % 8 == 0 ? 5 * PAGE : PAGE;

	*offset = pick_slot(s) * PAGE;
	*len = 1 + pages_below(&s->rng, most);
	if (r >> 63)
		*offset += pages_below(&s->rng, PAGE);
	else if (*len > PAGE)
		*len -= *len % PAGE;
	if (*len > size - *offset)
		*len = size - *offset;
}

static void do_pwrite(struct state *s)
{
	uint64_t len, offset, at;

	pick_range(s, &len, &offset);
	for (at = 0; at < len; at += PAGE)
		next_page(s, s->buf + at);
	(void)twin_pwrite(&s->t, s->buf, len, offset);
}

static void do_run(struct state *s, bool discard)
{
	uint64_t slot = pick_slot(s), left = s->t.model.nr_pages - slot;
	uint64_t nr;

	if (left > 4 && pages_next(&s->rng) % 256)
		left = 4;
	nr = 1 + pages_below(&s->rng, left);
	if (discard)
		twin_discard(&s->t, slot, nr);
	else
		twin_map(&s->t, slot, nr);
}

/* Merging, with its switch and its knobs, and now and then the way back. */
static void do_merge(struct state *s)
{
	uint64_t r = pages_next(&s->rng), nr = s->t.model.nr_pages;
	struct rzs_merge_params params = {RZS_MERGE_SHARING_DEFAULT, r >> 63};
	int err;

	switch (r % 32) {
	case 3:
		params.max_sharing = r >> 8 & 1 ? 2 + (r >> 9 & 255) : 0;
		if (s->merging && rzs_store_merge_writes(s->t.store, params.max_sharing))
			twin_fail(&s->t, "switching writes");
		return;
	case 0:
		rzs_store_merge_close(s->t.store, s->t.worker);
		err = rzs_store_merge_open(s->t.store, r & 1 << 8 ? 64 : 64 * 1024);
		if (err && err != -ENOSPC)
			twin_fail(&s->t, "opening: %d", err);
		s->merging = !err;
		return;
	case 1:
		while (!twin_unmerge(&s->t, nr) && !s->t.may_refuse)
			;
		return;
	case 2:
		(void)twin_unmerge(&s->t, 1 + pages_below(&s->rng, nr));
		return;
	default:
		if (r >> 8 & 1)
			params.max_sharing = 2 + (r >> 9 & 7);
		if (s->merging)
			s->merged += twin_merge(&s->t, &params, 1 + pages_below(&s->rng, nr));
	}
}

/* Rare things: a budgeted compaction, another limit, a test of a worker given and taken. */
static void do_rare(struct state *s)
{
	uint64_t r = pages_next(&s->rng);

	switch (r % 4) {
	case 0:
	case 1:
		(void)twin_compact(&s->t, r >> 60 ? 1 + (r >> 8) % 200 : UINT64_MAX);
		break;
	case 2:
		if (s->run->limited)
			(void)twin_set_limit(&s->t, s->base_limit + (r >> 8) % (s->run->extra + 1));
		break;
	default:
		rzs_worker_put(s->t.store, s->t.worker);
		s->t.worker = rzs_worker_get(s->t.store, (unsigned)(r >> 8));
		break;
	}
}

static void do_one(struct state *s)
{
	uint64_t r = pages_below(&s->rng, 1000), len, offset;
	uint8_t page[PAGE];

	if (s->run->merging && r % 100 == 0) {
		do_merge(s);
	} else if (r < 380) {
		next_page(s, page);
		(void)twin_write(&s->t, pick_slot(s), page);
	} else if (r < 720) {
		twin_read(&s->t, pick_slot(s));
	} else if (r < 790) {
		do_pwrite(s);
	} else if (r < 860) {
		pick_range(s, &len, &offset);
		twin_pread(&s->t, len, offset);
	} else if (r < 890) {
		pick_range(s, &len, &offset);
		(void)twin_pzero(&s->t, len, offset);
	} else if (r < 910) {
		pick_range(s, &len, &offset);
		twin_ptrim(&s->t, len, offset);
	} else if (r < 970) {
		do_run(s, true);
	} else if (r < 998) {
		do_run(s, false);
	} else {
		do_rare(s);
	}
}

static void run_model(struct run run)
{
	struct state s = {.run = &run, .rng = {t_seed()}};
	uint64_t ops = ops_wanted(&run), step = ops / 20 < 20000 ? ops / 20 + 1 : 20000, i;
	uint64_t live = rzs_test_live_bytes();

	run.cfg.nr_workers = 3;
	if (run.limited) {
		T_EQ(rzs_store_min_limit(&run.cfg, &s.base_limit), 0);
		run.cfg.limit_bytes = s.base_limit + run.extra;
	}
	/* Small stores can afford a mapping for each block. */
	rzs_test_guard(run.cfg.nr_pages < 500);
	twin_open(&s.t, &run.cfg);
	s.t.may_refuse = run.limited || run.take_fails;
	make_stock(&s);
	if (run.merging) {
		T_EQ(rzs_store_merge_open(s.t.store, 32 * 1024), 0);
		T_EQ(rzs_store_merge_writes(s.t.store, RZS_MERGE_SHARING_DEFAULT), 0);
		s.merging = true;
	}
	for (i = 0; i < ops; i++) {
		if (run.take_fails && i % 64 == 0)
			rzs_test_fail(RZS_TEST_TAKE, 1 + pages_below(&s.rng, run.take_fails),
				      pages_below(&s.rng, 3));
		do_one(&s);
		if (i % step == step - 1) {
			twin_check_stats(&s.t);
			twin_verify(&s.t, i % (8 * step) < step);
		}
		if (i % (32 * step) == 32 * step - 1)
			twin_check_all(&s.t);
	}
	rzs_test_fail(RZS_TEST_TAKE, 0, 0);
	t_note("%llu calls, %llu writes refused", (unsigned long long)s.t.ops,
	       (unsigned long long)s.t.refused);
	if (run.merging) {
		t_note("%llu pages merged", (unsigned long long)s.merged);
		T_GT(s.merged, ops / 5000); /* by scans; writes merge most of them */
	}
	if ((run.limited || run.take_fails) && ops >= 10000)
		T_GT(s.t.refused, 0); /* or this run has not tested what it is for */
	twin_close(&s.t);
	free(s.stock);
	free(s.buf);
	T_EQ(rzs_test_live_bytes(), live);
	T_EQ(rzs_test_damage(), 0);
}

#define EVERY_KIND ((1u << PAGES_NR) - 1)
#define COMPRESSIBLE                                                                       \
	(1u << PAGES_ZERO | 1u << PAGES_SAME32 | 1u << PAGES_TEXT | 1u << PAGES_POINTERS | \
	 1u << PAGES_SPARSE | 1u << PAGES_NEAR_TEXT)
#define HARD (1u << PAGES_RANDOM | 1u << PAGES_EDGE | 1u << PAGES_NEAR_SAME)

T_TEST_TIMEOUT(mixed_pages_lzo, DEADLINE)
{
	run_model((struct run){.cfg = {.nr_pages = 3000}, .kinds = EVERY_KIND, .ops = 450000});
}

T_TEST_TIMEOUT(mixed_pages_lz4, DEADLINE)
{
	if (rzs_codec_name(1) == NULL)
		T_SKIP("lzo is the only codec of this build");
	run_model((struct run){.cfg = {.nr_pages = 3000, .codec = rzs_codec_name(1)},
			       .kinds = EVERY_KIND,
			       .ops = 240000});
}

T_TEST_TIMEOUT(mixed_pages_zstd, DEADLINE)
{
	if (rzs_codec_name(2) == NULL)
		T_SKIP("zstd is not in this build");
	run_model((struct run){.cfg = {.nr_pages = 3000, .codec = rzs_codec_name(2), .level = 1},
			       .kinds = EVERY_KIND,
			       .ops = 150000});
}

T_TEST_TIMEOUT(one_page, DEADLINE)
{
	run_model((struct run){.cfg = {.nr_pages = 1}, .kinds = EVERY_KIND, .ops = 180000});
}

T_TEST_TIMEOUT(ten_pages, DEADLINE)
{
	run_model((struct run){.cfg = {.nr_pages = 10}, .kinds = EVERY_KIND, .ops = 300000});
}

T_TEST_TIMEOUT(many_pages, DEADLINE)
{
	run_model((struct run){.cfg = {.nr_pages = 16384}, .kinds = EVERY_KIND, .ops = 300000});
}

T_TEST_TIMEOUT(compressible_pages, DEADLINE)
{
	run_model((struct run){.cfg = {.nr_pages = 3000}, .kinds = COMPRESSIBLE, .ops = 300000});
}

T_TEST_TIMEOUT(incompressible_pages, DEADLINE)
{
	run_model((struct run){.cfg = {.nr_pages = 1000}, .kinds = HARD, .ops = 300000});
}

T_TEST_TIMEOUT(a_tight_limit, DEADLINE)
{
	run_model((struct run){.cfg = {.nr_pages = 2000},
			       .limited = true,
			       .extra = 1u << 20,
			       .kinds = EVERY_KIND,
			       .ops = 300000});
}

/* So many pages that each worker has its own blocks. */
T_TEST_TIMEOUT(a_tight_limit_in_a_large_store, DEADLINE)
{
	run_model((struct run){.cfg = {.nr_pages = 3 * 16384},
			       .limited = true,
			       .extra = 2u << 20,
			       .kinds = EVERY_KIND,
			       .ops = 60000});
}

T_TEST_TIMEOUT(the_least_limit, DEADLINE)
{
	run_model((struct run){.cfg = {.nr_pages = 300},
			       .limited = true,
			       .extra = 100000,
			       .kinds = EVERY_KIND,
			       .ops = 180000});
}

T_TEST_TIMEOUT(a_tight_limit_and_incompressible_pages, DEADLINE)
{
	run_model((struct run){.cfg = {.nr_pages = 1000},
			       .limited = true,
			       .extra = 1u << 20,
			       .kinds = HARD,
			       .ops = 180000});
}

T_TEST_TIMEOUT(a_reserve_that_runs_dry, DEADLINE)
{
	run_model((struct run){
		.cfg = {.nr_pages = 2000}, .take_fails = 8, .kinds = EVERY_KIND, .ops = 180000});
}

T_TEST_TIMEOUT(no_checksum_and_wipe, DEADLINE)
{
	run_model((struct run){.cfg = {.nr_pages = 1000, .no_checksum = true, .wipe = true},
			       .kinds = EVERY_KIND,
			       .ops = 180000});
}

T_TEST_TIMEOUT(merging, DEADLINE)
{
	run_model((struct run){.cfg = {.nr_pages = 3000},
			       .merging = true,
			       .alike = 200,
			       .kinds = EVERY_KIND,
			       .ops = 240000});
}

T_TEST_TIMEOUT(merging_few_pages, DEADLINE)
{
	run_model((struct run){.cfg = {.nr_pages = 40},
			       .merging = true,
			       .alike = 8,
			       .kinds = EVERY_KIND,
			       .ops = 240000});
}

T_TEST_TIMEOUT(merging_under_a_tight_limit, DEADLINE)
{
	run_model((struct run){.cfg = {.nr_pages = 2000},
			       .limited = true,
			       .extra = 1u << 20,
			       .merging = true,
			       .alike = 200,
			       .kinds = EVERY_KIND,
			       .ops = 180000});
}

T_TEST_TIMEOUT(merging_with_a_reserve_that_runs_dry, DEADLINE)
{
	run_model((struct run){.cfg = {.nr_pages = 2000, .no_checksum = true, .wipe = true},
			       .take_fails = 8,
			       .merging = true,
			       .alike = 200,
			       .kinds = EVERY_KIND,
			       .ops = 120000});
}
