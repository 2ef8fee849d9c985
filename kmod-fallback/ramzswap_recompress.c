// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Idle pages of a device: passes that find them, their recompression with a second codec, and the
 * compaction that returns the memory.  Knobs and defaults are those of servers, and what the store
 * decides for all who drive it is decided there (rzs_store.h).
 *
 * By itself: a work item makes a pass when one is due.  Then it tries pages for a slice of time,
 * and rests for so long that it stays within its share of a processor.  It holds a worker of the
 * store for one page or unit only, so that nobody who swaps waits for longer.  Time is measured by
 * the clock.  So while others have the processor, the item rests for longer.
 *
 * By hand: marks and recompression in the task that asks for them, while the item is stopped.  So
 * one thread at a time makes these calls for a store.
 *
 * Like a write each step fills the store's reserve first: ages and smaller objects need blocks.
 * The workqueue is that of merging, for the same reasons.  Knobs change as merging's do: while the
 * item neither runs nor is queued.
 */
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/smp.h>

#include "ramzswap.h"

#define PASS_SLOTS   4096u /* to look at before others get the processor */
#define PASS_STEPS   64u   /* of these before the item ends, for whoever waits for that */
#define TRY_SLOTS    1024u /* to look at for a page to try */
#define OBJECTS_STEP 256u  /* to examine while a worker is held */
#define SLICE_NS     (NSEC_PER_MSEC / 2)
#define SPARE_BYTES  (4 * RZS_BLOCK_SIZE) /* new blocks are taken while so much stays for writes */
/* Compaction begins when more than this share of the blocks is in no object, and so many bytes. */
#define COMPACT_SHARE 32u
#define COMPACT_LEAST (1u << 20)
#define SECONDS_MAX   86400u

const u32 rzs_recompress_defaults[RZS_RECOMPRESS_KNOBS] = {
	[RZS_RECOMPRESS_AFTER] = 60,
	[RZS_RECOMPRESS_CPU] = 10,
	[RZS_RECOMPRESS_UNIT] = 4,
};

/* Seconds between passes; 0: none. */
static u32 step_seconds(const struct rzs_recompressor *r)
{
	return rzs_idle_step_seconds(r->knob[RZS_RECOMPRESS_ON], r->knob[RZS_RECOMPRESS_AFTER],
				     r->knob[RZS_RECOMPRESS_IDLE_STEP]);
}

/* ---- steps, of the item or by hand ---- */

/* Returns whether the walk over all slots has ended. */
static bool pass_step(struct rzs_recompressor *r)
{
	bool done;

	/* Without memory the ages stay as they are; the next pass tries again. */
	rzs_blocks_refill(r->blocks, true);
	if (rzs_store_idle_pass(r->store, PASS_SLOTS, &done))
		done = true;
	cond_resched();
	return done;
}

/* As pass_step().  min_age 0: mark all pages. */
static bool mark_step(struct rzs_recompressor *r, u32 min_age)
{
	bool done;

	rzs_blocks_refill(r->blocks, true);
	if (rzs_store_idle_mark_old(r->store, min_age, PASS_SLOTS, &done))
		done = true;
	cond_resched();
	return done;
}

/* Try one page or unit at most.  Returns whether all slots were looked at. */
static bool try_step(struct rzs_recompressor *r, const struct rzs_recompress_params *params)
{
	struct rzs_worker *w;
	bool done;
	u64 began;

	rzs_blocks_refill(r->blocks, true);
	w = rzs_worker_get(r->store, raw_smp_processor_id());
	began = ktime_get_ns();
	if (rzs_store_recompress(r->store, w, params, TRY_SLOTS, 1, &done))
		done = true;
	rzs_store_recompress_spent(w, ktime_get_ns() - began);
	rzs_worker_put(r->store, w);
	cond_resched();
	return done;
}

/* Returns whether there is more to gain. */
static bool compact_step(struct rzs_recompressor *r)
{
	struct rzs_worker *w = rzs_worker_get(r->store, raw_smp_processor_id());
	u64 blocks;
	bool more;
	int err = rzs_store_compact(r->store, w, OBJECTS_STEP, &blocks, &more);

	rzs_worker_put(r->store, w);
	cond_resched();
	return !err && more;
}

static bool compaction_pays(struct rzs_recompressor *r)
{
	u64 idle, blocks;

	rzs_store_idle(r->store, &idle, &blocks);
	return idle > COMPACT_LEAST && idle > blocks / COMPACT_SHARE;
}

/* ---- by itself ---- */

static unsigned long jiffies_until(u64 due, u64 now)
{
	return due > now ? nsecs_to_jiffies(due - now) : 0;
}

static void pass_item(struct rzs_recompressor *r, u64 now)
{
	unsigned int i;

	if (!r->passing)
		r->pass_ns = now + (u64)step_seconds(r) * NSEC_PER_SEC;
	r->passing = true;
	for (i = 0; i < PASS_STEPS && r->passing; i++)
		r->passing = !pass_step(r);
	r->trying |= !r->passing && r->knob[RZS_RECOMPRESS_ON];
}

