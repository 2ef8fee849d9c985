/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When a store merges, by KSM's knobs: batches and pauses, knobs that are refused, undoing that
 * fits and that does not.  Time is what the test says it is.
 */
#include "merger.h"
#include "port_test.h"
#include "twin_rig.h"

#define PAGES 1000u

static struct twin t;
static struct rzs_merger m;
static char why[RZS_WHY_MAX];
static uint64_t now; /* ms */

/* What rzs_store_unmerge() is to return: its own result where this is 0. */
static int unmerge_result;

int __real_rzs_store_unmerge(struct rzs_store *store, struct rzs_worker *w, uint64_t nr,
			     bool *out_done);
int __wrap_rzs_store_unmerge(struct rzs_store *store, struct rzs_worker *w, uint64_t nr,
			     bool *out_done);

int __wrap_rzs_store_unmerge(struct rzs_store *store, struct rzs_worker *w, uint64_t nr,
			     bool *out_done)
{
	int err;

	*out_done = false;
	if (unmerge_result == -ENOMEM || unmerge_result == -ENOSPC)
		return unmerge_result;
	err = __real_rzs_store_unmerge(store, w, nr, out_done);
	return err ? err : unmerge_result;
}

static void begin(void)
{
	t = open_twin(PAGES);
	m = (struct rzs_merger){.store = t.store};
	rzs_merge_knobs_init(&m.knobs);
}

/* Pages of `kinds` contents, in turn. */
static void put(uint64_t slot, uint64_t nr, unsigned kinds)
{
	uint8_t page[PAGE];

	for (; nr; nr--, slot++) {
		pages_make(page, PAGES_TEXT, slot % kinds);
		T_EQ(twin_write(&t, slot, page), 0);
	}
}

static int set(const struct rzs_merge_knobs *knobs)
{
	int err;

	rzs_worker_put(t.store, t.worker);
	err = rzs_merger_set(&m, knobs, UINT64_MAX, why);
	t.worker = rzs_worker_get(t.store, 0);
	return err;
}

static int set_run(int run)
{
	struct rzs_merge_knobs knobs = m.knobs;

	knobs.run = run;
	return set(&knobs);
}

static int step(void)
{
	return rzs_merger_step(&m, t.worker, now);
}

/* Steps until none is due any more, or one fails. */
static int steps(unsigned most)
{
	int err = 0;

	for (unsigned i = 0; err == 0 && rzs_merger_wait(&m, now) == 0; i++) {
		T_LT(i, most);
		err = step();
	}
	return err;
}

/* All pages are scanned once. */
static void scan_all(void)
{
	uint64_t before = stats_of(&t).full_scans;

	for (unsigned i = 0; stats_of(&t).full_scans == before; i++) {
		T_LT(i, 2 * PAGES);
		T_EQ(steps(2 * PAGES), 0);
		now += (uint64_t)m.knobs.sleep_millisecs;
	}
}

static void merge_copies(unsigned kinds)
{
	put(0, PAGES, kinds);
	T_EQ(set_run(RZS_MERGE_RUN), 0);
	scan_all();
	T_GT(stats_of(&t).pages_sharing, 0);
}

/* Red when the defaults are not KSM's. */
T_TEST(defaults)
{
	struct rzs_merge_knobs k;

	rzs_merge_knobs_init(&k);
	T_EQ(k.run, 0);
	T_EQ(k.pages_to_scan, 100);
	T_EQ(k.sleep_millisecs, 20);
	T_EQ(k.max_page_sharing, 256);
	T_EQ(k.smart_scan, true);
	T_EQ(k.index_bytes, 0);
	T_EQ(k.inline_writes, false);
}

/* Red when a merger that is off does anything, or takes memory. */
T_TEST(off)
{
	struct rzs_stats before, after;

	begin();
	put(0, PAGES, 10);
	before = stats_of(&t);
	T_EQ(set_run(RZS_MERGE_STOP), 0);
	T_EQ(rzs_merger_wait(&m, now), UINT64_MAX);
	T_EQ(step(), 0);
	after = stats_of(&t);
	T_MEM_EQ(&after, &before, sizeof(after));
	twin_close(&t);
}

