// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /sys/block/ramzswapN/merge: a file for each of /sys/kernel/mm/ksm that has a meaning here, with
 * its name, values and errors.  Knobs take the device's lock; the device must be initialised, and
 * RESET brings their defaults back.
 */
#include <linux/blkdev.h>
#include <linux/device.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "ramzswap.h"

/* ---- knobs ---- */

static ssize_t show_knob(struct device *dev, enum rzs_merge_knob knob, char *buf)
{
	struct rzs_device *rzs = to_rzs(dev);
	struct rzs_live *live;
	ssize_t n;

	mutex_lock(&rzs->lock);
	live = rzs_device_live(rzs);
	n = sysfs_emit(buf, "%u\n", live ? live->merge.knob[knob] : rzs_merge_defaults[knob]);
	mutex_unlock(&rzs->lock);
	return n;
}

static ssize_t set_knob(struct device *dev, enum rzs_merge_knob knob, u32 value, size_t len)
{
	struct rzs_device *rzs = to_rzs(dev);
	struct rzs_live *live;
	int err;

	mutex_lock(&rzs->lock);
	live = rzs_device_live(rzs);
	err = live ? rzs_merge_set(&live->merge, knob, value) : -EINVAL;
	mutex_unlock(&rzs->lock);
	return err ? err : len;
}

static ssize_t store_number(struct device *dev, enum rzs_merge_knob knob, const char *buf,
			    size_t len)
{
	u32 value;

	return kstrtou32(buf, 10, &value) ? -EINVAL : set_knob(dev, knob, value, len);
}

static ssize_t store_switch(struct device *dev, enum rzs_merge_knob knob, const char *buf,
			    size_t len)
{
	bool on;

	return kstrtobool(buf, &on) ? -EINVAL : set_knob(dev, knob, on, len);
}

#define KNOB(name, knob, store)                                                                  \
	static ssize_t name##_show(struct device *dev, struct device_attribute *attr, char *buf) \
	{                                                                                        \
		return show_knob(dev, knob, buf);                                                \
	}                                                                                        \
	static ssize_t name##_store(struct device *dev, struct device_attribute *attr,           \
				    const char *buf, size_t len)                                 \
	{                                                                                        \
		return store(dev, knob, buf, len);                                               \
	}

KNOB(run, RZS_MERGE_RUN, store_number)
static DEVICE_ATTR_RW(run);
KNOB(pages_to_scan, RZS_MERGE_PAGES_TO_SCAN, store_number)
static DEVICE_ATTR_RW(pages_to_scan);
KNOB(sleep_millisecs, RZS_MERGE_SLEEP_MILLISECS, store_number)
static DEVICE_ATTR_RW(sleep_millisecs);
KNOB(max_page_sharing, RZS_MERGE_MAX_PAGE_SHARING, store_number)
static DEVICE_ATTR_RW(max_page_sharing);
KNOB(smart_scan, RZS_MERGE_SMART_SCAN, store_switch)
static DEVICE_ATTR_RW(smart_scan);
KNOB(inline_writes, RZS_MERGE_INLINE, store_switch)
/* The kernel makes a macro of the word, so DEVICE_ATTR_RW() would not have this name. */
static struct device_attribute dev_attr_inline_writes = {
	.attr = {.name = "inline", .mode = 0644},
	.show = inline_writes_show,
	.store = inline_writes_store,
};

/* ---- counters: all zeros if the device is not initialised ---- */

#define COUNTER(name)                                                                             \
	static ssize_t name##_show(struct device *dev, struct device_attribute *attr, char *buf)  \
	{                                                                                         \
		struct rzs_stats s;                                                               \
                                                                                                  \
		return sysfs_emit(buf, "%llu\n", rzs_device_stats(to_rzs(dev), &s) ? 0 : s.name); \
	}                                                                                         \
	static DEVICE_ATTR_RO(name)

COUNTER(pages_shared);
COUNTER(pages_sharing);
COUNTER(pages_unshared);
COUNTER(pages_volatile);
COUNTER(full_scans);
COUNTER(pages_scanned);
COUNTER(pages_skipped);

/* What merging saves less what it needs, in bytes.  Compressed ones, unlike KSM's. */
static ssize_t general_profit_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct rzs_stats s;
	s64 profit = 0;

	if (!rzs_device_stats(to_rzs(dev), &s))
		profit = s.merge_saved_bytes - s.merge_bytes;
	return sysfs_emit(buf, "%lld\n", profit);
}
static DEVICE_ATTR_RO(general_profit);

static struct attribute *merge_attrs[] = {
	&dev_attr_run.attr,
	&dev_attr_pages_to_scan.attr,
	&dev_attr_sleep_millisecs.attr,
	&dev_attr_max_page_sharing.attr,
	&dev_attr_smart_scan.attr,
	&dev_attr_inline_writes.attr,
	&dev_attr_pages_shared.attr,
	&dev_attr_pages_sharing.attr,
	&dev_attr_pages_unshared.attr,
	&dev_attr_pages_volatile.attr,
	&dev_attr_full_scans.attr,
	&dev_attr_pages_scanned.attr,
	&dev_attr_pages_skipped.attr,
	&dev_attr_general_profit.attr,
	NULL,
};

const struct attribute_group rzs_sysfs_merge_group = {
	.name = "merge",
	.attrs = merge_attrs,
};
