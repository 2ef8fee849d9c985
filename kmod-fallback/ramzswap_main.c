// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ramzswap: compressed RAM as block devices to swap to.  The module, its devices and their life:
 * created at loading, initialised and reset any number of times, gone at unloading.
 *
 * INIT makes a store, writes a swap header into it, publishes it and only then gives the disk its
 * size.  RESET goes the other way: nobody else may have the disk open, no one may open it from
 * there on, what is in the page cache goes out, the size goes, and when no one uses the store any
 * more so does that.
 *
 * As soon as the first disk is added, others have it open, and a module whose load fails then goes
 * all the same, from under their hands.  So all that can fail comes before that.  A device is freed
 * when nobody knows of its disk any more, and the module does not go before all are.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/uuid.h>
#include <linux/wait_bit.h>

#include "compat.h"
#include "ramzswap.h"
#include "ramzswap_backing.h"
#include "ramzswap_dev.h"

#define MAX_DEVICES	      32u
#define DEFAULT_PERCENT	      25u /* of RAM, of a device whose size nobody has said */
#define DEFAULT_LIMIT_PERCENT 15u /* of RAM, with a backing swap */
#define RESERVE_BLOCKS	      4u  /* ready ahead of writes: these, and for each processor: */
#define RESERVE_PER_CPU	      2u

static unsigned int num_devices;
module_param(num_devices, uint, 0444);
MODULE_PARM_DESC(num_devices, "Number of devices, at most 32 (default 1)");

static unsigned long disksize_kb;
module_param(disksize_kb, ulong, 0444);
MODULE_PARM_DESC(disksize_kb, "Initialise ramzswap0 with this size, in KiB");

static unsigned long memlimit_kb;
module_param(memlimit_kb, ulong, 0444);
MODULE_PARM_DESC(memlimit_kb, "Memory limit in KiB; only with backing_swap");

static char backing_swap[RZS_BACKING_NAME_MAX];
module_param_string(backing_swap, backing_swap, sizeof(backing_swap), 0444);
MODULE_PARM_DESC(backing_swap, "Initialise ramzswap0 with this backing swap, a device or a file");

static bool checksum = true;
module_param(checksum, bool, 0444);
MODULE_PARM_DESC(checksum, "Checksums on what is stored, verified by each read (default Y)");

struct workqueue_struct *rzs_workqueue;
DEFINE_SRCU(rzs_srcu);

static struct rzs_device *devices[MAX_DEVICES];	 /* num_devices of them */
static unsigned int nr_added;			 /* the first so many are there to be opened */
static atomic_t disks_known = ATOMIC_INIT(0); /* added, and not freed yet */

void rzs_for_each_device(bool (*fn)(struct rzs_device *dev, void *arg), void *arg)
{
	unsigned int i;

	for (i = 0; i < num_devices; i++)
		if (!fn(devices[i], arg))
			return;
}

struct rzs_live *rzs_device_live(struct rzs_device *dev)
{
	return rcu_dereference_protected(dev->live, lockdep_is_held(&dev->lock));
}