static void try_item(struct rzs_recompressor *r, u64 now)
{
	struct rzs_recompress_params params = {
		.spare_bytes = SPARE_BYTES,
		.unit = r->knob[RZS_RECOMPRESS_UNIT],
	};
	struct rzs_stats s;
	u64 spent = 0;

	rzs_store_stats(r->store, &s);
	params.min_age = rzs_recompress_min_age(r->knob[RZS_RECOMPRESS_AFTER], step_seconds(r));
	if (rzs_recompress_is_urgent(&s))
		params.min_age = 1;
	r->compacting |= compaction_pays(r);
	while (spent < SLICE_NS && (r->trying || r->compacting)) {
		if (r->compacting)
			r->compacting = compact_step(r);
		else
			r->trying = !try_step(r, &params);
		spent = ktime_get_ns() - now;
	}
	r->try_ns = max(r->try_ns, now) + div_u64(spent * 100, r->knob[RZS_RECOMPRESS_CPU]);
}

/* Queue the item for what is due next, if anything ever is. */
static void queue_next(struct rzs_recompressor *r)
{
	bool passes = r->passing || step_seconds(r), tries = r->trying || r->compacting;
	unsigned long wait = MAX_JIFFY_OFFSET;
	u64 now = ktime_get_ns();

	if (passes)
		wait = r->passing ? 0 : jiffies_until(r->pass_ns, now);
	if (tries)
		wait = min(wait, jiffies_until(r->try_ns, now));
	if (passes || tries)
		queue_delayed_work(rzs_scan_workqueue, &r->work, wait);
}

static void recompress_work(struct work_struct *work)
{
	struct rzs_recompressor *r =
		container_of(to_delayed_work(work), struct rzs_recompressor, work);
	u64 now = ktime_get_ns();

	if (r->passing || (step_seconds(r) && !jiffies_until(r->pass_ns, now)))
		pass_item(r, now);
	else if (r->trying || r->compacting)
		try_item(r, now);
	queue_next(r);
}

static void item_stop(struct rzs_recompressor *r)
{
	cancel_delayed_work_sync(&r->work);
}

void rzs_recompressor_init(struct rzs_recompressor *r, struct rzs_store *store,
			   struct rzs_blocks *blocks)
{
	r->store = store;
	r->blocks = blocks;
	memcpy(r->knob, rzs_recompress_defaults, sizeof(r->knob));
	INIT_DELAYED_WORK(&r->work, recompress_work);
}

void rzs_recompressor_fini(struct rzs_recompressor *r)
{
	item_stop(r);
}

/* ---- knobs ---- */

int rzs_recompressor_codec(struct rzs_recompressor *r, const char *codec, int level)
{
	int err;

	item_stop(r);
	err = rzs_store_idle_open(r->store);
	if (!err)
		err = rzs_store_recompress_open(r->store, codec, level);
	queue_next(r);
	return err;
}

static bool knob_takes(enum rzs_recompress_knob knob, u32 value)
{
	switch (knob) {
	case RZS_RECOMPRESS_ON:
		return value <= 1;
	case RZS_RECOMPRESS_CPU:
		return value >= 1 && value <= 100;
	case RZS_RECOMPRESS_UNIT:
		return value <= RZS_UNIT_MAX && is_power_of_2(value);
	default:
		return value <= SECONDS_MAX;
	}
}

int rzs_recompressor_set(struct rzs_recompressor *r, enum rzs_recompress_knob knob, u32 value)
{
	int err;

	if (!knob_takes(knob, value))
		return -EINVAL;
	item_stop(r);
	err = knob == RZS_RECOMPRESS_IDLE_STEP && value ? rzs_store_idle_open(r->store) : 0;
	if (!err)
		r->knob[knob] = value;
	if (!r->knob[RZS_RECOMPRESS_ON])
		r->trying = r->compacting = false;
	r->pass_ns = r->try_ns = 0;
	queue_next(r);
	return err;
}

/* ---- by hand ---- */

int rzs_recompressor_mark(struct rzs_recompressor *r, u32 seconds)
{
	u32 step = step_seconds(r);
	int err;

	if (seconds && !step)
		return -EINVAL;
	item_stop(r);
	err = rzs_store_idle_open(r->store);
	while (!err && !mark_step(r, seconds ? rzs_recompress_min_age(seconds, step) : 0))
		;
	r->trying |= !err && r->knob[RZS_RECOMPRESS_ON];
	queue_next(r);
	return err;
}

static u64 tried(struct rzs_recompressor *r)
{
	struct rzs_stats s;

	rzs_store_stats(r->store, &s);
	return s.recompress_tried;
}

/*
 * Twice around, because the first time may begin anywhere.  The last unit has as many pages as
 * may still be tried.
 */
static int try_all(struct rzs_recompressor *r, struct rzs_recompress_params *params, u64 max_pages)
{
	u64 end = max_pages ? tried(r) + max_pages : 0, now;
	unsigned int rounds = 0;

	while (rounds < 2) {
		if (signal_pending(current))
			return -EINTR;
		now = end ? tried(r) : 0;
		if (end && now >= end)
			break;
		params->unit = r->knob[RZS_RECOMPRESS_UNIT];
		if (end)
			params->unit = min_t(u64, params->unit, end - now);
		rounds += try_step(r, params);
	}
	return 0;
}

int rzs_recompressor_now(struct rzs_recompressor *r, bool idle_only, u32 min_size, u64 max_pages)
{
	struct rzs_recompress_params params = {
		.min_age = RZS_AGE_MAX,
		.spare_bytes = SPARE_BYTES,
		.min_size = min_size,
	};
	int err = 0;

	if (!idle_only)
		err = rzs_recompressor_mark(r, 0);
	if (err)
		return err;
	item_stop(r);
	err = try_all(r, &params, max_pages);
	while (compact_step(r) && !signal_pending(current))
		;
	queue_next(r);
	return err;
}
