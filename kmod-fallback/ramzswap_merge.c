// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Same-page merging of a device: the scanner, and what the switch does.  Names, defaults and errors
 * are those of /sys/kernel/mm/ksm.
 *
 * The scanner is a work item.  It scans pages_to_scan pages, some at a time, sleeps and queues
 * itself again.  It holds a worker of the store for a few pages only, so that nobody who swaps
 * waits for longer.  Like a write it fills the store's reserve first, because shares need tables.
 *
 * Nothing waits for the scanner, and it may take long.  So it has a workqueue of its own, without a
 * rescuer.  The queue is freezable: nothing changes while an image of memory is written.
 *
 * The knobs change only while the work item neither runs nor is queued, and only then is the
 * store's index opened and closed.  So the item reads them without a lock.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/smp.h>

#include "ramzswap.h"

#define STEP_PAGES  16u	  /* to scan while a worker is held */
#define ITEM_PAGES  1024u /* to scan before the work item ends, for whoever waits for that */

const u32 rzs_merge_defaults[RZS_MERGE_KNOBS] = {
	[RZS_MERGE_RUN] = RZS_MERGE_STOP, [RZS_MERGE_PAGES_TO_SCAN] = 100,
	[RZS_MERGE_SLEEP_MILLISECS] = 20, [RZS_MERGE_MAX_PAGE_SHARING] = RZS_MERGE_SHARING_DEFAULT,
	[RZS_MERGE_SMART_SCAN] = 1,
};

/* ---- the scanner ---- */

static void scan_step(struct rzs_merge *m, u32 nr)
{
	struct rzs_merge_params params = {
		.max_sharing = m->knob[RZS_MERGE_MAX_PAGE_SHARING],
		.smart = m->knob[RZS_MERGE_SMART_SCAN],
	};
	struct rzs_worker *w;
	u64 merged, passes;
	int err;

	/* Without memory nothing new is shared; the next pass tries again. */
	rzs_blocks_refill(m->blocks, true);
	w = rzs_worker_get(m->store, raw_smp_processor_id());
	err = rzs_store_merge(m->store, w, &params, nr, &merged, &passes);
	rzs_worker_put(m->store, w);
	if (err)
		pr_warn_once("cannot scan pages: error %d\n", err);
	cond_resched();
}

static void scan_work(struct work_struct *work)
{
	struct rzs_merge *m = container_of(to_delayed_work(work), struct rzs_merge, work);
	u32 end, n;

	if (!m->left)
		m->left = m->knob[RZS_MERGE_PAGES_TO_SCAN];
	end = m->left - min(m->left, ITEM_PAGES);
	for (; m->left > end; m->left -= n) {
		n = min(m->left - end, STEP_PAGES);
		scan_step(m, n);
	}
	queue_delayed_work(rzs_scan_workqueue, &m->work,
			   m->left ? 0 : msecs_to_jiffies(m->knob[RZS_MERGE_SLEEP_MILLISECS]));
}

static void scanner_stop(struct rzs_merge *m)
{
	cancel_delayed_work_sync(&m->work);
	m->left = 0;
}

static void scanner_start(struct rzs_merge *m)
{
	if (m->knob[RZS_MERGE_RUN] == RZS_MERGE_SCAN)
		queue_delayed_work(rzs_scan_workqueue, &m->work, 0);
}

void rzs_merge_init(struct rzs_merge *m, struct rzs_store *store, struct rzs_blocks *blocks,
		    const char *name)
{
	m->store = store;
	m->blocks = blocks;
	m->name = name;
	memcpy(m->knob, rzs_merge_defaults, sizeof(m->knob));
	INIT_DELAYED_WORK(&m->work, scan_work);
}

void rzs_merge_fini(struct rzs_merge *m)
{
	scanner_stop(m);
}

/* ---- the switch ---- */

static int index_open(struct rzs_merge *m)
{
	u64 ram = (u64)totalram_pages() << PAGE_SHIFT;
	struct rzs_stats s;

	rzs_store_stats(m->store, &s);
	return rzs_store_merge_open(m->store, rzs_merge_index_bytes(&s, ram));
}

