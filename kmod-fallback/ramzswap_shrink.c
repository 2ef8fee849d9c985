// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Compaction: on request, and by a shrinker when the kernel is short of memory.
 *
 * The shrinker offers the unused memory in the blocks of all devices, except for a share that every
 * store has and that is not worth moving objects for.  Compaction allocates no memory and starts no
 * I/O, so it may run in any reclaim.  It holds a worker for a few objects at a time; other tasks
 * wait no longer than that.
 */
#include <linux/sched.h>
#include <linux/smp.h>

#include "compat.h"
#include "ramzswap.h"

#define SLACK_SHARE  8u	  /* that 1/8 of the blocks is in no object is normal */
#define OBJECTS_STEP 256u /* objects to examine while a worker is held */
#define OBJECTS_PAGE 4u	  /* objects to move for one page of memory */

static struct shrinker *shrinker;
static struct rzs_device *const *devices;
static unsigned int nr_devices;

/* Adds the blocks that were freed to *blocks.  Returns whether there is more to gain. */
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

/* Takes no lock, because reclaim calls this all the time. */
static u64 idle_pages(struct rzs_live *live)
{
	u64 idle, blocks, normal;

	rzs_store_idle(live->store, &idle, &blocks);
	normal = blocks / SLACK_SHARE;
	return idle > normal ? (idle - normal) >> RZS_PAGE_SHIFT : 0;
}

static u64 count_device(struct rzs_device *dev)
{
	struct rzs_live *live;
	u64 pages = 0;
	int srcu;

	if (!rzs_device_initialised(dev))
		return 0;
	srcu = srcu_read_lock(&rzs_srcu);
	live = srcu_dereference(dev->live, &rzs_srcu);
	if (live)
		pages = idle_pages(live);
	srcu_read_unlock(&rzs_srcu, srcu);
	return pages;
}

/* Examines at most *objects, and subtracts those that it did.  Returns pages of memory freed. */
static u64 scan_device(struct rzs_device *dev, u64 *objects)
{
	int srcu = srcu_read_lock(&rzs_srcu);
	struct rzs_live *live = srcu_dereference(dev->live, &rzs_srcu);
	u64 step, blocks = 0;
	bool more = live && idle_pages(live);

	while (more && *objects) {
		step = min_t(u64, *objects, OBJECTS_STEP);
		more = compact_step(live, step, &blocks);
		*objects -= step;
	}
	srcu_read_unlock(&rzs_srcu, srcu);
	return blocks * (RZS_BLOCK_SIZE / RZS_PAGE_SIZE);
}

static unsigned long shrink_count(struct shrinker *s, struct shrink_control *sc)
{
	u64 pages = 0;
	unsigned int i;

	for (i = 0; i < nr_devices; i++)
		pages += count_device(devices[i]);
	return pages ?: SHRINK_EMPTY;
}

static unsigned long shrink_scan(struct shrinker *s, struct shrink_control *sc)
{
	u64 objects = (u64)sc->nr_to_scan * OBJECTS_PAGE, pages = 0;
	unsigned int i;

	for (i = 0; i < nr_devices && objects; i++)
		pages += scan_device(devices[i], &objects);
	return pages ?: SHRINK_STOP;
}

int rzs_shrink_init(struct rzs_device *const *all, unsigned int nr)
{
	devices = all;
	nr_devices = nr;
	shrinker = rzs_shrinker_add(shrink_count, shrink_scan);
	return shrinker ? 0 : -ENOMEM;
}

void rzs_shrink_exit(void)
{
	rzs_shrinker_remove(shrinker);
}