static void live_stats(struct rzs_device *dev, struct rzs_live *live, struct rzs_stats *out)
{
	u64 retried = atomic64_read_acquire(&dev->retried), bytes;
	u64 refused = live->spill ? rzs_spill_refused(live->spill) : 0;

	rzs_store_stats(live->store, out);
	/* A write that was refused and tried again is one write, and no failure. */
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

void rzs_device_spill_counts(struct rzs_device *dev, struct rzs_spill_counts *out)
{
	int srcu = srcu_read_lock(&rzs_srcu);
	struct rzs_live *live = srcu_dereference(dev->live, &rzs_srcu);

	memset(out, 0, sizeof(*out));
	if (live && live->spill)
		rzs_spill_counts(live->spill, out);
	srcu_read_unlock(&rzs_srcu, srcu);
}

void rzs_device_backing(struct rzs_device *dev, char out[RZS_BACKING_NAME_MAX])
{
	int srcu = srcu_read_lock(&rzs_srcu);

	out[0] = '\0';
	/* The path does not change while there is a live device. */
	if (srcu_dereference(dev->live, &rzs_srcu))
		strscpy(out, dev->backing_swap, RZS_BACKING_NAME_MAX);
	srcu_read_unlock(&rzs_srcu, srcu);
}

int rzs_device_set_backing(struct rzs_device *dev, const char *path)
{
	int err = 0;

	mutex_lock(&dev->lock);
	if (rzs_device_ready(dev))
		err = -EBUSY;
	else if (strscpy(dev->backing_swap, path, sizeof(dev->backing_swap)) < 0)
		err = -EINVAL;
	if (err == -EINVAL)
		dev->backing_swap[0] = '\0';
	mutex_unlock(&dev->lock);
	return err;
}

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

static void live_free(struct rzs_live *live)
{
	if (live->spill)
		rzs_spill_wait(live->spill);
	/* The work item uses the store. */
	rzs_freed_fini(&live->freed);
	rzs_store_destroy(live->store);
	rzs_spill_free(live->spill);
	rzs_bounce_fini(&live->bounce);
	kfree(live);
}

/* backing is the live device's if 0 is returned; NULL: none. */
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
	err = rzs_freed_init(&live->freed, live->store);
	if (!err)
		err = rzs_bounce_init(&live->bounce);
	if (!err)
		err = write_header(live);
	/* The last that can fail: until then the backing swap is the caller's. */
	if (!err && backing)
		err = rzs_spill_new(dev, live, backing, &live->spill);
	live->freed.spill = live->spill;
	if (err) {
		live_free(live);
		return err;
	}
	*out = live;
	return 0;
}

/*
 * The original's rules: with a backing swap, a limit there is, 15 % of RAM if nobody has said one
 * or one beyond the device's size.
 */
static void limit_with_backing(const struct rzs_device *dev, struct rzs_config *cfg, u64 ram)
{
	const char *name = dev->disk->disk_name;
	u64 size = cfg->nr_pages << RZS_PAGE_SHIFT, limit = dev->mem_limit, least;

	if (limit > size)
		pr_info("%s: the memory limit is beyond the size, the default is taken\n", name);
	if (!limit || limit > size) {
		limit = min(div_u64(ram, 100) * DEFAULT_LIMIT_PERCENT, size);
		/* Of a very small device the tables alone may be more. */
		if (!rzs_store_min_limit(cfg, &least))
			limit = max(limit, least);
	}
	if (limit > ram / 2)
		pr_info("%s: a memory limit of more than half of the machine's memory\n", name);
	cfg->limit_bytes = limit;
}

/* What INIT makes.  *out_backing is NULL without one, and on failure. */
static int device_config(const struct rzs_device *dev, struct rzs_config *cfg,
			 struct rzs_backing **out_backing)
{
	u64 ram = (u64)totalram_pages() << PAGE_SHIFT;
	unsigned int cpus = num_online_cpus();
	const char *name = dev->disk->disk_name;
	int err;

	*out_backing = NULL;
	if (dev->limit_needs_backing && dev->mem_limit && !dev->backing_swap[0]) {
		pr_err("%s: a memory limit is valid only together with a backing swap\n", name);
		return -EINVAL;
	}
	*cfg = (struct rzs_config){
		.reserve_bytes = (u64)(RESERVE_BLOCKS + RESERVE_PER_CPU * cpus) * RZS_BLOCK_SIZE,
		.codec = dev->codec,
		.nr_workers = min(cpus, RZS_MAX_WORKERS),
		.no_checksum = !checksum,
		.backed = dev->backing_swap[0],
	};
	if (cfg->backed) {
		err = rzs_backing_open(dev->backing_swap, out_backing);
		if (err)
			return err;
		if (dev->disksize)
			pr_info("%s: the size is that of the backing swap\n", name);
		cfg->nr_pages = (*out_backing)->nr_pages;
		limit_with_backing(dev, cfg, ram);
		return 0;
	}
	cfg->nr_pages = dev->disksize >> RZS_PAGE_SHIFT;
	if (!dev->disksize)
		cfg->nr_pages = div_u64(ram, 100) * DEFAULT_PERCENT >> RZS_PAGE_SHIFT;
	cfg->limit_bytes = dev->mem_limit;
	if (cfg->nr_pages < RZS_SWAP_MIN_PAGES || cfg->nr_pages > RZS_MAX_PAGES)
		return -EINVAL;
	if (cfg->nr_pages << RZS_PAGE_SHIFT > 2 * ram)
		pr_info("%s: more than twice the machine's memory will hardly be of use\n", name);
	return 0;
}