/* Whether there is memory for pages that share an object now to have one each. */
static bool unmerge_fits(struct rzs_merge *m)
{
	u64 ram = (u64)max(si_mem_available(), 0l) << PAGE_SHIFT;
	struct rzs_unmerge_room room;
	struct rzs_stats s;

	rzs_store_stats(m->store, &s);
	if (rzs_store_unmerge_fits(&s, ram, &room))
		return true;
	pr_err("%s: unmerging needs %llu bytes, but %llu are available: merge/run is 0 now\n",
	       m->name, room.needed, room.available);
	return false;
}

/* As many pages as a worker is held for.  Damaged ones are passed over, with -EIO. */
static int unmerge_step(struct rzs_merge *m, bool *out_done)
{
	unsigned int tries = 0;
	struct rzs_worker *w;
	bool again;
	int err;

	do {
		again = rzs_blocks_refill(m->blocks, true) && ++tries < RZS_WRITE_TRIES;
		w = rzs_worker_get(m->store, raw_smp_processor_id());
		err = rzs_store_unmerge(m->store, w, STEP_PAGES, out_done);
		rzs_worker_put(m->store, w);
		cond_resched();
	} while (again && err == -ENOMEM);
	return err;
}

/*
 * Returns -ENOMEM if there is not enough memory, of the machine or within the limit.  What was done
 * until then stays.  -EIO: all is done, but for damaged pages.
 */
static int unmerge_all(struct rzs_merge *m)
{
	bool done = false, damaged = false;
	int err = 0;

	if (!unmerge_fits(m))
		return -ENOMEM;
	while (!done && !err) {
		err = signal_pending(current) ? -ERESTARTSYS : unmerge_step(m, &done);
		damaged |= err == -EIO;
		if (err == -EIO)
			err = 0;
	}
	if (err == -ENOSPC)
		err = -ENOMEM;
	if (err == -ENOMEM)
		pr_err("%s: no memory to unmerge the rest: merge/run is 0 now\n", m->name);
	return err ?: damaged ? -EIO : 0;
}

/* The scanner is stopped. */
static int set_run(struct rzs_merge *m, u32 run)
{
	int err = 0;

	if (run == m->knob[RZS_MERGE_RUN])
		return 0;
	if (run > RZS_MERGE_UNMERGE)
		return -EINVAL;
	/* It is needed only by the scanner. */
	rzs_store_merge_close(m->store, NULL);
	if (run == RZS_MERGE_SCAN)
		err = index_open(m);
	if (run == RZS_MERGE_UNMERGE)
		err = unmerge_all(m);
	m->knob[RZS_MERGE_RUN] = err ? RZS_MERGE_STOP : run;
	return err;
}

static int set_max_page_sharing(struct rzs_merge *m, u32 max)
{
	struct rzs_stats s;

	if (max < RZS_MERGE_SHARING_MIN || max > RZS_MERGE_SHARING_MAX)
		return -EINVAL;
	if (max == m->knob[RZS_MERGE_MAX_PAGE_SHARING])
		return 0;
	rzs_store_stats(m->store, &s);
	if (s.pages_shared)
		return -EBUSY;
	m->knob[RZS_MERGE_MAX_PAGE_SHARING] = max;
	return 0;
}

static void set_writes(struct rzs_merge *m)
{
	bool on = m->knob[RZS_MERGE_RUN] == RZS_MERGE_SCAN && m->knob[RZS_MERGE_INLINE];
	u32 max = on ? m->knob[RZS_MERGE_MAX_PAGE_SHARING] : 0;
	int err = rzs_store_merge_writes(m->store, max);

	WARN_ON_ONCE(err);
}

int rzs_merge_set(struct rzs_merge *m, enum rzs_merge_knob knob, u32 value)
{
	int err = 0;

	scanner_stop(m);
	if (knob == RZS_MERGE_RUN)
		err = set_run(m, value);
	else if (knob == RZS_MERGE_MAX_PAGE_SHARING)
		err = set_max_page_sharing(m, value);
	else
		m->knob[knob] = value;
	set_writes(m);
	scanner_start(m);
	return err;
}
