/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When pages are recompressed: the clock and the processor time are the tests'. */
#include <limits.h>

#include "port_test.h"
#include "recompress_rig.h"
#include "recompressor.h"

static struct {
	struct twin t;
	struct rzs_recompressor r;
	uint64_t now, cpu, cost; /* of one step, ns */
	char why[RZS_WHY_MAX];
} rig;

/* A step takes `cost`: it is asked for before and after. */
static uint64_t cpu_ns(void)
{
	return rig.cpu += rig.cost;
}

static void begin(uint64_t limit)
{
	struct rzs_config cfg = config(4096);

	memset(&rig, 0, sizeof(rig));
	cfg.limit_bytes = limit;
	twin_open(&rig.t, &cfg);
	rig.r.store = rig.t.store;
	rig.now = 1000;
	rzs_recompress_knobs_init(&rig.r.knobs);
}

static int try_set(const char *codec, int level, int after, int cpu, int idle_step)
{
	struct rzs_recompress_knobs knobs = {codec, level, after, cpu, 4, idle_step};
	int err;

	rzs_worker_put(rig.t.store, rig.t.worker);
	err = rzs_recompressor_set(&rig.r, &knobs, rig.why);
	rig.t.worker = rzs_worker_get(rig.t.store, 0);
	T_EQ(rig.why[0] != 0, err != 0);
	return err;
}

static uint64_t wait_now(void)
{
	return rzs_recompressor_wait(&rig.r, rig.now);
}

/* All steps that are due within so many ms.  Returns how many there were. */
static unsigned run_for(uint64_t ms)
{
	uint64_t end = rig.now + ms, wait;
	unsigned steps = 0;

	for (; (wait = wait_now()) <= end - rig.now; steps++) {
		rig.now += wait;
		rzs_recompressor_step(&rig.r, rig.t.worker, rig.now, cpu_ns);
	}
	rig.now = end;
	return steps;
}

T_TEST(off)
{
	begin(0);
	T_EQ(wait_now(), UINT64_MAX);
	T_EQ(try_set(NULL, 0, 60, 10, 0), 0);
	T_EQ(wait_now(), UINT64_MAX);
	T_EQ(stats_of(&rig.t).recompress_bytes, 0);
	twin_close(&rig.t);
}

T_TEST(steps_alone)
{
	begin(0);
	put(&rig.t, 0, 1, 1, false);
	T_EQ(try_set(NULL, 0, 60, 10, 7), 0);
	run_for(6999);
	T_EQ(stats_of(&rig.t).idle_passes, 1);
	run_for(70000);
	T_EQ(stats_of(&rig.t).idle_passes, 11);
	T_EQ(stats_of(&rig.t).recompress_tried, 0);
	twin_close(&rig.t);
}

T_TEST(pages_that_were_idle_for_so_long)
{
	begin(0);
	T_EQ(try_set(second_codec(), 0, 60, 10, 0), 0);
	fill(&rig.t, PAGES_TEXT, 0, 100);
	run_for(59999);
	T_EQ(stats_of(&rig.t).recompress_tried, 0);
	twin_read(&rig.t, 3);
	run_for(15000);
	T_EQ(stats_of(&rig.t).recompress_kept, 99);
	T_EQ(try_set(NULL, 0, 60, 10, 0), 0);
	T_EQ(wait_now(), UINT64_MAX);
	twin_close(&rig.t);
}

/* Red when ages end before. */
T_TEST(a_long_time_in_short_steps)
{
	begin(0);
	T_EQ(try_set(second_codec(), 0, 3600, 100, 1), 0);
	fill(&rig.t, PAGES_TEXT, 0, 10);
	run_for(3599 * 1000);
	T_EQ(stats_of(&rig.t).recompress_tried, 0);
	run_for(100 * 1000);
	T_EQ(stats_of(&rig.t).recompress_kept, 10);
	twin_close(&rig.t);
}

/* Red when the rest is forgotten, or its fractions of a millisecond. */
T_TEST(the_share_of_a_processor)
{
	static const int shares[] = {1, 10, 25};

	for (unsigned i = 0; i < 3; i++) {
		unsigned share = (unsigned)shares[i];
		uint64_t took, most = 100000000ull * share / (100 - share); /* in 100 ms of rest */

		begin(0);
		rig.cost = 30000;
		T_EQ(try_set(second_codec(), 0, 0, shares[i], 1), 0);
		fill(&rig.t, PAGES_TEXT, 0, 2000);
		rzs_recompressor_mark(&rig.r, rig.why);
		rig.r.knobs.idle_step = 100000;
		run_for(100);
		took = stats_of(&rig.t).recompress_ns;
		T_GE(took + most / 10 + rig.cost, most);
		T_LE(took, most + most / 10 + rig.cost);
		twin_close(&rig.t);
	}
}

T_TEST(earlier_near_the_limit)
{
	begin(6u << 20);
	rig.t.may_refuse = true;
	T_EQ(try_set(second_codec(), 0, 60, 100, 10), 0);
	fill(&rig.t, PAGES_TEXT, 0, 1000);
	run_for(15000);
	T_EQ(stats_of(&rig.t).recompress_tried, 0);
	for (uint64_t i = 1000; !rig.t.refused; i++) {
		uint8_t page[PAGE];

		pages_make(page, PAGES_TEXT, i);
		(void)twin_write(&rig.t, i, page);
	}
	rig.r.steps = 0;
	run_for(10000);
	T_GT(stats_of(&rig.t).recompress_tried, 100);
	twin_close(&rig.t);
}

T_TEST(refused)
{
	struct rzs_config cfg = config(4096);
	uint64_t least;

	T_EQ(rzs_store_min_limit(&cfg, &least), 0);
	begin(least);
	T_EQ(try_set(second_codec(), 0, 60, 10, 0), -ENOSPC);
	T_EQ(wait_now(), UINT64_MAX);
	T_EQ(rzs_recompressor_mark(&rig.r, rig.why), -ENOSPC);
	T_EQ(twin_set_limit(&rig.t, 0), 0);
	T_EQ(try_set(second_codec(), 50, 60, 10, 0), -EINVAL);
	rzs_test_fail(RZS_TEST_ALLOC, 1, 1);
	T_EQ(try_set(second_codec(), 0, 60, 10, 0), -ENOMEM);
	T_EQ(try_set(second_codec(), 0, 60, 10, 0), 0);
	T_EQ(try_set("lzo", 0, 60, 10, 0), -EINVAL);
	T_STR_EQ(rig.r.knobs.codec, second_codec());
	twin_close(&rig.t);
}

/* Red if spilling finds no idle pages without recompression, or shortens what that counts. */
T_TEST(passes_for_spilling)
{
	begin(0);
	T_EQ(rzs_recompressor_pause(&rig.r), 0);
	T_EQ(rzs_store_idle_open(rig.t.store), 0);
	rzs_recompressor_spill(&rig.r, 0);
	T_EQ(rzs_recompressor_pause(&rig.r), 10);
	T_GE(run_for(25000), 3);
	T_EQ(stats_of(&rig.t).idle_passes, 3);
	rzs_recompressor_spill(&rig.r, 127 * 60);
	T_EQ(rzs_recompressor_pause(&rig.r), 60);
	T_EQ(try_set(NULL, 0, 60, 10, 3), 0);
	T_EQ(rzs_recompressor_pause(&rig.r), 60);
	T_EQ(try_set(NULL, 0, 60, 10, 90), 0);
	T_EQ(rzs_recompressor_pause(&rig.r), 90);
	twin_close(&rig.t);
}
