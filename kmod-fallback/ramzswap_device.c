// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A device: INIT, RESET and statistics.
 *
 * INIT creates a store, writes a swap header into it, publishes it and only then gives the disk its
 * size.  RESET goes the other way.  It makes sure that nobody else has the disk open and that
 * nobody can open it, flushes and empties the page cache, sets the size to 0, waits for all users
 * of the store and frees it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/uuid.h>

#include "compat.h"
#include "ramzswap.h"
#include "ramzswap_backing.h"

#define DEFAULT_SIZE_PERCENT  25u /* of RAM */
#define DEFAULT_LIMIT_PERCENT 15u /* of RAM, with a backing swap */
/* Blocks in reserve, and more for each processor. */
#define RESERVE_BLOCKS	4u
#define RESERVE_PER_CPU 2u

DEFINE_SRCU(rzs_srcu);

struct rzs_live *rzs_device_live(struct rzs_device *dev)
{
	return rcu_dereference_protected(dev->live, lockdep_is_held(&dev->lock));
}

/* ---- statistics ---- */

static void live_stats(struct rzs_device *dev, struct rzs_live *live, struct rzs_stats *out)
{
	/* Before the store's, so that no difference is negative; pairs with rzs_inc_release(). */
	u64 retried = atomic64_read_acquire(&dev->retried), bytes;
	u64 refused = live->spill ? rzs_spill_refused(live->spill) : 0;

	rzs_store_stats(live->store, out);
	/* A write that was refused and tried again is one write, and has not failed. */
	out->writes -= retried;
	out->refused_reserve -= retried;
	out->failed_writes += (u64)atomic64_read(&dev->failed_writes) - retried;
	bytes = (u64)atomic64_read(&live->freed.bytes) + RZS_PAGE_SIZE; /* the bounce page */
	out->fixed_bytes += bytes;
	out->mem_bytes += bytes;
	out->mem_peak_bytes += bytes;
	if (live->spill)
		rzs_spill_add_stats(live->spill, refused, out);
}

int rzs_device_stats(struct rzs_device *dev, struct rzs_stats *out)
{
	int srcu = srcu_read_lock(&rzs_srcu);
	struct rzs_live *live = srcu_dereference(dev->live, &rzs_srcu);

	if (live)
		live_stats(dev, live, out);
	srcu_read_unlock(&rzs_srcu, srcu);
	return live ? 0 : -ENOTTY;
}

void rzs_device_spill_stats(struct rzs_device *dev, struct rzs_spill_stats *out)
{
	int srcu = srcu_read_lock(&rzs_srcu);
	struct rzs_live *live = srcu_dereference(dev->live, &rzs_srcu);

	memset(out, 0, sizeof(*out));
	if (live && live->spill)
		rzs_spill_stats(live->spill, out);
	srcu_read_unlock(&rzs_srcu, srcu);
}

void rzs_device_backing(struct rzs_device *dev, char out[RZS_BACKING_NAME_MAX])
{
	int srcu = srcu_read_lock(&rzs_srcu);

	out[0] = '\0';
	/* The path does not change while the device is live. */
	if (srcu_dereference(dev->live, &rzs_srcu))
		strscpy(out, dev->backing_swap, RZS_BACKING_NAME_MAX);
	srcu_read_unlock(&rzs_srcu, srcu);
}

/* ---- the configuration ---- */

int rzs_device_set_backing(struct rzs_device *dev, const char *path)
{
	int err = 0;

	mutex_lock(&dev->lock);
	if (rzs_device_initialised(dev))
		err = -EBUSY;
	else if (strscpy(dev->backing_swap, path, sizeof(dev->backing_swap)) < 0)
		err = -EINVAL;
	if (err == -EINVAL)
		dev->backing_swap[0] = '\0';
	mutex_unlock(&dev->lock);
	return err;
}

/*
 * The original driver's rules: with a backing swap there always is a limit.  It is 15 % of RAM if
 * none is set, or if the one that is set exceeds the size of the device.
 */