int rzs_device_init_locked(struct rzs_device *dev)
{
	struct rzs_backing *backing;
	struct rzs_config cfg;
	struct rzs_live *live;
	int err;

	lockdep_assert_held(&dev->lock);
	if (rzs_device_ready(dev))
		return -EBUSY;
	err = device_config(dev, &cfg, &backing);
	if (err)
		return err;
	/* With a backing swap it is not: reclaim would wait for the disk page by page. */
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

/* Keep everybody else out.  -EBUSY: more than `openers` are in. */
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

/* Take the store away from a device that no one uses, and forget its settings. */
static void device_clear(struct rzs_device *dev)
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
}

int rzs_device_reset(struct rzs_device *dev, unsigned int openers)
{
	int err;

	mutex_lock(&dev->lock);
	err = device_claim(dev, openers);
	if (!err) {
		sync_blockdev(dev->disk->part0);
		set_capacity_and_notify(dev->disk, 0);
		device_clear(dev);
		/* Whoever has it open would else find old pages in a new device. */
		invalidate_bdev(dev->disk->part0);
		device_unclaim(dev);
	}
	mutex_unlock(&dev->lock);
	return err;
}

/* The last that knew of an added disk has let go of it. */
static void rzs_free_disk(struct gendisk *disk)
{
	kfree(disk->private_data);
	if (atomic_dec_and_test(&disks_known))
		wake_up_var(&disks_known);
}

/* Under disk->open_mutex. */
static int rzs_open(rzs_opened_t *opened, rzs_mode_t mode)
{
	struct rzs_device *dev = rzs_opened_disk(opened)->private_data;

	return dev->claimed ? -EBUSY : 0;
}

static const struct block_device_operations rzs_fops = {
	.owner = THIS_MODULE,
	.open = rzs_open,
	.free_disk = rzs_free_disk,
	.submit_bio = rzs_submit_bio,
	.ioctl = rzs_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl = rzs_compat_ioctl,
#endif
#ifdef RZS_HAVE_SLOT_FREE_NOTIFY
	.swap_slot_free_notify = rzs_slot_free_notify,
#endif
#ifdef RZS_RW_PAGE
	.rw_page = rzs_rw_page,
#endif
};

/* A device that nobody knows of. */
static int make_device(unsigned int index)
{
	struct rzs_device *dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	int err;

	if (!dev)
		return -ENOMEM;
	mutex_init(&dev->lock);
	dev->codec = rzs_codec_name(0);
	dev->disk = rzs_disk_alloc(RZS_PAGE_SIZE);
	if (IS_ERR(dev->disk)) {
		err = PTR_ERR(dev->disk);
		kfree(dev);
		return err;
	}
	dev->disk->flags |= GENHD_FL_NO_PART;
	dev->disk->fops = &rzs_fops;
	dev->disk->private_data = dev;
	snprintf(dev->disk->disk_name, sizeof(dev->disk->disk_name), "ramzswap%u", index);
	devices[index] = dev;
	return 0;
}

/* One that was never added: nobody knows of it yet. */
static void unmake_device(struct rzs_device *dev)
{
	mutex_lock(&dev->lock);
	device_clear(dev);
	mutex_unlock(&dev->lock);
	put_disk(dev->disk);
	kfree(dev);
}

