// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Compaction: on demand, and when the kernel is short of memory.
 *
 * The shrinker offers what lies idle in the blocks of all devices, beyond a share that any store
 * has and that is not worth moving.  Compacting asks for no memory and starts no I/O, so it may run
 * in any reclaim; it holds a worker, for which others wait at most as long as a few objects take.
 */
#include <linux/sched.h>
#include <linux/smp.h>

#include "compat.h"
#include "ramzswap.h"

#define SLACK_SHARE  8u	  /* of the blocks: 1/8 in no object is normal */
#define OBJECTS_STEP 256u /* looked at while one worker is held */

static struct shrinker *shrinker;

struct shrink_sum {
	u64 pages;   /* counted or freed */
	u64 objects; /* that may still be looked at */
};

/* Returns whether more can be gained. */
static bool compact_step(struct rzs_live *live, u64 objects, u64 *blocks)
{
	struct rzs_worker *w = rzs_worker_get(live->store, raw_smp_processor_id());
	u64 gained;
	bool more;
	int err = rzs_store_compact(live->store, w, objects, &gained, &more);

	rzs_worker_put(live->store, w);
	*blocks += gained;
	cond_resched();
	return !err && more;
}

void rzs_compact_all(struct rzs_live *live)
{
	u64 blocks = 0;

	while (compact_step(live, OBJECTS_STEP, &blocks) && !signal_pending(current))
		;
}

/* A few loads and no lock: reclaim asks all the time. */
static u64 idle_pages(struct rzs_live *live)
{
	u64 idle, blocks, normal;

	rzs_store_idle(live->store, &idle, &blocks);
	normal = blocks / SLACK_SHARE;
	return idle > normal ? (idle - normal) >> RZS_PAGE_SHIFT : 0;
}

static bool count_device(struct rzs_device *dev, void *arg)
{
	struct shrink_sum *sum = arg;
	struct rzs_live *live;
	int srcu;

	if (!rzs_device_ready(dev))
		return true;
	srcu = srcu_read_lock(&rzs_srcu);
	live = srcu_dereference(dev->live, &rzs_srcu);
	if (live)
		sum->pages += idle_pages(live);
	srcu_read_unlock(&rzs_srcu, srcu);
	return true;
}

static bool scan_device(struct rzs_device *dev, void *arg)
{
	int srcu = srcu_read_lock(&rzs_srcu);
	struct rzs_live *live = srcu_dereference(dev->live, &rzs_srcu);
	struct shrink_sum *sum = arg;
	u64 step, blocks = 0;
	bool more = live && idle_pages(live);

	while (more && sum->objects) {
		step = min_t(u64, sum->objects, OBJECTS_STEP);
		more = compact_step(live, step, &blocks);
		sum->objects -= step;
	}
	sum->pages += blocks * (RZS_BLOCK_SIZE / RZS_PAGE_SIZE);
	srcu_read_unlock(&rzs_srcu, srcu);
	return sum->objects;
}

static unsigned long shrink_count(struct shrinker *s, struct shrink_control *sc)
{
	struct shrink_sum sum = {};

	rzs_for_each_device(count_device, &sum);
	return sum.pages ?: SHRINK_EMPTY;
}

static unsigned long shrink_scan(struct shrinker *s, struct shrink_control *sc)
{
	/* A page of memory comes of some objects moved. */
	struct shrink_sum sum = {.objects = (u64)sc->nr_to_scan * 4};

	rzs_for_each_device(scan_device, &sum);
	return sum.pages ?: SHRINK_STOP;
}

int rzs_shrink_init(void)
{
	shrinker = rzs_shrinker_add(shrink_count, shrink_scan);
	return shrinker ? 0 : -ENOMEM;
}

void rzs_shrink_exit(void)
{
	rzs_shrinker_remove(shrinker);
}