/* Red when a batch has another length, or the pause after it. */
T_TEST(batches)
{
	struct rzs_merge_knobs k;

	begin();
	put(0, PAGES, PAGES);
	rzs_merge_knobs_init(&k);
	k.run = RZS_MERGE_RUN;
	T_EQ(set(&k), 0);
	now = 5000;
	for (unsigned batch = 1; batch <= 9; batch++) {
		T_EQ(rzs_merger_wait(&m, now), 0);
		T_EQ(steps(100), 0);
		T_EQ(stats_of(&t).pages_scanned, 100 * batch);
		T_EQ(rzs_merger_wait(&m, now), 20);
		T_EQ(rzs_merger_wait(&m, now + 15), 5);
		now += 20;
	}
	/* Other values count from now on. */
	k.pages_to_scan = 7;
	k.sleep_millisecs = 1000;
	k.smart_scan = false;
	T_EQ(set(&k), 0);
	T_EQ(steps(100), 0);
	T_EQ(stats_of(&t).pages_scanned, 907);
	T_EQ(rzs_merger_wait(&m, now), 1000);
	k.pages_to_scan = 0;
	T_EQ(set(&k), 0);
	T_EQ(rzs_merger_wait(&m, now), UINT64_MAX);
	k.pages_to_scan = INT32_MAX;
	k.sleep_millisecs = 0;
	T_EQ(set(&k), 0);
	T_EQ(step(), 0);
	T_LE(stats_of(&t).pages_scanned, 907 + 64);
	T_EQ(rzs_merger_wait(&m, now), 0);
	twin_check_all(&t);
	twin_close(&t);
}

/* Red when a stop undoes what was merged, or a new start does not find it. */
T_TEST(stop_and_start)
{
	struct rzs_stats s;
	uint64_t fixed;

	begin();
	merge_copies(10);
	s = stats_of(&t);
	T_EQ(s.pages_shared, 10);
	T_EQ(s.pages_sharing, PAGES - 10);
	fixed = s.fixed_bytes;
	T_EQ(set_run(RZS_MERGE_STOP), 0);
	T_EQ(rzs_merger_wait(&m, now), UINT64_MAX);
	T_EQ(stats_of(&t).pages_sharing, PAGES - 10);
	put(0, 500, 10);
	T_EQ(set_run(RZS_MERGE_RUN), 0);
	T_EQ(stats_of(&t).fixed_bytes, fixed);
	scan_all();
	/* Those that were written again have objects of their own kind. */
	T_GE(stats_of(&t).pages_sharing, PAGES - 20);
	twin_check_all(&t);
	twin_close(&t);
}

/* Red when writes merge though that is off, or cease to while it is on; or look into no index. */
T_TEST(writes_merge_while_it_runs)
{
	struct rzs_merge_knobs k;

	begin();
	rzs_merge_knobs_init(&k);
	k.inline_writes = true;
	T_EQ(set(&k), 0);
	put(0, 100, 10);
	T_EQ(stats_of(&t).pages_sharing, 0);
	k.run = RZS_MERGE_RUN;
	k.pages_to_scan = 0;
	T_EQ(set(&k), 0);
	put(100, 100, 10);
	T_EQ(stats_of(&t).pages_sharing, 90);
	k.inline_writes = false;
	T_EQ(set(&k), 0);
	put(200, 100, 10);
	T_EQ(stats_of(&t).pages_sharing, 90);
	k.inline_writes = true;
	T_EQ(set(&k), 0);
	put(300, 100, 10);
	T_EQ(stats_of(&t).pages_sharing, 190);
	/* Undoing ends it as well. */
	k.run = RZS_MERGE_UNDO;
	T_EQ(set(&k), 0);
	put(400, 100, 10);
	T_EQ(steps(100), 0);
	T_EQ(stats_of(&t).pages_sharing, 0);
	twin_check_all(&t);
	twin_close(&t);
}

