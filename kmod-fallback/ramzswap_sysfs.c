// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /sys/block/ramzswapN.  Files have zram's names where the meaning is zram's, so that scripts for
 * zram work here.  A write to disksize sets the size and initialises the device.  Everything but
 * the statistics takes the device's lock.
 */
#include <linux/blkdev.h>
#include <linux/device.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "ramzswap.h"

/* A number of bytes, with an optional suffix K, M, G and so on. */
static int parse_bytes(const char *buf, u64 *out)
{
	char *end;

	*out = memparse(buf, &end);
	return end == buf || *skip_spaces(end) ? -EINVAL : 0;
}

static ssize_t initstate_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", rzs_device_initialised(to_rzs(dev)));
}
static DEVICE_ATTR_RO(initstate);

/* A number that the device's lock protects. */
static ssize_t show_bytes(struct rzs_device *rzs, const u64 *bytes, char *buf)
{
	ssize_t n;

	mutex_lock(&rzs->lock);
	n = sysfs_emit(buf, "%llu\n", *bytes);
	mutex_unlock(&rzs->lock);
	return n;
}

static ssize_t disksize_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return show_bytes(to_rzs(dev), &to_rzs(dev)->disksize, buf);
}

static ssize_t disksize_store(struct device *dev, struct device_attribute *attr, const char *buf,
			      size_t len)
{
	struct rzs_device *rzs = to_rzs(dev);
	u64 bytes, before;
	int err = parse_bytes(buf, &bytes);

	if (err || !bytes)
		return -EINVAL;
	mutex_lock(&rzs->lock);
	before = rzs->disksize;
	if (rzs_device_initialised(rzs)) {
		err = -EBUSY;
	} else {
		rzs->disksize = bytes;
		err = rzs_device_init_locked(rzs);
		if (err)
			rzs->disksize = before;
	}
	mutex_unlock(&rzs->lock);
	return err ? err : len;
}
static DEVICE_ATTR_RW(disksize);

static ssize_t mem_limit_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return show_bytes(to_rzs(dev), &to_rzs(dev)->mem_limit, buf);
}

/* Unlike with the ioctl, at any time.  0: no limit. */
static ssize_t mem_limit_store(struct device *dev, struct device_attribute *attr, const char *buf,
			       size_t len)
{
	struct rzs_device *rzs = to_rzs(dev);
	struct rzs_live *live;
	u64 bytes;
	int err = parse_bytes(buf, &bytes);

	if (err)
		return err;
	mutex_lock(&rzs->lock);
	live = rzs_device_live(rzs);
	if (live)
		err = rzs_store_set_limit(live->store, bytes);
	if (!err) {
		rzs->mem_limit = bytes;
		rzs->limit_needs_backing = false;
	}
	mutex_unlock(&rzs->lock);
	return err ? err : len;
}
static DEVICE_ATTR_RW(mem_limit);

static ssize_t backing_dev_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct rzs_device *rzs = to_rzs(dev);
	ssize_t n;

	mutex_lock(&rzs->lock);
	n = sysfs_emit(buf, "%s\n", rzs->backing_swap[0] ? rzs->backing_swap : "none");
	mutex_unlock(&rzs->lock);
	return n;
}

/* A block device, as with zram, or a file.  An empty path: none. */
static ssize_t backing_dev_store(struct device *dev, struct device_attribute *attr, const char *buf,
				 size_t len)
{
	char *path = kstrndup(buf, len, GFP_KERNEL);
	int err;

	if (!path)
		return -ENOMEM;
	err = rzs_device_set_backing(to_rzs(dev), strim(path));
	kfree(path);
	return err ? err : len;
}
static DEVICE_ATTR_RW(backing_dev);

static ssize_t comp_algorithm_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct rzs_device *rzs = to_rzs(dev);
	const char *name;
	ssize_t n = 0;
	unsigned int i;

	mutex_lock(&rzs->lock);
	for (i = 0; (name = rzs_codec_name(i)); i++)
		n += sysfs_emit_at(buf, n, name == rzs->codec ? "[%s] " : "%s ", name);
	mutex_unlock(&rzs->lock);
	return n + sysfs_emit_at(buf, n, "\n");
}