static void limit_with_backing(const struct rzs_device *dev, struct rzs_config *cfg, u64 ram)
{
	const char *name = dev->disk->disk_name;
	u64 size = cfg->nr_pages << RZS_PAGE_SHIFT, limit = dev->mem_limit, least;

	if (limit > size)
		pr_info("%s: memory limit exceeds the device size, using the default\n", name);
	if (!limit || limit > size) {
		limit = min(div_u64(ram, 100) * DEFAULT_LIMIT_PERCENT, size);
		/* The tables of a very small device may need more. */
		if (!rzs_store_min_limit(cfg, &least))
			limit = max(limit, least);
	}
	if (limit > ram / 2)
		pr_info("%s: memory limit is more than half of RAM\n", name);
	cfg->limit_bytes = limit;
}

static int size_without_backing(const struct rzs_device *dev, struct rzs_config *cfg, u64 ram)
{
	cfg->nr_pages = dev->disksize >> RZS_PAGE_SHIFT;
	if (!dev->disksize)
		cfg->nr_pages = div_u64(ram, 100) * DEFAULT_SIZE_PERCENT >> RZS_PAGE_SHIFT;
	if (cfg->nr_pages < RZS_SWAP_MIN_PAGES || cfg->nr_pages > RZS_MAX_PAGES)
		return -EINVAL;
	if (cfg->nr_pages << RZS_PAGE_SHIFT > 2 * ram)
		pr_info("%s: size is more than twice RAM, which is rarely useful\n",
			dev->disk->disk_name);
	cfg->limit_bytes = dev->mem_limit;
	return 0;
}

/* The store that INIT creates.  *out_backing is NULL without a backing swap, and on failure. */
static int device_config(const struct rzs_device *dev, struct rzs_config *cfg,
			 struct rzs_backing **out_backing)
{
	u64 ram = (u64)totalram_pages() << PAGE_SHIFT;
	unsigned int cpus = num_online_cpus();
	const char *name = dev->disk->disk_name;
	int err;

	*out_backing = NULL;
	if (dev->limit_needs_backing && dev->mem_limit && !dev->backing_swap[0]) {
		pr_err("%s: memory limit requires a backing swap\n", name);
		return -EINVAL;
	}
	*cfg = (struct rzs_config){
		.reserve_bytes = (u64)(RESERVE_BLOCKS + RESERVE_PER_CPU * cpus) * RZS_BLOCK_SIZE,
		.codec = dev->codec,
		.nr_workers = min(cpus, RZS_MAX_WORKERS),
		.no_checksum = !dev->checksum,
		.backed = dev->backing_swap[0],
	};
	if (!cfg->backed)
		return size_without_backing(dev, cfg, ram);
	err = rzs_backing_open(dev->backing_swap, out_backing);
	if (err)
		return err;
	if (dev->disksize)
		pr_info("%s: using the size of the backing swap\n", name);
	cfg->nr_pages = (*out_backing)->nr_pages;
	limit_with_backing(dev, cfg, ram);
	return 0;
}

/* ---- INIT ---- */

static int write_header(struct rzs_live *live)
{
	struct rzs_worker *w;
	void *page = (void *)__get_free_page(GFP_KERNEL);
	uuid_t uuid;
	int err;

	if (!page)
		return -ENOMEM;
	uuid_gen(&uuid);
	err = rzs_swap_header(page, live->nr_pages, NULL, uuid.b);
	if (!err) {
		w = rzs_worker_get(live->store, 0);
		err = rzs_store_write(live->store, w, 0, page);
		rzs_worker_put(live->store, w);
	}
	free_page((unsigned long)page);
	return err;
}

/* Discard a slot that could not be discarded when the kernel freed it. */
static int discard_freed(void *arg, u64 slot)
{
	struct rzs_live *live = arg;
	struct rzs_worker *w;
	int err;

	if (live->spill)
		return rzs_spill_discard(live->spill, slot, 1);
	w = rzs_worker_get(live->store, raw_smp_processor_id());
	err = rzs_store_discard(live->store, w, slot, 1);
	rzs_worker_put(live->store, w);
	return err;
}

static void live_free(struct rzs_live *live)
{
	if (live->spill)
		rzs_spill_wait(live->spill);
	/* Its work item uses the store and the spill. */
	rzs_freed_fini(&live->freed);
	rzs_merge_fini(&live->merge);
	rzs_recompressor_fini(&live->recompress);
	rzs_store_destroy(live->store);
	rzs_spill_free(live->spill);
	rzs_bounce_fini(&live->bounce);
	kfree(live);
}