T_TEST(sharing_is_bounded_and_that_is_not_changed_while_pages_share)
{
	struct rzs_merge_knobs k;

	begin();
	rzs_merge_knobs_init(&k);
	k.run = RZS_MERGE_RUN;
	k.max_page_sharing = 50;
	T_EQ(set(&k), 0);
	put(0, PAGES, 1);
	scan_all();
	T_EQ(stats_of(&t).pages_shared, PAGES / 50);
	k.max_page_sharing = 60;
	T_EQ(set(&k), -EBUSY);
	T_OK(strstr(why, "merge-run=2 first") != NULL);
	T_EQ(m.knobs.max_page_sharing, 50);
	T_EQ(m.knobs.run, RZS_MERGE_RUN);
	k.max_page_sharing = 50; /* no change */
	T_EQ(set(&k), 0);
	k.run = RZS_MERGE_UNDO;
	T_EQ(set(&k), 0);
	T_EQ(steps(100), 0);
	k.max_page_sharing = 60;
	T_EQ(set(&k), 0);
	twin_close(&t);
}

/* Red when undoing does not end, begins again, or runs in steps that are too long. */
T_TEST(undo)
{
	uint64_t sharing, fixed;

	begin();
	merge_copies(10);
	sharing = stats_of(&t).pages_sharing;
	fixed = stats_of(&t).fixed_bytes;
	T_EQ(set_run(RZS_MERGE_STOP), 0);
	T_LT(stats_of(&t).fixed_bytes, fixed); /* the index is gone */
	T_EQ(stats_of(&t).pages_sharing, sharing);
	T_EQ(set_run(RZS_MERGE_UNDO), 0);
	T_EQ(step(), 0);
	T_GE(stats_of(&t).pages_sharing, sharing - 64);
	T_EQ(rzs_merger_wait(&m, now), 0);
	T_EQ(steps(100), 0);
	T_EQ(stats_of(&t).pages_sharing, 0);
	T_EQ(stats_of(&t).pages_shared, 0);
	T_EQ(stats_of(&t).merge_saved_bytes, 0);
	T_EQ(m.knobs.run, RZS_MERGE_UNDO);
	T_EQ(rzs_merger_wait(&m, now), UINT64_MAX);
	T_EQ(set_run(RZS_MERGE_UNDO), 0);
	T_EQ(rzs_merger_wait(&m, now), UINT64_MAX);
	twin_check_all(&t);
	/* Stopped half way, and merged again. */
	T_EQ(set_run(RZS_MERGE_RUN), 0);
	scan_all();
	T_EQ(set_run(RZS_MERGE_UNDO), 0);
	T_EQ(step(), 0);
	T_EQ(set_run(RZS_MERGE_RUN), 0);
	scan_all();
	/* It does not find the objects that were shared before, so there may be two of a kind. */
	T_GE(stats_of(&t).pages_sharing, sharing - 10);
	twin_check_all(&t);
	twin_close(&t);
}

static void refuse_undo(uint64_t available, uint64_t has, const char *what)
{
	struct rzs_merge_knobs k = m.knobs;
	struct rzs_stats s = stats_of(&t);
	uint64_t bytes = s.merge_saved_bytes + 12 * s.pages_sharing;
	char numbers[128];

	k.run = RZS_MERGE_UNDO;
	T_EQ(rzs_merger_set(&m, &k, available, why), -ENOMEM);
	snprintf(numbers, sizeof(numbers), "takes %llu bytes, and %s %llu ",
		 (unsigned long long)(bytes + bytes / 32), what, (unsigned long long)has);
	if (!strstr(why, numbers))
		T_FAIL("\"%s\" does not say \"%s\"", why, numbers);
	T_EQ(m.knobs.run, RZS_MERGE_STOP);
	T_EQ(rzs_merger_wait(&m, now), UINT64_MAX);
	T_EQ(stats_of(&t).pages_sharing, s.pages_sharing);
	T_EQ(set_run(RZS_MERGE_RUN), 0);
}

/* Red when undoing begins that cannot end, or run does not become 0 as KSM's does. */
T_TEST(undo_that_does_not_fit)
{
	struct rzs_stats s;

	begin();
	merge_copies(10);
	twin_compact(&t, UINT64_MAX);
	refuse_undo(1000, 1000, "the machine has");
	refuse_undo(0, 0, "the machine has");
	s = stats_of(&t);
	T_EQ(twin_set_limit(&t, s.mem_bytes + 3 * RZS_BLOCK_SIZE), 0);
	s = stats_of(&t);
	T_GT(s.limit_bytes, s.mem_bytes);
	refuse_undo(UINT64_MAX, s.limit_bytes - s.mem_bytes, "memlimit has");
	refuse_undo(0, s.limit_bytes - s.mem_bytes, "memlimit has");
	T_EQ(twin_set_limit(&t, 0), 0);
	T_EQ(set_run(RZS_MERGE_UNDO), 0);
	T_EQ(steps(100), 0);
	T_EQ(stats_of(&t).pages_sharing, 0);
	twin_check_all(&t);
	twin_close(&t);
}