static ssize_t comp_algorithm_store(struct device *dev, struct device_attribute *attr,
				    const char *buf, size_t len)
{
	struct rzs_device *rzs = to_rzs(dev);
	const char *name;
	int err = -EINVAL;
	unsigned int i;

	mutex_lock(&rzs->lock);
	for (i = 0; (name = rzs_codec_name(i)); i++) {
		if (!sysfs_streq(buf, name))
			continue;
		err = rzs_device_initialised(rzs) ? -EBUSY : 0;
		if (!err)
			rzs->codec = name;
	}
	mutex_unlock(&rzs->lock);
	return err ? err : len;
}
static DEVICE_ATTR_RW(comp_algorithm);

/* As with zram, all zeros if the device is not initialised. */
static void stats_or_zeros(struct rzs_device *rzs, struct rzs_stats *s)
{
	if (rzs_device_stats(rzs, s))
		memset(s, 0, sizeof(*s));
}

static ssize_t mm_stat_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct rzs_stats s;

	stats_or_zeros(to_rzs(dev), &s);
	return sysfs_emit(buf, "%llu %llu %llu %llu %llu %llu %llu %llu\n", s.orig_bytes,
			  s.object_bytes, s.mem_bytes, s.limit_bytes, s.mem_peak_bytes,
			  s.pages_same, s.compacted_blocks * (RZS_BLOCK_SIZE / RZS_PAGE_SIZE),
			  s.pages_raw);
}
static DEVICE_ATTR_RO(mm_stat);

static ssize_t io_stat_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct rzs_device *rzs = to_rzs(dev);
	struct rzs_stats s;

	stats_or_zeros(rzs, &s);
	return sysfs_emit(buf, "%llu %llu %llu %llu\n", s.failed_reads, s.failed_writes,
			  (u64)atomic64_read(&rzs->invalid_io), s.discards);
}
static DEVICE_ATTR_RO(io_stat);

/* As with zram, in pages: in the backing swap, read from it, written to it. */
static ssize_t bd_stat_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct rzs_device *rzs = to_rzs(dev);
	struct rzs_spill_stats s;

	rzs_device_spill_stats(rzs, &s);
	return sysfs_emit(buf, "%llu %llu %llu\n", s.pages, s.reads, s.writes);
}
static DEVICE_ATTR_RO(bd_stat);

/* The store's statistics, one per line, with the names that servers use. */
static const struct {
	const char *name;
	size_t offset; /* of a u64 in struct rzs_stats */
} store_stats[] = {
#define RZS_STAT(name, kind, source, depends, help) {#name, offsetof(struct rzs_stats, name)},
#include "rzs_stats.def"
};

static ssize_t store_stat_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct rzs_stats s;
	ssize_t n = 0;
	size_t i;

	stats_or_zeros(to_rzs(dev), &s);
	for (i = 0; i < ARRAY_SIZE(store_stats); i++)
		n += sysfs_emit_at(buf, n, "%s %llu\n", store_stats[i].name,
				   *(u64 *)((char *)&s + store_stats[i].offset));
	return n;
}
static DEVICE_ATTR_RO(store_stat);

static ssize_t compact_store(struct device *dev, struct device_attribute *attr, const char *buf,
			     size_t len)
{
	struct rzs_device *rzs = to_rzs(dev);
	struct rzs_live *live;
	int err = 0;

	mutex_lock(&rzs->lock);
	live = rzs_device_live(rzs);
	if (live)
		rzs_compact_all(live);
	else
		err = -EINVAL;
	mutex_unlock(&rzs->lock);
	return err ? err : len;
}
static DEVICE_ATTR_WO(compact);

static ssize_t reset_store(struct device *dev, struct device_attribute *attr, const char *buf,
			   size_t len)
{
	bool yes;
	int err = kstrtobool(buf, &yes);

	if (err || !yes)
		return -EINVAL;
	err = rzs_device_reset(to_rzs(dev), 0);
	return err ? err : len;
}
static DEVICE_ATTR_WO(reset);

static struct attribute *rzs_attrs[] = {
	&dev_attr_initstate.attr,
	&dev_attr_disksize.attr,
	&dev_attr_mem_limit.attr,
	&dev_attr_backing_dev.attr,
	&dev_attr_comp_algorithm.attr,
	&dev_attr_mm_stat.attr,
	&dev_attr_io_stat.attr,
	&dev_attr_bd_stat.attr,
	&dev_attr_store_stat.attr,
	&dev_attr_compact.attr,
	&dev_attr_reset.attr,
	NULL,
};

static const struct attribute_group rzs_group = {
	.attrs = rzs_attrs,
};

const struct attribute_group *rzs_sysfs_groups[] = {
	&rzs_group, &rzs_sysfs_idle_group, &rzs_sysfs_merge_group, &rzs_sysfs_recompression_group,
	NULL,
};