/* Who has just looked for the disk may still know of it: rzs_free_disk() does the rest. */
static void remove_device(struct rzs_device *dev)
{
	del_gendisk(dev->disk);
	mutex_lock(&dev->lock);
	device_clear(dev);
	mutex_unlock(&dev->lock);
	put_disk(dev->disk);
}

static int check_params(void)
{
	if (!num_devices)
		num_devices = 1;
	if (num_devices > MAX_DEVICES) {
		pr_err("num_devices=%u: at most %u\n", num_devices, MAX_DEVICES);
		return -EINVAL;
	}
	if (memlimit_kb && !backing_swap[0]) {
		pr_err("memlimit_kb is valid only when backing_swap is also specified\n");
		return -EINVAL;
	}
	if (disksize_kb > RZS_MAX_PAGES << (RZS_PAGE_SHIFT - 10)) {
		pr_err("disksize_kb=%lu is too large\n", disksize_kb);
		return -EINVAL;
	}
	return 0;
}

static void unmake_devices(void)
{
	unsigned int i;

	for (i = nr_added; i < num_devices; i++)
		if (devices[i])
			unmake_device(devices[i]);
}

/* All devices, the first one initialised if the parameters say so. */
static int make_devices(void)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < num_devices && !err; i++)
		err = make_device(i);
	if (err || (!disksize_kb && !backing_swap[0]))
		return err;
	devices[0]->disksize = (u64)disksize_kb << 10;
	devices[0]->mem_limit = (u64)memlimit_kb << 10;
	err = rzs_device_set_backing(devices[0], backing_swap);
	return err ? err : rzs_device_init(devices[0]);
}

/*
 * From the first one on there is no way back: when a later one cannot be added, there are fewer.
 * Those that are left over stay as they are, unknown to anybody.
 */
static int add_devices(void)
{
	int err = 0;

	while (nr_added < num_devices) {
		err = device_add_disk(NULL, devices[nr_added]->disk, rzs_sysfs_groups);
		if (err)
			break;
		atomic_inc(&disks_known);
		nr_added++;
	}
	if (err && nr_added)
		pr_err("only %u of %u devices: error %d\n", nr_added, num_devices, err);
	return nr_added ? 0 : err;
}

static int __init prepare(void)
{
	int err = rzs_selftest();

	if (!err)
		err = make_devices();
	if (!err)
		err = rzs_shrink_init();
	if (err)
		return err;
	err = add_devices();
	if (err)
		rzs_shrink_exit();
	return err;
}

static int __init rzs_init(void)
{
	int err = check_params();

	if (err)
		return err;
	/* Memory comes back through it: it has to go on when there is none. */
	rzs_workqueue = alloc_workqueue("ramzswap", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	if (!rzs_workqueue)
		return -ENOMEM;
	err = prepare();
	if (err) {
		pr_err("cannot be loaded: error %d\n", err);
		unmake_devices();
		destroy_workqueue(rzs_workqueue);
		return err;
	}
	pr_info("version %s, %u device(s)\n", RZS_VERSION, nr_added);
	if (!IS_ENABLED(RZS_HAVE_SLOT_FREE_NOTIFY))
		pr_warn("this kernel does not tell of freed slots: swapon --discard=pages\n");
	return 0;
}

static void __exit rzs_exit(void)
{
	unsigned int i;

	rzs_shrink_exit();
	for (i = 0; i < nr_added; i++)
		remove_device(devices[i]);
	unmake_devices();
	/*
	 * Nobody has a disk open, but somebody may be about to find that he cannot.  He comes by
	 * rzs_free_disk(), and has to be out of it.
	 */
	wait_var_event(&disks_known, !atomic_read(&disks_known));
	synchronize_rcu_tasks();
	destroy_workqueue(rzs_workqueue);
}

module_init(rzs_init);
module_exit(rzs_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The ramzswap project");
MODULE_DESCRIPTION("Compressed RAM swap");
MODULE_VERSION(RZS_VERSION);