/* It fitted at first, and then others have taken the memory. */
T_TEST(undo_that_runs_out_of_memory)
{
	unsigned tries = 0;
	int err = 0;

	begin();
	merge_copies(10);
	T_EQ(set_run(RZS_MERGE_UNDO), 0);
	T_EQ(step(), 0);
	unmerge_result = -ENOSPC;
	T_EQ(step(), -ENOSPC);
	T_EQ(m.knobs.run, RZS_MERGE_STOP);
	T_EQ(step(), 0);
	T_EQ(set_run(RZS_MERGE_UNDO), 0);
	/* An empty reserve is waited for, but not for ever. */
	unmerge_result = -ENOMEM;
	T_EQ(step(), 0);
	T_GT(rzs_merger_wait(&m, now), 0);
	now += rzs_merger_wait(&m, now);
	unmerge_result = 0;
	T_EQ(step(), 0);
	unmerge_result = -ENOMEM;
	for (; err == 0; tries++) {
		T_LT(tries, 1000);
		T_NE(rzs_merger_wait(&m, now), UINT64_MAX);
		now += rzs_merger_wait(&m, now);
		err = step();
	}
	T_EQ(err, -ENOMEM);
	T_GT(tries, 100);
	T_EQ(m.knobs.run, RZS_MERGE_STOP);
	T_GT(stats_of(&t).pages_sharing, 0);
	twin_check_all(&t);
	/* And when there is memory again, it goes on. */
	unmerge_result = 0;
	T_EQ(set_run(RZS_MERGE_UNDO), 0);
	T_EQ(steps(100), 0);
	T_EQ(stats_of(&t).pages_sharing, 0);
	twin_check_all(&t);
	twin_close(&t);
}

/* Red when damaged pages keep the rest from being undone, or nothing is said of them. */
T_TEST(undo_with_damaged_pages)
{
	begin();
	merge_copies(10);
	T_EQ(set_run(RZS_MERGE_UNDO), 0);
	unmerge_result = -EIO;
	T_EQ(step(), 0);
	unmerge_result = 0;
	T_EQ(steps(100), -EIO);
	T_EQ(m.knobs.run, RZS_MERGE_UNDO);
	T_EQ(rzs_merger_wait(&m, now), UINT64_MAX);
	T_EQ(steps(1), 0); /* it is said once */
	twin_close(&t);
}

T_TEST(no_memory_for_the_index)
{
	struct rzs_merge_knobs k;
	struct rzs_stats s;

	begin();
	rzs_test_fail(RZS_TEST_ALLOC, 1, 1);
	T_EQ(set_run(RZS_MERGE_RUN), -ENOMEM);
	rzs_test_fail(RZS_TEST_ALLOC, 0, 0);
	T_OK(strstr(why, "merge-run=1: no memory for an index of ") != NULL);
	T_EQ(m.knobs.run, RZS_MERGE_STOP);
	s = stats_of(&t);
	T_EQ(twin_set_limit(&t, s.fixed_bytes + s.table_bytes + 10 * RZS_BLOCK_SIZE), 0);
	k = m.knobs;
	k.run = RZS_MERGE_RUN;
	k.index_bytes = 1u << 20;
	T_EQ(set(&k), -ENOSPC);
	T_OK(strstr(why, "merge-run=1: memlimit does not allow an index of 1048576 ") != NULL);
	T_EQ(m.knobs.run, RZS_MERGE_STOP);
	T_EQ(stats_of(&t).fixed_bytes, s.fixed_bytes);
	k.index_bytes = 4096;
	T_EQ(set(&k), 0);
	T_GE(stats_of(&t).merge_bytes, 4096);
	twin_close(&t);
}
