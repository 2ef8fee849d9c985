// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ramzswap: block devices in compressed RAM, made for swap.  The module: its parameters, its disks,
 * load and unload.
 *
 * Once the first disk is added, a process may have it open.  If the load fails after that, the
 * kernel removes the module all the same, while the disk is in use.  So everything that can fail is
 * done before.  A device is freed when the last reference to its disk is dropped, and unload waits
 * for the last device.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>

#include "compat.h"
#include "ramzswap.h"
#include "ramzswap_dev.h"

#define MAX_DEVICES 32u

static unsigned int num_devices;
module_param(num_devices, uint, 0444);
MODULE_PARM_DESC(num_devices, "Number of devices (default 1, maximum 32)");

static unsigned long disksize_kb;
module_param(disksize_kb, ulong, 0444);
MODULE_PARM_DESC(disksize_kb, "Initialise ramzswap0 with this size in KiB");

static unsigned long memlimit_kb;
module_param(memlimit_kb, ulong, 0444);
MODULE_PARM_DESC(memlimit_kb, "Memory limit of ramzswap0 in KiB (requires backing_swap)");

static char backing_swap[RZS_BACKING_NAME_MAX];
module_param_string(backing_swap, backing_swap, sizeof(backing_swap), 0444);
MODULE_PARM_DESC(backing_swap,
		 "Initialise ramzswap0 with this backing swap (block device or file)");

static bool checksum = true;
module_param(checksum, bool, 0444);
MODULE_PARM_DESC(checksum, "Keep a checksum of stored data and verify it on read (default Y)");

struct workqueue_struct *rzs_workqueue;
struct workqueue_struct *rzs_scan_workqueue;

static struct rzs_device *devices[MAX_DEVICES]; /* num_devices of them */
static unsigned int nr_added;			/* so many of their disks are added */
static atomic_t nr_disks = ATOMIC_INIT(0);	/* added and not freed yet */

/* The last reference to a disk that was added is dropped. */
static void rzs_free_disk(struct gendisk *disk)
{
	kfree(disk->private_data);
	if (atomic_dec_and_test(&nr_disks))
		wake_up_var(&nr_disks);
}

/* Called under disk->open_mutex. */
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

/* Create a device whose disk is not added yet. */
static int create_device(unsigned int index)
{
	struct rzs_device *dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	int err;

	if (!dev)
		return -ENOMEM;
	mutex_init(&dev->lock);
	dev->checksum = checksum;
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

/* Destroy a device whose disk was never added. */
static void destroy_device(struct rzs_device *dev)
{
	mutex_lock(&dev->lock);
	rzs_device_clear(dev);
	mutex_unlock(&dev->lock);
	put_disk(dev->disk);
	kfree(dev);
}

/* Delete the disk.  rzs_free_disk() frees the device, when the last reference is dropped. */
static void remove_device(struct rzs_device *dev)
{
	del_gendisk(dev->disk);
	mutex_lock(&dev->lock);
	rzs_device_clear(dev);
	mutex_unlock(&dev->lock);
	put_disk(dev->disk);
}

static int check_params(void)
{
	if (!num_devices)
		num_devices = 1;
	if (num_devices > MAX_DEVICES) {
		pr_err("num_devices=%u exceeds the maximum of %u\n", num_devices, MAX_DEVICES);
		return -EINVAL;
	}
	if (memlimit_kb && !backing_swap[0]) {
		pr_err("memlimit_kb requires backing_swap\n");
		return -EINVAL;
	}
	if (disksize_kb > RZS_MAX_PAGES << (RZS_PAGE_SHIFT - 10)) {
		pr_err("disksize_kb=%lu is too large\n", disksize_kb);
		return -EINVAL;
	}
	return 0;
}

/* Destroy all devices whose disks were not added. */
static void destroy_devices(void)
{
	unsigned int i;

	for (i = nr_added; i < num_devices; i++)
		if (devices[i])
			destroy_device(devices[i]);
}

/* Create all devices, and initialise the first one if the parameters say so. */
static int create_devices(void)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < num_devices && !err; i++)
		err = create_device(i);
	if (err || (!disksize_kb && !backing_swap[0]))
		return err;
	devices[0]->disksize = (u64)disksize_kb << 10;
	devices[0]->mem_limit = (u64)memlimit_kb << 10;
	err = rzs_device_set_backing(devices[0], backing_swap);
	return err ? err : rzs_device_init(devices[0]);
}

/*
 * Once one disk is added there is no way back.  If a later one cannot be added, the module has
 * fewer devices; the others are destroyed at unload.
 */
static int add_devices(void)
{
	int err = 0;

	while (nr_added < num_devices) {
		err = device_add_disk(NULL, devices[nr_added]->disk, rzs_sysfs_groups);
		if (err)
			break;
		atomic_inc(&nr_disks);
		nr_added++;
	}
	if (err && nr_added)
		pr_err("added only %u of %u devices: error %d\n", nr_added, num_devices, err);
	return nr_added ? 0 : err;
}

static int __init prepare(void)
{
	int err = rzs_selftest();

	if (!err)
		err = create_devices();
	if (!err)
		err = rzs_shrink_init(devices, num_devices);
	if (err)
		return err;
	err = add_devices();
	if (err)
		rzs_shrink_exit();
	return err;
}

static void destroy_workqueues(void)
{
	if (rzs_workqueue)
		destroy_workqueue(rzs_workqueue);
	if (rzs_scan_workqueue)
		destroy_workqueue(rzs_scan_workqueue);
}

/* On failure destroy_workqueues() destroys those that there are. */
static int __init create_workqueues(void)
{
	/* Its work items return memory, so they must make progress when there is none. */
	rzs_workqueue = alloc_workqueue("ramzswap", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	/* Nothing waits for these, and they may take long. */
	rzs_scan_workqueue = alloc_workqueue("ramzswap_scan", WQ_FREEZABLE | WQ_UNBOUND, 0);
	return rzs_workqueue && rzs_scan_workqueue ? 0 : -ENOMEM;
}

static int __init rzs_init(void)
{
	int err = check_params();

	if (err)
		return err;
	err = create_workqueues();
	if (!err)
		err = prepare();
	if (err) {
		pr_err("failed to load: error %d\n", err);
		destroy_devices();
		destroy_workqueues();
		return err;
	}
	pr_info("version %s, %u device(s)\n", RZS_VERSION, nr_added);
#ifndef RZS_HAVE_SLOT_FREE_NOTIFY
	pr_warn("this kernel does not report freed swap slots; use swapon --discard=pages\n");
#endif
	return 0;
}

static void __exit rzs_exit(void)
{
	unsigned int i;

	rzs_shrink_exit();
	for (i = 0; i < nr_added; i++)
		remove_device(devices[i]);
	destroy_devices();
	/*
	 * Nobody has a disk open, but a task may be in an open that is about to fail.  It drops the
	 * last reference in rzs_free_disk(), and must have returned from there.
	 */
	wait_var_event(&nr_disks, !atomic_read(&nr_disks));
	synchronize_rcu_tasks();
	destroy_workqueues();
}

module_init(rzs_init);
module_exit(rzs_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The ramzswap project");
MODULE_DESCRIPTION("Compressed RAM swap");
MODULE_VERSION(RZS_VERSION);