/* On success the live device owns the backing swap, which may be NULL. */
static int live_new(struct rzs_device *dev, const struct rzs_config *cfg,
		    struct rzs_backing *backing, struct rzs_live **out)
{
	struct rzs_live *live = kzalloc(sizeof(*live), GFP_KERNEL);
	int err;

	*out = NULL;
	if (!live)
		return -ENOMEM;
	err = rzs_store_create(cfg, &live->store);
	if (err) {
		kfree(live);
		return err;
	}
	live->blocks = rzs_store_blocks(live->store);
	live->nr_pages = cfg->nr_pages;
	rzs_merge_init(&live->merge, live->store, live->blocks, dev->disk->disk_name);
	rzs_recompressor_init(&live->recompress, live->store, live->blocks);
	err = rzs_freed_init(&live->freed, live->nr_pages, discard_freed, live);
	if (!err && dev->codec2)
		err = rzs_recompressor_codec(&live->recompress, dev->codec2, dev->level2);
	if (!err)
		err = rzs_bounce_init(&live->bounce);
	if (!err)
		err = write_header(live);
	/* Last, because the caller keeps the backing swap if anything fails. */
	if (!err && backing)
		err = rzs_spill_new(dev, live, backing, &live->spill);
	if (err) {
		live_free(live);
		return err;
	}
	*out = live;
	return 0;
}

int rzs_device_init_locked(struct rzs_device *dev)
{
	struct rzs_backing *backing;
	struct rzs_config cfg;
	struct rzs_live *live;
	int err;

	lockdep_assert_held(&dev->lock);
	if (rzs_device_initialised(dev))
		return -EBUSY;
	err = device_config(dev, &cfg, &backing);
	if (err)
		return err;
	/* Reclaim waits for each page that it writes to a synchronous device. */
	err = rzs_disk_set_synchronous(dev->disk, !backing);
	if (!err)
		err = live_new(dev, &cfg, backing, &live);
	if (err) {
		rzs_backing_close(backing);
		return err;
	}
	dev->disksize = cfg.nr_pages << RZS_PAGE_SHIFT;
	dev->mem_limit = cfg.limit_bytes;
	atomic64_set(&dev->invalid_io, 0);
	atomic64_set(&dev->failed_writes, 0);
	atomic64_set(&dev->retried, 0);
	rcu_assign_pointer(dev->live, live);
	set_capacity_and_notify(dev->disk, dev->disksize >> SECTOR_SHIFT);
	return 0;
}

int rzs_device_init(struct rzs_device *dev)
{
	int err;

	mutex_lock(&dev->lock);
	err = rzs_device_init_locked(dev);
	mutex_unlock(&dev->lock);
	return err;
}

/* ---- RESET ---- */

/* Make open fail.  -EBUSY: the disk is open more than `openers` times. */
static int device_claim(struct rzs_device *dev, unsigned int openers)
{
	int err = 0;

	mutex_lock(&dev->disk->open_mutex);
	if (dev->claimed || disk_openers(dev->disk) > openers)
		err = -EBUSY;
	else
		dev->claimed = true;
	mutex_unlock(&dev->disk->open_mutex);
	return err;
}

static void device_unclaim(struct rzs_device *dev)
{
	mutex_lock(&dev->disk->open_mutex);
	dev->claimed = false;
	mutex_unlock(&dev->disk->open_mutex);
}

void rzs_device_clear(struct rzs_device *dev)
{
	struct rzs_live *live = rzs_device_live(dev);

	if (live) {
		rcu_assign_pointer(dev->live, NULL);
		synchronize_srcu(&rzs_srcu);
		live_free(live);
	}
	dev->disksize = 0;
	dev->mem_limit = 0;
	dev->limit_needs_backing = false;
	dev->backing_swap[0] = '\0';
	dev->codec = rzs_codec_name(0);
	dev->codec2 = NULL;
	dev->level2 = 0;
}

int rzs_device_reset(struct rzs_device *dev, unsigned int openers)
{
	int err;

	mutex_lock(&dev->lock);
	err = device_claim(dev, openers);
	if (!err) {
		sync_blockdev(dev->disk->part0);
		set_capacity_and_notify(dev->disk, 0);
		rzs_device_clear(dev);
		/* Otherwise the caller, who has it open, would find old pages in a new device. */
		invalidate_bdev(dev->disk->part0);
		device_unclaim(dev);
	}
	mutex_unlock(&dev->lock);
	return err;
}
