// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The original driver's ioctls, with the same numbers and errors.  Those that change a device
 * require CAP_SYS_ADMIN.  Statistics require only an open device.
 */
#include <linux/capability.h>
#include <linux/compat.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "ramzswap.h"
#include "ramzswap_dev.h"
#include "ramzswap_ioctl.h"
#include "ramzswap_stats.h"

static_assert(sizeof(struct ramzswap_ioctl_stats) == 252);

static u32 to_u32(u64 v)
{
	return min_t(u64, v, U32_MAX);
}

/* The statistics that come from the store. */
static void fill_stats(const struct rzs_stats *s, struct ramzswap_ioctl_stats *out)
{
	const struct ramzswap_store_stats store = {
		.pages_stored = s->pages_stored,
		.pages_same = s->pages_same,
		.pages_zero = s->pages_zero,
		.pages_good = s->pages_good,
		.pages_raw = s->pages_raw,
		.mem_bytes = s->mem_bytes,
	};
	const struct ramzswap_orig_stats orig = ramzswap_orig_stats(&store);

	out->memlimit = s->limit_bytes;
	out->disksize = s->nr_pages << RZS_PAGE_SHIFT;
	out->num_reads = s->reads;
	out->num_writes = s->writes;
	out->failed_reads = s->failed_reads;
	out->failed_writes = s->failed_writes;
	out->notify_free = s->discards;
	out->pages_zero = to_u32(s->pages_zero);
	out->good_compress_pct = to_u32(orig.good_percent);
	out->pages_expand_pct = to_u32(orig.raw_percent);
	out->pages_stored = to_u32(orig.pages_stored);
	out->pages_used = to_u32(orig.pages_used);
	out->orig_data_size = orig.orig_bytes;
	out->compr_data_size = s->object_bytes;
	out->mem_used_total = s->mem_bytes;
}

static int get_stats(struct rzs_device *dev, void __user *to)
{
	struct ramzswap_ioctl_stats *out = kzalloc(sizeof(*out), GFP_KERNEL);
	struct rzs_stats *s = kzalloc(sizeof(*s), GFP_KERNEL);
	struct rzs_spill_stats spill;
	int err = -ENOMEM;

	static_assert(sizeof(out->backing_swap_name) == RZS_BACKING_NAME_MAX);
	if (out && s)
		err = rzs_device_stats(dev, s);
	if (!err) {
		rzs_device_spill_stats(dev, &spill);
		rzs_device_backing(dev, out->backing_swap_name);
		fill_stats(s, out);
		out->bdev_num_reads = spill.reads;
		out->bdev_num_writes = spill.writes;
		out->invalid_io = atomic64_read(&dev->invalid_io);
		if (copy_to_user(to, out, sizeof(*out)))
			err = -EFAULT;
	}
	kfree(s);
	kfree(out);
	return err;
}

/* Set a size for the next INIT, which checks it. */
static int set_kb(struct rzs_device *dev, u64 *which, u64 kb)
{
	int err = 0;

	mutex_lock(&dev->lock);
	if (rzs_device_initialised(dev))
		err = -EBUSY;
	else if (kb > U64_MAX >> 10)
		err = -EINVAL;
	else
		*which = kb << 10;
	if (!err && which == &dev->mem_limit)
		dev->limit_needs_backing = true;
	mutex_unlock(&dev->lock);
	return err;
}

static int set_backing(struct rzs_device *dev, const void __user *from)
{
	char path[RZS_MAX_BACKING_NAME];

	static_assert(sizeof(path) == RZS_BACKING_NAME_MAX);
	if (copy_from_user(path, from, sizeof(path)))
		return -EFAULT;
	if (strnlen(path, sizeof(path)) == sizeof(path))
		return -EINVAL;
	return rzs_device_set_backing(dev, path);
}

static int do_ioctl(struct block_device *bdev, unsigned int cmd, void __user *arg)
{
	struct rzs_device *dev = bdev->bd_disk->private_data;
	size_t kb;

	if (cmd == RZSIO_GET_STATS)
		return get_stats(dev, arg);
	switch (cmd) {
	case RZSIO_SET_DISKSIZE_KB:
	case RZSIO_SET_MEMLIMIT_KB:
	case RZSIO_SET_BACKING_SWAP:
	case RZSIO_INIT:
	case RZSIO_RESET:
		break;
	default:
		return -ENOTTY;
	}
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	switch (cmd) {
	case RZSIO_SET_BACKING_SWAP:
		return set_backing(dev, arg);
	case RZSIO_INIT:
		return rzs_device_init(dev);
	case RZSIO_RESET:
		return rzs_device_reset(dev, 1); /* the caller has it open */
	default:
		if (copy_from_user(&kb, arg, sizeof(kb)))
			return -EFAULT;
		return set_kb(dev, cmd == RZSIO_SET_DISKSIZE_KB ? &dev->disksize : &dev->mem_limit,
			      kb);
	}
}

int rzs_ioctl(struct block_device *bdev, rzs_mode_t mode, unsigned int cmd, unsigned long arg)
{
	return do_ioctl(bdev, cmd, (void __user *)arg);
}

#ifdef CONFIG_COMPAT
#define RZSIO_SET_DISKSIZE_KB_32 _IOW('z', 0, compat_size_t)
#define RZSIO_SET_MEMLIMIT_KB_32 _IOW('z', 1, compat_size_t)

int rzs_compat_ioctl(struct block_device *bdev, rzs_mode_t mode, unsigned int cmd,
		     unsigned long arg)
{
	struct rzs_device *dev = bdev->bd_disk->private_data;
	compat_size_t kb;

	if (cmd != RZSIO_SET_DISKSIZE_KB_32 && cmd != RZSIO_SET_MEMLIMIT_KB_32)
		return do_ioctl(bdev, cmd, compat_ptr(arg));
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (copy_from_user(&kb, compat_ptr(arg), sizeof(kb)))
		return -EFAULT;
	return set_kb(dev, cmd == RZSIO_SET_DISKSIZE_KB_32 ? &dev->disksize : &dev->mem_limit, kb);
}
#endif
